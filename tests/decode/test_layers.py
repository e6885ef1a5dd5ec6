from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrHopByHop
from scapy.layers.l2 import ARP, Dot1Q, Ether

from netprobe.decode.decoder import decode
from netprobe.decode.layers import layers
from tests.craft import dns, evidence, tcp, unreachable

if TYPE_CHECKING:
    from netprobe.model.details import PacketLayer

HEAD = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
V4, V6 = IP(src="10.0.0.1", dst="10.0.0.2", ttl=63), IPv6(src="fd00::1", dst="fd00::2", hlim=63)


def of(packet: object) -> tuple[PacketLayer, ...]:
    case = evidence([("h/eth0", 0, packet)])
    return layers(decode(case.packets, case.points), 0, case.points[0].linktype)


def places(packet: object) -> list[tuple[str, int, int]]:
    return [(each.name, each.start, each.end) for each in of(packet)]


@pytest.mark.parametrize(
    ("packet", "expected"),
    [
        (HEAD / V4 / TCP(flags="S"), [("Ethernet", 0, 14), ("IPv4", 14, 34), ("TCP", 34, 54)]),
        (HEAD / V4 / UDP(dport=9) / b"hello", [("Ethernet", 0, 14), ("IPv4", 14, 34), ("UDP", 34, 42), ("Payload", 42, 47)]),
        (HEAD / Dot1Q(vlan=7) / V4 / ICMP(), [("Ethernet", 0, 12), ("802.1Q VLAN tag", 12, 18), ("IPv4", 18, 38), ("ICMP", 38, 46)]),
        (
            HEAD / Dot1Q(vlan=7) / Dot1Q(vlan=8) / V4 / UDP(dport=9),
            [("Ethernet", 0, 12), ("802.1Q VLAN tag", 12, 16), ("802.1Q VLAN tag", 16, 22), ("IPv4", 22, 42), ("UDP", 42, 50)],
        ),
        (HEAD / V6 / TCP(options=[("MSS", 1400)]), [("Ethernet", 0, 14), ("IPv6", 14, 54), ("TCP", 54, 78)]),
        (HEAD / V6 / IPv6ExtHdrHopByHop() / TCP(), [("Ethernet", 0, 14), ("IPv6", 14, 62), ("TCP", 62, 82)]),
        (HEAD / ARP(psrc="10.0.0.1", pdst="10.0.0.2"), [("Ethernet", 0, 14), ("ARP", 14, 42)]),
    ],
)  # fmt: skip
def test_each_layer_has_its_bytes(packet: object, expected: list[tuple[str, int, int]]) -> None:
    assert places(packet) == expected


def test_fields_are_said_as_people_know_them() -> None:
    said = {
        name: value
        for layer in of(HEAD / V4 / TCP(sport=1000, dport=80, flags="SA", seq=5))
        for name, value in layer.fields
    }
    assert said["TTL"] == "63"
    assert said["flags"] == "SYN, ACK"
    assert said["destination port"] == "80"
    assert said["sequence number"] == "5"


def test_an_error_says_what_it_answers() -> None:
    *_, error, quoted = of(unreachable("10.0.0.9", "10.0.0.1", tcp("10.0.0.1:1000", "10.0.0.2:80")))
    assert quoted.name == "Quoted packet"
    assert dict(error.fields)["answers a packet"] == "10.0.0.1 → 10.0.0.2"


def test_a_lookup_says_what_it_asks_for() -> None:
    name, fields = (last := of(HEAD / V4 / UDP(sport=5000, dport=53) / dns(b"demo", 7))[-1]).name, dict(last.fields)
    assert (name, fields["kind"], fields["asks for"]) == ("DNS", "query", "demo A")


def test_a_payload_is_said_as_text_where_it_is_text() -> None:
    assert ("text", "GET / HTTP/1.1") in of(HEAD / V4 / TCP() / b"GET / HTTP/1.1\r\n\r\n")[-1].fields
    assert [name for name, _ in of(HEAD / V4 / TCP() / b"\x00\x01")[-1].fields] == ["length"]


@given(raw=st.binary(max_size=120), linktype=st.sampled_from([0, 1, 101, 113, 147, 276]))
def test_any_bytes_are_taken_apart_without_gaps_and_in_order(raw: bytes, linktype: int) -> None:
    checked(raw, linktype)


@given(cut=st.integers(0, 90), at=st.integers(0, 89), byte=st.integers(0, 255))
def test_so_is_any_packet_that_was_cut_or_changed(cut: int, at: int, byte: int) -> None:
    for packet in (HEAD / Dot1Q(vlan=7) / V4 / TCP() / b"GET / HTTP/1.1", HEAD / V6 / UDP(dport=53) / dns(b"demo", 7)):
        raw = bytearray(bytes(packet))
        raw[at % len(raw)] = byte
        checked(bytes(raw[: len(raw) - cut % len(raw)]), 1)


def checked(raw: bytes, linktype: int) -> None:
    from dataclasses import replace

    case = evidence([("h/eth0", 0, HEAD / V4)])
    packets = replace(
        case.packets, data=raw, caplen=case.packets.caplen * 0 + len(raw), origlen=case.packets.origlen * 0 + len(raw)
    )
    points = (replace(case.points[0], linktype=linktype),)
    found = layers(decode(packets, points), 0, linktype)
    ends = [0, *(each.end for each in found)]
    assert all(0 <= each.start <= each.end <= len(raw) for each in found)
    assert all(each.start == end for each, end in zip(found, ends, strict=False))
    assert ends[-1] == len(raw)
