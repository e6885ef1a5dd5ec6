"""What is said of what is not read: link types, tunnels, and their near misses."""

from __future__ import annotations

import logging
import struct
from typing import TYPE_CHECKING, Any

import pytest

from netprobe.decode.unread import tunnel_of, unread, unreadable
from netprobe.evidence.model import CapturePoint, LimitKind

if TYPE_CHECKING:
    from tests.decode.conftest import Decoded

logging.getLogger("scapy").setLevel(logging.ERROR)
from scapy.layers.inet import IP, TCP, UDP  # noqa: E402
from scapy.layers.inet6 import IPv6  # noqa: E402
from scapy.layers.l2 import GRE, Ether  # noqa: E402
from scapy.packet import Raw  # noqa: E402

INNER = bytes(Ether(dst="02:00:00:00:00:02") / IP(dst="10.0.0.2") / TCP(dport=80))
VXLAN = struct.pack(">II", 0x08000000, 5 << 8) + INNER
GENEVE = struct.pack(">HHI", 0, 0x6558, 5 << 8) + INNER


def frame(packet: Any) -> bytes:
    return bytes(Ether(dst="02:00:00:00:00:03") / packet)


def to_port(port: int, payload: bytes) -> bytes:
    return frame(IP(dst="192.168.3.2") / UDP(sport=50000, dport=port) / Raw(payload))


MPLS = bytes(Ether(dst="02:00:00:00:00:03", type=0x8847))
SAID: dict[str, tuple[bytes, str]] = {
    "vxlan": (to_port(4789, VXLAN), "1 packet is VXLAN (UDP port 4789): what that carries is not read"),
    "geneve": (to_port(6081, GENEVE), "1 packet is GENEVE (UDP port 6081): what that carries is not read"),
    "gre": (frame(IP(dst="192.168.3.2") / GRE() / IP() / TCP()), "1 packet is GRE (IP protocol 47): "),
    "ipip": (frame(IP(dst="192.168.3.2") / IP() / TCP()), "1 packet is IPv4 in IP (protocol 4): "),
    "sit": (frame(IP(dst="192.168.3.2") / IPv6() / TCP()), "1 packet is IPv6 in IP (protocol 41): "),
    "a pseudowire": (MPLS + b"\0\1\1\x40" + bytes(4) + INNER, "1 packet is MPLS without IP behind its labels: "),
}
SILENT = {
    "another port": to_port(4790, VXLAN),
    "an answer to a port of that number": frame(IP() / UDP(sport=4789, dport=53) / Raw(b"\0" * 12)),
    "that port without that header": to_port(4789, b"GET / HTTP/1.1"[::-1]),
    "the other one's port": to_port(6081, VXLAN),
    "TCP to that port": frame(IP() / TCP(dport=4789)),
    "MPLS with IP": MPLS + b"\0\1\1\x40" + bytes(IP() / TCP()),
    "ARP": frame(Raw(b"")),
}


@pytest.mark.parametrize("name", SAID)
def test_tunnels_are_named(decoded: Decoded, name: str) -> None:
    raw, words = SAID[name]
    (limit,) = unread(decoded([raw]), [CapturePoint(name="eth0", interface="eth0")])
    assert (limit.kind, limit.subject) == (LimitKind.POINT, "eth0")
    assert limit.why.startswith(words)


@pytest.mark.parametrize("name", SILENT)
def test_what_only_looks_like_one_is_not(decoded: Decoded, name: str) -> None:
    assert unread(decoded([SILENT[name]]), [CapturePoint(name="eth0", interface="eth0")]) == ()


def test_where_the_header_was_not_kept_the_port_tells(decoded: Decoded) -> None:
    (limit,) = unread(decoded([to_port(4789, VXLAN)[:44]], origlen=200), [CapturePoint(name="a", interface="a")])
    assert "VXLAN" in limit.why


def test_each_is_counted(decoded: Decoded) -> None:
    table = decoded([to_port(4789, VXLAN)] * 3 + [to_port(6081, GENEVE), to_port(53, b"")])
    said = [limit.why for limit in unread(table, [CapturePoint(name="a", interface="a")])]
    assert [why.partition(" (")[0] for why in said] == ["3 packets are VXLAN", "1 packet is GENEVE"]
    assert [tunnel_of(table, row) for row in range(5)] == ["VXLAN"] * 3 + ["GENEVE", ""]


def test_a_link_type_that_is_not_read_is_named_for_its_point(decoded: Decoded) -> None:
    table = decoded([bytes(40), bytes(50)], linktype=127)
    (limit,) = unread(table, [CapturePoint(name="wlan0", interface="wlan0", linktype=127)])
    assert (limit.kind, limit.subject) == (LimitKind.PART, "wlan0")
    assert limit.why == "its 2 packets are of link type 127 (IEEE802_11_RADIOTAP), which is not read"


def test_nothing_is_said_of_nothing(decoded: Decoded) -> None:
    assert unread(decoded([]), []) == ()


def test_points_of_other_link_types_are_named() -> None:
    points = [CapturePoint(name=str(each), interface="", linktype=each) for each in (1, 105, 147, 276)]
    assert [(limit.subject, limit.why) for limit in unreadable(points)] == [
        ("105", "its packets are of link type 105 (IEEE802_11), which is not read"),
        ("147", "its packets are of link type 147 (USER0), which is not read"),
    ]
    assert {limit.kind for limit in unreadable(points)} == {LimitKind.PART}
