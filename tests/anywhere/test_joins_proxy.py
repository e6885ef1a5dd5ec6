"""docker-proxy's two connections, each beside a twin of two connections that only look like them: calls back, databases, other proxies."""

from __future__ import annotations

from typing import Any

import pytest

from netprobe.flows.model import SeveralFlows
from tests.craft import Sent, served, tcp, told, udp

CLIENT, WEB = "192.168.3.201:41000", "192.168.3.202:8080"
GATEWAY, INSIDE = "172.17.0.1:50000", "172.17.0.2:80"
GET, PAGE = b"GET / HTTP/1.1\r\nHost: web\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
HEADERS = 54  # bytes kept: Ethernet, IPv4 and TCP without options


def outer(asked: bytes = GET, answered: bytes = PAGE) -> list[Sent]:
    """What the client says, at the dialled host."""
    return served("eth0", CLIENT, WEB, 0, asked=asked, answered=answered, wait=400)


def inner(
    client: str = GATEWAY,
    server: str = INSIDE,
    at: float = 60,
    *,
    asked: bytes = GET,
    answered: bytes = PAGE,
    end: bool = True,
) -> list[Sent]:
    """A second connection, of other numbers: as docker-proxy's it is a little behind in what it asks and ahead in what it answers."""
    sent = served(
        "docker0", client, server, at, asked=asked, answered=answered, seq=70_000, ts=900, wait=360.0, end=end
    )
    return [(point, time + 300 if _ends(packet) else time, packet) for point, time, packet in sent]


def _ends(packet: Any) -> bool:
    return bool(packet["TCP"].flags & 1) or packet["TCP"].ack > 75_000


def is_proxy(sent: list[Sent], snaplen: int = 262144) -> bool:
    """Whether docker-proxy is told; else both connections are listed, and each is told without it."""
    try:
        verdict, path, why = told(sent, snaplen=snaplen)
    except SeveralFlows as several:
        assert [told(sent, f"#{flow.number}", snaplen)[:2] for flow in several.flows] == [("works", "none")] * 2
        return False
    assert (verdict, path) == ("works", "docker-proxy")
    assert why.startswith("docker-proxy accepts the connection and opens its own to the target")
    return True


@pytest.mark.parametrize("snaplen", [262144, HEADERS])
def test_what_is_handed_on_in_full_is_docker_proxy(snaplen: int) -> None:
    assert is_proxy([*outer(), *inner()], snaplen)


@pytest.mark.parametrize("snaplen", [262144, HEADERS])
def test_a_handshake_alone_is_handed_on_too(snaplen: int) -> None:
    """nc -z: no byte; the two begin and end together."""
    assert is_proxy([*outer(asked=b"", answered=b""), *inner(asked=b"", answered=b"")], snaplen)


@pytest.mark.parametrize("snaplen", [262144, HEADERS])
def test_one_payload_from_one_client_to_two_servers(snaplen: int) -> None:
    """A browser asks two servers for the same, one after the other."""
    assert not is_proxy([*outer(), *inner("192.168.3.201:41001")], snaplen)
    assert not is_proxy([*outer(), *inner("192.168.3.201:41001", "192.168.3.203:80")], snaplen)


def test_a_host_that_dials_its_own_address_is_relayed_from_that_address() -> None:
    """Only where the inner connection begins at the address that was dialled may it be the client's own."""
    own = served("lo", "10.0.0.1:41000", "10.0.0.1:8080", 0, asked=GET, answered=PAGE, wait=400)
    assert is_proxy([*own, *inner("10.0.0.1:50000", "10.0.0.2:80")])
    other = served("eth0", "10.0.0.1:41000", "10.0.0.7:8080", 0, asked=GET, answered=PAGE, wait=400)
    assert not is_proxy([*other, *inner("10.0.0.1:50000", "10.0.0.2:80")])


@pytest.mark.parametrize("snaplen", [262144, HEADERS])
@pytest.mark.parametrize("client", ["192.168.3.202:50000", GATEWAY])
def test_an_application_that_asks_its_database_the_same(client: str, snaplen: int) -> None:
    """It asks from its own address, or from the bridge's when it runs on the host. What the database says is not what the client is told."""
    assert not is_proxy(
        [*outer(), *inner(client, "172.17.0.3:5432", answered=b"1 row, and much more than the page says" * 3)], snaplen
    )
    assert not is_proxy([*outer(), *inner(client, "172.17.0.3:5432", answered=b"row")], snaplen)


@pytest.mark.parametrize("snaplen", [262144, HEADERS])
def test_a_database_that_is_asked_something_longer(snaplen: int) -> None:
    assert not is_proxy([*outer(), *inner(server="172.17.0.3:5432", asked=GET + b"SELECT")], snaplen)


