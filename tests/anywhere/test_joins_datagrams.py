"""Datagrams that are alike and are not the same, each beside its twin that is: resolvers, pings, announcements, NAT."""

from __future__ import annotations

import pytest

from tests.craft import Sent, choices, dns, echo, told, udp

CLIENT, OTHER = "10.1.0.5", "10.1.0.6"
ONE, TWO = "10.9.0.1", "10.9.0.2"
HOST = "192.168.3.201"
NOTHING_CHANGED = "It was answered, and no point saw it change on the way."
ASK, ANSWER = dns(b"demo", 7), dns(b"demo", 7, answer=True)


def lookup(
    point: str, client: str, server: str, at: float, *, ttl: int = 64, answered: bool = True, ask: bytes = ASK
) -> list[Sent]:
    """A question at one point and, a millisecond later, its answer."""
    sent: list[Sent] = [(point, at, udp(f"{client}:5000", f"{server}:53", ask, ttl, 0))]
    if answered:
        sent.append((point, at + 1000, udp(f"{server}:53", f"{client}:5000", ANSWER, 128 - ttl, 0)))
    return sent


def dnat(point: str, at: float, *, ttl: int = 64) -> list[Sent]:
    """A router's two sides at one point: what it rewrites is one question, and one answer."""
    second = udp(f"{CLIENT}:5000", f"{TWO}:53", ASK, ttl - 1, 0)
    back = udp(f"{TWO}:53", f"{CLIENT}:5000", ANSWER, 64, 0)
    forth = udp(f"{CLIENT}:5000", f"{ONE}:53", ASK, ttl, 0)
    home = udp(f"{ONE}:53", f"{CLIENT}:5000", ANSWER, 63, 0)
    return [(point, at, forth), (point, at + 20, second), (point, at + 1000, back), (point, at + 1020, home)]


@pytest.mark.parametrize("later", [30.0, 2_500_000.0])
def test_one_question_to_two_servers_is_two_exchanges(later: float) -> None:
    """musl asks all of resolv.conf's servers from one socket, with one message id, at once and again after a time-out."""
    both = [*lookup("eth0", CLIENT, ONE, 0), *lookup("eth0", CLIENT, TWO, later)]
    assert choices(both) == [f"{CLIENT}:5000>{ONE}:53/udp", f"{CLIENT}:5000>{TWO}:53/udp"]
    for chosen in (f">{ONE}:53", "#2"):
        verdict, path, why = told(both, chosen)
        assert (verdict, path) == ("works", "none")
        assert "DNAT" not in why


def test_the_second_server_answers_what_the_first_one_did_not() -> None:
    both = [*lookup("eth0", CLIENT, ONE, 0, answered=False), *lookup("eth0", CLIENT, TWO, 2_500_000)]
    assert len(choices(both)) == 2
    assert told(both, f">{ONE}:53")[:2] == ("undetermined", "none")
    assert told(both, f">{TWO}:53")[:2] == ("works", "none")


def test_a_question_that_a_router_sends_elsewhere_is_dnat() -> None:
    said = f"DNAT turns {ONE}:53 into the target's {TWO}:53."
    assert told(dnat("any", 0), "udp") == ("works", "dnat", said)


def test_two_servers_asked_through_a_masquerading_host() -> None:
    """Four flows, two exchanges: each copy goes with the server that it went to."""
    sent = []
    for number, server in enumerate((ONE, TWO)):
        sent += lookup("veth", CLIENT, server, number * 30)
        sent += lookup("eth0", HOST, server, number * 30 + 10, ttl=63)
    assert choices(sent) == [f"{CLIENT}:5000>{ONE}:53/udp", f"{CLIENT}:5000>{TWO}:53/udp"]
    assert told(sent, f"{CLIENT}>{TWO}")[:2] == ("works", "masquerade")


def test_one_server_asked_through_a_masquerading_host() -> None:
    sent = [*lookup("veth", CLIENT, ONE, 0), *lookup("eth0", HOST, ONE, 10, ttl=63)]
    assert told(sent)[:2] == ("works", "masquerade")


