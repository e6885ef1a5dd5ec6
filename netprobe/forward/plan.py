"""The capture points that a request might pass, from host state alone; the live planner sniffs just these.

It is the walk that predicts (:mod:`netprobe.forward.walk`), taken every way that is possible: at each fork that the state does not decide all
of them, obstacles passed. What every way passes that the state does not speak against is expected; the rest is optional.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING

from netprobe.forward.drivers import driver_of
from netprobe.forward.guesses import forwarded_query, inward
from netprobe.forward.model import Stopped, UnknownHere
from netprobe.forward.modes import Exploring
from netprobe.forward.trail import Trail, endpoint
from netprobe.forward.walk import Walker
from netprobe.model.point import point_name
from netprobe.state.address import covers, is_loopback
from netprobe.state.engine import EMBEDDED_DNS
from netprobe.state.lookup import canonical, container_with, namespace_of, network_for, networks_of, route_lookup
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from netprobe.evidence.model import Place
    from netprobe.forward import Request
    from netprobe.forward.frame import Tap
    from netprobe.forward.model import WalkStep
    from netprobe.state.model import Host

_MAX_WAYS = 32  # of one request, at most


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """One capture point on the way.

    Attributes:
        point: ``HOST/IF`` or ``HOST/CONTAINER/IF``, as in :class:`netprobe.evidence.model.CapturePoint`.
        place: the namespace to sniff in.
        interface: its name there.
        optional: only some ways pass it, so that its silence proves nothing by itself.
        sees_unicast: False for a bridge's own tap where the packet is switched between two of its ports.
    """

    point: str
    place: Place
    interface: str
    optional: bool = False
    sees_unicast: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Itinerary:
    """The stops in order, where it ends, and what was assumed.

    Attributes:
        stops: each point once, where it is passed first.
        arrives: the namespace that the request should reach; None for somebody who is not of the inventory.
        notes: one sentence each.
        back: the stops of the answers, and whatever other interface one of the namespaces on the way might take; all optional.
    """

    stops: tuple[Stop, ...] = ()
    arrives: Place | None = None
    notes: tuple[str, ...] = ()
    back: tuple[Stop, ...] = ()

    @property
    def points(self) -> tuple[str, ...]:
        """The names of the stops."""
        return tuple(stop.point for stop in self.stops)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    """One way: its taps, whether the state speaks for it (or not against it), where it came to, and what was not known beyond.

    ``back``: the taps of the answer. ``decided``: the routing decisions on both ways.
    """

    taps: tuple[Tap, ...]
    sure: bool
    arrives: Place | None
    end: str
    back: tuple[Tap, ...] = ()
    decided: tuple[WalkStep, ...] = ()


def itinerary(
    hosts: Mapping[str, Host], request: Request, target: Place | None = None, *, answers: bool = False
) -> Itinerary:
    """The stops of a request.

    Args:
        hosts: the inventory's hosts, by name.
        request: a source in another's namespace counts as that other.
        target: who is meant. If the way does not lead there, its own stops are added as optional ones.
        answers: where its answers may pass is wanted, too.
    """
    wanted = target.host if target else ""
    # Two names may mean one machine ("local" and itself by ssh): the target's name counts first, "local" last.
    ordered = dict(sorted(hosts.items(), key=lambda item: (item[0] != wanted, item[0] == "local")))
    ways = _ways(ordered, request, answers=answers)
    arrives = ways[0].arrives
    notes = [way.end for way in ways if way.sure and way.end]
    stops = _merged(ways)
    extra: list[tuple[Place, str]] = []
    source = canonical(hosts, request.source)
    if request.dialled in EMBEDDED_DNS and arrives is not None and arrives.container is not None:
        extra += _forwarded(ordered, source)
        notes.append("a query that the embedded DNS server forwards leaves the container or the host")
    meant = canonical(hosts, target) if target is not None else None
    if meant is not None and meant != arrives and (own := _running(hosts, meant)):
        notes.append(f"the way to {request.dialled} does not lead to {meant} by what is known")
        extra += own
    for place, interface in extra:
        name = point_name(place.host, interface, place.container)
        stops.setdefault(name, Stop(point=name, place=place, interface=interface, optional=True))
    back = _back(ordered, ways, {source, arrives}) if answers else ()
    return Itinerary(stops=tuple(stops.values()), arrives=arrives, notes=tuple(dict.fromkeys(notes)), back=back)


def _back(hosts: Mapping[str, Host], ways: Sequence[_Way], ends: Iterable[Place | None]) -> tuple[Stop, ...]:
    """Where answers may pass; and every other interface by which a namespace on the way has a route, and each of the two ends'."""
    points = [(tap.place, tap.interface) for way in ways for tap in way.back]
    for step in dict.fromkeys(step for way in ways for step in way.decided):
        namespace = namespace_of(hosts, step.place)
        if namespace is not None and step.packet is not None and not is_loopback(step.packet.dst):
            points += [(step.place, device) for device in namespace.fib.devices(step.packet.dst)]
    for place in ends:
        inside = namespace_of(hosts, place) if place is not None and place.container else None
        links = (inside.links or ()) if inside is not None else ()
        points += [(place, link.name) for link in links if place is not None and not link.loopback and link.up]
    found: dict[str, Stop] = {}
    for place, interface in points:
        name = point_name(place.host, interface, place.container)
        found.setdefault(name, Stop(point=name, place=place, interface=interface, optional=True))
    return tuple(found.values())