def test_a_database_that_greets_first() -> None:
    """MySQL's server speaks first, and the client of the application never hears of it."""
    assert not is_proxy(
        [*outer(asked=b"", answered=b""), *inner(server="172.17.0.3:3306", asked=b"", answered=b"8.4.0")], HEADERS
    )


@pytest.mark.parametrize("snaplen", [262144, HEADERS])
def test_bytes_that_were_never_handed_on(snaplen: int) -> None:
    """An application that keeps a connection to its database open: what it was asked never comes there."""
    asked = served("eth0", CLIENT, WEB, 0, asked=GET, answered=PAGE, wait=400_000)
    idle = inner(asked=b"", answered=b"", end=False)
    alive: list[Sent] = [("docker0", 3e6, tcp(GATEWAY, INSIDE, "A", 70_000, 75_001))]  # keepalive
    assert not is_proxy([*asked, *idle, *alive], snaplen)


@pytest.mark.parametrize("snaplen", [262144, HEADERS])
@pytest.mark.parametrize("source", ["192.168.3.202:20", "192.168.3.202:50000"])
@pytest.mark.parametrize("said", [(b"", PAGE), (b"", b""), (GET, PAGE)])
def test_a_server_that_calls_its_client_back(source: str, said: tuple[bytes, bytes], snaplen: int) -> None:
    """FTP's active mode (RFC 959 section 3.2), X11, callbacks."""
    asked, answered = said
    assert not is_proxy([*outer(), *inner(source, "192.168.3.201:41002", asked=asked, answered=answered)], snaplen)


def test_a_container_that_asks_for_its_own_published_port() -> None:
    """The twin of a call back: from the gateway of the bridge that it is on, and not from the address that it dialled."""
    own = served("docker0", "172.17.0.2:41000", WEB, 0, asked=GET, answered=PAGE, wait=400)
    assert is_proxy([*own, *inner()])


@pytest.mark.parametrize("client", ["192.168.3.202:50000", "10.7.0.9:50000", "198.51.100.4:50000"])
def test_another_proxy_is_not_docker_proxy(client: str) -> None:
    """HAProxy, nginx, ssh -L: they dial from an address that is no bridge's gateway."""
    assert not is_proxy([*outer(), *inner(client, "10.7.0.20:80")])


def test_two_clients_that_say_the_same_at_once() -> None:
    """A load generator, a health check from two places: each to a server of its own."""
    assert not is_proxy([*outer(), *inner("192.168.3.77:50000", "192.168.3.203:80")])


@pytest.mark.parametrize(
    ("client", "server", "proxy"),
    [(GATEWAY, "172.17.0.2:514", True), ("192.168.3.201:6000", "192.168.3.204:514", False)],
)
def test_a_datagram_that_is_handed_on_and_one_that_is_sent_twice(client: str, server: str, proxy: bool) -> None:
    sent: list[Sent] = [
        ("eth0", 0, udp(CLIENT, "192.168.3.202:514", b"<13>hello")),
        ("docker0", 90, udp(client, server, b"<13>hello")),
        ("docker0", 300, udp(server, client, b"ok")),
        ("eth0", 390, udp("192.168.3.202:514", CLIENT, b"ok")),
    ]
    assert is_proxy(sent) is proxy


def test_a_datagram_whose_answer_is_another() -> None:
    sent: list[Sent] = [
        ("eth0", 0, udp(CLIENT, "192.168.3.202:514", b"<13>hello")),
        ("docker0", 90, udp(GATEWAY, "172.17.0.2:514", b"<13>hello")),
        ("docker0", 300, udp("172.17.0.2:514", GATEWAY, b"ok")),
        ("eth0", 390, udp("192.168.3.202:514", CLIENT, b"no")),
    ]
    assert not is_proxy(sent)


def test_one_answer_over_both_versions_of_ip() -> None:
    """LLMNR: who has the name says the same by IPv6 and by IPv4, from the port of its group. The questions were not captured."""
    from scapy.layers.inet import UDP
    from scapy.layers.inet6 import IPv6

    name = b"\x12\x34\x80\0\0\1\0\1\0\0\0\0\x04demo\0\0\1\0\1"
    sent: list[Sent] = [
        ("eth0", 0, IPv6(src="fe80::1", dst="fe80::85") / UDP(sport=5355, dport=50515) / name),
        ("eth0", 90, udp("192.168.199.1:5355", "192.168.199.133:50515", name)),
    ]
    with pytest.raises(SeveralFlows) as several:
        told(sent)
    assert [told(sent, f"#{flow.number}")[1] for flow in several.value.flows] == ["none", "none"]
