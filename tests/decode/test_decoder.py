"""Columns against scapy's and tshark's reading of the same bytes, and no bytes that break the decoder."""

from __future__ import annotations

import dataclasses
import logging
import random
import shutil
import struct
import subprocess
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netprobe.decode import address, decoder
from netprobe.decode.decoder import decode
from netprobe.decode.table import ABSENT, TAG_UNKNOWN, Anomaly, Kind, PacketTable
from netprobe.evidence.model import CapturePoint
from netprobe.evidence.packets import Packets
from netprobe.evidence.stream.whole import read
from netprobe.flows.build import build

if TYPE_CHECKING:
    from pathlib import Path

    from tests.decode.conftest import Decoded

logging.getLogger("scapy").setLevel(logging.ERROR)
from scapy.layers.dns import DNS, DNSQR, DNSRR  # noqa: E402
from scapy.layers.inet import ICMP, IP, TCP, UDP, ICMPerror, IPerror, IPOption_NOP, TCPerror, UDPerror  # noqa: E402
from scapy.layers.inet6 import (  # noqa: E402
    ICMPv6DestUnreach,
    ICMPv6EchoReply,
    ICMPv6EchoRequest,
    ICMPv6ND_NS,
    ICMPv6PacketTooBig,
    IPerror6,
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
)
from scapy.layers.l2 import ARP, CookedLinux, Dot1AD, Dot1Q, Ether, Loopback  # noqa: E402
from scapy.layers.sctp import SCTP  # noqa: E402
from scapy.packet import Packet, Padding, Raw  # noqa: E402


def mac_int(text: str) -> int:
    return int.from_bytes(bytes.fromhex(text.replace(":", "")), "big")


TCP_OPTIONS: list[list[tuple[str, Any]]] = [
    [],
    [("NOP", None), ("NOP", None), ("Timestamp", (0xFFFFFFFF, 0x80000000))],
    [("MSS", 1460), ("SAckOK", b""), ("Timestamp", (7, 8)), ("NOP", None), ("WScale", 7)],
    [("Timestamp", (1, 2)), ("EOL", None)],
    [("NOP", None)] * 40,
    [("MSS", 65535)],
    [("NOP", None), ("NOP", None), ("SAck", (1, 2))],
]


