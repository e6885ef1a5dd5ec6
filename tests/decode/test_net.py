"""Whom a packet under a source route is for: as tshark has it for IPv4, as the routing header says for IPv6. Which packets are taken for ARP."""

from __future__ import annotations

import logging
import shutil
import struct
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netprobe.decode import address
from netprobe.decode.table import ABSENT, Anomaly, Kind

if TYPE_CHECKING:
    from pathlib import Path

    from netprobe.decode.table import PacketTable
    from tests.decode.conftest import Decoded

logging.getLogger("scapy").setLevel(logging.ERROR)
from scapy.layers.inet import ICMP, IP, UDP, IPOption, IPOption_LSRR, IPOption_NOP, IPOption_RR, IPOption_SSRR  # noqa: E402
from scapy.layers.inet6 import (  # noqa: E402
    ICMPv6DestUnreach,
    IPv6,
    IPv6ExtHdrRouting,
    IPv6ExtHdrSegmentRouting,
)
from scapy.packet import Packet, Raw  # noqa: E402

CLIENT, ROUTER, SERVER = "10.0.0.1", "10.8.8.8", "10.0.0.2"
CLIENT6, ROUTER6, SERVER6 = "2001:db8::1", "2001:db8::8", "2001:db8::2"


def routed(*options: Any, dst: str = ROUTER) -> Packet:
    return IP(src=CLIENT, dst=dst, options=list(options)) / UDP(sport=4, dport=5) / Raw(b"hello")


ROUTES: dict[str, tuple[Packet, str]] = {
    "loose, under way": (routed(IPOption_LSRR(pointer=4, routers=["10.9.9.9", SERVER])), SERVER),
    "strict, under way": (routed(IPOption_SSRR(pointer=8, routers=["10.9.9.9", SERVER])), SERVER),
    "after another option": (routed(IPOption_NOP(), IPOption_RR(routers=["0.0.0.0"]), IPOption_LSRR(routers=[SERVER])), SERVER),  # noqa: S104
    "at its end": (routed(IPOption_LSRR(pointer=8, routers=[ROUTER]), dst=SERVER), SERVER),
    "recorded alone": (routed(IPOption_RR(routers=[ROUTER]), dst=SERVER), SERVER),
    "behind the end of options": (routed(IPOption(b"\0"), IPOption_LSRR(routers=[ROUTER]), dst=SERVER), SERVER),
}  # fmt: skip
ROUTES6: dict[str, tuple[Packet, str]] = {
    "type 0": (IPv6ExtHdrRouting(type=0, segleft=2, addresses=["2001:db8::9", SERVER6]), SERVER6),
    "type 2": (IPv6ExtHdrRouting(type=2, segleft=1, addresses=[SERVER6]), SERVER6),
    "segments": (IPv6ExtHdrSegmentRouting(segleft=1, lastentry=1, addresses=[SERVER6, ROUTER6]), SERVER6),
    "at its end": (IPv6ExtHdrSegmentRouting(segleft=0, lastentry=1, addresses=["2001:db8::9", ROUTER6]), ROUTER6),
    "another type": (IPv6ExtHdrRouting(type=7, segleft=1, addresses=[SERVER6]), ROUTER6),
}


def ends(table: PacketTable, kind: str = "") -> tuple[str, str]:
    version = int(table.ip_version[0])
    src, dst = (
        address.text(version, getattr(table, f"{kind}{side}_hi")[0], getattr(table, f"{kind}{side}_lo")[0])
        for side in ("src", "dst")
    )
    return src, dst


@pytest.mark.parametrize("name", ROUTES)
def test_the_last_address_of_a_route_is_the_destination(decoded: Decoded, name: str) -> None:
    packet, wanted = ROUTES[name]
    table = decoded([bytes(packet)], linktype=101)
    assert ends(table) == (CLIENT, wanted)
    assert (table.dport[0], table.payload(0)) == (5, b"hello")


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_tshark_has_the_same(tmp_path: Path) -> None:
    raws = [bytes(packet) for packet, _ in ROUTES.values()]
    path = tmp_path / "x.pcap"
    head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101)
    path.write_bytes(head + b"".join(struct.pack("<IIII", 1, 0, len(raw), len(raw)) + raw for raw in raws))
    argv = ["tshark", "-n", "-r", str(path), "-T", "fields", "-e", "ip.dst"]
    shown = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split()
    assert shown == [wanted for _, wanted in ROUTES.values()]


@pytest.mark.parametrize("name", ROUTES6)
def test_routing_headers(decoded: Decoded, name: str) -> None:
    header, wanted = ROUTES6[name]
    raw = bytes(IPv6(src=CLIENT6, dst=ROUTER6) / header / UDP(sport=4, dport=5) / Raw(b"hello"))
    table = decoded([raw], linktype=101)
    assert ends(table) == (CLIENT6, wanted)
    assert (table.dport[0], table.payload(0)) == (5, b"hello")


@pytest.mark.parametrize("name", ROUTES)
def test_an_error_quotes_the_same_destination(decoded: Decoded, name: str) -> None:
    """The quoted header is as it was at the router: another next hop than where the packet was captured."""
    packet, wanted = ROUTES[name]
    table = decoded([bytes(IP(src=ROUTER, dst=CLIENT) / ICMP(type=3, code=5) / Raw(bytes(packet)))], linktype=101)
    assert ends(table, "inner_") == (CLIENT, wanted)
    assert (table.kind[0], table.inner_dport[0]) == (Kind.ICMP_ERROR, 5)


