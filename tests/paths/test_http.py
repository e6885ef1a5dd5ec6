"""Complete HTTP responses."""

from __future__ import annotations

import pytest

from netprobe.paths.http import complete, status

HEAD = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    ("data", "ended", "whole"),
    [
        (b"", True, False),
        (b"SSH-2.0-OpenSSH\r\n\r\n", True, False),
        (HEAD + b"Content-Length: 2\r\n\r\nok", False, True),
        (HEAD + b"content-length:2\r\n\r\no", True, False),
        (HEAD + b"\r\nuntil the end", False, False),
        (HEAD + b"\r\nuntil the end", True, True),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", False, True),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", True, False),
        (b"HTTP/1.1 304 Not Modified\r\n\r\n", False, True),
        (HEAD + b"Content-Length: 2\r\n", True, False),
    ],
)
def test_complete(data: bytes, ended: bool, whole: bool) -> None:
    assert complete(data, ended=ended) is whole


def test_status() -> None:
    assert status(HEAD) == 200
    assert status(b"HTTP/2 200") is None