class Maker:
    """Random but repeatable packets of every kind that the decoder knows."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def number(self, bits: int) -> int:
        return self.random.choice([0, 1, (1 << bits) - 1, self.random.getrandbits(bits)])

    def mac(self) -> str:
        return address.mac(self.number(48))

    def ip4(self) -> str:
        return address.text(4, 0, self.random.choice([0x7F00000B, self.number(32)]))

    def ip6(self) -> str:
        return address.text(6, self.number(64), self.number(64))

    def body(self) -> bytes:
        return self.random.randbytes(self.random.choice([0, 1, 18, 100]))

    def tcp(self) -> Packet:
        return TCP(
            sport=self.number(16),
            dport=self.number(16),
            seq=self.number(32),
            ack=self.number(32),
            flags=self.number(8),
            window=self.number(16),
            options=self.random.choice(TCP_OPTIONS),
        ) / Raw(self.body())

    def udp(self) -> Packet:
        port = self.random.choice([53, 5353, 9, self.number(16)])
        ports = (
            {"sport": port, "dport": self.number(16)}
            if self.random.random() < 0.5
            else {"sport": self.number(16), "dport": port}
        )
        if 53 in ports.values() or 5353 in ports.values():
            return UDP(**ports) / self.dns()
        return UDP(**ports) / Raw(self.body())

    def dns(self) -> Packet:
        question = DNSQR(qname="demo.example")
        if self.random.random() < 0.5:
            return DNS(id=self.number(16), qd=question)
        return DNS(
            id=self.number(16),
            qr=1,
            rcode=self.number(4),
            qd=question,
            an=DNSRR(rrname="demo.example", rdata="1.2.3.4"),
        )

    def echo(self) -> Packet:
        return ICMP(id=self.number(16), seq=self.number(16)) / Raw(b"x")

    def icmp4(self) -> Packet:
        if self.random.random() < 0.5:
            return ICMP(type=self.random.choice([0, 8, 13]), id=self.number(16), seq=self.number(16)) / Raw(self.body())
        kind, code = self.random.choice([(3, 1), (3, 3), (3, 4), (11, 0), (12, 0), (5, 1)])
        error = ICMP(type=kind, code=code)
        if (kind, code) == (3, 4):
            error.nexthopmtu = self.number(16)
        upper = self.random.choice([self.tcp, self.udp, self.echo])()
        quoted = bytes(IP(src=self.ip4(), dst=self.ip4()) / upper)
        return error / Raw(quoted[: self.random.choice([28, 1000])])

    def icmp6(self) -> Packet:
        which = self.random.randrange(4)
        if which == 0:
            return self.random.choice([ICMPv6EchoRequest, ICMPv6EchoReply])(
                id=self.number(16), seq=self.number(16), data=self.body()
            )
        if which == 1:
            return ICMPv6ND_NS(tgt=self.ip6())
        quoted = Raw(bytes(IPv6(src=self.ip6(), dst=self.ip6()) / self.random.choice([self.tcp, self.udp])()))
        return (ICMPv6DestUnreach() if which == 2 else ICMPv6PacketTooBig(mtu=self.number(31))) / quoted

    def arp(self) -> Packet:
        op = self.random.choice([1, 2])
        return ARP(op=op, hwsrc=self.mac(), hwdst=self.mac(), psrc=self.ip4(), pdst=self.ip4())

    def sctp(self) -> Packet:
        return SCTP(sport=self.number(16), dport=self.number(16), tag=self.number(32)) / Raw(self.body())

    def other(self) -> Packet:
        return Raw(self.body())

    def network4(self) -> Packet:
        flags, offset = self.random.choice([("", 0), ("DF", 0), ("MF", 0), ("MF", 185), ("", 185)])
        head = IP(
            src=self.ip4(), dst=self.ip4(), ttl=self.number(8), id=self.number(16), flags=flags, frag=offset, proto=47
        )
        head.options = self.random.choice([[], [IPOption_NOP()] * 4])
        upper = self.random.choice([self.tcp, self.udp, self.icmp4, self.sctp, self.other])()
        head.proto = {TCP: 6, UDP: 17, ICMP: 1, SCTP: 132, Raw: 47}[type(upper)]
        return head / upper

    def network6(self) -> Packet:
        head = IPv6(src=self.ip6(), dst=self.ip6(), hlim=self.number(8))
        which = self.random.randrange(4)
        if which == 0:
            return head / IPv6ExtHdrFragment(offset=185, m=0, nh=17) / Raw(self.body())
        if which == 1:
            head /= IPv6ExtHdrHopByHop()
        if which == 2:
            head /= IPv6ExtHdrDestOpt() / IPv6ExtHdrFragment(offset=0, m=1)
        return head / self.random.choice([self.tcp, self.udp, self.icmp6])()

    def network(self) -> Packet:
        return self.random.choice([self.arp, self.network4, self.network4, self.network6])()

    def frame(self) -> bytes:
        packet = Ether(src=self.mac(), dst=self.mac())
        tags = self.random.choice(["", "", "", "q", "aq"])
        if "a" in tags:
            packet /= Dot1AD(vlan=self.number(12))
        if "q" in tags:
            packet /= Dot1Q(vlan=self.number(12), prio=5)
        raw = bytes(packet / self.network())
        return raw + bytes(max(60 - len(raw), 0))  # as a network card pads


def expected(raw: bytes) -> dict[str, object]:
    """What scapy says, as columns; only those columns that scapy's reading fills."""
    packet = Ether(raw)
    out: dict[str, object] = {"eth_src": mac_int(packet.src), "eth_dst": mac_int(packet.dst)}
    layers = [layer for layer in packet.iterpayloads() if isinstance(layer, (Dot1Q, Dot1AD))]
    tags = [layer.vlan for layer in layers if layer.vlan]  # 0: a priority alone
    out["vlan"], out["vlan_inner"] = [*tags, ABSENT, ABSENT][:2]
    if ARP in packet:
        arp = packet[ARP]
        out |= {
            "kind": Kind.ARP,
            "arp_op": arp.op,
            "arp_sha": mac_int(arp.hwsrc),
            "arp_tha": mac_int(arp.hwdst),
        }
        return out | {"src": arp.psrc, "dst": arp.pdst, "ethertype": 0x0806}
    ip = packet[IP] if IP in packet else packet[IPv6]
    out |= {"src": ip.src, "dst": ip.dst, "ip_version": ip.version, "kind": Kind.IP_OTHER}
    if ip.version == 4:
        out |= {
            "ttl": ip.ttl,
            "ip_id": ip.id,
            "frag_off": ip.frag * 8,
            "more_frag": "MF" in ip.flags,
            "dont_frag": "DF" in ip.flags,
        }
        out |= {"ip_len": ip.len, "ip_proto": ip.proto, "ethertype": 0x0800}
    else:
        fragment = ip.getlayer(IPv6ExtHdrFragment)
        out |= {"ttl": ip.hlim, "ip_id": ABSENT, "ip_len": ip.plen + 40, "ethertype": 0x86DD}
        out |= {"frag_off": fragment.offset * 8 if fragment else 0, "more_frag": bool(fragment and fragment.m)}
    if out["frag_off"]:
        return out | {"sport": ABSENT, "payload_off": ABSENT}
    return out | upper(ip)


