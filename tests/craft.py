"""Evidence built from scapy packets: for tests of what follows evidence. Real traffic is in captures/; these are the corner cases."""

from __future__ import annotations

import struct
from collections import deque
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.l2 import Dot1Q, Ether

from netprobe.decode.decoder import decode
from netprobe.evidence.model import CapturePoint, Evidence
from netprobe.evidence.packets import Packets
from netprobe.flows.build import build
from netprobe.flows.expression import FlowExpr
from netprobe.flows.model import SeveralFlows
from netprobe.journeys.join import connections
from netprobe.pipeline import analyze

if TYPE_CHECKING:
    from collections.abc import Iterable

    from netprobe.decode.table import PacketTable
    from netprobe.journeys.model import Connection
    from netprobe.model.report import Report

START_NS = 1_700_000_000_000_000_000
Sent = tuple[str, float, Any]  # point, µs, scapy packet (IP or Ether)
MADE: deque[Evidence] = deque(maxlen=64)
"""What was made last: tests/anywhere/conftest.py looks at each of a test's captures once more."""


def evidence(sent: Iterable[Sent], snaplen: int = 262144, **more: Any) -> Evidence:
    """Evidence with one point a name, packets in the order of time, of each the first `snaplen` bytes."""
    rows = sorted(sent, key=lambda row: row[1])
    names = list(dict.fromkeys(name for name, _, _ in rows))
    raw = [bytes(packet if packet.haslayer(Ether) else _link(packet) / packet) for *_, packet in rows]
    sizes = np.array([len(each) for each in raw], np.int64)
    packets = Packets(
        data=b"".join(raw),
        offset=np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64) if raw else np.zeros(0, np.int64),
        caplen=np.minimum(sizes, snaplen),
        origlen=sizes,
        time_ns=np.array([START_NS + int(time * 1000) for _, time, _ in rows], np.int64),
        point=np.array([names.index(name) for name, _, _ in rows], np.int32),
        frame=np.arange(1, len(raw) + 1, dtype=np.int64),
    )
    made = Evidence(points=tuple(point(name) for name in names), packets=packets, **more)
    MADE.append(made)
    return made


def _link(packet: Any) -> Any:
    """The link header of who sent or routed a packet with that TTL, to the next station."""
    ttl = packet.hlim if packet.version == 6 else packet.ttl
    return Ether(src=f"02:00:00:00:00:{65 - ttl & 0xFF:02x}", dst=f"02:00:00:00:00:{66 - ttl & 0xFF:02x}")


def point(name: str) -> CapturePoint:
    """A capture point by its name."""
    parts = name.split("/")
    host = parts[0] if len(parts) > 1 else ""
    return CapturePoint(name=name, host=host, container=parts[1] if len(parts) == 3 else None, interface=parts[-1])


def joined(sent: Iterable[Sent], snaplen: int = 262144) -> tuple[PacketTable, tuple[Connection, ...]]:
    """The packet table and its connections."""
    case = evidence(sent, snaplen)
    table = decode(case.packets, case.points)
    return table, connections(build(table), table)


def replayed(sent: Iterable[Sent], flow: str | None = None, snaplen: int = 262144) -> Report:
    """The report of a capture; ``flow`` chooses where it has several connections."""
    return analyze(evidence(sent, snaplen), FlowExpr.parse(flow) if flow else None)


def told(sent: Iterable[Sent], flow: str | None = None, snaplen: int = 262144) -> tuple[str, str, str]:
    """Verdict, path, and the sentence that says why."""
    report = replayed(sent, flow, snaplen)
    return report.verdict.value, report.path.value, report.why


def choices(sent: Iterable[Sent], snaplen: int = 262144) -> list[str]:
    """What a capture with several connections lists."""
    with pytest.raises(SeveralFlows) as several:
        replayed(sent, snaplen=snaplen)
    return [f"{flow.src}>{flow.dst}/{flow.proto}" for flow in several.value.flows]