@pytest.mark.parametrize("name", ROUTES6)
def test_an_error_of_ipv6_quotes_the_same_destination(decoded: Decoded, name: str) -> None:
    header, wanted = ROUTES6[name]
    quoted = Raw(bytes(IPv6(src=CLIENT6, dst=ROUTER6) / header / UDP(sport=4, dport=5) / Raw(b"hello")))
    table = decoded([bytes(IPv6(src=ROUTER6, dst=CLIENT6) / ICMPv6DestUnreach() / quoted)], linktype=101)
    assert ends(table, "inner_") == (CLIENT6, wanted)
    assert table.inner_dport[0] == 5


@given(options=st.binary(min_size=1, max_size=40))
def test_any_options(decoded: Decoded, options: bytes) -> None:
    options += bytes(-len(options) % 4)
    bare = bytes(routed(dst=SERVER))
    raw = bytes([0x45 + len(options) // 4]) + bare[1:2] + struct.pack(">H", len(bare) + len(options)) + bare[4:20]
    table = decoded([raw + options + bare[20:]], linktype=101)
    assert (table.dport[0], table.payload(0)) == (5, b"hello")


def test_a_quoted_header_that_was_cut(decoded: Decoded) -> None:
    packet, _ = ROUTES["loose, under way"]
    error = bytes(IP(src=ROUTER, dst=CLIENT) / ICMP(type=3, code=5) / Raw(bytes(packet)))
    tables = [decoded([error[:size]], linktype=101, origlen=len(error)) for size in range(48, 60)]
    assert {ends(table, "inner_") for table in tables} == {(CLIENT, ROUTER)}


@pytest.mark.parametrize("kept", [20, 21, 31, 32])
def test_a_header_whose_options_were_cut_off_still_tells_the_ends(decoded: Decoded, kept: int) -> None:
    raw = bytes(routed(IPOption_NOP(), IPOption_RR(routers=[ROUTER, ROUTER]), dst=SERVER))
    table = decoded([raw[:kept]], linktype=101, origlen=len(raw))
    assert ends(table) == (CLIENT, SERVER)
    assert (table.kind[0], table.ip_proto[0], table.ttl[0], table.ip_len[0]) == (Kind.IP_OTHER, 17, 64, len(raw))
    assert (table.sport[0], table.anomaly[0]) == (
        ABSENT,
        Anomaly.TRUNCATED_TRANSPORT if kept == 32 else Anomaly.TRUNCATED_NET,
    )


def test_less_than_a_header_tells_nothing(decoded: Decoded) -> None:
    table = decoded([bytes(routed(dst=SERVER))[:19]], linktype=101, origlen=60)
    assert (table.kind[0], table.ip_version[0], table.anomaly[0]) == (Kind.OTHER, 0, Anomaly.TRUNCATED_NET)


def arp(*, hardware: int = 1, protocol: int = 0x0800, sizes: int = 0x0604, operation: int = 1) -> bytes:
    head = b"\xff" * 6 + b"\2\0\0\0\0\1" + b"\x08\x06" + struct.pack(">HHHH", hardware, protocol, sizes, operation)
    return head + b"\2\0\0\0\0\1" + bytes([10, 0, 0, 1]) + bytes(6) + bytes([10, 0, 0, 2])


@pytest.mark.parametrize("operation", [1, 2, 9, 0x7FFF, 0x8000, 0xFFFF])
def test_the_operation_is_a_number_of_16_bits(decoded: Decoded, operation: int) -> None:
    table = decoded([arp(operation=operation)])
    assert (table.kind[0], table.arp_op[0]) == (Kind.ARP, operation)


@pytest.mark.parametrize("hardware", [1, 6])
def test_ethernet_and_ieee_802_have_mac_addresses(decoded: Decoded, hardware: int) -> None:
    table = decoded([arp(hardware=hardware)])
    assert (table.kind[0], table.arp_sha[0], table.src_lo[0]) == (Kind.ARP, 0x020000000001, 0x0A000001)


@pytest.mark.parametrize("odd", [{"hardware": 19}, {"hardware": 32}, {"protocol": 0x86DD}, {"sizes": 0x0804}])
def test_other_hardware_and_protocols_are_another_format(decoded: Decoded, odd: dict[str, int]) -> None:
    table = decoded([arp(**odd)])
    assert (table.kind[0], table.arp_op[0], table.ip_version[0]) == (Kind.OTHER, ABSENT, 0)
    assert table.anomaly[0] == Anomaly.BAD_ARP


@pytest.mark.parametrize(("kept", "operation"), [(27, 1), (8, 1), (7, ABSENT)])
def test_an_arp_message_that_was_cut_off_tells_its_operation_and_nobody(
    decoded: Decoded, kept: int, operation: int
) -> None:
    table = decoded([arp()[: 14 + kept]], origlen=42)
    assert (table.arp_op[0], table.arp_sha[0], table.src_lo[0]) == (operation, ABSENT, 0)
    assert (table.kind[0], table.ip_version[0], table.anomaly[0]) == (Kind.OTHER, 0, Anomaly.TRUNCATED_NET)
