"""What no host of the inventory is to blame for: everything here let the packet out, and the answer came from beyond, or none came."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.causes.base import Cause
from netprobe.causes.proof.known import lacks
from netprobe.causes.proof.obstacle import asked_times, frames_at, silent_points, unanswered
from netprobe.model.hop import Direction
from netprobe.model.point import point_name
from netprobe.model.remedy import advise
from netprobe.model.report import Confidence, Finding, Where
from netprobe.paths.story import Symptom
from netprobe.state.address import same
from netprobe.state.lookup import host_with
from netprobe.values import dataclass

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.evidence.model import Place
    from netprobe.model.hop import HopPacket

_ENOUGH = 2  # copies of a packet that nobody answered: one alone may have been lost


@dataclass(frozen=True, slots=True, kw_only=True)
class _Left:
    """The point by which the request left, its place and interface, and the packet there."""

    point: str
    place: Place
    device: str
    packet: HopPacket


class BeyondThisHost(Cause):
    """Every host of the inventory let the request out; it was refused beyond, or nothing came back.

    What it is: the rules and routes here sent it out as they should, by the interface that they should. Whoever has the address, or the network
        on the way there, refuses it or is silent.
    Why it happens: nothing listens there, a firewall there or in between, a host that is down, an address that is no longer the right one.
    Evidence: the request at the last interface of the last host that is known, with a source address of that interface's own; the refusal came
        in there, or nothing did though it was sent again. Or it was not sent at all: nobody answers there for its next hop's link address.
    Remedy: on the other side: whoever runs that address, or the network in between. A capture there tells whether the request arrives.
    Source: RFC 9293 section 3.5.2 (a RST answers a SYN to a port that nobody listens on); packet(7): a tap sees what comes in before every filter.
    """

    code = "beyond-this-host"
    symptoms = frozenset({Symptom.NO_PACKETS, Symptom.SILENCE, Symptom.REFUSED, Symptom.UNREACHABLE})
    beyond_state = True
    tells = "a capture at the address that was asked, by whoever runs it: whether the request arrives"

    def find(self, case: Case) -> Finding | None:
        """Fires where the walk leaves the inventory at the point that saw the request last, and the answer came in there, or none did."""
        left = _left(case)
        if left is None:
            return self._unheard(case)
        frames = f"the request at {left.point}: {frames_at(case, left.point, Direction.REQUEST)}"
        if case.story.symptom is Symptom.SILENCE:
            return self._silent(case, left, frames)
        back = next((hop for hop in case.hops if hop.seen and hop.direction is Direction.REPLY), None)
        if (
            back is None
            or back.packet is None
            or back.point != left.point
            or _is_own(case, left, str(back.packet.src.address))
        ):
            return None
        who = back.packet.src.address
        summary = (
            f"it left {left.place.host} by {left.device}, and {back.packet.info} came back from {who}, beyond this host"
        )
        came = f"{back.packet.info} from {who} came in at {left.point}: frame {back.packet.frame}"
        return self._finding(left, summary, (frames, came), Confidence.CERTAIN)

    def _silent(self, case: Case, left: _Left, frames: str) -> Finding | None:
        """Nothing came in: not where another interface may have had the answer."""
        sent = next((hop.count for hop in case.hops if hop.seen and hop.point == left.point), 0)
        if case.reply_lost or sent < _ENOUGH or not _is_own(case, left, str(left.packet.src.address)):
            return None
        summary = f"it left {left.place.host} by {left.device} {sent} times, and nothing came back: what is silent lies beyond this host"
        return self._finding(
            left, summary, (frames, f"nothing of an answer came in at {left.point}"), Confidence.LIKELY
        )

    def _unheard(self, case: Case) -> Finding | None:
        """The next hop's link address was asked for there again and again, and nobody has it."""
        found, told = _out(case), case.prediction
        wanted = told.resolved[-1:] if told is not None else ()
        if found is None or not wanted or case.story.symptom is Symptom.REFUSED:
            return None
        place, device, point = found
        if place.container is not None:
            return None  # a macvlan's: its parent and its network may be to blame
        asked = unanswered(case, wanted[0], at=point)
        if asked is None or asked.times < _ENOUGH or any(hop.seen and hop.point == point for hop in case.hops):
            return None
        gone = _published_at(case, asked.asked)
        advice = f"nothing on {place.host} stops it: see whether {asked.asked} is up and on that link (cable, VLAN, its address), or have the route leave by another way"
        publishes = ""
        if gone is not None:
            publishes = (
                f"docker: {gone[1]} of {gone[0]} publishes a port at {asked.asked}, which no interface of {gone[0]} has"
            )
            advice = f"give {gone[0]} the address {asked.asked} again, or publish {gone[1]}'s port at an address that {gone[0]} has"
        passed = f"by the state of {place.host} nothing stops it, and it leaves by {device}"
        return Finding(
            code=self.code,
            summary=f"nobody on {device} of {place} answers {asked.protocol} for {asked.asked}, the next hop of its way: nothing is sent, and what is silent lies beyond this host",
            where=Where(component=f"beyond {point}"),
            evidence=tuple(filter(None, (asked_times(asked), publishes, passed))),
            remedies=(advise(gone[0] if gone is not None else place.host, advice),),
            confidence=Confidence.LIKELY,
        )

    def _finding(self, left: _Left, summary: str, evidence: tuple[str, ...], confidence: Confidence) -> Finding:
        to = left.packet.dst
        advice = f"nothing on {left.place.host} stops it: ask whoever runs {to.address}, or the network on the way; a capture there tells whether the request arrives"
        return Finding(
            code=self.code,
            summary=summary,
            where=Where(component=f"beyond {left.point}"),
            evidence=(*evidence, f"by the state of {left.place.host} nothing stops it, and it leaves by {left.device}"),
            remedies=(advise(left.place.host, advice),),
            confidence=confidence,
        )

    def possible(self, case: Case) -> bool:
        """Not where the walk is known to end at a host of the inventory."""
        told = case.prediction
        return told is None or bool(told.unknown)


