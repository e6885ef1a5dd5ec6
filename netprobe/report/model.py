"""The report: what was asked, what happened, why, and what that rests on. A plain value; ``report.json`` and ``report.text`` print it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Verdict(StrEnum):
    """The answer (DESIGN.md, "Works means")."""

    WORKS = "works"
    FAILS = "fails"
    UNDETERMINED = "undetermined"


class PathCode(StrEnum):
    """How the connection reached the target's host and namespace; the first that fits, in this order."""

    EMBEDDED_DNS = "embedded-dns"
    SHARED_NETNS = "shared-netns"
    DOCKER_PROXY = "docker-proxy"
    DNAT_MASQUERADE = "dnat-masquerade"
    DNAT = "dnat"
    MACVLAN_VLAN = "macvlan-vlan"
    MACVLAN = "macvlan"
    BRIDGE = "bridge"
    MASQUERADE = "masquerade"
    ROUTED = "routed"
    LOCAL = "local"
    NONE = "none"


class Confidence(StrEnum):
    """``certain``: packets and state both say so. ``likely``: nothing contradicts it and nothing else known fits."""

    CERTAIN = "certain"
    LIKELY = "likely"


class Direction(StrEnum):
    """Whose packet a hop shows."""

    REQUEST = "request"
    REPLY = "reply"


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """Where a cause sits: ``host`` (inventory name), ``component`` (``filter/DOCKER-USER``, ``docker-proxy``, ``demo``), ``rule`` (its text) or None."""

    host: str | None = None
    component: str | None = None
    rule: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One cause or note.

    Attributes:
        code: from the catalogue (CAUSES.md).
        summary: one sentence.
        where: where it sits.
        evidence: sentences; packets are named as ``frame N``.
        remedy: exact commands, in order, each as one shell line; a line that is advice rather than a command starts with ``# ``.
        confidence: how sure.
        remedy_host: the host to run the remedy on, None if it does not matter.
    """

    code: str
    summary: str
    where: Where = field(default_factory=Where)
    evidence: tuple[str, ...] = ()
    remedy: tuple[str, ...] = ()
    confidence: Confidence = Confidence.CERTAIN
    remedy_host: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HopPacket:
    """The packet seen at a hop.

    Attributes:
        src, dst: ``192.168.3.201:41290``, ``[fd00::1]:80`` or a bare address for ICMP and ARP.
        proto: ``tcp``, ``udp``, ``icmp``, ``arp``.
        info: ``SYN``, ``SYN-ACK``, ``RST``, ``echo request``, ``17 bytes`` …
        ttl, vlan: None absent. src_mac, dst_mac: None where the link type has none.
        frame: the number Wireshark shows.
    """

    src: str
    dst: str
    proto: str
    info: str
    ttl: int | None = None
    src_mac: str | None = None
    dst_mac: str | None = None
    vlan: int | None = None
    frame: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What changed between the previous hop and this one.

    Attributes:
        field: ``src``, ``dst`` (address:port), ``src_mac``, ``dst_mac``, ``ttl``, ``vlan``, ``connection`` (docker-proxy's new one).
        before, after: text forms; JSON calls them ``from`` and ``to``.
        by: ``DNAT``, ``SNAT``, ``MASQUERADE``, ``conntrack`` (a reply's address put back), ``docker-proxy``, ``routing``, ``bridge``, ``VLAN`` …
        rule: the rule or process that did it (``nat/DOCKER #2``, ``docker-proxy pid 4711``) or None.
    """

    field: str
    before: str
    after: str
    by: str
    rule: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """One packet of the journey at one capture point.

    Attributes:
        point: the capture point's name.
        seen: True; False: it should have been here and was not; None: it could not have been observed.
        time_us: µs since the first packet of the journey, on the clock of the source's host (``ClockOffset.against``), None when not seen.
        packet: None when not seen.
        changes: against the previous seen hop of the same direction.
        direction: request or reply.
        leg: 1, or 2 for the second connection of docker-proxy.
        count: how often that packet was seen here (retransmissions).
    """

    point: str
    seen: bool | None
    time_us: float | None = None
    packet: HopPacket | None = None
    changes: tuple[Change, ...] = ()
    direction: Direction = Direction.REQUEST
    leg: int = 1
    count: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ArpFrame:
    """One ARP packet at one point: the sender's hardware address (``ar$sha``), whom the frame is for, its VLAN tag (None: untagged)."""

    point: str
    time_us: float
    mac: str
    to_mac: str
    vlan: int | None
    frame: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ArpExchange:
    """Who asked for whom, every sighting of the requests and of the answers (none: nobody answered where anybody looked)."""

    asker: str
    asked: str
    requests: tuple[ArpFrame, ...] = ()
    answers: tuple[ArpFrame, ...] = ()

    @property
    def bearers(self) -> tuple[str, ...]:
        """The hardware addresses that answered."""
        return tuple(dict.fromkeys(each.mac for each in self.answers))


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockOffset:
    """How far one host's clock is from another's, by the packets that both saw.

    Attributes:
        host: whose clock (for a capture from elsewhere: the point whose clock).
        against: the clock that all times of the report are on.
        offset_us: ``host``'s reading less ``against``'s, in µs; with one bound only, that bound; None where the clock was set meanwhile.
        low_us, high_us: its bounds; None where no packet went that way.
        drift_ppm: by how much it runs faster, in millionths; 0 where no drift was needed to explain the packets.
        packets: how many were seen by both.
        corrected: whether the times of ``host`` were moved by it.
        stepped: no offset and no drift fits: the clock was set during the capture.
    """

    host: str
    against: str
    offset_us: float | None
    low_us: float | None = None
    high_us: float | None = None
    drift_ppm: float = 0.0
    packets: int = 0
    corrected: bool = False
    stepped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """The path code at one host that the connection passed, in order."""

    host: str
    path: PathCode


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The answer to one question. Field meanings as in DESIGN.md's JSON.

    ``arp`` has what was asked and answered on the links of the way, ``clocks`` how far the hosts' clocks are from the first one's.
    ``timing_ms`` (where the run's time went) and ``way`` (why this address was dialled) are shown in the text.
    """

    target: str
    source: str
    dialled: str | None
    verdict: Verdict
    path: PathCode
    segments: tuple[Segment, ...] = ()
    vlan: int | None = None
    resolution: str
    predicted_path: PathCode | None = None
    why: str
    cause: Finding | None = None
    findings: tuple[Finding, ...] = ()
    hops: tuple[Hop, ...] = ()
    last_seen: str | None = None
    first_missing: str | None = None
    assumptions: tuple[str, ...] = ()
    unknowns: tuple[str, ...] = ()
    alternatives: tuple[str, ...] = ()
    arp: tuple[ArpExchange, ...] = ()
    clocks: tuple[ClockOffset, ...] = ()
    way: str = ""
    timing_ms: Mapping[str, float] = field(default_factory=dict)
