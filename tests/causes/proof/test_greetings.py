"""Protocols by a server's first bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netprobe.causes.proof.greetings import shown, spoken


@pytest.mark.parametrize(
    ("data", "protocol"),
    [
        (b"HTTP/1.1 200 OK\r\n", "HTTP"),
        (b"\n<HTML>", "HTTP"),
        (b"\x15\x03\x01\x00\x02\x02\x46", "TLS"),
        (b"\x16\x03\x03\x00\x7a", "TLS"),
        (b"\x15\x04\x01", ""),
        (b"\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03", "HTTP/2 without HTTP/1, as gRPC servers do"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "SSH"),
        (b"220 mail.test ESMTP\r\n", "SMTP or FTP"),
        (b"2200", ""),
        (b"+OK ready", "IMAP or POP3"),
        (b"-ERR wrong number of arguments for 'get' command\r\n", "Redis' protocol"),
        (b"\x4a\x00\x00\x00\x0a8.0.36\x00", "MySQL's protocol"),
        (b"AMQP\x00\x00\x09\x01", "AMQP"),
        (bytes(64), ""),
        (b"", ""),
    ],
)
def test_what_a_server_speaks(data: bytes, protocol: str) -> None:
    assert spoken(data) == protocol


def test_text_is_quoted_and_the_rest_is_in_hexadecimal() -> None:
    assert shown(b"SSH-2.0-x\r\nmore") == '"SSH-2.0-x"'
    assert shown(b"\x15\x03\x01") == "15 03 01"
    assert shown(b"\x1b[31mred\n") == "1b 5b 33 31 6d 72 65 64 0a"


@given(st.binary())
def test_any_bytes_can_be_shown(data: bytes) -> None:
    spoken(data)
    assert shown(data).isprintable()
    assert len(shown(data)) <= 48