def _published_at(case: Case, address: str) -> tuple[str, str] | None:
    """The host and the container that publishes a port at an address which no host has."""
    if host_with(case.world.before, address) is not None:
        return None
    for host in case.world.before.values():
        for container in host.containers or ():
            if any(same(each.host_ip, address) for each in container.published):
                return host.name, container.name
    return None


def _out(case: Case) -> tuple[Place, str, str] | None:
    """The place, the interface and the point by which the request leaves the inventory, by the state before and after."""
    if lacks(case, "addr", "route", "rule", "containers", "networks", everywhere=True):
        return None  # who is of the inventory is not known
    before, after = case.prediction, case.prediction_after
    if before is None or after is None or before.leaves is None or before.leaves != after.leaves:
        return None
    place, device = before.leaves
    point = point_name(place.host, device, place.container)
    return (place, device, point) if point in silent_points(case) else None


def _left(case: Case) -> _Left | None:
    """Where the request left the inventory, by the state and by the packets alike."""
    found = _out(case)
    if found is None:
        return None
    place, device, point = found
    hop = next(
        (hop for hop in case.hops if hop.seen and hop.point == point and hop.direction is Direction.REQUEST), None
    )
    last = [hop.point for hop in case.hops if hop.seen and hop.direction is Direction.REQUEST][-1:]
    if hop is None or hop.packet is None or last != [point]:
        return None
    return _Left(point=point, place=place, device=device, packet=hop.packet)


def _is_own(case: Case, left: _Left, address: str) -> bool:
    """Whether the interface by which it left has that address: then an answer to it comes in there."""
    host = case.before(left.place.host)
    link = host.namespace(left.place.container).link(left.device) if host else None
    return link is not None and any(same(each.address, address) for each in link.addresses)
