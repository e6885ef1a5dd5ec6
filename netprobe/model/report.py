"""The report: what was asked, what happened, why, and what that rests on. A plain value; ``report.json`` and ``report.text`` print it."""

from __future__ import annotations

from dataclasses import field
from enum import StrEnum
from typing import TYPE_CHECKING

from netprobe.model.remedy import lines
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from netprobe.model.endpoint import Endpoint, Ends
    from netprobe.model.http import HttpAnswer
    from netprobe.model.remedy import Remedy
    from netprobe.model.rule import RuleRef
    from netprobe.model.tls import TlsFacts


class Verdict(StrEnum):
    """The answer; README says what *works* means."""

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
    """Where a cause sits: ``host`` (inventory name), ``component`` (``filter/FORWARD``, ``docker-proxy``, ``demo``), ``rule`` (its text) or None."""

    host: str | None = None
    component: str | None = None
    rule: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One cause or note.

    Attributes:
        code: from the catalogue (``netprobe causes``).
        summary: one sentence.
        where: where it sits.
        evidence: sentences; packets are named as ``frame N``.
        remedies: the steps that cure it, in order.
        confidence: how sure.
    """

    code: str
    summary: str
    where: Where = field(default_factory=Where)
    evidence: tuple[str, ...] = ()
    remedies: tuple[Remedy, ...] = ()
    confidence: Confidence = Confidence.CERTAIN

    @property
    def remedy(self) -> tuple[str, ...]:
        """The same steps as lines of a shell."""
        return lines(self.remedies)


@dataclass(frozen=True, slots=True, kw_only=True)
class HopPacket:
    """The packet seen at a hop.

    Attributes:
        src, dst: its two ends; no ports for ICMP and ARP.
        proto: ``tcp``, ``udp``, ``icmp``, ``arp``.
        info: ``SYN``, ``SYN-ACK``, ``RST``, ``echo request``, ``17 bytes`` …
        ttl, vlan: None absent; ``vlan`` is the outermost tag. src_mac, dst_mac: None where the link type has none.
        frame: the number Wireshark shows.
        vlan_inner: the second tag (QinQ), None without one.
        tag_known: False where this kind of capture does not tell whether there was a tag.
    """

    src: Endpoint
    dst: Endpoint
    proto: str
    info: str
    ttl: int | None = None
    src_mac: str | None = None
    dst_mac: str | None = None
    vlan: int | None = None
    frame: int = 0
    vlan_inner: int | None = None
    tag_known: bool = True

    @property
    def tag(self) -> str:
        """The VLAN tags as people write them, outermost first: ``1``, ``100.7``; empty without one."""
        return ".".join(str(each) for each in (self.vlan, self.vlan_inner) if each is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What changed between the previous hop and this one.

    Attributes:
        field: ``src``, ``dst`` (address:port), ``src_mac``, ``dst_mac``, ``ttl``, ``vlan``, ``connection`` (docker-proxy's new one).
        before, after: an endpoint for ``src`` and ``dst``, both ends for ``connection``, else the text; JSON calls them ``from`` and ``to``.
        by: ``DNAT``, ``SNAT``, ``MASQUERADE``, ``conntrack`` (a reply's address put back), ``docker-proxy``, ``routing``, ``bridge``, ``VLAN`` …
        rule: the rule that did it, or the process (``docker-proxy pid 4711``), or None.
    """

    field: str
    before: Endpoint | Ends | str
    after: Endpoint | Ends | str
    by: str
    rule: RuleRef | str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """One packet of the journey at one capture point.

    Attributes:
        point: the capture point's name.
        seen: True; False: it should have been here and was not; None: it could not have been observed.
        time_us: µs since the first packet of the journey, on the source's clock (:class:`Clock`), None when not seen.
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

    @property
    def is_error(self) -> bool:
        """An ICMP error that answers, in place of what was asked."""
        answered = self.direction is Direction.REPLY and self.packet is not None
        return answered and self.packet is not None and self.packet.info.startswith("ICMP ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """A host's clock against the source's, which all times of the report are on.

    Attributes:
        host, against: whose clock, and on whose its times are given (captures from elsewhere: names of points).
        offset_us: how far ahead ``host``'s is, in µs: amid its bounds; the bound where there is only one; the median where it was set.
        uncertainty_us: half of the distance between the bounds; None where frames of one direction alone give one bound, or none.
        frames: how many frames that both saw it rests on.
        corrected: the clocks disagree, and the host's times were put on the other's clock.
        low_us, high_us: the bounds of the offset, None where no frame went that way.
        drift_ppm: by how much it runs faster, in millionths; 0 where the frames need no drift to be explained.
        stepped: no offset and no drift explains the frames: the clock was set during the capture.
    """

    host: str
    against: str
    offset_us: float
    uncertainty_us: float | None
    frames: int
    corrected: bool
    low_us: float | None = None
    high_us: float | None = None
    drift_ppm: float = 0.0
    stepped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NeighbourFrame:
    """One packet of ARP or neighbour discovery at one point: the link address that it tells, whom the frame is for, its VLAN tag (None: untagged)."""

    point: str
    time_us: float
    mac: str
    to_mac: str
    vlan: int | None
    frame: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NeighbourExchange:
    """Who asked for whom, every sighting of the requests and of the answers (none: nobody answered where anybody looked).

    ``asker`` is ``::`` for who asks whether somebody has the address already. ``names``: whose the hardware addresses are, where host state tells: ``c12@server2``, ``router``.
    """

    asker: str
    asked: str
    requests: tuple[NeighbourFrame, ...] = ()
    answers: tuple[NeighbourFrame, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)

    @property
    def protocol(self) -> str:
        """``ARP``, ``NDP``."""
        return "NDP" if ":" in self.asked else "ARP"

    @property
    def bearers(self) -> tuple[str, ...]:
        """The hardware addresses that answered."""
        return tuple(dict.fromkeys(each.mac for each in self.answers))

    @property
    def asker_name(self) -> str | None:
        """Whose the address is that asked; None unknown."""
        return next((self.names[each.mac] for each in self.requests if each.mac in self.names), None)

    @property
    def times(self) -> int:
        """How often it was asked: what the point saw that saw it most often."""
        points = [each.point for each in self.requests]
        return max((points.count(each) for each in set(points)), default=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceStep:
    """One rule that a traced packet met and matched, or a chain's policy.

    Attributes:
        rule: which. Its text is ``""`` for a policy, and for a rule that nft did not know.
        verdict: of this packet: ``accept``, ``drop``, ``continue``, ``return``, ``jump DOCKER`` …
    """

    rule: RuleRef
    verdict: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceWalk:
    """How one of the probe's packets went through a host's rules, by the kernel's own trace (``--trace``).

    Attributes:
        host: where. direction, leg: as of a hop.
        src, dst, info: the packet as it came into this host or was sent by it.
        frame: the packet's frame at a point of this host that saw it like that, 0 when none did.
        count: how many packets of this direction and leg went like this.
        steps: in the order in which it met them.
    """

    host: str
    direction: Direction
    leg: int
    src: Endpoint
    dst: Endpoint
    info: str = ""
    frame: int = 0
    count: int = 1
    steps: tuple[TraceStep, ...] = ()

    @property
    def dropped_by(self) -> TraceStep | None:
        """The step that dropped it; None when none did."""
        return self.steps[-1] if self.steps and self.steps[-1].verdict == "drop" else None


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelDrop:
    """One of the probe's packets that the kernel dropped, by its own reason (``--trace`` with bpftrace).

    Attributes:
        host, container: in whose network namespace (container None: the host's own). direction, leg: as of a hop.
        src, dst, info: the packet as it was then.
        reason: its name in that kernel, ``NETFILTER_DROP``. at: the kernel's function, ``nft_do_chain``.
        interface: the interface that it was on, ``""`` none.
        count: how many packets like it.
    """

    host: str
    container: str | None = None
    direction: Direction
    leg: int
    src: Endpoint
    dst: Endpoint
    info: str = ""
    reason: str
    at: str
    interface: str = ""
    count: int = 1

    @property
    def place(self) -> str:
        """Where, by the namespace: ``server2``, ``demo@server2``."""
        return self.host if self.container is None else f"{self.container}@{self.host}"

    @property
    def times(self) -> str:
        """``, 3 times``; nothing for once."""
        return f", {self.count} times" if self.count > 1 else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """The path code at one host that the connection passed, in order."""

    host: str
    path: PathCode


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternative:
    """A cause that is still possible: its code, what speaks for it in one sentence, and what would tell whether it is this one."""

    code: str
    reason: str = ""
    would_tell: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The answer to one question. Field meanings as in JSON (README).

    ``sent`` is False for a prediction alone: the hops then say what would be seen.
    ``after`` has what stands behind the cause, predicted, in the packet's order (empty: nothing else); None where state does not tell.
    ``clocks`` has each further host's clock against the source's. ``neighbours`` has what was asked and answered on the links of the way (ARP, neighbour discovery).
    ``trace`` has the walks through each host's rules; None where nothing was traced.
    ``drops`` has the kernel's own drop reasons; None where none were asked for or to be had.
    ``http`` has what an HTTP response says of itself, ``tls`` what is known of a TLS session; None where none came, or nothing of it was kept.
    ``timing_ms`` (where the run's time went) and ``way`` (why this address was dialled) are shown in the text,
    as are the names of ``beside``: point or interface -> the Docker network of a bridge, the container of a veth.
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
    alternatives_why: tuple[Alternative, ...] = ()
    after: tuple[Finding, ...] | None = None
    sent: bool = True
    neighbours: tuple[NeighbourExchange, ...] = ()
    clocks: tuple[Clock, ...] = ()
    trace: tuple[TraceWalk, ...] | None = None
    drops: tuple[KernelDrop, ...] | None = None
    http: HttpAnswer | None = None
    tls: TlsFacts | None = None
    way: str = ""
    beside: Mapping[str, str] = field(default_factory=dict)
    timing_ms: Mapping[str, float] = field(default_factory=dict)
