"""Link types and what stands between link and network layer, held against tshark: every kind beside one that differs in what decides."""

from __future__ import annotations

import logging
import shutil
import struct
import subprocess
from typing import TYPE_CHECKING

import pytest

from netprobe.decode import address
from netprobe.decode.decoder import decode
from netprobe.decode.link import readable
from netprobe.decode.linktypes import linktype_name
from netprobe.decode.table import Anomaly, Kind
from netprobe.evidence.stream.whole import read

if TYPE_CHECKING:
    from pathlib import Path

    from netprobe.decode.table import PacketTable
    from tests.decode.conftest import Decoded

logging.getLogger("scapy").setLevel(logging.ERROR)
from scapy.layers.inet import IP, TCP, UDP  # noqa: E402
from scapy.layers.inet6 import IPv6  # noqa: E402
from scapy.packet import Raw  # noqa: E402

FOUR = bytes(IP(src="10.0.0.1", dst="10.0.0.2") / TCP(sport=4, dport=5, seq=77) / Raw(b"hello"))
SIX = bytes(IPv6(src="fe80::1", dst="fe80::2") / UDP(sport=4, dport=5) / Raw(b"hello"))
MACS = bytes.fromhex("020000000002020000000001")
COOKED = struct.pack(">HHH8s", 0, 1, 6, bytes.fromhex("0200000000010000"))


def eth(ethertype: int, body: bytes) -> bytes:
    return MACS + struct.pack(">H", ethertype) + body


def llc(head: bytes, body: bytes, *, padding: int = 0) -> bytes:
    return struct.pack(">H", len(head) + len(body)) + head + body + bytes(padding)


def pppoe(body: bytes, *, code: int = 0, padding: int = 0) -> bytes:
    return struct.pack(">BBHH", 0x11, code, 7, len(body)) + body + bytes(padding)


def label(number: int, *, bottom: bool) -> bytes:
    return struct.pack(">I", number << 12 | bottom << 8 | 64)


def attribute(order: str, kind: int, value: bytes) -> bytes:
    return struct.pack(order + "HH", len(value) + 4, kind) + value + bytes(-len(value) % 4)


def nflog(order: str, family: int, body: bytes) -> bytes:
    """As the kernel writes it: header, prefix, interface, packet."""
    ethertype = 0x0800 if body[0] >> 4 == 4 else 0x86DD
    head = attribute(order, 1, struct.pack(">HBx", ethertype, 3)) + attribute(order, 10, b"dropped\0")
    return bytes([family, 0, 0, 5]) + head + attribute(order, 4, struct.pack(">I", 3)) + attribute(order, 9, body)


