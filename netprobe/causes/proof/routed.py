"""Where routing leads a packet and where its destination is; and by which interface an answer leaves: what causes of routing prove with.

Both are read off the walks through the state before the probe and after it, which must decide alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from netprobe.causes.proof.obstacle import frames_at
from netprobe.forward.drivers import driver_of
from netprobe.model.hop import Direction
from netprobe.model.point import PointName, point_name
from netprobe.state.address import covers
from netprobe.state.fib_answer import RouteQuery
from netprobe.state.lookup import (
    container_interface,
    container_with,
    docker_bridges,
    has_address,
    host_with,
    network_for,
    networks_of,
)
from netprobe.state.routes import DEFAULT_RULES, LOCAL, MAIN
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from netprobe.causes.case import Case
    from netprobe.evidence.model import Place
    from netprobe.forward.model import Prediction, WalkStep
    from netprobe.state.engine.model import Container
    from netprobe.state.fib_answer import RouteHop
    from netprobe.state.links import Link
    from netprobe.state.model import Host
    from netprobe.state.namespace import Namespace
    from netprobe.state.routes import RoutingRule

_USUAL = frozenset({LOCAL, MAIN, "default"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Astray:
    """A routing decision that leads away from where the destination is.

    Attributes:
        place: the namespace. way: where it leads. dst: what was decided on.
        right: the interfaces that lead to the destination. whom: whose address that is.
        direction: whose packet. in_if: by which it came in, ``""`` for one that is sent there.
    """

    place: Place
    way: RouteHop
    dst: str
    right: tuple[str, ...]
    whom: str
    direction: Direction
    in_if: str

    def point(self, device: str) -> str:
        """The capture point of an interface there."""
        return point_name(self.place.host, device, self.place.container)


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherWay:
    """An answer that leaves a namespace by another interface than its request came in by.

    Attributes:
        place: the namespace. way: where the answer is led. src, dst: its addresses at that moment.
        came_by: the interface of the request. ends: that namespace is the request's end (else it is forwarded there).
    """

    place: Place
    way: RouteHop
    src: str
    dst: str
    came_by: str
    ends: bool

    def point(self, device: str) -> str:
        """The capture point of an interface there."""
        return point_name(self.place.host, device, self.place.container)


Found = TypeVar("Found", Astray, OtherWay)


def own_table(rule: RoutingRule | None) -> bool:
    """Whether a routing rule asks a table that namespaces do not begin with."""
    return rule is not None and rule.table not in _USUAL


def decided_by(way: RouteHop) -> str:
    """``routing rule 5270 (from all) asks table 52, which has default dev tailscale0``; the route alone where main decides."""
    if way.rule is None or not own_table(way.rule):
        return f"the route {way.route} decides" if way.route is not None else ""
    whom = " ".join(way.rule.words).partition(" lookup ")[0]
    return f"routing rule {way.rule.priority} ({whom}) asks table {way.rule.table}, which has {way.route}"


def astray(case: Case) -> Astray | None:
    """The first decision that leads a packet away from its destination; None where none does, or the two moments differ."""
    return _alike(case, lambda told, hosts: next(filter(None, (_astray(each, hosts) for each in told.decided)), None))


def other_way(case: Case) -> OtherWay | None:
    """The first namespace that an answer leaves by another interface; None where none does, or the two moments differ."""
    return _alike(case, _other_way)


def _alike(case: Case, find: Callable[[Prediction, Mapping[str, Host]], Found | None]) -> Found | None:
    moments = ((case.prediction, case.world.before), (case.prediction_after, case.world.after))
    before, after = (find(told, hosts) if told is not None else None for told, hosts in moments)
    if before is None or after is None:
        return None
    same = (before.place, before.way.dev, before.dst) == (after.place, after.way.dev, after.dst)
    return before if same else None


def _astray(step: WalkStep, hosts: Mapping[str, Host]) -> Astray | None:
    host, way, packet = hosts.get(step.place.host), step.way, step.packet
    if host is None or way is None or packet is None or way.local or way.refused:
        return None
    right, whom, near = _right(hosts, host, step.place, packet.dst)
    engines = docker_bridges(host) if step.place.container is None else frozenset()
    if not right or way.dev in right or way.dev in engines or (step.direction is Direction.REPLY and not near):
        return None
    return Astray(
        place=step.place, way=way, dst=packet.dst, right=right, whom=whom, direction=step.direction, in_if=step.in_if
    )  # fmt: skip


def _right(hosts: Mapping[str, Host], host: Host, place: Place, dst: str) -> tuple[tuple[str, ...], str, bool]:
    """The interfaces that lead to an address, whose it is, and whether that is a container of the same host; nothing where that is not known."""
    if place.container is not None:
        return _right_inside(hosts, host, place, dst)
    found = container_with(host, dst)
    if found is not None:
        network = network_for(host, found[1])
        known = network is not None and bool(network.bridge) and not driver_of(network).flat
        return ((network.bridge,) if known and network else ()), found[0].name, True
    owners = _owners(hosts, host, dst)
    if not owners or has_address(host.own, dst):
        return (), "", False
    links = (host.own.link(name) for name in host.own.fib.devices(dst))
    right = [each.name for each in links if each is not None and each.arp and any(_shares(each, own) for own in owners)]
    return tuple(right), " or ".join(each.name for each in owners), False


def _right_inside(hosts: Mapping[str, Host], host: Host, place: Place, dst: str) -> tuple[tuple[str, ...], str, bool]:
    """From a container: the interfaces of its networks; one that has the address in its subnet, where there is one."""
    container = host.container(place.container or "")
    here = has_address(host.own, dst) or container_with(host, dst) is not None
    owners = _owners(hosts, host, dst) or ((host,) if here else ())
    if container is None or not owners:
        return (), "", False
    return _interfaces(host, container, dst), " or ".join(each.name for each in owners), False


def _interfaces(host: Host, container: Container, dst: str) -> tuple[str, ...]:
    ends = [(endpoint, network) for endpoint, network in networks_of(host, container)]
    near = [each for each in ends if any(covers(subnet, dst) for subnet in each[1].subnets)]
    return tuple(container_interface(host, container, endpoint) for endpoint, _ in near or ends)


def _owners(hosts: Mapping[str, Host], host: Host, dst: str) -> tuple[Host, ...]:
    """The other hosts that have an address on the outside; several where a virtual one is shared (VRRP, anycast)."""
    return tuple(each for name, each in hosts.items() if name != host.name and host_with({name: each}, dst))


def _shares(link: Link, owner: Host) -> bool:
    """Whether a link's subnet has an address of that host."""
    bridges = docker_bridges(owner)
    theirs = [each.address for other in owner.own.links or () if other.name not in bridges for each in other.addresses]
    return any(covers(own.prefix, address) for own in link.addresses if own.scope == "global" for address in theirs)


