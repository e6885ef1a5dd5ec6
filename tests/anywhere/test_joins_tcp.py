"""TCP connections that share a number and are not the same, each beside its twin that is: scanners, devices, load balancers, NAT, middleboxes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from netprobe.pipeline import analyze
from tests.craft import Sent, choices, evidence, handshake, joined, replayed, served, tagged, tcp, told, udp

if TYPE_CHECKING:
    from netprobe.evidence.model import Evidence

CLIENT, OTHER = "10.1.0.5:41000", "10.1.0.6:42000"
WEB, INSIDE = "192.168.3.202:8080", "172.17.0.2:80"
NOTHING_CHANGED = "It was answered, and no point saw it change on the way."
DNAT = f"DNAT turns {WEB} into the target's {INSIDE}."
MINUTE = 60e6


def dnat(point: str, at: float = 0, *, seq: int = 1000, ts: int = 7, other: str | None = None) -> list[Sent]:
    """A router's two sides: each packet is seen on the one, and then with a lower TTL on the other."""
    outside = served(point, CLIENT, WEB, at, asked=b"hi", answered=b"you", seq=seq, ts=ts)
    inside = served(other or point, CLIENT, INSIDE, at + 1, asked=b"hi", answered=b"you", seq=seq, ts=ts, ttl=63)
    for number, (_, time, packet) in enumerate(outside):
        if packet.src == WEB.split(":", maxsplit=1)[0]:
            packet.ttl = 63
            outside[number] = (point, time + 2, packet)
    return [*outside, *inside]


@pytest.mark.parametrize("ts", [7, 0])
@pytest.mark.parametrize("points", [("any", None), ("eth0", "docker0")])
def test_what_a_router_rewrites_is_one_connection(ts: int, points: tuple[str, str | None]) -> None:
    assert told(dnat(points[0], ts=ts, other=points[1])) == ("works", "dnat", DNAT)


@pytest.mark.parametrize("client", [CLIENT, OTHER, "10.1.0.5:41001"])
@pytest.mark.parametrize("ttl", [64, 63])
def test_one_sequence_number_again_a_minute_later(client: str, ttl: int) -> None:
    """A device whose initial sequence numbers are always the same, without timestamps."""
    first = served("eth0", CLIENT, WEB, 0, asked=b"one", answered=b"two", ts=0)
    again = served("eth0", client, INSIDE, MINUTE, asked=b"one", answered=b"two", ts=0, ttl=ttl)
    assert choices([*first, *again]) == [f"{CLIENT}>{WEB}/tcp", f"{client}>{INSIDE}/tcp"]
    assert told([*first, *again], f">{INSIDE}") == ("works", "none", NOTHING_CHANGED)


def test_one_sequence_number_of_two_clients_at_once() -> None:
    """Two devices, one of them behind a router, ask one server: two stations send to one."""
    from scapy.layers.l2 import Ether

    link = Ether(dst="02:00:00:00:09:01")
    first = served("eth0", CLIENT, WEB, 0, ts=0)
    second = served("eth0", OTHER, WEB, 2, ts=0, ttl=63)
    sent = [(point, at, link / packet) for point, at, packet in (*first, *second)]
    assert len(choices(sent)) == 2


def test_two_among_many_that_share_a_sequence_number_by_chance() -> None:
    """Without timestamps, 60,000 connections hold such a pair about every second time."""
    sent: list[Sent] = []
    for number in range(60):
        seq = 77 if number in (20, 40) else 1_000_003 * (number + 1) % (1 << 32)
        ip_id, ttl = 900 + number, 63 if number == 40 else 64
        sent.append(
            ("eth0", number * 9000, tcp(f"10.1.0.5:{41000 + number}", WEB, "S", seq, 0, ttl, ts=0, ip_id=ip_id))
        )
    assert len(choices(sent)) == 60