SNAP = b"\xaa\xaa\x03\0\0\0"
READ: dict[str, tuple[int, bytes]] = {
    "PPP": (9, b"\0\x21" + FOUR),
    "PPP with address and control": (9, b"\xff\x03\0\x57" + SIX),
    "PPP with a protocol of one byte": (9, b"\x21" + FOUR),
    "PPP_HDLC": (50, b"\xff\x03\0\x21" + FOUR),
    "PPP_HDLC in Cisco's framing": (50, b"\x0f\0\x08\0" + FOUR),
    "PPP_ETHER": (51, pppoe(b"\0\x21" + FOUR)),
    "C_HDLC": (104, b"\x8f\0\x86\xdd" + SIX),
    "PPP_WITH_DIR": (204, b"\x01\xff\x03\0\x21" + FOUR),
    "NFLOG": (239, nflog("<", 2, FOUR)),
    "NFLOG of IPv6": (239, nflog("<", 10, SIX)),
    "NULL": (0, b"\x02\0\0\0" + FOUR),
    "NULL of IPv6": (0, b"\x1e\0\0\0" + SIX),
    "LOOP": (108, b"\0\0\0\x02" + FOUR),
    "RAW": (101, SIX),
    "IPV4": (228, FOUR),
    "SLL with LLC": (113, COOKED + b"\0\x04" + SNAP + b"\x08\0" + FOUR),
    "SLL with PPPoE": (113, COOKED + b"\x88\x64" + pppoe(b"\0\x21" + FOUR)),
    "SLL of a GRE interface": (113, struct.pack(">HHHQH", 0, 778, 4, 0, 0x0800) + FOUR),
    "SLL2": (276, struct.pack(">HHIHBBQ", 0x86DD, 0, 3, 1, 0, 6, 0) + SIX),
    "PPPoE and padding": (1, eth(0x8864, pppoe(b"\0\x57" + SIX, padding=9))),
    "PPPoE in a VLAN": (1, eth(0x8100, b"\0\x07\x88\x64" + pppoe(b"\0\x21" + FOUR))),
    "MPLS": (1, eth(0x8847, label(16, bottom=False) + label(17, bottom=True) + FOUR)),
    "MPLS of many labels": (1, eth(0x8847, label(16, bottom=False) * 40 + label(17, bottom=True) + FOUR)),
    "MPLS of IPv6": (1, eth(0x8847, label(2, bottom=True) + SIX)),
    "MPLS in a VLAN": (1, eth(0x8100, b"\0\x07\x88\x47" + label(16, bottom=True) + FOUR)),
    "MPLS in PPPoE": (1, eth(0x8864, pppoe(b"\x02\x81" + label(16, bottom=True) + FOUR))),
    "SNAP": (1, MACS + llc(SNAP + b"\x08\0", FOUR, padding=9)),
    "SNAP of 802.1H": (1, MACS + llc(b"\xaa\xaa\x03\0\0\xf8\x08\0", FOUR)),
    "SNAP in a VLAN": (1, MACS + b"\x81\0\0\x07" + llc(SNAP + b"\x86\xdd", SIX)),
    "IP's own SAP": (1, MACS + llc(b"\x06\x06\x03", FOUR)),
    "Ethernet with a check sequence": (1, eth(0x0800, FOUR + b"\xde\xad\xbe\xef")),
    "short Ethernet with padding": (1, eth(0x0800, FOUR + bytes(1))),
    "Q-in-Q": (1, eth(0x88A8, b"\0\x07\x81\0\0\x08\x08\0" + FOUR)),
}
UNREAD: dict[str, tuple[int, bytes]] = {
    "PPP's own protocol": (9, b"\xff\x03\xc0\x21\x01\x01\0\x04"),
    "PPPoE discovery": (1, eth(0x8863, pppoe(b"\x01\x01\0\0", code=9))),
    "PPPoE of another version": (1, eth(0x8864, b"\x21" + pppoe(b"\0\x21" + FOUR)[1:])),
    "a pseudowire": (1, eth(0x8847, label(16, bottom=True) + bytes(4) + eth(0x0800, FOUR))),
    "an OAM alert": (1, eth(0x8847, label(14, bottom=True) + FOUR)),
    "labels without end": (1, eth(0x8847, label(16, bottom=False) * 40 + FOUR)),
    "SNAP of another organisation": (1, MACS + llc(b"\xaa\xaa\x03\0\0\x0c\x20\0", FOUR)),
    "a bridge's": (1, MACS + llc(b"\x42\x42\x03", bytes(35))),
    "IPX in plain 802.3": (1, MACS + llc(b"\xff\xff", FOUR)),
    "a length that is none": (1, eth(1536 - 20, FOUR)),
    "NFLOG without a packet": (239, bytes([2, 0, 0, 5]) + attribute("<", 10, b"x\0")),
    "SLL of netlink": (113, struct.pack(">HHHQH", 0, 824, 0, 0, 0x0800) + FOUR),
    "SLL of 802.3 without LLC": (113, COOKED + b"\0\x01" + FOUR),
    "NULL of IPX": (0, b"\x17\0\0\0" + FOUR),
}

# tshark 4.0 goes by the protocol field, which the format says is not to be read there; and takes any version of PPPoE's
TSHARK_READS_ON = ("SLL of netlink", "PPPoE of another version")


@pytest.mark.parametrize("name", READ)
def test_what_is_read(decoded: Decoded, name: str) -> None:
    linktype, raw = READ[name]
    table = decoded([raw], linktype=linktype)
    assert table.anomaly[0] == 0
    assert _said(table, 0) == (["10.0.0.1", "10.0.0.2"] if FOUR in raw else ["fe80::1", "fe80::2"])
    assert (table.sport[0], table.dport[0], table.payload(0), table.payload_len[0]) == (4, 5, b"hello", 5)
    assert readable(linktype)


@pytest.mark.parametrize("name", UNREAD)
def test_what_is_not(decoded: Decoded, name: str) -> None:
    linktype, raw = UNREAD[name]
    table = decoded([raw], linktype=linktype)
    assert (table.kind[0], table.ip_version[0], table.payload_off[0]) == (Kind.OTHER, 0, -1)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("family", "body"), [(2, FOUR), (10, SIX), (7, FOUR), (7, SIX)])