def upper(ip: Packet) -> dict[str, object]:
    if TCP in ip:
        tcp = ip[TCP]
        options = dict(option for option in tcp.options if option[0] in ("MSS", "Timestamp"))
        stamps = options.get("Timestamp", (ABSENT, ABSENT))
        out = {
            "kind": Kind.TCP,
            "sport": tcp.sport,
            "dport": tcp.dport,
            "seq": tcp.seq,
            "ack": tcp.ack,
            "window": tcp.window,
        }
        return out | {
            "tcp_flags": int(tcp.flags) & 0xFF,
            "mss": options.get("MSS", ABSENT),
            "tsval": stamps[0],
            "tsecr": stamps[1],
            "payload": content(tcp),
        }
    if UDP in ip and UDPerror not in ip:
        udp = ip[UDP]
        out = {"kind": Kind.UDP, "sport": udp.sport, "dport": udp.dport, "payload": bytes(udp)[8 : udp.len]}
        if 53 in (udp.sport, udp.dport) or 5353 in (udp.sport, udp.dport):
            dns = DNS(bytes(udp)[8:])
            out |= {"dns_id": dns.id, "dns_qr": dns.qr, "dns_rcode": dns.rcode, "dns_answers": dns.ancount}
        return out
    if SCTP in ip:
        sctp = ip[SCTP]
        return {
            "kind": Kind.SCTP,
            "sport": sctp.sport,
            "dport": sctp.dport,
            "payload": bytes(ip)[ip.ihl * 4 + 12 : ip.len],
        }
    if ip.version == 4 and ICMP in ip:
        return icmp4(ip[ICMP])
    if ip.version == 6 and (ICMPv6EchoRequest in ip or ICMPv6EchoReply in ip):
        echo = ip[ICMPv6EchoRequest] if ICMPv6EchoRequest in ip else ip[ICMPv6EchoReply]
        out = {"kind": Kind.ICMP, "icmp_type": echo.type, "sport": echo.id, "dport": echo.id}
        return out | {"seq": echo.seq, "payload": echo.data}
    return icmp6_error(ip)


def icmp6_error(ip: Packet) -> dict[str, object]:
    if ICMPv6ND_NS in ip:
        return {"kind": Kind.ICMP, "icmp_type": 135, "sport": ABSENT}
    if ICMPv6DestUnreach not in ip and ICMPv6PacketTooBig not in ip:
        return {}
    quoted = ip[IPerror6]
    inner = quoted[TCPerror] if TCPerror in quoted else quoted[UDPerror]
    return {
        "kind": Kind.ICMP_ERROR,
        "inner_proto": quoted.nh,
        "inner_src": quoted.src,
        "inner_dst": quoted.dst,
        "inner_sport": inner.sport,
        "inner_dport": inner.dport,
        "inner_seq": inner.seq if TCPerror in quoted else ABSENT,
    }


