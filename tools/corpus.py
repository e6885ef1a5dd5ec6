"""Small captures of every kind that is read, made here: what `make fuzz` begins with, and what tests cut and alter.

    tools/corpus.py [FOLDER]    writes them (default: tests/corpus)

Each is sound, a few hundred bytes, and holds ordinary packets between documentation addresses: nothing that harms another program.
"""

from __future__ import annotations

import gzip
import struct
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scapy.contrib.geneve import GENEVE
from scapy.contrib.mpls import MPLS
from scapy.layers.dns import DNS, DNSQR, DNSRR
from scapy.layers.inet import GRE, ICMP, IP, TCP, UDP, IPOption_Router_Alert
from scapy.layers.inet6 import (
    ICMPv6EchoRequest,
    ICMPv6ND_NS,
    ICMPv6NDOptSrcLLAddr,
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
)
from scapy.layers.l2 import ARP, LLC, SNAP, Dot1AD, Dot1Q, Ether
from scapy.layers.ppp import PPP, PPPoE
from scapy.layers.sctp import SCTP, SCTPChunkInit
from scapy.layers.vxlan import VXLAN

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

if TYPE_CHECKING:
    from collections.abc import Sequence

FOLDER = Path(__file__).resolve().parents[1] / "tests" / "corpus"
CLIENT, SERVER = "192.0.2.1", "198.51.100.2"
CLIENT6, SERVER6 = "2001:db8::1", "2001:db8::2"
ETHERNET, RAW, NULL, LOOP, PPP_HDLC, SLL, SLL2, NFLOG, IPV6, MPLS_LINK = 1, 101, 0, 108, 50, 113, 276, 239, 229, 219
_BEGIN_NS = 1_700_000_000_123_456_789
_STEP_NS = 1_500_000
LINK: Any = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
_ETHER = bytes(Ether(src=LINK.src, dst=LINK.dst, type=0x0800))


def to(proto: Any, *, back: bool = False) -> Any:
    """An IPv4 packet of the two ends."""
    return IP(src=SERVER if back else CLIENT, dst=CLIENT if back else SERVER, id=7) / proto


def to6(proto: Any) -> Any:
    """An IPv6 packet from client to server."""
    return IPv6(src=CLIENT6, dst=SERVER6) / proto


def connection() -> list[bytes]:
    """A connection with an answer, without its link layer."""
    stamps = [("MSS", 1460), ("SAckOK", b""), ("Timestamp", (1000, 0))]
    steps = [
        TCP(sport=40000, dport=80, flags="S", seq=100, options=stamps),
        TCP(sport=80, dport=40000, flags="SA", seq=700, ack=101),
        TCP(sport=40000, dport=80, flags="A", seq=101, ack=701),
        TCP(sport=40000, dport=80, flags="PA", seq=101, ack=701) / b"GET / HTTP/1.0\r\n\r\n",
        TCP(sport=80, dport=40000, flags="FPA", seq=701, ack=119) / b"HTTP/1.0 200 OK\r\n\r\n",
        TCP(sport=40000, dport=80, flags="R", seq=119),
    ]
    return [bytes(to(step, back=step.sport == 80)) for step in steps]


def framed(*packets: Any) -> list[bytes]:
    """Packets behind an Ethernet header."""
    return [bytes(LINK / packet) for packet in packets]


def _tunnelled() -> dict[str, list[bytes]]:
    inner = LINK / to(TCP(sport=40000, dport=80, flags="S", seq=100))
    return {
        "vxlan": framed(to(UDP(sport=50000, dport=4789) / VXLAN(vni=7) / inner)),
        "geneve": framed(to(UDP(sport=50000, dport=6081) / GENEVE(vni=7) / inner)),
        "gre": framed(to(GRE() / to(UDP(sport=5000, dport=9999) / b"x")), to(GRE(key_present=1, key=5) / inner)),
        "ipip": framed(to(to(ICMP(id=5, seq=1) / b"ping")), to6(IP(src=CLIENT, dst=SERVER) / UDP(sport=1, dport=2))),
    }


