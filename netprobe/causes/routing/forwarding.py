"""Between hosts: a host that does not forward, a peer that knows no way back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.causes.base import Cause
from netprobe.causes.nat.condition import may_be_meant
from netprobe.causes.proof.lookups import failed, frames, questions, stopped
from netprobe.causes.proof.obstacle import frames_at, met, predicted, silent_points, whose
from netprobe.causes.remedies.steps import in_place, setting
from netprobe.causes.routing.routes import LOST, refused_by_rule, refusing
from netprobe.forward.model import Barrier, PredictedOutcome
from netprobe.model.hop import Direction
from netprobe.model.point import point_name
from netprobe.model.remedy import advise
from netprobe.model.report import Confidence, Finding, Where
from netprobe.paths.story import Symptom
from netprobe.state.address import covers
from netprobe.state.lookup import docker_bridges, host_with, route_lookup
from netprobe.state.routes import MAIN, UNICAST

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.evidence.model import Place
    from netprobe.forward.model import Obstacle
    from netprobe.model.hop import Hop
    from netprobe.model.remedy import Argv, Remedy
    from netprobe.state.engine.model import Network
    from netprobe.state.model import Host
    from netprobe.state.routes import Route

_ENOUGH = 2  # copies of an answer that all got lost: one alone may be chance


class IpForwardOff(Cause):
    """A host that should forward does not: ``net.ipv4.ip_forward`` is 0.

    What it is: what comes in by one interface for somebody else is dropped in the routing decision, before FORWARD.
    Why it happens: a sysctl file, a hardening tool or a network restart turned it off after Docker had turned it on.
    Evidence: the request at the incoming interface and at none behind it; the setting.
    Remedy: turn it on, and keep it on in sysctl.d.
    Source: moby#47966; Documentation/networking/ip-sysctl.rst; net/ipv4/route.c (ip_route_input_slow).
    """

    code = "ip-forward-off"
    reads = ("sysctl",)
    tells = "sysctl net.ipv4.ip_forward net.ipv4.conf.all.forwarding on the host"
    barriers = frozenset({Barrier.FORWARDING_OFF})
    drop_reasons = frozenset({"IP_INADDRERRORS"})
    symptoms = LOST | {Symptom.NO_ANSWER}

    def find(self, case: Case) -> Finding | None:
        """Fires when the walk ends at the forwarding switch and the packets do too."""
        obstacle = met(case, Barrier.FORWARDING_OFF)
        if obstacle is None:
            return self._of_lookup(case)
        host, who = obstacle.place.host, obstacle.place.container or obstacle.place.host
        what = "the answer" if obstacle.direction is Direction.REPLY else "the request"
        return Finding(
            code=self.code,
            summary=f"{who} does not forward: {obstacle.text}, so {what} ends there",
            where=Where(host=host, component=_of(obstacle), rule=obstacle.text),
            evidence=(
                f"{what} was last seen at {case.last_seen}: {frames_at(case, case.last_seen, obstacle.direction)}",
                f"sysctl: {obstacle.text}",
            ),
            remedies=(setting(case, obstacle.place, obstacle.undo),),
        )

    def _of_lookup(self, case: Case) -> Finding | None:
        """Every question of a failed lookup ends there: the name server lies beyond the host."""
        asked = questions(case) if failed(case) else ()
        found = [query for each in asked if (query := stopped(case, each)) is not None]
        if not found or len(found) != len(asked) or any(each.obstacle.barrier not in self.barriers for each in found):
            return None
        query, obstacle = found[0], found[0].obstacle
        host = obstacle.place.host
        return Finding(
            code=self.code,
            summary=f"{host} does not forward: {obstacle.text}, so the question to the name server {query.asked.server} ends there, and the name is not resolved",
            where=Where(host=host, component=obstacle.label, rule=obstacle.text),
            evidence=(
                f"the question was last seen at {query.point}: {frames(case, query.asked, query.point)}",
                f"sysctl: {obstacle.text}",
            ),
            remedies=(setting(case, obstacle.place, obstacle.undo),),
        )

    def possible(self, case: Case) -> bool:
        """Only where a forwarding switch is known to be off, or the prediction does not tell."""
        told = case.prediction
        return told is None or bool(told.unknown) or predicted(case, Barrier.FORWARDING_OFF) is not None


def _of(obstacle: Obstacle) -> str:
    """``net.ipv4.ip_forward``, ``net.ipv4.ip_forward in vpn``."""
    return f"{obstacle.label} in {obstacle.place.container}" if obstacle.place.container else obstacle.label


class MissingReturnRoute(Cause):
    """The request arrives, and the peer has no way back to where it came from.

    What it is: a routed network (no masquerading) keeps its containers' addresses; everybody who answers needs a route to them.
    Why it happens: ``gateway_mode=routed`` or ``enable_ip_masquerade=false``, and nobody told the peer.
    Evidence: the request in the peer's namespace with the container's own address, no answer behind the peer's (or a router's) routing.
    Remedy: a route to the network, by its Docker host, on the peer or its router.
    Source: Docker documentation, "Routing without NAT"; ip-route(8).
    """

    code = "missing-return-route"
    reads = ("route", "rule")
    tells = "ip route get to the source's address, on the target's host"
    barriers = frozenset({Barrier.NO_ROUTE})
    symptoms = LOST

    def explains_obstacle(self, case: Case, obstacle: Obstacle) -> bool:
        """On the way back."""
        return obstacle.direction is Direction.REPLY and super().explains_obstacle(case, obstacle)

    def find(self, case: Case) -> Finding | None:
        """Fires when the request was seen to arrive, and the answer has no route, or was seen to leave for a router that knows none."""
        arrived = _arrived(case)
        if arrived is None or _meant_to_masquerade(case, arrived) or may_be_meant(case):
            return None
        return self._refused(case, arrived) or self._sent_elsewhere(case, arrived)

    def _refused(self, case: Case, arrived: Hop) -> Finding | None:
        """The answer's walk ends for want of a route."""
        obstacle = met(case, Barrier.NO_ROUTE)
        if obstacle is None or obstacle.direction is not Direction.REPLY or refused_by_rule(obstacle):
            return None  # what a routing rule refuses no route of main brings back (no-route names the rule)
        source, network = _network(case, arrived)
        refused = refusing(case, obstacle.place, source)
        route = f"{refused} refuses {source}" if refused else f"nothing leads to {source}"
        return Finding(
            code=self.code,
            summary=f"the request arrives from {source}, and {whose(obstacle.place)} has no route back to {network}",
            where=Where(host=obstacle.place.host, component="routing", rule=refused or None),
            evidence=(
                f"the request at {arrived.point}: {frames_at(case, arrived.point, Direction.REQUEST)}",
                f"{'ip -6' if case.is_v6 else 'ip'} route of {whose(obstacle.place)}: {route}",
            ),
            remedies=_way_back(case, obstacle.place, network, refused),
        )

    def _sent_elsewhere(self, case: Case, arrived: Hop) -> Finding | None:
        """The answer goes to a router that nobody knows, and does not come to the host that has the network."""
        peer = _who_answers(case)
        if peer is None or case.source_container is None:
            return None
        source, network = _network(case, arrived)
        route, via = _by_router(case, peer, source), _towards(case, peer)
        left = _left(case, peer)
        if route is None or not via or left is None or source not in case.source_container.addresses:
            return None
        return Finding(
            code=self.code,
            summary=f"{whose(peer)} answers {source} by {route.via}, which does not bring it to {case.probe.source_at.host if case.probe else ''}: it has no route of its own back to {network}",
            where=Where(host=peer.host, component="routing"),
            evidence=(
                f"the request at {arrived.point}: {frames_at(case, arrived.point, Direction.REQUEST)}",
                f"the answer at {left.point} ({left.count} times): {frames_at(case, left.point, Direction.REPLY)}, and at no interface of the source's host",
                f"ip route of {whose(peer)}: {route.dst} via {route.via}, and not via {via}",
            ),
            remedies=_way_back(case, peer, network, route.dst),
            confidence=Confidence.LIKELY,
        )

    def possible(self, case: Case) -> bool:
        """Only where the answer's way is known to end so, or is not known."""
        told = case.prediction
        if told is None or bool(told.unknown):
            return case.story.reached is not False
        return told.outcome is PredictedOutcome.REPLY_LOST and told.obstacles[0].barrier is Barrier.NO_ROUTE


