"""An HTTP/1 response's head, read in one place (RFC 9112 §4, §5): what it answers, and where it leads.

It comes from whoever has the port: nothing in it is trusted. What is kept is short, and printed through ``report.escape`` as all text is.
"""

from __future__ import annotations

import re

from netprobe.values import dataclass

HEAD_BYTES = 1 << 18  # how much of a head is read
_TEXT = 300  # letters that are kept of a field
_STATUS = re.compile(rb"HTTP/(1\.\d) ([1-9]\d\d)(?: ([^\r\n]*))?\r?\n")
_END = re.compile(rb"\r?\n\r?\n")
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_SWITCHES = 101  # the last word in HTTP, though its number is an interim one (RFC 9110 §15.2.2)
#: What nginx (ngx_http_special_response.c), Go (net/http/server.go) and Apache (modules/ssl/ssl_engine_kernel.c) answer to plain HTTP on a TLS port.
_WANTS_TLS = re.compile(
    rb"plain HTTP request was sent to HTTPS port|HTTP request to an HTTPS server|speaking plain HTTP to an SSL-enabled server port"
)
_BODY = 4096  # bytes that are looked at for it, with the head
_INTERIM = 10  # responses of 1xx before the final one


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAnswer:
    """The final response's head.

    Attributes:
        status: its status code, 100 to 999.
        reason: its reason phrase as it was sent; ``""`` none.
        version: ``1.1``, ``1.0``.
        location: where it leads (the Location field), as it was sent; ``""`` nowhere.
        server: what calls itself so (the Server field); ``""`` nothing does.
        request: what was asked, ``GET /path``; ``""`` where that was not seen. host: under which name (the Host field).
        frame: where its first byte was captured; 0 unknown.
        more: others were asked for in the same connection.
        wants_tls: it says that the port speaks TLS, and not plain HTTP.
    """

    status: int
    reason: str = ""
    version: str = "1.1"
    location: str = ""
    server: str = ""
    request: str = ""
    host: str = ""
    frame: int = 0
    more: bool = False
    wants_tls: bool = False

    @property
    def line(self) -> str:
        """``HTTP 404 Not Found``."""
        return f"HTTP {self.status} {self.reason}".rstrip()

    @property
    def redirects(self) -> bool:
        """Whether it sends the client elsewhere."""
        return self.status in _REDIRECTS and bool(self.location)


def final(data: bytes) -> bytes:
    """The stream from the final response's first byte: without the interim ones before it (RFC 9110 §15.2)."""
    for _ in range(_INTERIM):
        line, end = _STATUS.match(data), _END.search(data, 0, HEAD_BYTES)
        if line is None or end is None or not line[2].startswith(b"1") or int(line[2]) == _SWITCHES:
            break
        data = data[end.end() :]
    return data


def parse(data: bytes) -> HttpAnswer | None:
    """The response that a stream of the server's begins with; None where no final status line of HTTP/1 came."""
    data = final(data)
    line = _STATUS.match(data)
    if line is None or (line[2].startswith(b"1") and int(line[2]) != _SWITCHES):
        return None
    head = head_of(data)
    return HttpAnswer(
        status=int(line[2]),
        reason=_text(line[3] or b""),
        version=line[1].decode(),
        location=_text(field(head, b"location")),
        server=_text(field(head, b"server")),
        wants_tls=line[2] == b"400" and _WANTS_TLS.search(data[:_BODY]) is not None,
    )


def head_of(data: bytes) -> bytes:
    """The lines of a head as far as they are there, without the empty line that ends it."""
    end = _END.search(data, 0, HEAD_BYTES)
    return data[: end.start() if end else HEAD_BYTES]


def field(head: bytes, name: bytes) -> bytes:
    """The value of the first field of that name (RFC 9112 §5: names are compared without case); ``b""`` none."""
    found = re.search(rb"\n" + re.escape(name) + rb":[ \t]*([^\r\n]*)", head, re.IGNORECASE)
    return found[1].rstrip() if found else b""


def _text(value: bytes) -> str:
    text = value.decode("utf-8", "replace").strip()
    return text if len(text) <= _TEXT else f"{text[:_TEXT]}…"
