"""Packets inside of packets: each gets a row behind the one that carries it, to the depth of four, whatever the bytes."""

from __future__ import annotations

import logging
import struct
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from netprobe.decode import address
from netprobe.decode.decoder import decode
from netprobe.decode.table import Anomaly, Kind
from netprobe.decode.tunnels import MOST_DEPTH, tunnel_name
from netprobe.evidence.model import CapturePoint
from netprobe.evidence.packets import Packets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netprobe.decode.table import PacketTable

logging.getLogger("scapy").setLevel(logging.ERROR)
from scapy.contrib.geneve import GENEVE, GeneveOptions  # noqa: E402
from scapy.contrib.mpls import MPLS  # noqa: E402
from scapy.layers.inet import IP, TCP, UDP  # noqa: E402
from scapy.layers.inet6 import IPv6  # noqa: E402
from scapy.layers.l2 import GRE, Dot1Q, Ether  # noqa: E402
from scapy.layers.vxlan import VXLAN  # noqa: E402
from scapy.packet import Raw  # noqa: E402

OUTER = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / Dot1Q(vlan=9)
ENDS = IP(src="192.168.3.1", dst="192.168.3.2", ttl=64)
ENDS6 = IPv6(src="fd00::1", dst="fd00::2")
SEGMENT = IP(src="10.0.0.1", dst="10.0.0.2", ttl=63) / TCP(sport=40000, dport=80, flags="S", seq=7) / Raw(b"hello")
SEGMENT6 = IPv6(src="fd01::1", dst="fd01::2") / TCP(sport=40000, dport=80, flags="S", seq=7) / Raw(b"hello")
FRAME = Ether(src="02:42:00:00:00:03", dst="02:42:00:00:00:04") / SEGMENT
TAGGED = Ether(src="02:42:00:00:00:03", dst="02:42:00:00:00:04") / Dot1Q(vlan=5) / SEGMENT


def table(raws: Sequence[bytes], more: int = 0) -> PacketTable:
    """Decode frames, with packets inside; each had so many more bytes on the wire."""
    sizes = np.array([len(raw) for raw in raws], np.int64)
    count = len(raws)
    packets = Packets(
        data=b"".join(raws),
        offset=np.cumsum(sizes) - sizes,
        caplen=sizes,
        origlen=sizes + more,
        time_ns=np.arange(count, dtype=np.int64) * 1000,
        point=np.zeros(count, np.int32),
        frame=np.arange(1, count + 1, dtype=np.int64),
    )
    return decode(packets, [CapturePoint(name="x", interface="x")], tunnels=True)


TUNNELS: dict[str, tuple[Any, str]] = {
    "vxlan": (ENDS / UDP(sport=50000, dport=4789) / VXLAN(vni=42) / FRAME, "vxlan 42"),
    "vxlan over IPv6": (ENDS6 / UDP(sport=50000, dport=4789) / VXLAN(vni=0xFFFFFF) / FRAME, "vxlan 16777215"),
    "geneve": (ENDS / UDP(sport=50000, dport=6081) / GENEVE(vni=7, proto=0x6558) / FRAME, "geneve 7"),
    "geneve of IP": (ENDS / UDP(sport=50000, dport=6081) / GENEVE(vni=7, proto=0x0800) / SEGMENT, "geneve 7"),
    "geneve with options": (
        ENDS
        / UDP(sport=5, dport=6081)
        / GENEVE(vni=7, proto=0x6558, options=[GeneveOptions(data=b"12345678")])
        / FRAME,
        "geneve 7",
    ),
    "gre": (ENDS / GRE(proto=0x0800) / SEGMENT, "gre"),
    "gre of a frame": (ENDS / GRE(proto=0x6558) / FRAME, "gre"),
    "gre with a key": (ENDS / GRE(proto=0x0800, key_present=1, key=77) / SEGMENT, "gre 77"),
    "gre with all": (
        ENDS / GRE(proto=0x0800, chksum_present=1, key_present=1, key=0xAB00004D, seqnum_present=1) / SEGMENT,
        "gre 77",
    ),
    "gre of MPLS": (ENDS / GRE(proto=0x8847) / MPLS(label=20, s=1) / SEGMENT, "gre"),
    "gre over IPv6": (ENDS6 / GRE(proto=0x0800) / SEGMENT, "gre"),
    "ipip": (IP(src="192.168.3.1", dst="192.168.3.2", proto=4) / SEGMENT, "ip"),
    "4in6": (IPv6(src="fd00::1", dst="fd00::2", nh=4) / SEGMENT, "ip"),
    "6in4": (IP(src="192.168.3.1", dst="192.168.3.2", proto=41) / SEGMENT6, "ip"),
    "6in6": (IPv6(src="fd00::1", dst="fd00::2", nh=41) / SEGMENT6, "ip"),
}


