"""The network between two hosts loses packets: nothing on either host, and one side's tap saw what the other's did not.

A tap sees what leaves behind every local hook (qdisc, tc egress, netdev egress), and what comes in before them (tc, netdev ingress,
raw): net/core/dev.c, dev_queue_xmit_nit() and __netif_receive_skb_core(). Only an XDP program of the receiver comes earlier.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from netprobe.causes.base import Cause
from netprobe.causes.proof.frames import frame_numbers
from netprobe.causes.proof.obstacle import frames_at, silent_points
from netprobe.causes.routing.routes import LOST
from netprobe.forward.model import PredictedOutcome
from netprobe.model.hop import Direction
from netprobe.model.remedy import advise
from netprobe.model.report import Confidence, Finding, Where
from netprobe.paths.story import Symptom
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from netprobe.causes.case import Case
    from netprobe.evidence.model import CapturePoint
    from netprobe.model.hop import Hop
    from netprobe.model.neighbours import NeighbourFrame
    from netprobe.state.model import Host

_ENOUGH = 2  # copies of a packet that all got lost: one alone may be chance


@dataclass(frozen=True, slots=True, kw_only=True)
class _Gap:
    """What was seen to leave ``here`` (so many times, in these frames) and never came in ``there``."""

    what: str
    here: CapturePoint
    there: CapturePoint
    times: int
    frames: str


class UpstreamDrop(Cause):
    """The packet left one host by its interface and never came in at the next: the network between them lost it.

    What it is: nothing on either host; a switch, a cloud security group, a firewall in between.
    Why it happens: port rules of that network, a wrong VLAN on a switch port, a broken link.
    Evidence: every copy of the packet (or of the ARP request or answer that it waits for) at the sending host's interface, none at the
        receiving one's, where sniffing worked; no rule, route or setting of either host stops it.
    Remedy: whoever runs the network between the two points.
    Source: packet(7), net/core/dev.c: a tap sees what leaves behind every local hook, and what comes in before them.
    """

    code = "upstream-drop"
    tells = "captures at both ends of the network between the hosts, by whoever runs it"
    beyond_state = True
    symptoms = LOST

    def find(self, case: Case) -> Finding | None:
        """Fires when all copies (two at least) were lost between the interfaces of two hosts that were both sniffed."""
        if not _free(case):
            return None
        gap = _packet_lost(case) or _arp_lost(case)
        if gap is None or _has_xdp(case, gap.there):
            return None
        here, there = gap.here, gap.there
        return Finding(
            code=self.code,
            summary=f"{gap.what} leaves {here.name} {gap.times} times and never comes in at {there.name}: the network between them drops it",
            where=Where(component=f"between {here.name} and {there.name}"),
            evidence=(
                f"{gap.what} at {here.name}: {gap.frames}, none at {there.name}",
                f"by the state of {here.host} and {there.host} nothing stops it",
            ),
            remedies=(
                advise(
                    here.host,
                    f"look at what is between {here.name} and {there.name}: switch port, VLAN, security group, firewall",
                ),
            ),
            confidence=Confidence.LIKELY,
        )

    def possible(self, case: Case) -> bool:
        """Only where by the state nothing else stops it, and it is not known to have been lost on the host that saw it last."""
        if case.prediction is not None and case.prediction.outcome in {
            PredictedOutcome.STOPPED,
            PredictedOutcome.REPLY_LOST,
        }:
            return False
        where = {point.name: point for point in case.points}
        last, missing = (where.get(name or "") for name in (case.last_seen, case.first_missing))
        if case.probe is None:
            return True
        if last is None:
            return not _all_answered(case)
        here = missing is not None and missing.host == last.host
        if last.container is None and not (here and case.story.symptom is Symptom.UNREACHABLE):
            return True
        return missing is not None and not here


def _all_answered(case: Case) -> bool:
    """Whether nothing was sent though the next hop's ARP came back to whoever asked: then there was nothing for a network to lose."""
    told = case.prediction
    if told is None or case.story.symptom is not Symptom.NO_PACKETS:
        return False
    if not told.hops or told.hops[0].point not in silent_points(case):
        return False  # whether anything was sent is not known
    asked = [each for each in case.neighbours if each.asked in told.resolved and each.requests]
    return bool(asked) and all({frame.point for frame in each.answers} & {each.requests[0].point} for each in asked)