@pytest.mark.parametrize("ttls", [(64, 64, 64), (47, 46, 45), (50, 41, 40)])
def test_a_scan_with_one_number_and_one_source_port(ttls: tuple[int, int, int]) -> None:
    """nmap -sS: each probe with a TTL and an IP id of its own."""
    sent: list[Sent] = [
        ("eth0", number * 50, tcp(CLIENT, f"192.168.3.202:{port}", "S", 7, 0, ttl, ts=0, ip_id=100 + 7 * number))
        for number, (port, ttl) in enumerate(zip((22, 80, 443), ttls, strict=True))
    ]
    assert len(choices(sent)) == 3
    refused = [("eth0", at + 20, tcp(f"192.168.3.202:{p.dport}", CLIENT, "RA", 0, 8)) for _, at, p in sent]
    assert len(choices([*sent, *refused])) == 3


def test_a_scan_whose_ids_are_all_the_same() -> None:
    """masscan, scapy: what routed them would have been another station than the one that sent them."""
    from scapy.layers.l2 import Ether

    link = Ether(src="02:00:00:00:09:01", dst="02:00:00:00:09:02")
    sent: list[Sent] = [
        ("eth0", n * 50, link / tcp(CLIENT, f"10.2.0.{n}:80", "S", 7, 0, 64 - n, ts=0)) for n in range(1, 9)
    ]
    assert len(choices(sent)) == 8


def test_a_client_that_tries_the_next_address_from_the_same_port() -> None:
    first: list[Sent] = [("eth0", 250_000.0 * n, tcp(CLIENT, WEB, "S", 1000, ts=0)) for n in (0, 1)]
    second = served("eth0", CLIENT, INSIDE, 300_000, asked=b"hi", answered=b"you", ts=0)
    assert choices([*first, *second]) == [f"{CLIENT}>{WEB}/tcp", f"{CLIENT}>{INSIDE}/tcp"]
    assert told([*first, *second], f">{INSIDE}") == ("works", "none", NOTHING_CHANGED)


def test_two_answers_of_two_servers_are_two_connections() -> None:
    """All that the client sent is the same, one TTL apart: only the servers' own numbers tell."""
    first = handshake("veth", CLIENT, WEB, 0, ts=0)
    second: list[Sent] = [
        ("eth0", 2, tcp(CLIENT, INSIDE, "S", 1000, ttl=63, ts=0)),
        ("eth0", 6, tcp(INSIDE, CLIENT, "SA", 99, 1001, ts=0)),
    ]
    assert len(choices([*first, *second])) == 2


def test_a_load_balancer_that_rewrites_is_dnat_whatever_it_chooses() -> None:
    one, two = dnat("any"), dnat("any", 500, seq=5_000_000, ts=90)
    second = [
        (point, at, _other_ends(packet, {41000: 41001}, {"172.17.0.2": "172.17.0.3"})) for point, at, packet in two
    ]
    sent = [*one, *second]
    assert choices(sent) == [f"{CLIENT}>{WEB}/tcp", f"10.1.0.5:41001>{WEB}/tcp"]
    assert told(sent, ":41001") == ("works", "dnat", DNAT.replace("172.17.0.2", "172.17.0.3"))


def _other_ends(packet: Any, ports: dict[int, int], addresses: dict[str, str]) -> Any:
    copy = packet.copy()
    for part, fields, other in (("TCP", ("sport", "dport"), ports), ("IP", ("src", "dst"), addresses)):
        for field in fields:
            now = copy[part].getfieldval(field)
            copy[part].setfieldval(field, other.get(now, now))
    return copy


@pytest.mark.parametrize(("later", "count"), [(20.0, 1), (90e6, 2)])
def test_data_in_mid_stream_has_a_lifetime(later: float, count: int) -> None:
    sent: list[Sent] = [
        ("any", 0, tcp(CLIENT, WEB, "PA", 500, 900, data=b"GET /")),
        ("any", later, tcp(CLIENT, INSIDE, "PA", 500, 900, 63, b"GET /")),
    ]
    assert len(joined(sent)[1]) == count