@pytest.mark.parametrize("name", TUNNELS)
def test_the_packet_inside_has_a_row_of_its_own(name: str) -> None:
    packet, called = TUNNELS[name]
    raw = bytes(OUTER / packet)
    got = table([raw])
    assert got.kind.tolist() == [Kind.IP_OTHER if name[:3] in {"gre", "ipi", "4in", "6in"} else Kind.UDP, Kind.TCP]
    assert [tunnel_name(int(number)) for number in got.tunnel] == ["", called]
    six = got.ip_version[1] == 6
    assert address.text(int(got.ip_version[1]), got.src_hi[1], got.src_lo[1]) == ("fd01::1" if six else "10.0.0.1")
    assert (got.sport[1], got.dport[1], got.seq[1], got.payload(1)) == (40000, 80, 7, b"hello")
    assert got.vlan.tolist() == [9, -1]
    assert got.anomaly.tolist() == [0, 0]


def test_a_row_inside_is_the_frame_inside() -> None:
    raw = bytes(OUTER / TUNNELS["vxlan"][0])
    got = table([raw, raw], more=3)
    rows = got.packets
    assert rows.raw(1) == bytes(FRAME)
    assert rows.raw(3) == bytes(FRAME)
    assert rows.origlen.tolist() == [len(raw) + 3, len(bytes(FRAME))] * 2, "padding belongs to the outer frame"
    assert rows.frame.tolist() == [1, 1, 2, 2]
    assert rows.time_ns.tolist() == [0, 0, 1000, 1000]
    assert address.mac(int(got.eth_src[1])) == "02:42:00:00:00:03"


def test_tags_inside_are_the_inner_frames() -> None:
    assert table([bytes(OUTER / ENDS / UDP(dport=4789) / VXLAN(vni=1) / TAGGED)]).vlan.tolist() == [9, 5]


def nested(depth: int) -> bytes:
    packet = SEGMENT
    for _ in range(depth):
        packet = IP(src="192.168.3.1", dst="192.168.3.2", proto=4) / packet
    return bytes(OUTER / packet)


@pytest.mark.parametrize("depth", range(MOST_DEPTH + 2))
def test_the_depth_is_bounded(depth: int) -> None:
    got = table([nested(depth)])
    assert len(got) == 1 + min(depth, MOST_DEPTH)
    assert len({tunnel_name(int(each)) for each in got.tunnel}) == len(got), "each depth is a tunnel of its own"
    assert (got.kind[-1] == Kind.TCP) == (depth <= MOST_DEPTH)


def test_rows_keep_the_order_of_the_file() -> None:
    plain = bytes(OUTER / SEGMENT)
    got = table([nested(2), plain, nested(1), plain, nested(MOST_DEPTH)])
    assert got.packets.frame.tolist() == [1] * 3 + [2] + [3] * 2 + [4] + [5] * 5
    assert (np.diff(got.tunnel[:3]) > 0).all()


def test_without_being_asked_nothing_is_looked_into() -> None:
    packets = table([nested(2)]).packets
    outer = Packets(
        **{name: getattr(packets, name)[:1] for name in ("offset", "caplen", "origlen", "time_ns", "point", "frame")},
        data=packets.data,
    )
    got = decode(outer, [CapturePoint(name="x", interface="x")])
    assert len(got) == 1
    assert got.packets is outer
    assert got.tunnel.tolist() == [-1]


