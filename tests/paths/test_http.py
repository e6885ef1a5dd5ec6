"""Complete HTTP responses, what is none, and what was asked for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netprobe.hosts.remote import response
from netprobe.paths.http import ENOUGH_BYTES, asked, complete, is_other

HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n"
CASES = [
    (b"", True, False),
    (b"SSH-2.0-OpenSSH\r\n\r\n", True, False),
    (HEAD + b"Content-Length: 2\r\n\r\nok", False, True),
    (HEAD + b"content-length:2\r\n\r\no", True, False),
    (HEAD + b"\r\nuntil the end", False, False),
    (HEAD + b"\r\nuntil the end", True, True),
    (CHUNKED + b"2\r\nok\r\n0\r\n\r\n", False, True),
    (CHUNKED + b"2\r\nok\r\n0;a=b\r\nX-Sum: 1\r\nX-More:\r\n\r\n", False, True),
    (CHUNKED + b"0\r\n\r\n", False, True),
    (CHUNKED + b"2\r\nok\r\n", True, False),
    (CHUNKED + b"2\r\nok\r\n0\r\n", True, False),
    (b"HTTP/1.1 304 Not Modified\r\n\r\n", False, True),
    (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", False, True),
    (b"HTTP/1.1 103 Early Hints\r\n\r\n", False, False),
    (b"HTTP/1.1 103 Early Hints\r\n\r\n" + HEAD + b"Content-Length: 0\r\n\r\n", False, True),
    (b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", False, True),
    (HEAD + b"X: y\r\n" * 500 + b"Content-Length: 2\r\n\r\nok", False, True),
    (HEAD + b"Content-Length: 9999999999\r\n\r\n" + bytes(ENOUGH_BYTES), False, True),
    (HEAD + b"Content-Length: -1\r\n\r\nok", False, False),
    (HEAD + b"Content-Length: 2\r\n", True, False),
]


@pytest.mark.parametrize(("data", "ended", "whole"), CASES)
def test_complete(data: bytes, ended: bool, whole: bool) -> None:
    assert complete(data, ended=ended) is whole


@pytest.mark.parametrize(("data", "ended", "whole"), CASES)
@pytest.mark.parametrize("size", [1, 7, 1 << 20])
def test_the_prober_agrees(data: bytes, ended: bool, whole: bool, size: int) -> None:
    """What the packets show and what the prober waits for are one thing, in whatever parts it comes."""
    if size == 1 and len(data) > 10_000:
        return
    reader, done = response.Response(), False
    for start in range(0, len(data), size):
        if reader.fault:
            break
        assert not done, data
        done = reader.take(data[start : start + size])
    assert ((done and not reader.fault) or (ended and reader.end())) is whole


def test_the_bounds_agree() -> None:
    assert response.BODY_LIMIT == ENOUGH_BYTES


@given(st.binary(max_size=300), st.booleans(), st.sampled_from([b"", b"HTTP/1.1 ", HEAD, CHUNKED]))
def test_any_bytes(data: bytes, ended: bool, before: bytes) -> None:
    reader = response.Response()
    done = reader.take(before + data)
    told = (done and not reader.fault) or (ended and reader.end())
    if complete(before + data, ended=ended):
        assert told or done, "what is whole by the packets must not be waited for"


@pytest.mark.parametrize(
    ("data", "other"),
    [
        (b"", False),
        (b"HTT", False),
        (b"HTTP/1.1 200", False),
        (b"HTTP/2 200", True),
        (b"SSH", True),
        (b"\x15\x03", True),
    ],
)
def test_what_is_another_protocol(data: bytes, other: bool) -> None:
    assert is_other(data) is other


def test_what_was_asked() -> None:
    get = b"GET /a?b HTTP/1.1\r\nHost: shop.test:8080\r\n\r\n"
    assert asked(get) == ("GET /a?b", "shop.test:8080", False)
    assert asked(get + get) == ("GET /a?b", "shop.test:8080", True)
    assert asked(b"HEAD / HTTP/1.0\r\n\r\n") == ("HEAD /", "", False)
    assert asked(b"\x16\x03\x01") == ("", "", False)
