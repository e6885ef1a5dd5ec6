"""TLS in clear: real handshakes of OpenSSL, and bytes of any kind."""

from __future__ import annotations

import ssl
import time

from hypothesis import given
from hypothesis import strategies as st

from netprobe.decode.tls import MAX_FOREIGN, Alert, is_tls, read_side, version_name
from tests.handshakes import DER, client_context, server_context, talk


def limited(context: ssl.SSLContext, version: ssl.TLSVersion) -> ssl.SSLContext:
    context.maximum_version = version
    return context


def test_a_handshake_of_tls_1_3() -> None:
    client, server = map(read_side, talk())
    assert client.client_hello is not None
    assert (client.client_hello.server_name, client.client_hello.versions) == ("web", (0x0304, 0x0303))
    assert (server.version, server.certificates, server.alert) == (0x0304, (), None)
    assert client.data >= 2
    assert server.data == server.sealed >= 2


def test_a_handshake_of_tls_1_2_shows_the_certificate() -> None:
    client, server = map(read_side, talk(limited(server_context(), ssl.TLSVersion.TLSv1_2)))
    assert (server.version, server.certificates) == (0x0303, (DER,))
    assert (client.data, server.data) == (1, 1)
    assert client.sealed == 2  # Finished is no application data


def test_an_address_is_asked_for_without_a_name() -> None:
    client, _ = map(read_side, talk(name=None))
    assert client.client_hello is not None
    assert client.client_hello.server_name == ""


def test_an_alert_of_the_server() -> None:
    server = server_context()
    server.minimum_version = ssl.TLSVersion.TLSv1_3
    _, said = map(read_side, talk(server, limited(client_context(), ssl.TLSVersion.TLSv1_2)))
    assert said.alert == Alert(code=70, fatal=True)
    assert said.alert.name == "protocol_version"


def test_a_hello_that_is_asked_again_is_read() -> None:
    """After a HelloRetryRequest the second ClientHello comes behind a ChangeCipherSpec, in clear (RFC 8446 appendix D.4)."""
    server = server_context()
    server.set_ecdh_curve("secp521r1")
    client, said = map(read_side, talk(server))
    assert said.version == 0x0304
    assert client.data >= 2


def test_what_is_no_tls() -> None:
    for data in (b"HTTP/1.1 400 Bad Request\r\n" * 10, b"\x16\x02", b"\x15\x03\x09\x00\x02"):
        assert not is_tls(data)
        assert read_side(data).foreign == data[:MAX_FOREIGN]
    assert read_side(b"") == read_side(b"\x16\x03\x01")
    assert read_side(b"").foreign == b""


def test_a_flood_of_alerts_and_lengths_that_lie_end() -> None:
    begin = time.perf_counter()
    flood = read_side(b"\x15\x03\x03\x00\x02\x01\x63" * 200_000)
    assert flood.alert is not None
    assert (flood.alert.name, flood.alert.fatal) == ("alert 99", False)
    assert read_side(b"\x16\x03\x03\x40\x00" + b"\x0b\xff\xff\xff" + b"\xff" * (1 << 14)).certificates == ()
    assert time.perf_counter() - begin < 5


def test_a_name_of_any_bytes_is_escaped() -> None:
    client, _ = talk(name="web")
    client = client.replace(b"web", b"\xff\x1b\x00", 1)
    hello = read_side(client).client_hello
    assert hello is not None
    assert hello.server_name == "\\xff\x1b\x00"


@given(st.binary(max_size=400))
def test_no_bytes_raise(data: bytes) -> None:
    side = read_side(data)
    assert side.foreign == (data[:MAX_FOREIGN] if data and not is_tls(data) else b"")


@given(st.data())
def test_no_mutation_of_a_handshake_raises(data: st.DataObject) -> None:
    whole = SHOWN[data.draw(st.integers(0, len(SHOWN) - 1))]
    at = data.draw(st.integers(0, len(whole) - 1))
    read_side(whole[:at] + data.draw(st.binary(max_size=8)) + whole[at + data.draw(st.integers(0, 8)) :])


def test_versions_have_names() -> None:
    assert version_name(0x0301) == "TLS 1.0"
    assert version_name(0x7F1C) == "version 0x7f1c"


SHOWN = [*talk(), *talk(limited(server_context(), ssl.TLSVersion.TLSv1_2))]