def _other_way(told: Prediction, hosts: Mapping[str, Host]) -> OtherWay | None:
    came = {
        (step.place, step.packet.leg): step
        for step in told.decided
        if step.direction is Direction.REQUEST and step.in_if and step.packet is not None
    }
    for step in told.decided:
        packet, way = step.packet, step.way
        request = came.get((step.place, packet.leg)) if packet is not None else None
        if step.direction is not Direction.REPLY or way is None or packet is None or request is None or not way.dev:
            continue
        host = hosts[step.place.host]
        near = step.place.container is None and container_with(host, packet.dst) is not None
        if way.dev != request.in_if and not near and not way.local:
            ends = request.way is not None and request.way.local
            return OtherWay(
                place=step.place, way=way, src=packet.src or "", dst=packet.dst, came_by=request.in_if, ends=ends
            )  # fmt: skip
    return None


def led_elsewhere(case: Case, place: Place, direction: Direction) -> bool:
    """Whether what a FORWARD rule of a host stopped was not led to its destination, or that is not known: then the rule is not the defect.

    By the walk's decision there; where the walk does not come so far (what it takes is not known), by the host's routes and rules alone.
    """
    host, told = case.before(place.host), case.prediction
    if host is None or place.container is not None:
        return False
    steps = [step for step in (told.decided if told is not None else ()) if step.place == place]
    there = next((step for step in reversed(steps) if step.direction is direction and step.packet is not None), None)
    query = _query(there) if there is not None else _guessed(case, place, direction)
    right = _right(case.world.before, host, place, query.dst)[0] if query is not None else ()
    if query is None or not right:
        return False
    way = there.way if there is not None else host.own.fib.ways(query).known if host.own.routes is not None else None
    return way is None or (not way.local and way.dev not in right)