@pytest.mark.parametrize(("client", "ttl"), [(CLIENT, 64), (OTHER, 64), (OTHER, 63)])
def test_a_message_id_that_comes_again_minutes_later(client: str, ttl: int) -> None:
    again = [
        (p, t, udp(f"{client}:6000", f"{ONE}:53", ASK, ttl, 0)) for p, t, _ in lookup("eth0", CLIENT, ONE, 3e8)[:1]
    ]
    back: list[Sent] = [("eth0", 3e8 + 900, udp(f"{ONE}:53", f"{client}:6000", ANSWER, 64, 0))]
    sent = [*lookup("eth0", CLIENT, ONE, 0), *again, *back]
    assert choices(sent) == [f"{CLIENT}:5000>{ONE}:53/udp", f"{client}:6000>{ONE}:53/udp"]
    assert told(sent, ":6000")[:2] == ("works", "none")


def test_a_message_id_that_comes_again_at_once_in_another_question() -> None:
    sent = [*lookup("eth0", CLIENT, ONE, 0), *lookup("eth0", OTHER, ONE, 100, ttl=63, ask=dns(b"else", 7))]
    assert len(choices(sent)) == 2


def test_two_clients_that_say_the_same_to_one_server() -> None:
    """One of them sits behind a router: its TTL is one lower, as if the other's had been sent on. Both are sent to the one station."""
    from scapy.layers.l2 import Ether

    link = Ether(dst="02:00:00:00:09:01")
    sent: list[Sent] = [
        ("eth0", 0, link / udp(f"{CLIENT}:5000", f"{ONE}:27015", b"\xff\xff\xff\xffgetstatus", 64, 0)),
        ("eth0", 50, link / udp(f"{OTHER}:5000", f"{ONE}:27015", b"\xff\xff\xff\xffgetstatus", 63, 0)),
    ]
    assert len(choices(sent)) == 2


def test_a_datagram_whose_source_was_rewritten_at_one_point() -> None:
    sent: list[Sent] = [
        ("any", 0, udp(f"{CLIENT}:5000", f"{ONE}:27015", b"getstatus", 64, 9)),
        ("any", 50, udp(f"{HOST}:5000", f"{ONE}:27015", b"getstatus", 63, 9)),
        ("any", 900, udp(f"{ONE}:27015", f"{HOST}:5000", b"status", 60, 4)),
        ("any", 950, udp(f"{ONE}:27015", f"{CLIENT}:5000", b"status", 59, 4)),
    ]
    assert told(sent)[:2] == ("works", "masquerade")


@pytest.mark.parametrize("port", [123, 5060, 514, 443])
def test_one_payload_from_one_socket_to_two_servers(port: int) -> None:
    """NTP with an empty timestamp, SIP's OPTIONS, syslog to two collectors, a client that tries two addresses."""
    sent: list[Sent] = [
        ("eth0", number * 40, udp(f"{CLIENT}:{port}", f"{server}:{port}", b"\x1b" + bytes(47)))
        for number, server in enumerate((ONE, TWO))
    ]
    assert choices(sent) == [f"{CLIENT}:{port}>{ONE}:{port}/udp", f"{CLIENT}:{port}>{TWO}:{port}/udp"]
    assert told(sent, f">{ONE}")[1] == "none"


def test_answers_that_differ_are_two_servers() -> None:
    """The very TTL and time of DNAT, and each server answered otherwise."""
    sent: list[Sent] = [
        ("veth", 0, udp(f"{CLIENT}:5000", f"{ONE}:9000", b"who", 64)),
        ("eth0", 20, udp(f"{CLIENT}:5000", f"{TWO}:9000", b"who", 63)),
        ("veth", 900, udp(f"{ONE}:9000", f"{CLIENT}:5000", b"one", 64)),
        ("eth0", 950, udp(f"{TWO}:9000", f"{CLIENT}:5000", b"two", 64)),
    ]
    assert len(choices(sent)) == 2
    same = [(p, t, udp(f"{TWO}:9000", f"{CLIENT}:5000", b"one", 65)) if t == 950 else (p, t, x) for p, t, x in sent]
    same[3] = ("eth0", 850, same[3][2])
    assert told(same)[:2] == ("works", "dnat")


@pytest.mark.parametrize(
    "groups", [("224.0.0.251:5353", "224.0.0.252:5353"), ("239.255.255.250:1900", "255.255.255.255:1900")]
)
def test_one_announcement_to_two_groups(groups: tuple[str, str]) -> None:
    sent: list[Sent] = [("any", n * 10, udp(f"{CLIENT}:5353", group, b"M-SEARCH", 4)) for n, group in enumerate(groups)]
    assert len(choices(sent)) == 2
    assert told(sent, "#1")[1] == "none"