def frames() -> dict[str, list[bytes]]:
    """Frames of Ethernet, by what they show."""
    query = DNS(id=9, rd=1, qd=DNSQR(qname="a.example"))
    answer = DNS(id=9, qr=1, qd=DNSQR(qname="a.example"), an=DNSRR(rrname="a.example", rdata=SERVER))
    refused = bytes(to(UDP(sport=5000, dport=9999) / b"hello"))
    tcp = TCP(sport=40000, dport=443, flags="PA", seq=1, ack=1)
    return {
        "tcp": [_ETHER + packet for packet in connection()],
        "tags": framed(Dot1Q(vlan=5) / to(tcp), Dot1AD(vlan=6) / Dot1Q(vlan=7) / to(tcp)),
        "arp": framed(ARP(psrc=CLIENT, pdst=SERVER), ARP(op=2, psrc=SERVER, pdst=CLIENT)),
        "options": framed(IP(src=CLIENT, dst=SERVER, options=[IPOption_Router_Alert()]) / tcp),
        "fragments": framed(
            *(IP(src=CLIENT, dst=SERVER, id=3, proto=17, flags=m, frag=f) / p for m, f, p in _FRAGMENTS)
        ),
        "ipv6": framed(
            to6(IPv6ExtHdrHopByHop() / tcp),
            to6(IPv6ExtHdrRouting(addresses=["2001:db8::9"]) / IPv6ExtHdrDestOpt() / UDP(sport=1, dport=53)),
            to6(IPv6ExtHdrFragment(id=4, m=1) / UDP(sport=5000, dport=9999, len=99, chksum=0) / bytes(16)),
        ),
        "icmp": framed(
            to(ICMP(id=5, seq=1) / b"ping"),
            to(ICMP(type=0, id=5, seq=1) / b"ping", back=True),
            to(UDP(sport=5000, dport=9999) / b"hello"),
            to(ICMP(type=3, code=3) / refused, back=True),
        ),
        "icmpv6": framed(
            to6(ICMPv6EchoRequest(id=5, seq=1)),
            to6(ICMPv6ND_NS(tgt=SERVER6) / ICMPv6NDOptSrcLLAddr(lladdr="02:00:00:00:00:01")),
        ),
        "dns": framed(to(UDP(sport=5000, dport=53) / query), to(UDP(sport=53, dport=5000) / answer, back=True)),
        "sctp": framed(to(SCTP(sport=5000, dport=2905) / SCTPChunkInit(init_tag=1))),
        "pppoe": framed(PPPoE(sessionid=3) / PPP(proto=0x21) / to(UDP(sport=5000, dport=9999))),
        "mpls": framed(MPLS(label=16, s=1, ttl=9) / to(UDP(sport=5000, dport=9999))),
        "llc": [
            bytes(Ether(src=LINK.src, dst=LINK.dst, type=40) / LLC(dsap=0xAA, ssap=0xAA, ctrl=3) / SNAP(code=0x800))
            + bytes(to(UDP(sport=5000, dport=9999)))
        ],
        "tls": framed(to(tcp / bytes.fromhex("1503010002022a"))),
        **_tunnelled(),
    }


_FRAGMENTS = (("MF", 0, UDP(sport=5000, dport=9999, len=40, chksum=0) / bytes(16)), (0, 3, bytes(16)))


def linked() -> dict[str, tuple[int, list[bytes]]]:
    """Link type and frames of what is no Ethernet."""
    packets = connection()[:2]
    cooked = struct.pack(">HHH8sH", 0, 1, 6, bytes.fromhex("0200000000010000"), 0x0800)
    cooked2 = struct.pack(">HHIHBB8s", 0x0800, 0, 2, 1, 0, 6, bytes.fromhex("0200000000010000"))
    nflog = b"\2\0\0\0" + struct.pack("<HH", 4 + len(packets[0]), 9)
    return {
        "raw": (RAW, packets),
        "null": (NULL, [b"\2\0\0\0" + each for each in packets]),
        "loop": (LOOP, [b"\0\0\0\2" + each for each in packets]),
        "ppp": (PPP_HDLC, [b"\xff\3\0\x21" + each for each in packets]),
        "sll": (SLL, [cooked + each for each in packets]),
        "sll2": (SLL2, [cooked2 + each for each in packets]),
        "nflog": (NFLOG, [nflog + packets[0]]),
        "raw-ipv6": (IPV6, [bytes(to6(UDP(sport=5000, dport=9999) / b"x"))]),
        "mpls-link": (MPLS_LINK, [bytes(MPLS(label=16, s=1, ttl=9)) + packets[0]]),
        "unknown-link": (147, packets),
    }


