"""What a response's head says, and what hostile heads do."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netprobe.model.http import HttpAnswer, final, parse

MOVED = b"HTTP/1.1 301 Moved Permanently\r\nServer: nginx/1.22.1\r\nlocation:  https://shop.test/a \r\n\r\n"


def test_a_head() -> None:
    found = parse(MOVED + b"Location: /body\r\n")
    assert found == HttpAnswer(
        status=301, reason="Moved Permanently", location="https://shop.test/a", server="nginx/1.22.1"
    )
    assert found.line == "HTTP 301 Moved Permanently"
    assert found.redirects


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"HTTP/1.1 404 Not Found\r\n", 404),
        (b"HTTP/1.0 200\r\n\r\n", 200),
        (b"HTTP/1.1 200 \n\n", 200),
        (b"HTTP/1.1 999 odd\r\n\r\n", 999),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 502 Bad\r\n\r\n", 502),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n\x81\x05hello", 101),
        (b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", None),  # the final one did not come
        (b"HTTP/1.1 099 x\r\n", None),
        (b"HTTP/1.1 20x OK\r\n", None),
        (b"HTTP/1.1 200 OK", None),
        (b"HTTP/2 200\r\n", None),
        (b"ICY 200 OK\r\n", None),
        (b"SSH-2.0-OpenSSH_9.2\r\n", None),
        (b"", None),
    ],
)
def test_the_status_line(data: bytes, status: int | None) -> None:
    found = parse(data)
    assert (None if found is None else found.status) == status


def test_a_redirect_leads_somewhere() -> None:
    for data in (b"HTTP/1.1 302 Found\r\n\r\n", b"HTTP/1.1 201 Created\r\nLocation: /new\r\n\r\n"):
        found = parse(data)
        assert found is not None
        assert not found.redirects


def test_endless_heads_are_cut() -> None:
    found = parse(b"HTTP/1.1 302 " + b"x" * 100_000 + b"\r\nLocation: " + b"/a" * 100_000 + b"\r\n\r\n")
    assert found is not None
    assert len(found.reason) == 301
    assert len(found.location) <= 301
    begin = time.monotonic()
    parse(b"HTTP/1.1 100 x\r\n\r\n" * 200_000)
    parse(b"HTTP/1.1 200 OK\r\n" + b"a:\r\n" * 500_000)
    assert time.monotonic() - begin < 5


@given(st.binary(), st.sampled_from([b"", b"HTTP/1.1 ", b"HTTP/1.1 200 ", MOVED[:-2]]))
def test_any_bytes(data: bytes, before: bytes) -> None:
    found = parse(before + data)
    assert found is None or 100 <= found.status <= 999
    assert (before + data).endswith(final(before + data))


def test_a_port_that_speaks_tls_says_so() -> None:
    head = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 99\r\n\r\n"
    for text in (
        b"<center>The plain HTTP request was sent to HTTPS port</center>",
        b"Client sent an HTTP request to an HTTPS server.\n",
        b"Reason: You're speaking plain HTTP to an SSL-enabled server port.<br />",
    ):
        found = parse(head + text)
        assert found is not None
        assert found.wants_tls
        other = parse(head.replace(b"400 Bad Request", b"200 OK") + text)
        assert other is not None
        assert not other.wants_tls
    plain = parse(head + b"<h1>Bad Request</h1>")
    assert plain is not None
    assert not plain.wants_tls
