"""Whether bytes are a complete HTTP/1 response (RFC 9112 §6): status line, header, and a body of the length it says; and what was asked for."""

from __future__ import annotations

import re

from netprobe.model.http import field, final, head_of, parse

ENOUGH_BYTES = 1 << 20  # of a body: more of it says no more of the connection
_END = re.compile(rb"\r?\n\r?\n")
_NO_BODY = frozenset({101, 204, 304})
# Behind a line's end, or behind the zeros that stand for what was not kept of a packet.
_LAST_CHUNK = re.compile(rb"(?:\A|[\n\0])0+[ \t]*(?:;[^\r\n]*)?\r?\n(?:[^\s:]+:[^\r\n]*\r?\n)*\r?\n\Z")
_TAIL_BYTES = 1 << 14  # of a chunked body: the last chunk and its trailer fields stand in there
_REQUEST = re.compile(rb"([A-Z]{3,16} \S{1,2000}) HTTP/1\.\d\r?\n")
_PREFIX = b"HTTP/1."


def complete(data: bytes, *, ended: bool) -> bool:
    """Whether ``data`` holds a whole response (of a body longer than :data:`ENOUGH_BYTES`, so much).

    Args:
        data: the server's stream from its first byte.
        ended: the server closed its side (FIN) after it: the end of a body without a length.
    """
    data = final(data)
    answer, end = parse(data), _END.search(data)
    if answer is None or end is None:
        return False
    head, size = head_of(data), len(data) - end.end()
    if answer.status in _NO_BODY or size >= ENOUGH_BYTES:
        return True
    if field(head, b"transfer-encoding").lower().endswith(b"chunked"):
        return bool(_LAST_CHUNK.search(data[max(end.end(), len(data) - _TAIL_BYTES) :]))
    length = field(head, b"content-length")
    return size >= int(length) if length.isdigit() and len(length) <= 18 else ended


def is_other(data: bytes) -> bool:
    """Whether a server's stream is no HTTP/1: its first bytes are others than those of a status line."""
    return not data.startswith(_PREFIX[: len(data)])


def asked(data: bytes) -> tuple[str, str, bool]:
    """What a client's stream asks for first: ``GET /path``, the name it asks (Host), and whether it asks for more; empty where it is no HTTP/1."""
    line = _REQUEST.match(data)
    if line is None:
        return "", "", False
    texts = (line[1], field(head_of(data), b"host"))
    request, host = (each.decode("utf-8", "replace")[:300] for each in texts)
    end = _END.search(data)
    return request, host, end is not None and _REQUEST.search(data, end.end()) is not None