def _arrived(case: Case) -> Hop | None:
    """The request where it was seen last."""
    seen = [hop for hop in case.hops if hop.seen and hop.packet and hop.direction is Direction.REQUEST]
    return seen[-1] if seen else None


def _source_of(case: Case, arrived: Hop) -> tuple[str, Network | None]:
    """The source address as it arrives, and the network in which the source container has it."""
    packet = arrived.packet
    source = packet.src.address if packet else ""
    host, container = case.before(case.probe.source_at.host) if case.probe else None, case.source_container
    endpoints = container.networks.values() if container else ()
    found = (host.network(each.network) for each in endpoints if host and source in each.all_addresses)
    return source, next(found, None)


def _network(case: Case, arrived: Hop) -> tuple[str, str]:
    """The source address, and its network (the address alone where that is not known)."""
    source, network = _source_of(case, arrived)
    for subnet in network.subnets if network else ():
        if covers(subnet, source):
            return source, subnet
    return source, f"{source}/{128 if ':' in source else 32}"


def _meant_to_masquerade(case: Case, arrived: Hop) -> bool:
    """Whether nobody should need a route to the source's network: Docker is told to masquerade it."""
    _, network = _source_of(case, arrived)
    return network is not None and bool(network.bridge) and network.masquerade


def _way_back(case: Case, peer: Place, network: str, present: str) -> tuple[Remedy, ...]:
    """The commands for a route to the network by its host; the one that is there (``[KIND ]PREFIX``) goes, unless the new one is more specific."""
    via = _towards(case, peer)
    if not via:
        return (advise(peer.host, f"a route to {network}, by the host that has it"),)
    nearer = present and int(present.rpartition("/")[2]) >= int(network.rpartition("/")[2])
    ip: Argv = ("ip", "-6") if ":" in network else ("ip",)
    gone: tuple[Argv, ...] = ((*ip, "route", "del", *present.split()),) if nearer else ()
    others = _others_lead(case, peer, network, present)
    commands = gone if gone and others else (*gone, (*ip, "route", "add", network, "via", via))
    return (in_place(case, peer, *commands),)