def icmp4(icmp: Packet) -> dict[str, object]:
    out: dict[str, object] = {"icmp_type": icmp.type, "icmp_code": icmp.code}
    if icmp.type in (0, 8):
        return out | {"kind": Kind.ICMP, "sport": icmp.id, "dport": icmp.id, "seq": icmp.seq, "payload": content(icmp)}
    if icmp.type not in (3, 4, 5, 11, 12):
        return out | {"kind": Kind.ICMP}
    quoted = icmp[IPerror]
    out |= {"kind": Kind.ICMP_ERROR, "inner_proto": quoted.proto, "inner_src": quoted.src, "inner_dst": quoted.dst}
    if TCPerror in quoted:
        inner = quoted[TCPerror]
        return out | {"inner_sport": inner.sport, "inner_dport": inner.dport, "inner_seq": inner.seq}
    if UDPerror in quoted:
        return out | {"inner_sport": quoted[UDPerror].sport, "inner_dport": quoted[UDPerror].dport, "inner_seq": ABSENT}
    if ICMPerror in quoted:
        return out | {"inner_sport": quoted[ICMPerror].id, "inner_dport": quoted[ICMPerror].id}
    return out


def content(layer: Packet) -> bytes:
    padding = layer.getlayer(Padding)
    whole = bytes(layer.payload)
    return whole[: len(whole) - len(padding.load)] if padding is not None else whole


def row(table: PacketTable, number: int) -> dict[str, object]:
    out: dict[str, object] = {
        field.name: getattr(table, field.name)[number].item()
        for field in dataclasses.fields(table)
        if field.name != "packets"
    }
    version = int(table.ip_version[number])
    for name in ("src", "dst"):
        out[name] = address.text(version, getattr(table, f"{name}_hi")[number], getattr(table, f"{name}_lo")[number])
        out[f"inner_{name}"] = address.text(
            version, getattr(table, f"inner_{name}_hi")[number], getattr(table, f"inner_{name}_lo")[number]
        )
    return out | {"payload": table.payload(number)}


@pytest.mark.parametrize("seed", range(4))
def test_agrees_with_scapy(decoded: Decoded, seed: int) -> None:
    maker = Maker(seed)
    raws = [maker.frame() for _ in range(250)]
    table = decoded(raws)
    kinds = set()
    for number, raw in enumerate(raws):
        got, wanted = row(table, number), expected(raw)
        kinds.add(got["kind"])
        wrong = {name: (value, got[name]) for name, value in wanted.items() if normal(got[name]) != normal(value)}
        assert not wrong, f"{Ether(raw)!r}"
        routed = got["anomaly"] == Anomaly.BAD_ND and got["icmp_type"] == 135  # a hop limit of 255 is rare here
        assert routed or got["anomaly"] in (0, Anomaly.BAD_DNS), f"{Ether(raw)!r}"
    assert kinds == set(Kind) - {Kind.OTHER}