def _ways(hosts: Mapping[str, Host], request: Request, *, answers: bool) -> list[_Way]:
    """Every way, the one that the state tells (or that comes first) before the others."""
    found: list[_Way] = []
    scripts: list[tuple[int, ...]] = [()]
    while scripts and len(found) < _MAX_WAYS:
        mode = Exploring(scripts.pop(0))
        found.append(_way(hosts, request, mode, answers=answers))
        scripts += mode.open
    return found


def _way(hosts: Mapping[str, Host], request: Request, mode: Exploring, *, answers: bool) -> _Way:
    packet = request.packet
    trail = Trail(dialled=endpoint(packet.dst, packet.dport, packet.proto))
    walker = Walker(hosts=hosts, mode=mode, trail=trail)
    end = ""
    try:
        walker.request(canonical(hosts, request.source), packet)
    except (UnknownHere, Stopped) as why:
        end = str(why)
    arrives = walker.arrives
    if answers:
        with contextlib.suppress(UnknownHere, Stopped):
            walker.replies()
    return _Way(
        taps=tuple(trail.taps), sure=mode.sure, arrives=arrives, end=end, back=tuple(trail.taps_back), decided=tuple(trail.decided)
    )  # fmt: skip


def _merged(ways: Sequence[_Way]) -> dict[str, Stop]:
    """The points of all ways in one order: what a later way passes besides stands behind what it passes before."""
    order: list[str] = []
    taps: dict[str, Tap] = {}
    for way in ways:
        known = [order.index(tap.point) for tap in way.taps if tap.point in taps]
        at = known[0] if known else len(order)
        for tap in way.taps:
            if tap.point not in taps:
                order.insert(at, tap.point)
                taps[tap.point] = tap
            at = max(at, order.index(tap.point) + 1)
    sure = [way for way in ways if way.sure]
    return {name: _stop(taps[name], sure) for name in order}


def _stop(tap: Tap, sure: Iterable[_Way]) -> Stop:
    """A point: expected where each sure way passes it, and blind where one passes it unseen."""
    passed = [[each.observable for each in way.taps if each.point == tap.point] for way in sure]
    return Stop(
        point=tap.point,
        place=tap.place,
        interface=tap.interface,
        optional=not all(passed),
        sees_unicast=all(any(seen) for seen in passed if seen),
    )


def _forwarded(hosts: Mapping[str, Host], source: Place) -> list[tuple[Place, str]]:
    host = hosts.get(source.host)
    container = host.container(source.container) if host and source.container else None
    return list(forwarded_query(host, container)) if host and container else []


def _running(hosts: Mapping[str, Host], target: Place) -> list[tuple[Place, str]]:
    """The points of a running container's own interfaces."""
    host = hosts.get(target.host)
    container = host.container(target.container) if host and target.container else None
    return list(inward(host, container)) if host and container and container.running else []


def way_back(hosts: Mapping[str, Host], request: Request, arrives: Place | None) -> tuple[Itinerary, ...]:
    """The answer's way, which may be another: from where the request arrives to the address that it comes with.

    Empty where that address is not known beforehand: a masquerading host gives its own.
    """
    at = canonical(hosts, request.source)
    namespace, host = namespace_of(hosts, at), hosts.get(at.host)
    hop = route_lookup(namespace, request.dialled) if namespace is not None else None
    if arrives is None or host is None or hop is None or not hop.src or is_loopback(hop.src) or arrives == at:
        return ()
    container = host.container(at.container) if at.container else None
    for settings, network in networks_of(host, container) if container else ():
        if settings.address == hop.src and not driver_of(network).flat and network.masquerade:
            return ()
    back = replace(request, source=arrives, dialled=hop.src, port=None, proto="icmp", source_port=None)
    return (itinerary(hosts, back),)


def on_segment(hosts: Mapping[str, Host], source: Place, dialled: str | None) -> tuple[str, ...]:
    """The hosts that matter on the segment of a source's macvlan network.

    They have an address of their own in its subnet (they may be its routers), or a macvlan container with the dialled address.
    """
    at = canonical(hosts, source)
    host = hosts.get(at.host)
    container = host.container(at.container) if host and at.container else None
    flat = [net for _, net in networks_of(host, container) if driver_of(net).flat] if host and container else []
    subnets = [subnet for net in flat for subnet in net.subnets]
    routers = [
        name
        for name, other in hosts.items()
        for link in other.own.links or ()
        if any(covers(subnet, each.address) for each in link.addresses for subnet in subnets)
    ]
    found = {name: container_with(other, dialled or "") for name, other in hosts.items()} if flat else {}
    networks = {name: network_for(hosts[name], each[1]) for name, each in found.items() if each}
    bearers = [name for name, network in networks.items() if network and driver_of(network).flat]
    return tuple(dict.fromkeys((*routers, *bearers)))
