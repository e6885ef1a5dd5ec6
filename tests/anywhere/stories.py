"""Small captures of one point, and what a report of one says: for tests of stories, each beside a twin that differs in the deciding fact."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scapy.layers.dns import DNS, DNSQR, DNSRR
from scapy.layers.inet import ICMP, IP, TCP, UDP

from netprobe.flows.expression import FlowExpr
from netprobe.pipeline import analyze
from netprobe.values import dataclass
from tests.craft import Sent, evidence, handshake, tcp

if TYPE_CHECKING:
    from collections.abc import Iterable

C, S = "10.0.0.1:40000", "10.0.0.2:80"
WIRE = "eth0"
SECOND = 1e6  # µs
ISN, REPLY = (
    1_000_000_000,
    3_000_000_000,
)  # far apart, as real ones are: what belongs to another connection is nowhere near


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a report says: verdict, path, the sentence, the codes of its cause and notes, whether it lists what may be, its hops."""

    verdict: str
    path: str
    why: str
    cause: str
    notes: tuple[str, ...]
    may_be: tuple[str, ...]
    unknowns: tuple[str, ...]
    hops: tuple[tuple[str, float | None, str, int], ...]

    def of(self, direction: str) -> tuple[tuple[float | None, str, int], ...]:
        """(time in µs, packet, count) of one direction's hops."""
        return tuple(each[1:] for each in self.hops if each[0] == direction)


def said(sent: Iterable[Sent], flow: str | None = None, **more: Any) -> Said:
    """Replay packets as a capture from elsewhere; ``flow`` chooses one connection of several."""
    report = analyze(evidence(sent, **more), None if flow is None else FlowExpr.parse(flow))
    return Said(
        verdict=report.verdict.value,
        path=report.path.value,
        why=report.why,
        cause=report.cause.code if report.cause else "",
        notes=tuple(note.code for note in report.findings),
        may_be=report.alternatives,
        unknowns=report.unknowns,
        hops=tuple(
            (hop.direction.value, hop.time_us, hop.packet.info if hop.packet else "", hop.count) for hop in report.hops
        ),
    )


def opened(at: float = 0, point: str = WIRE) -> list[Sent]:
    """A handshake, with sequence numbers as far apart as real ones are."""
    return [
        client(at, "S", -1, point=point),
        server(at + 5, "SA", -1, 0, point=point),
        client(at + 10, "A", 0, 0, point=point),
    ]


def client(at: float, flags: str, seq: int, ack: int = 0, data: bytes = b"", point: str = WIRE, **fields: Any) -> Sent:
    """A segment of the client's; numbers as Wireshark shows them, but 0 is the first byte: a SYN's is -1."""
    return point, at, _segment(C, S, flags, ISN + seq, REPLY + ack, data, fields)


def server(at: float, flags: str, seq: int, ack: int = 0, data: bytes = b"", point: str = WIRE, **fields: Any) -> Sent:
    """A segment of the server's."""
    return point, at, _segment(S, C, flags, REPLY + seq, ISN + ack, data, fields)


def _segment(src: str, dst: str, flags: str, seq: int, ack: int, data: bytes, fields: dict[str, Any]) -> Any:
    acknowledged = ack % (1 << 32) if "A" in flags else 0
    made = tcp(src, dst, flags, seq % (1 << 32), acknowledged, data=data)
    for name, value in fields.items():
        setattr(made if name in ("ttl", "id", "src", "dst") else made[TCP], name, value)
    return made


def reset_to_syn(at: float) -> Sent:
    """The reset that refuses the SYN: number 0, and it acknowledges the SYN."""
    return WIRE, at, tcp(S, C, "RA", 0, ISN)


def dns(
    at: float, src: str, dst: str, point: str = WIRE, name: str = "web.example", kind: str = "A", **header: Any
) -> Sent:
    """A DNS message over UDP; with ``answer=ADDRESS`` it holds a record."""
    (one, sport), (other, dport) = (end.rsplit(":", 1) for end in (src, dst))
    address = header.pop("answer", None)
    if address:
        header["an"] = DNSRR(rrname=name, rdata=address)
    message = DNS(**{"rd": 1, "qd": DNSQR(qname=name, qtype=kind), **header})
    return point, at, IP(src=one, dst=other) / UDP(sport=int(sport), dport=int(dport)) / message


def too_big(at: float, packet: Any, mtu: int = 1300, router: str = "10.9.9.9") -> Sent:
    """A router's ICMP fragmentation needed about a packet."""
    return WIRE, at, IP(src=router, dst=packet[IP].src) / ICMP(type=3, code=4, nexthopmtu=mtu) / bytes(packet)[:28]


__all__ = [
    "ISN",
    "REPLY",
    "SECOND",
    "WIRE",
    "C",
    "S",
    "Said",
    "client",
    "dns",
    "handshake",
    "opened",
    "reset_to_syn",
    "said",
    "server",
    "too_big",
]
