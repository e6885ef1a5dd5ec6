"""What a payload begins with, in the few words by which people know it."""

from __future__ import annotations

import re

_MOST = 60  # letters
_HTTP = re.compile(
    rb"(?:(?:GET|HEAD|POST|PUT|DELETE|CONNECT|OPTIONS|TRACE|PATCH) \S+ HTTP/1\.\d|HTTP/1\.\d \d{3}[^\r\n]*)"
)
_TLS = {
    20: "TLS Change Cipher Spec",
    21: "TLS Alert",
    22: "TLS Handshake",
    23: "TLS Application Data",
}  # RFC 8446 section 5.1
_HELLO = {1: "TLS Client Hello", 2: "TLS Server Hello"}  # section 4


def spoken(payload: bytes) -> str:
    """``GET / HTTP/1.1``, ``HTTP/1.1 200 OK``, ``TLS Client Hello``; ``""`` for what is none of these."""
    if found := _HTTP.match(payload):
        text = found[0].decode("utf-8", "replace")
        return text if len(text) <= _MOST else f"{text[:_MOST]}…"
    if len(payload) > 5 and payload[1] == 3 and payload[0] in _TLS:
        return _HELLO.get(payload[5], _TLS[22]) if payload[0] == 22 else _TLS[payload[0]]
    return ""