def _free(case: Case) -> bool:
    """Whether by the state, before and after, nothing stands in the way."""
    moments = (case.prediction, case.prediction_after)
    return all(told is not None and told.outcome is PredictedOutcome.WORKS for told in moments)


def _packet_lost(case: Case) -> _Gap | None:
    """The request, or the answer, between two hosts."""
    if case.reply_lost != any(hop.seen for hop in case.hops if hop.direction is Direction.REPLY):
        return None
    direction = Direction.REPLY if case.reply_lost else Direction.REQUEST
    way = [hop for hop in case.hops if hop.direction is direction]
    seen = [hop for hop in way if hop.seen]
    missing = [hop for hop in way if hop.seen is False]
    if not seen or not missing or seen[-1].count < _ENOUGH:
        return None
    for here, there in _between_hosts(case, direction):
        if (here.name, there.name) == (seen[-1].point, missing[0].point) and _meant_for(case, seen[-1], there):
            what = "the answer" if direction is Direction.REPLY else "the request"
            frames = frames_at(case, here.name, direction)
            return _Gap(what=what, here=here, there=there, times=seen[-1].count, frames=frames)
    return None


def _arp_lost(case: Case) -> _Gap | None:
    """The ARP request that the packet waits for, or its answer, between two hosts."""
    told = case.prediction
    for direction in Direction:
        for here, there in _between_hosts(case, direction):
            if any(hop.seen and hop.point == here.name and hop.direction is direction for hop in case.hops):
                continue  # it was sent: the neighbour is known
            for each in case.neighbours:
                if told is None or each.asked not in told.resolved or _at(each.answers, here):
                    continue
                asked, heard, answered = _at(each.requests, here), _at(each.requests, there), _at(each.answers, there)
                question = f"the {each.protocol} question who has {each.asked}"
                if len(asked) >= _ENOUGH and not heard and not answered:
                    return _Gap(
                        what=question,
                        here=here,
                        there=there,
                        times=len(asked),
                        frames=frame_numbers(each.frame for each in asked),
                    )
                if asked and heard and len(answered) >= _ENOUGH:
                    what = f"the answer to {question}"
                    return _Gap(
                        what=what,
                        here=there,
                        there=here,
                        times=len(answered),
                        frames=frame_numbers(each.frame for each in answered),
                    )
    return None


def _between_hosts(case: Case, direction: Direction) -> Iterator[tuple[CapturePoint, CapturePoint]]:
    """The two ends of each wire on the way, as the walk through the state passes them; both were sniffed, and nothing was lost there."""
    told = case.prediction
    points = {each.name: each for each in case.points if each.container is None}
    names = [hop.point for hop in told.hops if hop.direction is direction] if told else []
    for one, other in itertools.pairwise(names):
        here, there = points.get(one), points.get(other)
        if here is not None and there is not None and here.host != there.host and there.name in silent_points(case):
            yield here, there


def _meant_for(case: Case, hop: Hop, there: CapturePoint) -> bool:
    """Whether the frame carries a MAC that is behind the receiving interface: one for somebody else need not come in there."""
    host = case.before(there.host)
    return hop.packet is not None and host is not None and hop.packet.dst_mac in _macs(host, there.interface)


def _macs(host: Host, interface: str) -> frozenset[str]:
    """The MACs of an interface, of what stands on it (macvlan, VLAN), and of the host's containers."""
    links = host.own.links or ()
    own = (link.mac for link in links if interface in {link.name, link.peer_name})
    endpoints = (each.mac for container in host.containers or () for each in container.networks.values())
    return frozenset([*own, *endpoints]) - {""}


def _has_xdp(case: Case, there: CapturePoint) -> bool:
    """Whether the receiving interface has an XDP program (or that is not known): it drops before any tap."""
    for host in (case.before(there.host), case.after(there.host)):
        link = host.own.link(there.interface) if host else None
        if link is None or link.xdp:
            return True
    return False


def _at(frames: Sequence[NeighbourFrame], point: CapturePoint) -> list[NeighbourFrame]:
    return [each for each in frames if each.point == point.name]