def normal(value: object) -> object:
    if isinstance(value, str) and ":" in value:
        return address.parse(value)
    return value


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_agrees_with_tshark(decoded: Decoded, tmp_path: Path) -> None:
    maker = Maker(99)
    raws = [maker.frame() for _ in range(400)]
    path = tmp_path / "x.pcap"
    head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    path.write_bytes(head + b"".join(struct.pack("<IIII", 1, 0, len(raw), len(raw)) + raw for raw in raws))
    fields = [
        "frame.number",
        "tcp.srcport",
        "tcp.seq_raw",
        "tcp.len",
        "tcp.options.timestamp.tsval",
        "udp.dstport",
        "vlan.id",
        "icmp.ident",
    ]
    argv = [
        "tshark",
        "-n",
        "-r",
        str(path),
        "-o",
        "ip.defragment:FALSE",
        "-o",
        "ipv6.defragment:FALSE",
        "-E",
        "occurrence=f",
    ]
    argv += ["-T", "fields", *(part for field in fields for part in ("-e", field))]
    lines = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.splitlines()
    packets = read(path.read_bytes(), name="x.pcap").packets
    table = decode(packets, [CapturePoint(name="x", interface="x")])
    compared = 0
    for number, line in enumerate(lines):
        frame, sport, seq, length, tsval, dport, vlan, _ = line.split("\t")
        assert int(frame) == packets.frame[number]
        if raws[number][12:14] != b"\x88\xa8":  # an outer 802.1ad tag is another field there
            assert (vlan if vlan not in ("", "0") else "-1") == str(table.vlan[number])
        if table.kind[number] == Kind.TCP and sport:
            compared += 1
            assert (int(sport), int(seq)) == (table.sport[number], table.seq[number])
            assert int(length or -1) in (table.payload_len[number], -1)
            assert int(tsval or -1) == table.tsval[number]
        if table.kind[number] == Kind.UDP and dport:
            compared += 1
            assert int(dport) == table.dport[number]
    assert compared > 100


@pytest.mark.parametrize(
    ("linktype", "head"),
    [
        (113, bytes(CookedLinux(lladdrlen=6, src=b"\x02\x00\x00\x00\x00\x01", proto=0x0800))),
        (276, struct.pack(">HHIHBB8s", 0x0800, 0, 3, 1, 0, 6, b"\x02\x00\x00\x00\x00\x01")),
        (101, b""),
        (12, b""),
        (14, b""),
        (228, b""),
        (0, bytes(Loopback(type=2))),
        (0, b"\x02\0\0\0"),
        (108, b"\0\0\0\x02"),
        (113, bytes(CookedLinux(lladdrlen=6, src=b"\x02\x00\x00\x00\x00\x01", proto=0x8100)) + b"\x00\x07\x08\x00"),
    ],
)
def test_link_types(decoded: Decoded, linktype: int, head: bytes) -> None:
    raw = head + bytes(IP(src="10.0.0.1", dst="10.0.0.2") / TCP(sport=4, dport=5) / Raw(b"hello"))
    table = decoded([raw], linktype=linktype)
    got = row(table, 0)
    assert (got["kind"], got["src"], got["sport"], got["payload"]) == (Kind.TCP, "10.0.0.1", 4, b"hello")
    assert got["anomaly"] == 0
    assert got["eth_dst"] == -1
    assert got["eth_src"] == (0x020000000001 if linktype in (113, 276) else -1)
    assert got["vlan"] == (7 if b"\x81\x00" in head else TAG_UNKNOWN if linktype == 276 else -1)


INNER = bytes(IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=4, dport=5) / Raw(b"hello"))
TPIDS = [0x8100, 0x88A8, 0x9100]


def tagged(linktype: int, tags: list[tuple[int, int]], rest: bytes = INNER) -> bytes:
    """A packet with these (TPID, TCI), outermost first, after the link header of its type."""
    types = [*(tpid for tpid, _ in tags), 0x0800]
    chain = b"".join(struct.pack(">HH", tci, following) for (_, tci), following in zip(tags, types[1:], strict=True))
    if linktype == 276:  # the protocol stands first
        return struct.pack(">H", types[0]) + bytes(18) + chain + rest
    return (bytes(12) if linktype == 1 else bytes(14)) + struct.pack(">H", types[0]) + chain + rest


@given(
    linktype=st.sampled_from([1, 113, 276]),
    tags=st.lists(st.tuples(st.sampled_from(TPIDS), st.integers(0, 0xFFFF)), max_size=10),
)
def test_tags_wherever_they_stand(decoded: Decoded, linktype: int, tags: list[tuple[int, int]]) -> None:
    table = decoded([tagged(linktype, tags)], linktype=linktype)
    got = row(table, 0)
    ids = [tci & 0xFFF for _, tci in tags[:2] if tci & 0xFFF]
    assert got["vlan"] == (ids[0] if ids else TAG_UNKNOWN if linktype == 276 and not tags else ABSENT)
    assert got["vlan_inner"] == (ids[1] if len(ids) > 1 else ABSENT)
    assert bool(int(table.anomaly[0]) & Anomaly.TOO_MANY_TAGS) == (len(tags) > 8)
    assert (got["kind"] == Kind.UDP) == (len(tags) <= 8)


