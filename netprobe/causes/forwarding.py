"""Between hosts: a host that does not forward, a peer that knows no way back, a network that loses packets."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from netprobe.causes.base import Cause
from netprobe.causes.foreseen import foretold, frames_at, met, silent_points, whose
from netprobe.causes.routing import LOST, inside
from netprobe.predict.model import Barrier, Outcome
from netprobe.report.model import Confidence, Direction, Finding, Where
from netprobe.state.lookup import networks_of, route_lookup

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.evidence.model import CapturePoint
    from netprobe.predict.model import Obstacle
    from netprobe.report.model import Hop

_ENOUGH = 2  # copies of a packet that all got lost: one alone may be chance


class IpForwardOff(Cause):
    """A host that should forward does not: ``net.ipv4.ip_forward`` is 0.

    What it is: what comes in by one interface for somebody else is dropped in the routing decision, before FORWARD.
    Why it happens: a sysctl file, a hardening tool or a network restart turned it off after Docker had turned it on.
    Evidence: the request at the incoming interface and at none behind it; the setting.
    Remedy: turn it on, and keep it on in sysctl.d.
    Source: moby#47966; Documentation/networking/ip-sysctl.rst; net/ipv4/route.c (ip_route_input_slow).
    """

    code = "ip-forward-off"
    symptoms = LOST

    def find(self, case: Case) -> Finding | None:
        """Fires when the walk ends at the forwarding switch and the packets do too."""
        obstacle = met(case, Barrier.FORWARDING_OFF)
        if obstacle is None:
            return None
        host = obstacle.place.host
        what = "the answer" if obstacle.direction is Direction.REPLY else "the request"
        return Finding(
            code=self.code,
            summary=f"{host} does not forward: {obstacle.text}, so {what} ends there",
            where=Where(host=host, component=obstacle.label, rule=obstacle.text),
            evidence=(
                f"{what} was last seen at {case.last_seen}: {frames_at(case, case.last_seen)}",
                f"sysctl: {obstacle.text}",
            ),
            remedy=(obstacle.undo,),
            remedy_host=host,
        )

    def possible(self, case: Case) -> bool:
        """Only where a forwarding switch is known to be off, or the prediction does not tell."""
        told = case.prediction
        return told is None or bool(told.unknown) or foretold(case, Barrier.FORWARDING_OFF) is not None


class MissingReturnRoute(Cause):
    """The request arrives, and the peer has no way back to where it came from.

    What it is: a routed network (no masquerading) keeps its containers' addresses; everybody who answers needs a route to them.
    Why it happens: ``gateway_mode=routed`` or ``enable_ip_masquerade=false``, and nobody told the peer.
    Evidence: the request in the peer's namespace with the container's own address, no answer behind the peer's (or a router's) routing.
    Remedy: a route to the network, by its Docker host, on the peer or its router.
    Source: Docker documentation, "Routing without NAT"; ip-route(8).
    """

    code = "missing-return-route"
    symptoms = LOST

    def find(self, case: Case) -> Finding | None:
        """Fires when the request was seen to arrive, and the answer's walk ends for want of a route."""
        obstacle = met(case, Barrier.NO_ROUTE)
        if obstacle is None or obstacle.direction is not Direction.REPLY or self._masqueraded(case):
            return None
        source, network = self._network(case)
        via = self._by(case, obstacle)
        arrived = [hop for hop in case.hops if hop.seen and hop.packet and hop.direction is Direction.REQUEST]
        if not arrived or not source:
            return None
        remedy = f"ip route add {network} via {via}" if via else f"# a route to {network}, by the host that has it"
        return Finding(
            code=self.code,
            summary=f"the request arrives from {source}, and {whose(obstacle.place)} has no route back to {network}",
            where=Where(host=obstacle.place.host, component="routing"),
            evidence=(
                f"the request at {arrived[-1].point}: {frames_at(case, arrived[-1].point)}",
                f"ip route of {whose(obstacle.place)}: nothing leads to {source}",
            ),
            remedy=(inside(case, obstacle.place, remedy),),
            remedy_host=obstacle.place.host,
        )

    @staticmethod
    def _network(case: Case) -> tuple[str, str]:
        """The source address as it arrives, and its network (its own /32 where that is not known)."""
        arrived = [hop for hop in case.hops if hop.seen and hop.packet and hop.direction is Direction.REQUEST]
        packet = arrived[-1].packet if arrived else None
        source = (packet.src if case.transport == "icmp" else packet.src.rpartition(":")[0]) if packet else ""
        container = case.source_container
        for endpoint in container.networks.values() if container else ():
            if endpoint.address == source:
                host = case.before(case.probe.source_at.host) if case.probe else None
                known = host.network(endpoint.network) if host else None
                return source, known.subnets[0] if known and known.subnets else f"{source}/32"
        return source, f"{source}/32"

    @staticmethod
    def _masqueraded(case: Case) -> bool:
        """Whether the source's networks are meant to be masqueraded: then nobody needs a route to them."""
        host = case.before(case.probe.source_at.host) if case.probe else None
        source = case.source_container
        networks = [network for _, network in networks_of(host, source)] if host and source else []
        return any(network.driver == "bridge" and network.masquerade for network in networks)

    @staticmethod
    def _by(case: Case, obstacle: Obstacle) -> str:
        """The source's host's address towards the peer."""
        host = case.before(case.probe.source_at.host) if case.probe else None
        peer = case.before(obstacle.place.host)
        for link in peer.own.links or () if peer else ():
            for each in link.addresses if not link.loopback else ():
                hop = route_lookup(host.own, each.address) if host else None
                if hop is not None and hop.src and not hop.via and not hop.local:
                    return hop.src
        return ""

    def possible(self, case: Case) -> bool:
        """Only where the answer's way is known to end so, or is not known."""
        told = case.prediction
        if told is None or bool(told.unknown):
            return case.story.reached is not False
        return told.outcome is Outcome.REPLY_LOST and told.obstacles[0].barrier is Barrier.NO_ROUTE