def test_one_connection_at_two_points_whose_captures_do_not_begin_together() -> None:
    whole = served("eth0", CLIENT, WEB, 0, asked=b"hi", answered=b"you", wait=1000)
    later = [("eth1", at + 3, packet) for _, at, packet in whole if at > 500]
    assert told([*whole, *later])[0] == "works"
    assert len(joined([*whole, *later])[1]) == 1
    stranger = served("eth1", CLIENT, WEB, 1000, asked=b"hi", answered=b"you", seq=3_000_000_000)[3:]
    assert len(joined([*whole, *stranger])[1]) == 2


def test_a_middlebox_that_gives_other_sequence_numbers() -> None:
    """RFC 6528 section 5: firewalls rewrite what hosts choose badly. Between the two points the TTL fell, and nobody was rewritten."""
    sent = [
        *served("s1/eth0", CLIENT, WEB, 0, asked=b"hi", answered=b"you", seq=1000, ts=0),
        *served("s2/eth0", CLIENT, WEB, 40, asked=b"hi", answered=b"you", seq=2_000_000_000, ts=0, ttl=63),
    ]
    verdict, path, why = told(sent)
    assert (verdict, path) == ("works", "routed")
    assert "address and port unchanged" in why


def test_two_hosts_that_use_one_network_are_two_connections() -> None:
    """Every Docker host has 172.17.0.0/16: the same two ends, each inside its own host, a second and a half apart."""
    ends = "172.17.0.3:40000", "172.17.0.2:80"
    sent = [
        *served("s1/docker0", *ends, 0, asked=b"hi", answered=b"you", seq=1000, ts=5),
        *served("s2/docker0", *ends, 1.5e6, asked=b"hi", answered=b"you", seq=2_000_000_000, ts=9),
    ]
    assert len(choices(sent)) == 2


@pytest.mark.parametrize("ahead", [3e6, -3e6])
def test_captures_of_two_machines_merged_into_one_point(ahead: float) -> None:
    """mergecap of two files of clocks that differ: no router keeps a packet for seconds. Two connections are listed, and none is DNAT."""
    inside = served("one", CLIENT, INSIDE, 1 + ahead, asked=b"hi", answered=b"you", ttl=63, ts=0)
    sent = [*served("one", CLIENT, WEB, 0, asked=b"hi", answered=b"you", ts=0), *inside]
    assert len(choices(sent)) == 2
    assert told(sent, f">{INSIDE}") == ("works", "none", NOTHING_CHANGED)


@pytest.mark.parametrize("ahead", [3e6, -3e6])
def test_captures_of_two_machines_as_two_points(ahead: float) -> None:
    inside = [("b", at + ahead, packet) for _, at, packet in dnat("a", other="b")[9:]]
    assert told([*dnat("a")[:9], *inside])[:2] == ("works", "dnat")


def mirrored(forth: int | None, back: int | None, at: float = 0) -> list[Sent]:
    """One connection whose two directions have tags of their own (None: no tag)."""
    tags = {CLIENT: forth, WEB: back}
    sent: list[Sent] = []
    for point, time, packet in served("mirror", CLIENT, WEB, at, asked=b"hi", answered=b"you"):
        tag = tags[f"{packet.src}:{packet.sport}"]
        sent.append((point, time, packet if tag is None else tagged(tag, packet)))
    return sent


@pytest.mark.parametrize(("forth", "back"), [(10, 20), (20, 10), (None, 20), (10, None), (10, 10)])
def test_two_vlans_for_the_two_directions_are_one_connection(forth: int | None, back: int | None) -> None:
    report = replayed(mirrored(forth, back))
    assert (report.verdict.value, report.path.value) == ("works", "none")
    said = [finding.summary for finding in report.findings if finding.code == "two-vlans"]
    words = ["untagged" if tag is None else f"in VLAN {tag}" for tag in (forth, back)]
    expected = f"what {CLIENT} sends is {words[0]}, and what comes back is {words[1]}"
    assert said == ([] if forth == back else [expected])