def pcap(
    frames: Sequence[bytes], linktype: int = ETHERNET, *, order: str = "<", magic: int = 0xA1B2C3D4, more: int = 0
) -> bytes:
    """A pcap file; `more` bytes stand in each packet header of a modified format."""
    out = [struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 65535, linktype)]
    for number, frame in enumerate(frames):
        seconds, rest = divmod(_BEGIN_NS + number * _STEP_NS, 10**9)
        fraction = rest if magic == 0xA1B23C4D else rest // 1000
        out += [struct.pack(order + "IIII", seconds, fraction, len(frame), len(frame)), bytes(more), frame]
    return b"".join(out)


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    """A pcapng block."""
    body += bytes(-len(body) % 4)
    length = struct.pack(order + "I", 12 + len(body))
    return struct.pack(order + "I", kind) + length + body + length


def section(order: str = "<") -> bytes:
    """A section header."""
    return block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1), order)


def interface(order: str = "<", linktype: int = ETHERNET, options: bytes = b"") -> bytes:
    """An interface description."""
    return block(1, struct.pack(order + "HHI", linktype, 0, 65535) + options, order)


def option(code: int, value: bytes, order: str = "<") -> bytes:
    """An option of a block."""
    return struct.pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4)


def enhanced(frame: bytes, number: int = 0, order: str = "<", at: int = 0, ticks: int | None = None) -> bytes:
    """An Enhanced Packet Block with a comment."""
    time = (_BEGIN_NS + number * _STEP_NS) // 1000 if ticks is None else ticks
    head = struct.pack(order + "IIIII", at, time >> 32, time & 0xFFFFFFFF, len(frame), len(frame))
    return block(6, head + frame + bytes(-len(frame) % 4) + option(1, b"a comment", order) + bytes(4), order)


def _pcapng() -> dict[str, bytes]:
    frames_ = [_ETHER + packet for packet in connection()]
    several = [enhanced(frame, at=n % 2, ticks=_BEGIN_NS + n * _STEP_NS) for n, frame in enumerate(frames_)]
    first = enhanced(frames_[0])
    named = [option(2, name) + option(9, b"\x09") + bytes(4) for name in (b"h/eth0", b"h/c/eth0")]
    binary = option(9, b"\x8a") + option(14, struct.pack("<q", 1_000_000)) + bytes(4)
    simple = block(3, struct.pack("<I", len(frames_[0])) + frames_[0])
    obsolete = block(2, struct.pack("<HHIIII", 0, 1, 395812, 7, len(frames_[0]), len(frames_[0])) + frames_[0])
    names = block(4, struct.pack("<HH", 1, 10) + bytes([192, 0, 2, 1]) + b"a.exa\0" + bytes(6))
    secrets = block(10, struct.pack("<II", 0x544C534B, 4) + b"# a\n")
    statistics = block(5, struct.pack("<III", 0, 0, 0) + option(5, struct.pack("<Q", 3)) + bytes(4))
    return {
        "points": section() + b"".join(interface(options=each) for each in named) + b"".join(several),
        "big-endian": section(">") + interface(">") + b"".join(enhanced(f, n, ">") for n, f in enumerate(frames_[:2])),
        "sections": section() + interface() + first + section(">") + interface(">") + enhanced(frames_[1], 1, ">"),
        "binary-time": section() + interface(options=binary) + enhanced(frames_[0], ticks=1_700_000_000 << 10),
        "old-blocks": section() + interface() + simple + obsolete,
        "other-blocks": section()
        + interface()
        + names
        + secrets
        + several[0]
        + statistics
        + block(0xBAD, b"\1\2\3\4text"),
    }


def corpus() -> dict[str, bytes]:
    """All files, by name."""
    tcp = [_ETHER + packet for packet in connection()]
    plain = {f"{name}.pcap": pcap(each) for name, each in frames().items()}
    links = {f"link-{name}.pcap": pcap(each, linktype) for name, (linktype, each) in linked().items()}
    formats = {
        "format-ns.pcap": pcap(tcp[:2], magic=0xA1B23C4D),
        "format-big-endian.pcap": pcap(tcp[:2], order=">"),
        "format-modified.pcap": pcap(tcp[:2], magic=0xA1B2CD34, more=8),
        "format-cut.pcap": pcap(tcp[:2])[:-9],
        "format-gzip.pcap.gz": gzip.compress(pcap(tcp[:3]), mtime=0),
        "format-zstd.pcap.zst": zstd.compress(pcap(tcp[:3])),
    }
    return {**plain, **links, **formats, **{f"format-{name}.pcapng": data for name, data in _pcapng().items()}}


def main() -> int:
    """Write them."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    made = corpus()
    for name, data in made.items():
        (folder / name).write_bytes(data)
    print(f"{folder}: {len(made)} captures, {sum(map(len, made.values())):,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