class UpstreamDrop(Cause):
    """The packet left one host by its interface and never came in at the next: the network between them lost it.

    What it is: nothing on either host; a switch, a cloud security group, a firewall in between.
    Why it happens: port rules of that network, a wrong VLAN on a switch port, a broken link.
    Evidence: every copy of the packet at the sending host's interface, none at the receiving one's, where sniffing worked; no rule,
        route or setting of either host stops it.
    Remedy: whoever runs the network between the two points.
    Source: known; a tap sees what leaves behind every local hook, and what comes in before them (net/core/dev.c).
    """

    code = "upstream-drop"
    symptoms = LOST

    def find(self, case: Case) -> Finding | None:
        """Fires when all copies (two at least) were lost between the interfaces of two hosts that were both sniffed."""
        told = case.prediction
        if (
            told is None
            or told.outcome is not Outcome.WORKS
            or case.prediction_after is None
            or case.reply_lost != self._back(case)
        ):
            return None
        if case.prediction_after.outcome is not Outcome.WORKS:
            return None
        direction = Direction.REPLY if case.reply_lost else Direction.REQUEST
        way = [hop for hop in case.hops if hop.direction is direction]
        seen = [hop for hop in way if hop.seen]
        missing = [hop for hop in way if hop.seen is False]
        if not seen or not missing or seen[-1].count < _ENOUGH:
            return None
        here, there = self._point(case, seen[-1]), self._point(case, missing[0])
        if here is None or there is None or here.host == there.host or here.container or there.container:
            return None
        if there.name not in silent_points(case) or not self._adjacent(case, here, there, direction):
            return None
        what = "the answer" if direction is Direction.REPLY else "the request"
        return Finding(
            code=self.code,
            summary=f"{what} leaves {here.name} {seen[-1].count} times and never comes in at {there.name}: the network between them drops it",
            where=Where(component=f"between {here.name} and {there.name}"),
            evidence=(
                f"{what} at {here.name}: {frames_at(case, here.name)}, none at {there.name}",
                f"by the state of {here.host} and {there.host} nothing stops it",
            ),
            remedy=(
                f"# look at what is between {here.name} and {there.name}: switch port, VLAN, security group, firewall",
            ),
            confidence=Confidence.LIKELY,
        )

    @staticmethod
    def _back(case: Case) -> bool:
        """Whether an answer was seen at all."""
        return any(hop.seen for hop in case.hops if hop.direction is Direction.REPLY)

    @staticmethod
    def _point(case: Case, hop: Hop) -> CapturePoint | None:
        return next((point for point in case.points if point.name == hop.point), None)

    @staticmethod
    def _adjacent(case: Case, here: CapturePoint, there: CapturePoint, direction: Direction) -> bool:
        """Whether by the prediction the one follows the other at once."""
        told = case.prediction
        names = [hop.point for hop in told.hops if hop.direction is direction] if told else []
        return any(pair == (here.name, there.name) for pair in itertools.pairwise(names))

    def possible(self, case: Case) -> bool:
        """Only where by the state nothing else stops it, and the last sighting was at a host's own interface."""
        if case.prediction is not None and case.prediction.outcome in {Outcome.STOPPED, Outcome.REPLY_LOST}:
            return False
        point = next((each for each in case.points if each.name == case.last_seen), None)
        return case.probe is None or point is None or point.container is None