def test_netfilter_logs_of_both_byte_orders_and_of_bridges(
    decoded: Decoded, order: str, family: int, body: bytes
) -> None:
    table = decoded([nflog(order, family, body)], linktype=239)
    assert (table.sport[0], table.payload(0)) == (4, b"hello")


def test_a_length_cuts_off_what_pads_the_frame(decoded: Decoded) -> None:
    """A packet that says nothing of its own length (TSO) ends where the frame's length says."""
    endless = FOUR[:2] + b"\0\0" + FOUR[4:]
    table = decoded([MACS + llc(SNAP + b"\x08\0", endless, padding=9), eth(0x0800, endless + bytes(9))])
    assert table.payload_len.tolist() == [5, 14]


@pytest.mark.parametrize("name", READ)
def test_cut_at_every_byte(decoded: Decoded, name: str) -> None:
    linktype, raw = READ[name]
    ends = len(raw) - len(raw.partition(b"hello")[2])
    table = decoded([raw[:size] for size in range(ends - 5)], linktype=linktype, origlen=len(raw))
    assert table.anomaly.all(), "what is cut is marked"
    cut = [row for row in range(len(table)) if table.kind[row] in (Kind.TCP, Kind.UDP)]
    assert {(table.sport[row], table.payload_len[row]) for row in cut} <= {(4, 5)}


def _said(table: PacketTable, row: int) -> list[str]:
    version = int(table.ip_version[row])
    ends = [(table.src_hi, table.src_lo), (table.dst_hi, table.dst_lo)]
    return [address.text(version, high[row], low[row]) for high, low in ends] if version else ["", ""]


def _block(order: str, kind: int, body: bytes) -> bytes:
    body += bytes(-len(body) % 4)
    return struct.pack(order + "II", kind, len(body) + 12) + body + struct.pack(order + "I", len(body) + 12)


def _file(order: str, packets: list[tuple[int, bytes]]) -> bytes:
    """A section with an interface for each packet, of its link type."""
    out = _block(order, 0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1))
    out += b"".join(_block(order, 1, struct.pack(order + "HHI", linktype, 0, 0)) for linktype, _ in packets)
    for number, (_, raw) in enumerate(packets):
        out += _block(order, 6, struct.pack(order + "5I", number, 0, number, len(raw), len(raw)) + raw)
    return out


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_tshark_says_the_same(tmp_path: Path) -> None:
    """One file of two sections, the second of the other byte order: every link type beside every other."""
    swapped = {"NFLOG": (239, nflog(">", 2, FOUR)), "NULL": (0, b"\0\0\0\x02" + FOUR)}
    agreed = {**UNREAD, **READ}
    for name in TSHARK_READS_ON:
        del agreed[name]
    cases = [*agreed.values(), *swapped.values()]
    data = _file("<", list(agreed.values())) + _file(">", list(swapped.values()))
    path = tmp_path / "x.pcapng"
    path.write_bytes(data)
    fields = ["frame.number", "ip.src", "ip.dst", "ipv6.src", "ipv6.dst", "tcp.dstport", "udp.dstport", "tcp.len"]
    argv = ["tshark", "-n", "-r", str(path), "-T", "fields", *(part for field in fields for part in ("-e", field))]
    lines = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.splitlines()
    evidence = read(data)
    table = decode(evidence.packets, evidence.points)
    assert len(lines) == len(table) == len(cases)
    names = [*agreed, *(f"{name}, swapped" for name in swapped)]
    for row, (name, line) in enumerate(zip(names, lines, strict=True)):
        frame, src4, dst4, src6, dst6, tcp, udp, length = line.split("\t")
        assert int(frame) == table.packets.frame[row]
        assert _said(table, row) == [src4 or src6, dst4 or dst6], name
        assert table.dport[row] == int(tcp or udp or -1), name
        if length:
            assert table.payload_len[row] == int(length), name


def test_link_types_that_are_not_read_have_a_name(decoded: Decoded) -> None:
    assert linktype_name(105) == "105 (IEEE802_11)"
    assert linktype_name(147) == "147 (USER0)"
    assert linktype_name(9999) == "9999"
    for linktype in range(400):
        unknown = bool(decoded([b"\0" * 40], linktype=linktype).anomaly[0] & Anomaly.UNKNOWN_LINKTYPE)
        assert unknown != readable(linktype)
        assert not (readable(linktype) and "(" in linktype_name(linktype))
