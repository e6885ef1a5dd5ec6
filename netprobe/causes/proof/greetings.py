"""What a server speaks, by the first bytes that it sends."""

from __future__ import annotations

import re

HTTP = "HTTP"
TLS = "TLS"
#: Alert and handshake records (RFC 8446 §5.1); a SETTINGS frame on stream 0 (RFC 9113 §3.4, §4.1); SSH: RFC 4253 §4.2; SMTP: RFC 5321 §4.2;
#: POP3: RFC 1939 §3; IMAP: RFC 9051 §7.1; MySQL: its initial handshake packet, protocol version 10.
_BEGINS: tuple[tuple[str, re.Pattern[bytes]], ...] = (
    (HTTP, re.compile(rb"HTTP/1\.|\s*<(?:!doctype|html)", re.IGNORECASE)),
    (TLS, re.compile(rb"[\x15\x16]\x03[\x00-\x04]")),
    ("HTTP/2 without HTTP/1, as gRPC servers do", re.compile(rb"\x00.{2}\x04\x00\x00{4}", re.DOTALL)),
    ("SSH", re.compile(rb"SSH-\d")),
    ("SMTP or FTP", re.compile(rb"220[ -]")),
    ("IMAP or POP3", re.compile(rb"(?:\* OK|\+OK)")),
    ("Redis' protocol", re.compile(rb"-(?:ERR|DENIED|NOAUTH|MISCONF)")),
    ("MySQL's protocol", re.compile(rb".{3}\x00\x0a[\d.]", re.DOTALL)),
    ("AMQP", re.compile(rb"AMQP")),
)
_SHOWN_BYTES = 32


def spoken(data: bytes) -> str:
    """The protocol that a server's first bytes are of, in words; ``""`` where none is recognised."""
    return next((name for name, begins in _BEGINS if begins.match(data)), "")


def shown(data: bytes) -> str:
    """A server's first bytes, for evidence: the first line in quotes where it is text, else in hexadecimal."""
    first = next(iter(data[:_SHOWN_BYTES].splitlines()), b"")
    if len(first) > 1 and first.isascii() and first.decode().isprintable():
        return f'"{first.decode()}"'
    return data[: _SHOWN_BYTES // 2].hex(" ")