def _query(step: WalkStep) -> RouteQuery | None:
    return RouteQuery(dst=step.packet.dst) if step.packet is not None else None


def _guessed(case: Case, place: Place, direction: Direction) -> RouteQuery | None:
    """What was looked up in a host, as far as the packets and the engine's word tell."""
    hops = [hop for hop in case.hops if hop.seen and hop.direction is direction and hop.packet is not None]
    here = [hop for hop in hops if PointName.parse(hop.point).host == place.host]
    packet = here[-1].packet if here else None
    probe = case.probe
    if packet is None or probe is None:
        return None
    host, dst = case.before(place.host), packet.dst.address
    if direction is Direction.REQUEST and case.publication is not None and case.publication[0] is host:
        dst = probe.target_address or dst
    inside = case.source_container if probe.source_at.host == place.host else None
    if direction is Direction.REPLY and inside is not None and inside.addresses:
        dst = next((each for each in inside.addresses if (":" in each) == (":" in dst)), dst)
    device = PointName.parse(here[-1].point).interface
    link = host.own.link(device) if host is not None else None
    return RouteQuery(
        dst=dst, src=packet.src.address, iif=(link.master if link is not None else "") or device, mark=None, uid=0,
        proto=packet.proto, sport=packet.src.port, dport=packet.dst.port,
    )  # fmt: skip


def by_policy(case: Case) -> bool:
    """Whether a namespace of the case has routing rules or tables beyond the usual, or it is not known whether it has."""
    return any(_has_policy(namespace) for host in case.world.before.values() for namespace in _namespaces(host))


def _namespaces(host: Host) -> Iterable[Namespace]:
    return (host.own, *host.namespaces.values())


def tunnels(case: Case) -> bool:
    """Whether a namespace of the case has an interface that resolves nothing, as tunnels do."""
    links = (link for host in case.world.before.values() for each in _namespaces(host) for link in each.links or ())
    return any(link.up and not link.arp and not link.loopback for link in links)


def strays(case: Case) -> bool:
    """Whether a decision leads away by the state of either moment."""
    moments = ((case.prediction, case.world.before), (case.prediction_after, case.world.after))
    return any(_astray(each, hosts) is not None for told, hosts in moments if told is not None for each in told.decided)


def other_ways(case: Case) -> bool:
    """Whether an answer leaves by another interface by the state of either moment."""
    moments = ((case.prediction, case.world.before), (case.prediction_after, case.world.after))
    return any(told is not None and _other_way(told, hosts) is not None for told, hosts in moments)


def _has_policy(namespace: Namespace) -> bool:
    unknown = namespace.routes is None or (namespace.rules is None and namespace.asked("rule"))
    more = any(len(namespace.fib.rules(version)) > len(DEFAULT_RULES) for version in (4, 6))
    return unknown or more or any(namespace.fib.has_tables(six) for six in (False, True))


def seen_at(case: Case, point: str, direction: Direction) -> bool:
    """Whether a packet of that direction was seen at a point."""
    return bool(frames_at(case, point, direction))