@given(
    linktype=st.sampled_from([1, 113, 276]),
    tags=st.lists(st.tuples(st.sampled_from(TPIDS), st.integers(0, 0xFFFF)), min_size=1, max_size=2),
    kept=st.integers(0, 40),
)
def test_a_tag_that_is_cut_short_is_named(
    decoded: Decoded, linktype: int, tags: list[tuple[int, int]], kept: int
) -> None:
    whole = tagged(linktype, tags)
    table = decoded([whole[:kept]], linktype=linktype, origlen=len(whole))
    got = row(table, 0)
    headers = len(tagged(linktype, tags, b""))
    assert bool(int(table.anomaly[0]) & Anomaly.TRUNCATED_LINK) == (kept < headers)
    assert got["vlan"] in (*(tci & 0xFFF for _, tci in tags), ABSENT, TAG_UNKNOWN)
    assert got["vlan"] != 0


@pytest.mark.parametrize(("linktype", "head"), [(229, b""), (101, b""), (0, b"\x1e\0\0\0"), (108, b"\0\0\0\x0a")])
def test_link_types_of_ipv6(decoded: Decoded, linktype: int, head: bytes) -> None:
    table = decoded(
        [head + bytes(IPv6(src="fe80::1", dst="fe80::2") / UDP(sport=4, dport=5) / Raw(b"hello"))], linktype=linktype
    )
    assert row(table, 0)["src"] == "fe80::1"
    assert table.payload(0) == b"hello"


def test_points_of_several_link_types_in_one_table(decoded: Decoded) -> None:
    ip = bytes(IP() / UDP(sport=1, dport=2))
    one, other = bytes(Ether(type=0x0800)) + ip, ip
    packets = Packets(
        data=one + other,
        offset=np.array([0, len(one), 0], np.int64),
        caplen=np.array([len(one), len(other), len(one)], np.int64),
        origlen=np.array([len(one), len(other), len(one)], np.int64),
        time_ns=np.zeros(3, np.int64),
        point=np.array([1, 0, 7], np.int32),
        frame=np.arange(3, dtype=np.int64),
    )
    table = decode(
        packets, [CapturePoint(name="a", interface="a", linktype=101), CapturePoint(name="b", interface="b")]
    )
    assert table.kind.tolist() == [Kind.UDP, Kind.UDP, Kind.OTHER]
    assert table.anomaly.tolist() == [0, 0, Anomaly.UNKNOWN_LINKTYPE]


def test_no_packets_at_all() -> None:
    table = decode(Packets.none(), [])
    assert len(table) == 0
    assert {len(getattr(table, field.name)) for field in dataclasses.fields(table)} == {0}


def test_types_are_as_promised(decoded: Decoded) -> None:
    table = decoded([b""])
    for field in dataclasses.fields(table):
        if field.name != "packets":
            assert str(field.type) == f"NDArray[np.{getattr(table, field.name).dtype.name.replace('bool', 'bool_')}]"


def test_chunks_join_without_a_seam(decoded: Decoded, monkeypatch: pytest.MonkeyPatch) -> None:
    maker = Maker(5)
    raws = [maker.frame() for _ in range(60)]
    whole = decoded(raws)
    monkeypatch.setattr(decoder, "CHUNK_ROWS", 7)
    parts = decoded(raws)
    assert [row(whole, n) for n in range(60)] == [row(parts, n) for n in range(60)]


# --- any bytes -------------------------------------------------------------------------------------------------------