def test_datagrams_in_two_vlans_are_one_exchange() -> None:
    """Whichever direction the capture saw first."""
    forth, back = udp("10.1.0.5:5000", "10.9.0.1:9000", b"who"), udp("10.9.0.1:9000", "10.1.0.5:5000", b"me")
    report = replayed([("mirror", 0, tagged(10, forth)), ("mirror", 400, tagged(20, back))])
    assert (report.verdict.value, report.path.value) == ("works", "none")
    assert [finding.code for finding in report.findings] == ["two-vlans"]
    hours: list[Sent] = [("mirror", 0, tagged(10, forth)), ("mirror", 3.6e9, tagged(20, back))]
    assert len(choices(hours)) == 2


def test_one_network_in_two_vlans_is_two_connections() -> None:
    """The same addresses in two VLANs, as in two tenants' networks: each holds both directions."""
    first = [(point, at, tagged(10, packet)) for point, at, packet in served("mirror", CLIENT, WEB, 0, seq=1000)]
    second = [(point, at, tagged(20, packet)) for point, at, packet in served("mirror", CLIENT, WEB, 3, seq=9_000_000)]
    assert len(choices([*first, *second])) == 2


def test_a_bridge_that_rewrites_and_sends_back_by_one_veth() -> None:
    """A hairpin under br_netfilter: not routed, so that TTL and sender's link address stay; the copy goes back to whom it came from."""
    from scapy.layers.l2 import Ether

    mine, bridge = "02:42:ac:11:00:02", "02:42:f1:d3:83:ad"
    first = served("veth", "172.17.0.2:41000", WEB, 0, asked=b"hi", answered=b"you")
    second = served("veth", "172.17.0.1:41000", INSIDE, 2, asked=b"hi", answered=b"you")
    out = [(point, at, Ether(src=mine, dst=bridge) / packet) for point, at, packet in first]
    back = [(point, at, Ether(src=mine, dst=mine) / packet) for point, at, packet in second]
    assert told([*out, *back])[:2] == ("works", "dnat-masquerade")
    stranger = [(point, at, Ether(src=mine, dst=bridge) / packet) for point, at, packet in second]
    assert len(choices([*out, *stranger])) == 2


def test_what_is_sent_on_into_a_tunnel_without_link_addresses() -> None:
    """tcpdump -i any: a frame of Ethernet, and its copy into a tun device whose source was rewritten."""
    from scapy.layers.l2 import CookedLinux

    def cooked(packet: Any, sender: bytes) -> bytes:
        return bytes(CookedLinux(pkttype=0, lladdrtype=1, lladdrlen=len(sender), src=sender, proto=0x800) / packet)

    first = served("any", CLIENT, WEB, 0, asked=b"hi", answered=b"you")
    second = served("any", "10.8.0.2:41000", WEB, 2, asked=b"hi", answered=b"you", ttl=63)
    frames = [(at, cooked(p, b"\2\0\0\0\0\1")) for _, at, p in first] + [(at, cooked(p, b"")) for _, at, p in second]
    report = analyze(cooked_evidence(sorted(frames)))
    assert (report.verdict.value, report.path.value) == ("works", "masquerade")


def cooked_evidence(frames: list[tuple[float, bytes]]) -> Evidence:
    """Evidence of one cooked capture."""
    plain = evidence([("any", at, tcp(CLIENT, WEB)) for at, _ in frames])
    sizes = np.array([len(raw) for _, raw in frames], np.int64)
    offsets = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
    data = b"".join(raw for _, raw in frames)
    packets = replace(plain.packets, data=data, offset=offsets, caplen=sizes, origlen=sizes)
    return replace(plain, points=(replace(plain.points[0], linktype=113),), packets=packets)