VXLAN_HEAD = struct.pack(">II", 0x08000000, 5 << 8)
NONE_INSIDE: dict[str, Any] = {
    "vxlan without its flag": ENDS / UDP(dport=4789) / Raw(bytes(4) + VXLAN_HEAD[4:] + bytes(FRAME)),
    "vxlan's header alone": ENDS / UDP(dport=4789) / Raw(VXLAN_HEAD),
    "a part of it": ENDS / UDP(dport=4789) / Raw(VXLAN_HEAD[:7]),
    "an answer from vxlan's port": ENDS / UDP(sport=4789, dport=50000) / Raw(VXLAN_HEAD + bytes(FRAME)),
    "geneve of another version": ENDS / UDP(dport=6081) / Raw(struct.pack(">HHI", 0x4000, 0x6558, 0) + bytes(FRAME)),
    "geneve of something else": ENDS / UDP(dport=6081) / Raw(struct.pack(">HHI", 0, 0x22EB, 0) + bytes(FRAME)),
    "geneve whose options are longer": ENDS / UDP(dport=6081) / Raw(struct.pack(">HHI", 0x3F00, 0x6558, 0) + bytes(99)),
    "gre with a route": ENDS / GRE(proto=0x0800, routing_present=1) / SEGMENT,
    "gre of PPTP": IP(dst="192.168.3.2", proto=47) / Raw(struct.pack(">HHHH", 0x2001, 0x880B, 4, 0) + bytes(20)),
    "gre of PPP": ENDS / GRE(proto=0x880B) / SEGMENT,
    "gre's keepalive": ENDS / GRE(proto=0),
    "gre cut in its key": IP(dst="192.168.3.2", proto=47) / Raw(struct.pack(">HHH", 0x2000, 0x0800, 4)),
    "a later fragment": IP(dst="192.168.3.2", proto=4, frag=100) / Raw(bytes(SEGMENT)),
    "esp": IP(dst="192.168.3.2", proto=50) / Raw(bytes(SEGMENT)),
    "udp": ENDS / UDP(dport=4788) / Raw(VXLAN_HEAD + bytes(FRAME)),
}


@pytest.mark.parametrize("name", NONE_INSIDE)
def test_where_nothing_is_inside_there_is_no_row(name: str) -> None:
    assert len(table([bytes(OUTER / NONE_INSIDE[name])])) == 1


@pytest.mark.parametrize("name", TUNNELS)
def test_a_capture_may_be_cut_anywhere(name: str) -> None:
    raw = bytes(OUTER / TUNNELS[name][0])
    for size in range(len(raw)):
        got = table([raw[:size]], more=len(raw) - size)
        end = got.packets.offset + got.packets.caplen
        assert (end <= size).all()
        assert (got.packets.caplen <= got.packets.origlen).all()
        assert len(got) == 1 or got.anomaly[-1] != 0 or got.payload_cap[-1] < got.payload_len[-1]


def test_what_is_inside_but_not_whole_is_named() -> None:
    raw = bytes(OUTER / TUNNELS["vxlan"][0])
    inside = raw.index(bytes(FRAME))
    got = table([raw[: inside + 5], raw[: inside + 20], raw[: inside + 40]], more=500)
    assert [Anomaly(int(each)) for each in got.anomaly[1::2]] == [
        Anomaly.TRUNCATED_LINK,
        Anomaly.TRUNCATED_NET,
        Anomaly.TRUNCATED_TRANSPORT,
    ]


def test_big_tcp_inside_and_outside() -> None:
    """Segments longer than the length field can say: 0 there (RFC 2675; the kernel's BIG TCP writes 0 in IPv4 too)."""
    four = IP(src="10.0.0.1", dst="10.0.0.2", len=0) / TCP(sport=1, dport=2) / Raw(bytes(66000))
    jumbo = b"\x06\x00\xc2\x04" + struct.pack(">I", 66028)
    six = IPv6(src="fd00::1", dst="fd00::2", nh=0, plen=0) / Raw(jumbo + bytes(TCP(sport=1, dport=2)) + bytes(66000))
    got = table([bytes(OUTER / four), bytes(OUTER / six)])
    assert got.kind.tolist() == [Kind.TCP] * 2
    assert got.payload_len.tolist() == [66000] * 2
    assert got.ip_len.tolist() == [66040, 66068]