def _others_lead(case: Case, peer: Place, network: str, present: str) -> bool:
    """Whether another route of the peer leads to the network once a refusing one (``unreachable PREFIX``) is gone."""
    far, kind = case.before(peer.host), present.rpartition(" ")[0]
    routes = far.namespace(peer.container).routes or () if far is not None and kind else ()
    address = network.partition("/")[0]
    return any(each.kind == UNICAST and each.table == MAIN and covers(each.dst, address) for each in routes)


def _towards(case: Case, peer: Place) -> str:
    """The source's host's address on a link that the peer has too, ``""`` where there is none."""
    host, far = case.before(case.probe.source_at.host) if case.probe else None, case.before(peer.host)
    for link in far.namespace(peer.container).links or () if far else ():
        for each in link.addresses if not link.loopback else ():
            hop = route_lookup(host.own, each.address) if host else None
            if hop is not None and hop.src and not hop.via and not hop.local:
                return hop.src
    return ""


def _who_answers(case: Case) -> Place | None:
    """Who took the request, where the walk of the answer is lost sight of behind it; None where it goes on, or ends at something known."""
    moments = (case.prediction, case.prediction_after)
    peers = {
        told.arrives if told and told.outcome is PredictedOutcome.UNKNOWN and told.unknown else None for told in moments
    }
    return peers.pop() if len(peers) == 1 else None


def _by_router(case: Case, peer: Place, source: str) -> Route | None:
    """The peer's route to the source, before and after alike; None without a next hop, or where a host of the inventory has that."""
    found = set()
    for hosts in (case.world.before, case.world.after):
        host = hosts.get(peer.host)
        way = route_lookup(host.namespace(peer.container), source) if host else None
        found.add(way.route if way is not None and way.via and not host_with(hosts, way.via) else None)
    return found.pop() if len(found) == 1 else None


def _left(case: Case, peer: Place) -> Hop | None:
    """The answer where it left the peer, twice at least; None where another host saw it, or could have without being watched."""
    points = {each.name: each for each in case.points}
    seen = [hop for hop in case.hops if hop.seen and hop.direction is Direction.REPLY]
    if not seen or seen[-1].count < _ENOUGH or any(points[hop.point].host != peer.host for hop in seen):
        return None
    host = case.before(case.probe.source_at.host) if case.probe else None
    return seen[-1] if host is not None and _uplinks(host) and _uplinks(host) <= silent_points(case) else None


def _uplinks(host: Host) -> frozenset[str]:
    """The capture points of a host's interfaces to the outside: those with an address (a link-local one does not count)."""
    bridges = docker_bridges(host)
    return frozenset(
        point_name(host.name, link.name)
        for link in host.own.links or ()
        if not link.loopback and link.name not in bridges and any(each.scope == "global" for each in link.addresses)
    )