def test_one_announcement_on_two_interfaces() -> None:
    """avahi says the same on each: from each interface's own address, with a TTL of 255."""
    sent: list[Sent] = [
        ("any", n * 10, udp(f"{client}:5353", "224.0.0.251:5353", b"announce", 255, 0))
        for n, client in enumerate((CLIENT, "172.17.0.1"))
    ]
    assert len(choices(sent)) == 2


def test_two_clients_without_an_address_at_two_points() -> None:
    """DHCP: every client's first word goes from 0.0.0.0:68 to 255.255.255.255:67."""
    sent: list[Sent] = [
        (f"tap{n}", n * 1000, udp("0.0.0.0:68", "255.255.255.255:67", bytes([1, 1, 6, 0, n]) + bytes(240), 64, 0))
        for n in (0, 1)
    ]
    assert len(choices(sent)) == 2


def test_one_datagram_at_two_points() -> None:
    sent: list[Sent] = [
        (f"tap{n}", n * 10, udp("10.0.0.9:6800", "255.255.255.255:6700", b"where are you", 64, 3)) for n in (0, 1)
    ]
    assert told(sent)[0] == "undetermined"


def test_pings_to_two_hosts_with_one_identifier_and_number() -> None:
    """fping: one identifier, one sequence number and one payload to many."""
    sent: list[Sent] = []
    for number, host in enumerate((ONE, TWO)):
        sent.append(("eth0", number * 30, echo(CLIENT, host)))
        sent.append(("eth0", number * 30 + 900, echo(host, CLIENT, "echo-reply")))
    assert choices(sent) == [f"{CLIENT}>{ONE}/icmp", f"{CLIENT}>{TWO}/icmp"]
    assert told(sent, f">{TWO}") == ("works", "none", NOTHING_CHANGED)


def test_pings_to_two_hosts_through_a_masquerading_host() -> None:
    sent: list[Sent] = []
    for number, host in enumerate((ONE, TWO)):
        sent.append(("veth", number * 30, echo(CLIENT, host)))
        sent.append(("eth0", number * 30 + 5, echo(HOST, host, ttl=63)))
        sent.append(("eth0", number * 30 + 900, echo(host, HOST, "echo-reply")))
        sent.append(("veth", number * 30 + 905, echo(host, CLIENT, "echo-reply", ttl=63)))
    assert len(choices(sent)) == 2
    assert told(sent, f"{CLIENT}>{TWO}")[:2] == ("works", "masquerade")


def test_a_ping_whose_destination_was_rewritten() -> None:
    sent: list[Sent] = [
        ("any", 0, echo(CLIENT, ONE)),
        ("any", 20, echo(CLIENT, TWO, ttl=63)),
        ("any", 900, echo(TWO, CLIENT, "echo-reply")),
        ("any", 920, echo(ONE, CLIENT, "echo-reply", ttl=63)),
    ]
    assert told(sent)[:2] == ("works", "dnat")


def test_a_traceroute_is_many_datagrams() -> None:
    """Each with a TTL and a port of its own, all of them alike, from one station to one."""
    from scapy.layers.l2 import Ether

    link = Ether(src="02:00:00:00:09:01", dst="02:00:00:00:09:02")
    probes = {ttl: udp(f"{CLIENT}:5000", f"{ONE}:{33433 + ttl}", bytes(32), ttl, 0) for ttl in range(1, 9)}
    sent: list[Sent] = [("eth0", ttl * 100, link / probe) for ttl, probe in probes.items()]
    assert len(choices(sent)) == 8
    assert len(choices([(p, 1000 - t, x) for p, t, x in sent])) == 8  # from the far end on


def test_an_embedded_server_answers_from_another_port_than_was_asked() -> None:
    sent: list[Sent] = [
        ("lo", 0, udp("127.0.0.1:40000", "127.0.0.11:41234", ASK)),
        ("lo", 300, udp("127.0.0.11:53", "127.0.0.1:40000", ANSWER)),
    ]
    assert told(sent)[:2] == ("works", "embedded-dns")
    late: list[Sent] = [sent[0], ("lo", 3e8, sent[1][2])]
    assert len(choices(late)) == 2
