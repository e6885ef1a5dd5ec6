"""How a handshake went, by what both sides sent."""

from __future__ import annotations

import ssl

import pytest

from netprobe.decode.tls import Side, read_side
from netprobe.paths.tls import FAILED, Handshake, TlsExchange, judge_handshake
from tests.handshakes import client_context, server_context, talk


def judged(client: bytes, server: bytes, end: str = "") -> Handshake:
    return judge_handshake(read_side(client), read_side(server), end)


def only(context: ssl.SSLContext, version: ssl.TLSVersion) -> ssl.SSLContext:
    context.minimum_version = context.maximum_version = version
    return context


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_whole_one(version: ssl.TLSVersion) -> None:
    client, server = talk(only(server_context(), version))
    assert judged(client, server) is Handshake.DONE
    assert judged(client, server, "FIN") is Handshake.DONE


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_one_that_stops(version: ssl.TLSVersion) -> None:
    client, server = talk(only(server_context(), version))
    hello = client[: 5 + int.from_bytes(client[3:5], "big")]
    assert judged(hello, b"") is Handshake.UNANSWERED
    assert judged(hello, server[:200]) is Handshake.PARTIAL
    assert judged(hello, server[:200], "RST") is Handshake.ENDED
    assert judged(hello, b"", "FIN") is Handshake.ENDED
    assert judged(hello, b"HTTP/1.1 400 Bad Request\r\n", "FIN") is Handshake.FOREIGN
    assert judged(b"GET / HTTP/1.1\r\n", server) is Handshake.NONE


def test_an_alert_that_only_says_that_the_server_is_gone() -> None:
    client, server = talk()
    gone = client[: 5 + int.from_bytes(client[3:5], "big")] + b"\x15\x03\x01\x00\x02\x02\x32"
    assert judged(gone, b"", "FIN") is Handshake.ENDED
    assert judged(gone, server[:300], "FIN") is Handshake.ENDED
    assert judged(gone, server[:300]) is Handshake.DECLINED


def test_an_alert_of_either_side() -> None:
    refused = talk(only(server_context(), ssl.TLSVersion.TLSv1_3), only(client_context(), ssl.TLSVersion.TLSv1_2))
    assert judged(*refused) is Handshake.REFUSED
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # it trusts nobody; OpenSSL says so in clear
    client.check_hostname = False
    assert judged(*talk(None, client)) is Handshake.DECLINED
    assert judged(*talk(None, only(client, ssl.TLSVersion.TLSv1_2))) is Handshake.DECLINED


def test_a_client_that_goes_after_the_servers_flight() -> None:
    """Its alert may be encrypted in TLS 1.3: its length tells it from Finished. One record alone is no handshake that was completed."""
    client, server = talk(only(server_context(), ssl.TLSVersion.TLSv1_3))
    hello = 5 + int.from_bytes(client[3:5], "big")
    alert = client[:hello] + b"\x17\x03\x03\x00\x13" + bytes(19)
    assert judged(alert, server) is Handshake.DECLINED
    finished = client[:hello] + b"\x17\x03\x03\x00\x35" + bytes(53)
    assert judged(finished, server) is Handshake.PARTIAL
    assert judged(finished, server, "FIN") is Handshake.ENDED


@pytest.mark.parametrize("handshake", Handshake)
def test_each_has_a_phrase(handshake: Handshake) -> None:
    found = TlsExchange(handshake=handshake, client=Side(), server=Side(), end="FIN")
    assert found.detail
    assert "{" not in found.detail
    assert (handshake in FAILED) is (
        handshake in {Handshake.FOREIGN, Handshake.REFUSED, Handshake.DECLINED, Handshake.ENDED}
    )
