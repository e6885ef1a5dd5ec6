"""Whether bytes are a complete HTTP/1 response (RFC 9112 §6): status line, header, and a body of the length it says."""

from __future__ import annotations

import re

_STATUS = re.compile(rb"^HTTP/1\.[01] (\d{3})")
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,18})[ \t]*(?:\r\n|$)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:[^\r\n]*chunked", re.IGNORECASE)
_NO_BODY = (204, 304)


def status(data: bytes) -> int | None:
    """The status code of a response, None if it does not begin with a status line."""
    match = _STATUS.match(data)
    return int(match[1]) if match else None


def complete(data: bytes, *, ended: bool) -> bool:
    """Whether ``data`` holds a whole response.

    Args:
        data: the server's stream from its first byte.
        ended: the server closed its side (FIN) after it: the end of a body without a length.
    """
    code = status(data)
    head, separator, body = data.partition(b"\r\n\r\n")
    if code is None or not separator:
        return False
    if code in _NO_BODY:
        return True
    if _CHUNKED.search(head):
        return body.endswith(b"0\r\n\r\n")
    length = _LENGTH.search(head)
    return len(body) >= int(length[1]) if length else ended
