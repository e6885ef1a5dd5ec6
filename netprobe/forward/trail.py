"""What a walk leaves behind: the points that it passed, as hops of a journey, and its steps."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from netprobe.model.endpoint import UNCHOSEN, Endpoint, Ends
from netprobe.model.hop import Change, Direction, Hop, HopPacket

if TYPE_CHECKING:
    from netprobe.evidence.model import Place
    from netprobe.forward.frame import Tap
    from netprobe.forward.model import Flying, WalkStep

ICMP = "icmp"
_REQUEST = {"tcp": "SYN", ICMP: "echo request"}
_REPLY = {"tcp": "SYN-ACK", ICMP: "echo reply"}
_CONNTRACK = "conntrack"
_BY = {"dst": ("DNAT", "REDIRECT"), "src": ("SNAT", "MASQUERADE"), "connection": ("dials",)}


def endpoint(address: str | None, port: int | None, proto: str) -> Endpoint:
    """One end of a packet; a port that is not known yet is still to be chosen."""
    return Endpoint(address or "", None if proto == ICMP else port or UNCHOSEN)


@dataclass(slots=True, kw_only=True)
class Trail:
    """The record of one walk.

    Attributes:
        dialled: where it was sent to.
        hops: every point that was passed, in the form of an observed journey. taps: the request's, as they are.
        steps: every step.
        resolved: the addresses that were resolved on links.
        unrecorded: the namespaces whose rules were not all recorded, and were taken to be none.
        decided: every routing decision.
        unruled: those whose routing rules were not recorded though they have tables of their own. taps_back: the answer's taps.
        left: the namespace and the interface by which the request left for somebody whom the inventory does not have.
    """

    dialled: Endpoint
    hops: list[Hop] = field(default_factory=list)
    taps: list[Tap] = field(default_factory=list)
    steps: list[WalkStep] = field(default_factory=list)
    resolved: list[str] = field(default_factory=list)
    unrecorded: list[Place] = field(default_factory=list)
    unruled: list[Place] = field(default_factory=list)
    decided: list[WalkStep] = field(default_factory=list)
    taps_back: list[Tap] = field(default_factory=list)
    left: tuple[Place, str] | None = None
    _noted: int = 0

    def pass_tap(self, tap: Tap, packet: Flying, *, sure: bool = True) -> None:
        """Note a point that the packet passes (not sure: may pass), with what changed since the point before."""
        visible = tap.observable and sure
        shown = _shown(packet, tap.vlan)
        before = [hop for hop in self.hops if hop.direction is packet.direction and hop.packet is not None]
        changes = _changes(before[-1], packet.leg, shown) if before else self._changed_before(shown)
        changes = tuple(self._by_rule(change) for change in changes)
        self._noted = len(self.steps)
        hop = Hop(point=tap.point, seen=None, direction=packet.direction, leg=packet.leg)
        self.hops.append(replace(hop, seen=True, packet=shown, changes=changes) if visible else hop)
        (self.taps if packet.direction is Direction.REQUEST else self.taps_back).append(tap)

    def _by_rule(self, change: Change) -> Change:
        """Name the rule or process that made a change since the last point; for an answer, the rule of which it is undone."""
        if change.by == _CONNTRACK:
            field = "dst" if change.field == "src" else "src"
            there = (each for hop in self.hops if hop.direction is Direction.REQUEST for each in hop.changes)
            rules = [each.rule for each in there if each.field == field and each.rule]
            return replace(change, rule=f"undoes {rules[-1]}") if rules else change
        for step in self.steps[self._noted :]:
            if step.rule and step.what.startswith(_BY.get(change.field, ())):
                by = change.by if change.field == "connection" else step.what.split()[0]
                return replace(change, by=by, rule=step.rule)
        return change

    def _changed_before(self, first: HopPacket) -> tuple[Change, ...]:
        """DNAT in OUTPUT comes before every point: what was dialled tells."""
        seen = any(hop.direction is Direction.REQUEST and hop.packet for hop in self.hops)
        if seen or self.dialled == first.dst:
            return ()
        return (Change(field="dst", before=self.dialled, after=first.dst, by="NAT"),)


def _shown(packet: Flying, vlan: int | None) -> HopPacket:
    kinds = _REPLY if packet.direction is Direction.REPLY else _REQUEST
    return HopPacket(
        src=endpoint(packet.src, packet.sport, packet.proto),
        dst=endpoint(packet.dst, packet.dport, packet.proto),
        proto=packet.proto,
        info=kinds.get(packet.proto, "datagram"),
        ttl=packet.ttl,
        vlan=vlan,
    )


def _changes(previous: Hop, leg: int, after: HopPacket) -> tuple[Change, ...]:
    before = previous.packet
    if before is None:
        return ()
    if previous.leg != leg:
        one, other = Ends(before.src, before.dst), Ends(after.src, after.dst)
        return (Change(field="connection", before=one, after=other, by="docker-proxy"),)
    pairs = (("src", before.src, after.src), ("dst", before.dst, after.dst))
    by = "NAT" if previous.direction is Direction.REQUEST else _CONNTRACK  # an answer gets back what the request had
    found = [Change(field=name, before=old, after=new, by=by) for name, old, new in pairs if old != new]
    if before.ttl != after.ttl and None not in {before.ttl, after.ttl}:
        found.append(Change(field="ttl", before=str(before.ttl), after=str(after.ttl), by="routing"))
    return tuple(found)
