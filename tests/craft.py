"""Evidence built from scapy packets: for tests of what follows evidence. Real traffic is in captures/; these are the corner cases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.l2 import Ether

from netprobe.decode.decoder import decode
from netprobe.evidence.model import CapturePoint, Evidence, Packets
from netprobe.flows.build import build
from netprobe.journeys.join import connections

if TYPE_CHECKING:
    from collections.abc import Iterable

    from netprobe.decode.table import PacketTable
    from netprobe.journeys.model import Connection

START_NS = 1_700_000_000_000_000_000
Sent = tuple[str, float, Any]  # point, µs, scapy packet (IP or Ether)


def evidence(sent: Iterable[Sent], snaplen: int = 262144, **more: Any) -> Evidence:
    """Evidence with one point a name, packets in the order of time, of each the first `snaplen` bytes."""
    rows = sorted(sent, key=lambda row: row[1])
    names = list(dict.fromkeys(name for name, _, _ in rows))
    raw = [
        bytes(packet if packet.haslayer(Ether) else Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / packet)
        for *_, packet in rows
    ]
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
    return Evidence(points=tuple(point(name) for name in names), packets=packets, **more)


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


def tcp(
    src: str, dst: str, flags: str = "S", seq: int = 1000, ack: int = 0, ttl: int = 64, data: bytes = b"", ts: int = 7
) -> Any:
    """A TCP segment between ``ADDRESS:PORT`` ends; ``ts`` is its TSval."""
    (a, ap), (b, bp) = _end(src), _end(dst)
    options = [("Timestamp", (ts, 0))] if "S" in flags else []
    return IP(src=a, dst=b, ttl=ttl) / TCP(sport=ap, dport=bp, flags=flags, seq=seq, ack=ack, options=options) / data


def udp(src: str, dst: str, data: bytes = b"hello", ttl: int = 64) -> Any:
    """A datagram."""
    (a, ap), (b, bp) = _end(src), _end(dst)
    return IP(src=a, dst=b, ttl=ttl) / UDP(sport=ap, dport=bp) / data


def echo(src: str, dst: str, kind: str = "echo-request", ident: int = 5, seq: int = 1, ttl: int = 64) -> Any:
    """An ICMP echo."""
    return IP(src=src, dst=dst, ttl=ttl) / ICMP(type=kind, id=ident, seq=seq) / b"netprobe-tag-0123"


def unreachable(src: str, dst: str, quoted: Any, code: int = 3) -> Any:
    """An ICMP destination unreachable that quotes a packet."""
    return IP(src=src, dst=dst) / ICMP(type=3, code=code) / bytes(quoted)[:28]


def _end(text: str) -> tuple[str, int]:
    address, _, port = text.rpartition(":")
    return address, int(port)


def handshake(
    name: str, src: str, dst: str, at: float, *, seq: int = 1000, ttl: int = 64, ts: int = 7, step: float = 5.0
) -> list[Sent]:
    """SYN, SYN-ACK, ACK at one point, beginning at ``at`` µs."""
    return [
        (name, at, tcp(src, dst, "S", seq, ttl=ttl, ts=ts)),
        (name, at + step, tcp(dst, src, "SA", seq + 5000, seq + 1, ts=ts + 1)),
        (name, at + 2 * step, tcp(src, dst, "A", seq + 1, seq + 5001, ttl=ttl)),
    ]
