from __future__ import annotations

import pytest

from netprobe.decode.dns import parse_message
from netprobe.hosts.remote.answers import echo_reply
from netprobe.probe import craft

TAG = "0123456789abcdef"


def checksum(data: bytes) -> int:
    data += b"\0" * (len(data) % 2)
    total = sum(int.from_bytes(data[pos : pos + 2], "big") for pos in range(0, len(data), 2))
    while total >> 16:
        total = (total >> 16) + (total & 0xFFFF)
    return total


@pytest.mark.parametrize("size", [None, 0, 1, 1472, 3001])
def test_an_echo_request(size: int | None) -> None:
    message = craft.echo_request(TAG, size, 4)
    assert message[:2] == b"\x08\0"
    assert int.from_bytes(message[4:6], "big") == craft.identifier(TAG)
    assert len(message) == 8 + (56 if size is None else size)
    assert checksum(message) == 0xFFFF
    if size is None:
        assert TAG.encode() in message


def test_an_icmpv6_echo_request() -> None:
    assert craft.echo_request(TAG, 8, 6)[0] == 128


def test_the_identifier_is_never_zero() -> None:
    assert craft.identifier("0000ffffffffffff") == 1


def test_only_our_own_echo_reply_counts() -> None:
    request = craft.echo_request(TAG, None, 4)
    header = bytes([0x45]) + bytes(19)
    reply = b"\0\0\0\0" + request[4:]
    assert echo_reply(header + reply, request, 4)
    assert not echo_reply(header + request, request, 4)
    assert not echo_reply(header + reply[:-1] + b"x", request, 4)
    assert not echo_reply(b"", request, 4)
    assert echo_reply(bytes([129, 0, 0, 0]) + request[4:], request, 6)


def test_a_dns_query_is_what_was_asked() -> None:
    message = parse_message(craft.dns_query(0x1234, "db.example.test", "AAAA"))
    assert message is not None
    assert (message.id, message.qr, message.questions) == (0x1234, False, (("db.example.test", "AAAA"),))
    assert parse_message(craft.dns_query(1, "db.", "A")) == parse_message(craft.dns_query(1, "db", "A"))


def test_an_http_request_names_the_host_and_nothing_of_the_machine() -> None:
    text = craft.http_request(TAG, "demo", None, "/a?b", None).decode()
    assert text.startswith("GET /a?b HTTP/1.1\r\nHost: demo\r\n")
    assert text.endswith("\r\n\r\n")
    assert f" {TAG}\r\n" in text
    assert "Host: demo:81\r\n" in craft.http_request(TAG, "demo", 81, "/", None).decode()
    assert "Host: [::1]\r\n" in craft.http_request(TAG, "::1", None, "/", None).decode()


@pytest.mark.parametrize("size", [0, 1, 200, 1460, 4000, 9000, 20000])
def test_an_http_request_is_padded(size: int) -> None:
    request = craft.http_request(TAG, "demo", None, "/", size)
    assert size <= len(request) <= max(size + 40, 200)
    assert max(len(line) for line in request.split(b"\r\n")) <= 4096
    assert request.count(b"\r\n\r\n") == 1


def test_dns_names() -> None:
    assert craft.is_dns_name("a.b")
    assert craft.is_dns_name("a.b.")
    assert not craft.is_dns_name("")
    assert not craft.is_dns_name("a..b")
    assert not craft.is_dns_name("x" * 64)
    assert not craft.is_dns_name(".".join(["x" * 60] * 5))