def tcp(
    src: str,
    dst: str,
    flags: str = "S",
    seq: int = 1000,
    ack: int = 0,
    ttl: int = 64,
    data: bytes = b"",
    ts: int = 7,
    ip_id: int = 1,
) -> Any:
    """A TCP segment between ``ADDRESS:PORT`` ends; ``ts`` is its TSval, 0 for none."""
    (a, ap), (b, bp) = _end(src), _end(dst)
    options = [("Timestamp", (ts, 0))] if "S" in flags and ts else []
    segment = TCP(sport=ap, dport=bp, flags=flags, seq=seq, ack=ack, options=options)
    return IP(src=a, dst=b, ttl=ttl, id=ip_id) / segment / data


def udp(src: str, dst: str, data: bytes = b"hello", ttl: int = 64, ip_id: int = 1) -> Any:
    """A datagram."""
    (a, ap), (b, bp) = _end(src), _end(dst)
    return IP(src=a, dst=b, ttl=ttl, id=ip_id) / UDP(sport=ap, dport=bp) / data


def dns(name: bytes, ident: int, *, answer: bool = False) -> bytes:
    """A question for an A record, or the answer to it with one."""
    head = struct.pack("!6H", ident, 0x8180 if answer else 0x0100, 1, int(answer), 0, 0)
    question = bytes([len(name)]) + name + b"\0\0\1\0\1"
    record = b"\xc0\x0c" + struct.pack("!HHIH4s", 1, 1, 60, 4, b"\x0a\0\0\7")
    return head + question + (record if answer else b"")


def echo(
    src: str, dst: str, kind: str = "echo-request", ident: int = 5, seq: int = 1, ttl: int = 64, ip_id: int = 1
) -> Any:
    """An ICMP echo."""
    return IP(src=src, dst=dst, ttl=ttl, id=ip_id) / ICMP(type=kind, id=ident, seq=seq) / b"netprobe-tag-0123"


def tagged(vlan: int, packet: Any) -> Any:
    """A packet with a VLAN tag."""
    return _link(packet) / Dot1Q(vlan=vlan) / packet


def unreachable(src: str, dst: str, quoted: Any, code: int = 3) -> Any:
    """An ICMP destination unreachable that quotes a packet."""
    return IP(src=src, dst=dst) / ICMP(type=3, code=code) / bytes(quoted)[:28]


def _end(text: str) -> tuple[str, int]:
    address, _, port = text.rpartition(":")
    return address, int(port)


def handshake(
    name: str, src: str, dst: str, at: float, *, seq: int = 1000, ttl: int = 64, ts: int = 7, step: float = 5.0
) -> list[Sent]:
    """SYN, SYN-ACK, ACK at one point, beginning at ``at`` µs; ``ts`` 0: without timestamps."""
    return [
        (name, at, tcp(src, dst, "S", seq, ttl=ttl, ts=ts)),
        (name, at + step, tcp(dst, src, "SA", seq + 5000, seq + 1, ts=ts and ts + 1)),
        (name, at + 2 * step, tcp(src, dst, "A", seq + 1, seq + 5001, ttl=ttl)),
    ]


def served(
    name: str,
    src: str,
    dst: str,
    at: float,
    *,
    asked: bytes = b"",
    answered: bytes = b"",
    seq: int = 1000,
    ttl: int = 64,
    ts: int = 7,
    wait: float = 100.0,
    end: bool = True,
) -> list[Sent]:
    """A whole connection at one point: a handshake, ``wait`` µs later what was asked, the answer at twice that, the client's end at thrice."""
    mine, theirs = seq + 1 + len(asked), seq + 5001 + len(answered)
    sent = handshake(name, src, dst, at, seq=seq, ttl=ttl, ts=ts)
    if asked:
        sent.append((name, at + wait, tcp(src, dst, "PA", seq + 1, seq + 5001, ttl, asked)))
    if answered:
        sent.append((name, at + 2 * wait, tcp(dst, src, "PA", seq + 5001, mine, 64, answered)))
        sent.append((name, at + 2 * wait + 5, tcp(src, dst, "A", mine, theirs, ttl)))
    if end:
        sent.append((name, at + 3 * wait, tcp(src, dst, "FA", mine, theirs, ttl)))
        sent.append((name, at + 3 * wait + 5, tcp(dst, src, "FA", theirs, mine + 1)))
        sent.append((name, at + 3 * wait + 9, tcp(src, dst, "A", mine + 1, theirs + 1, ttl)))
    return sent
