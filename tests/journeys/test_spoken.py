from __future__ import annotations

import pytest

from netprobe.journeys.spoken import spoken


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (b"GET /index.html HTTP/1.1\r\nHost: x\r\n\r\n", "GET /index.html HTTP/1.1"),
        (b"HTTP/1.1 404 Not Found\r\n", "HTTP/1.1 404 Not Found"),
        (b"\x16\x03\x01\x02\x00\x01\x00", "TLS Client Hello"),
        (b"\x16\x03\x03\x00\x7a\x02\x00", "TLS Server Hello"),
        (b"\x15\x03\x03\x00\x02\x02\x28", "TLS Alert"),
        (b"\x17\x03\x03\x00\x02\x00\x00", "TLS Application Data"),
        (b"SSH-2.0-OpenSSH", ""),
        (b"", ""),
        (b"\x16\x03", ""),
        (b"GETTING THERE", ""),
    ],
)
def test_what_people_know_a_payload_by(payload: bytes, words: str) -> None:
    assert spoken(payload) == words


def test_it_is_a_few_words() -> None:
    assert len(spoken(b"GET /" + b"a" * 4000 + b" HTTP/1.1\r\n")) <= 61
