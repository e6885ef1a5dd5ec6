"""One HTTP/1 request and its whole response (RFC 9112 §6), read as a browser would: interim responses, fields without end and bodies of any size.

Works over a socket and over what TLS makes of one. What a server sends is not trusted: no more than HEAD_LIMIT of a head and BODY_LIMIT of a body are
read, and what of the head is handed on is a few short fields.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from typing import Optional, Tuple

HEAD_LIMIT = 1 << 18
BODY_LIMIT = 1 << 20
TOLD = ("location", "server")  # beside the status line: no cookie, nothing else that a server may hand out
TOLD_BYTES = 1000
BEGINS_BYTES = 64  # of what is no HTTP
_END = re.compile(rb"\r?\n\r?\n")
_STATUS = re.compile(rb"HTTP/1\.\d ([1-9]\d\d)(?: [^\r\n]*)?\r?\n")
_LAST_CHUNK = re.compile(rb"(?:\A|\n)0+[ \t]*(?:;[^\r\n]*)?\r?\n(?:[^\s:]+:[^\r\n]*\r?\n)*\r?\n\Z")
_NO_BODY = (101, 204, 304)


class Response:
    """What a server sends, part by part."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.head = b""
        self.status = 0
        self.fault = ""
        self._body = -1  # where it begins
        self._length: Optional[int] = None
        self._chunked = False
        self._looked = 0

    def take(self, part: bytes) -> bool:
        """Take some more bytes; tell whether that was the last of them that is wanted."""
        self.data += part
        while self._body < 0 and not self.fault and self._take_head():
            pass  # that was an interim response
        return bool(self.fault) or self._whole()

    @property
    def body(self) -> int:
        """How many bytes of the body came."""
        return len(self.data) - self._body if self._body >= 0 else 0

    @property
    def missing(self) -> int:
        """How many bytes of a body of a known length did not come."""
        return max(self._length - self.body, 0) if self._length is not None and self.body < BODY_LIMIT else 0

    def end(self) -> bool:
        """Tell whether it is whole, now that the server closed its side."""
        if self._body >= 0:
            return self._whole() or (self._length is None and not self._chunked)
        return False

    def told(self) -> str:
        """The status line, and the fields of the head that are handed on, each on a line of its own."""
        lines = self.head.decode("latin-1").split("\n")
        kept = [lines[0], *(each for each in lines[1:] if each.partition(":")[0].lower() in TOLD)]
        return "\n".join(each.rstrip("\r")[:TOLD_BYTES] for each in kept)

    def _take_head(self) -> bool:
        """Read a head as far as it came; tell whether there may be another one behind it."""
        start = b"HTTP/1."
        if bytes(self.data[: len(start)]) != start[: len(self.data)]:
            self.fault = "the answer is not HTTP"
            return False
        end = _END.search(self.data, max(self._looked - 3, 0))
        if end is None:
            self._looked = len(self.data)
            if self._looked > HEAD_LIMIT:
                self.fault = "its header does not end within %d bytes" % HEAD_LIMIT
            return False
        self.head = bytes(self.data[: end.start()])
        line = _STATUS.match(self.head + b"\r\n")
        if line is None:
            self.fault = "the answer has no status line of HTTP/1"
            return False
        self.status, self._looked = int(line.group(1)), 0
        if self.status < 200 and self.status != 101:
            del self.data[: end.end()]
            return bool(self.data)
        self._body = end.end()
        self._read_length()
        return False

    def _read_length(self) -> None:
        length = re.search(rb"\ncontent-length:[ \t]*(\d{1,18})[ \t\r]*(?:\n|\Z)", self.head, re.IGNORECASE)
        coding = re.search(rb"\ntransfer-encoding:[ \t]*([^\r\n]*)", self.head, re.IGNORECASE)
        self._chunked = coding is not None and coding.group(1).rstrip().lower().endswith(b"chunked")
        if self.status in _NO_BODY:
            self._chunked, self._length = False, 0
        elif length is not None and not self._chunked:
            self._length = int(length.group(1))

    def _whole(self) -> bool:
        if self.body >= BODY_LIMIT:
            return True
        if self._chunked:
            return _LAST_CHUNK.search(self.data, max(self._body - 1, len(self.data) - (1 << 14))) is not None
        return self._length is not None and self.body >= self._length


def exchange(sock: socket.socket, message: bytes) -> Tuple[str, str, str]:
    """Send a request and read the response; return the outcome, its detail, and what is told of the head (of what is no HTTP, its first bytes).

    Raises:
        OSError: the connection broke before a whole response came.
    """
    broken: Optional[OSError] = None
    try:
        sock.sendall(message)
    except OSError as error:  # a server that wants no more of it may have answered all the same
        broken = error
    response = Response()
    while True:
        try:
            part = sock.recv(65536)
        except OSError:
            if broken is not None:
                raise broken from None
            raise
        done = response.take(part) if part else response.end()
        if done or not part:
            return _outcome(response, whole=done)


def _outcome(response: Response, *, whole: bool) -> Tuple[str, str, str]:
    told = response.told() if response.status >= 200 or response.status == 101 else ""
    if response.fault:
        begins = bytes(response.data[:BEGINS_BYTES]).decode("latin-1")
        return "closed", "connected, no HTTP response: %s" % response.fault, begins
    if whole:
        line = "".join(letter for letter in told.partition("\n")[0][:60] if " " <= letter <= "~")
        return "replied", "%s, %d bytes" % (line.rstrip(), response.body), told
    if not response.data:
        return "closed", "connected, then closed without a response", ""
    missing = " (%d bytes are missing)" % response.missing if response.missing else ""
    return "closed", "connected, no complete HTTP response%s" % missing, told