@settings(max_examples=200, deadline=None)
@given(
    raws=st.lists(st.binary(max_size=120), max_size=5),
    linktype=st.sampled_from([0, 1, 9, 12, 50, 51, 101, 104, 108, 113, 166, 204, 219, 228, 229, 239, 276, 999]),
    origlen=st.sampled_from([None, 0, 60, 70_000]),
)
def test_random_bytes(decoded: Decoded, raws: list[bytes], linktype: int, origlen: int | None) -> None:
    decoded(raws, linktype=linktype, origlen=origlen)


@settings(max_examples=200, deadline=None)
@given(seed=st.integers(0, 1 << 20), changes=st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), max_size=8))
def test_changed_bytes(decoded: Decoded, seed: int, changes: list[tuple[int, int]]) -> None:
    raw = bytearray(Maker(seed).frame())
    for where, value in changes:
        raw[14 + where % (len(raw) - 14)] = value
    decoded([bytes(raw)])


def test_cut_at_every_byte(decoded: Decoded) -> None:
    """What a shorter row keeps reads the same as in the whole one, or is absent and marked."""
    maker = Maker(7)
    for raw in [maker.frame() for _ in range(40)]:
        whole = row(decoded([raw]), 0)
        table = decoded([raw[:size] for size in range(len(raw))], origlen=len(raw))
        for size in range(len(raw)):
            short = row(table, size)
            if short["kind"] == whole["kind"] and whole["kind"] in (Kind.TCP, Kind.UDP):
                for name in ("src", "dst", "sport", "dport", "seq", "payload_len", "ip_len"):
                    assert short[name] == whole[name]
                assert bytes(whole["payload"]).startswith(bytes(short["payload"]))  # type: ignore[call-overload]  # a row holds objects
            elif short["kind"] != whole["kind"]:
                assert short["anomaly"], f"{size}: {Ether(raw)!r}"


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("kept", [3, 4, 7, 8])
def test_an_icmp_header_that_was_cut_off_still_tells_what_it_is(decoded: Decoded, version: int, kept: int) -> None:
    network = IP(src="10.0.0.1", dst="10.0.0.2") if version == 4 else IPv6(src="fe80::1", dst="fe80::2")
    raw = bytes(network / (ICMP(type=8, code=0, id=7, seq=9) if version == 4 else ICMPv6EchoRequest(id=7, seq=9)))
    table = decoded([raw[: kept - 8 or None]], linktype=101, origlen=len(raw))
    known = Kind.ICMP if kept >= 4 else Kind.IP_OTHER
    assert (table.kind[0], table.icmp_type[0]) == (known, {4: 8, 6: 128}[version])
    assert (table.sport[0], table.seq[0]) == ((7, 9) if kept == 8 else (ABSENT, ABSENT))
    assert bool(table.anomaly[0] & Anomaly.TRUNCATED_TRANSPORT) == (kept < 8)
    assert len(build(table)) == (kept == 8)


@pytest.mark.parametrize("kept", [3, 4, 7, 8])
def test_of_a_quote_that_was_cut_off_the_ports_are_read(decoded: Decoded, kept: int) -> None:
    quoted = bytes(IP(src="10.0.0.1", dst="10.0.0.2") / TCP(sport=4000, dport=80, seq=9))[: 20 + kept]
    raw = bytes(IP(src="10.0.0.9", dst="10.0.0.1") / ICMP(type=3, code=3) / Raw(quoted))
    table = decoded([raw], linktype=101)
    assert (table.kind[0], table.inner_proto[0]) == (Kind.ICMP_ERROR, 6)
    assert (table.inner_sport[0], table.inner_dport[0]) == ((4000, 80) if kept >= 4 else (ABSENT, ABSENT))
    assert table.inner_seq[0] == (9 if kept == 8 else ABSENT)


@pytest.mark.parametrize(
    ("head", "kind"),
    [("0f000800", Kind.UDP), ("8f000800", Kind.UDP), ("ff030021", Kind.UDP), ("0021", Kind.UDP), ("c021", Kind.OTHER)],
)
def test_a_serial_line_speaks_ppp_or_cisco_s_own(decoded: Decoded, head: str, kind: Kind) -> None:
    table = decoded([bytes.fromhex(head) + INNER], linktype=9)
    assert table.kind[0] == kind
