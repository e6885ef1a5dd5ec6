"""What two journeys had to do with: the hosts near which they part, the packets there, containers, interfaces, ports, the rules that the walks met."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.diff.model import PartingKind
from netprobe.forward.model import ADVERTISEMENT, SOLICITATION
from netprobe.model.hop import Direction
from netprobe.model.point import PointName
from netprobe.state.packet import PacketTuple
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netprobe.diff.model import Parting, RunSide
    from netprobe.forward.model import Obstacle
    from netprobe.model.hop import Hop

_DNS = 53
_TOO_BIG = ((3, 4), (2, 0))  # ICMP: fragmentation needed; ICMPv6: packet too big
_MESSAGES = (SOLICITATION, ADVERTISEMENT)


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What both journeys had to do with.

    Attributes:
        near: the hosts at which they part; on_way: all hosts that they came by.
        inside: the namespaces of containers that take part, as ``(host, container)``.
        packets: the packets that rules of a host may have met, by host.
        addresses, ports: of the connection, and those that it was translated to.
        interfaces: by host, those that the packets came by or would have.
        obstacles: what stops one walk, and not the other.
        met: the texts of rules that one walk met and the other did not, by namespace.
        decided: the texts of routes that one walk took and the other did not, by namespace.
        names: the name that was looked up.
        dialled: the address that both dialled.
        unanswered: the addresses for which nobody answered (ARP, neighbour discovery) in one of the two.
    """

    near: frozenset[str]
    on_way: frozenset[str]
    inside: frozenset[tuple[str, str]]
    packets: dict[str, tuple[PacketTuple, ...]]
    addresses: frozenset[str]
    ports: frozenset[int]
    interfaces: dict[str, frozenset[str]]
    obstacles: tuple[Obstacle, ...]
    met: frozenset[tuple[str, str]]
    decided: frozenset[tuple[str, str]]
    names: frozenset[str]
    dialled: frozenset[str]
    unanswered: frozenset[str]


def scene_of(good: RunSide, bad: RunSide, found: Parting | None) -> Scene:
    """Return what both journeys had to do with."""
    sides = (good, bad)
    hops = [hop for side in sides for hop in _hops(side)]
    points = [PointName.parse(hop.point) for hop in hops]
    hosts = frozenset(each.host for each in points if each.host) | _asked_hosts(sides)
    met = [frozenset(_rules(side)) for side in sides]
    ways = [frozenset(_ways(side)) for side in sides]
    return Scene(
        near=_near(sides, found) or hosts,
        on_way=hosts,
        inside=frozenset(_inside(sides, points, frozenset(_addresses(sides, hops)))),
        packets={host: tuple(_packets(sides, hops, host, found)) for host in hosts},
        addresses=frozenset(_addresses(sides, hops)),
        ports=frozenset(_ports(sides, hops)),
        interfaces={host: frozenset(each.interface for each in points if each.host == host) for host in hosts},
        obstacles=tuple(_obstacles(sides)),
        met=met[0] ^ met[1],
        decided=ways[0] ^ ways[1],
        dialled=_dialled(good) & _dialled(bad),
        unanswered=_unanswered(good) ^ _unanswered(bad),
        names=frozenset(side.probe.lookup.name for side in sides if side.probe and side.probe.lookup.name),
    )


def _unanswered(side: RunSide) -> frozenset[str]:
    return frozenset(each.asked for each in side.report.neighbours if not each.answers)


def _dialled(side: RunSide) -> frozenset[str]:
    return frozenset({side.probe.dialled} if side.probe is not None and side.probe.dialled else ())


def _hops(side: RunSide) -> tuple[Hop, ...]:
    return (*side.report.hops, *(side.prediction.hops if side.prediction else ()))


def _asked_hosts(sides: tuple[RunSide, RunSide]) -> frozenset[str]:
    places = [place for side in sides if side.probe for place in (side.probe.source_at, side.probe.target_at) if place]
    return frozenset(place.host for place in places)


def _near(sides: tuple[RunSide, RunSide], found: Parting | None) -> frozenset[str]:
    """The hosts of the last common point and of the first others; of a lookup the one that asks; where its cause is, too."""
    if found is None:
        return frozenset()
    points = [PointName.parse(each).host for each in (found.common, found.good_at, found.bad_at) if each]
    causes = [side.report.cause.where.host for side in sides if side.report.cause and side.report.cause.where.host]
    asks = [
        side.probe.source_at.host for side in sides if side.probe and (found.kind is PartingKind.LOOKUP or not points)
    ]
    ends = [
        side.probe.target_at.host
        for side in sides
        if side.probe and side.probe.target_at and found.kind is not PartingKind.LOOKUP and not found.bad_at
    ]
    return frozenset(filter(None, (*points, *causes, *asks, *ends)))


def _inside(
    sides: tuple[RunSide, RunSide], points: list[PointName], addresses: frozenset[str]
) -> Iterator[tuple[str, str]]:
    yield from ((each.host, each.container) for each in points if each.container is not None)
    for side in sides:
        if side.probe is None:
            continue
        for place in (side.probe.source_at, side.probe.target_at):
            if place is not None and place.container is not None:
                yield place.host, place.container
        for name, host in side.world.before.items():
            wanted = {
                side.probe.lookup.name,
                side.probe.dialled,
                side.probe.target.partition(":")[0].rpartition("/")[2].partition("@")[0],
            }
            for container in host.containers or ():
                if wanted & {*container.names, *container.addresses} or addresses & {*container.addresses}:
                    yield name, container.name


def _packets(
    sides: tuple[RunSide, RunSide], hops: list[Hop], host: str, found: Parting | None
) -> Iterator[PacketTuple]:
    for hop in hops:
        packet = hop.packet
        if packet is None or PointName.parse(hop.point).host != host:
            continue
        ends = (packet.src, packet.dst)
        for src, dst in (ends, ends[::-1]):
            yield PacketTuple(
                src=src.address or None, dst=dst.address or None, proto=packet.proto,
                sport=_known(src.port), dport=_known(dst.port),
            )  # fmt: skip
    if found is not None and found.kind is PartingKind.END:
        yield from (PacketTuple(proto="icmp", icmp=each) for each in _TOO_BIG)
    if found is None or found.kind is PartingKind.LOOKUP or not hops:
        for proto in ("udp", "tcp"):
            yield PacketTuple(proto=proto, dport=_DNS)
            yield PacketTuple(proto=proto, sport=_DNS)
    yield from _discovery(sides)
    for side in sides:
        for step in side.prediction.decided if side.prediction else ():
            if step.packet is not None and step.place.host == host:
                yield PacketTuple(
                    src=step.packet.src, dst=step.packet.dst, proto=step.packet.proto,
                    sport=_known(step.packet.sport), dport=_known(step.packet.dport),
                )  # fmt: skip


def _discovery(sides: tuple[RunSide, RunSide]) -> Iterator[PacketTuple]:
    """What asks for a link address, and what answers, where that is what stops one of the walks."""
    for obstacle in _obstacles(sides):
        if (asked := obstacle.asked) is None:
            continue
        for src, dst in ((asked.source, asked.address), (asked.address, asked.source)):
            if ":" in asked.address:
                yield from (PacketTuple(proto="icmp", src=src or None, icmp=each) for each in _MESSAGES)
            else:
                yield PacketTuple(proto="arp", src=src or None, dst=dst or None)


def _known(port: int | None) -> int | None:
    return port if port is not None and port > 0 else None


def _addresses(sides: tuple[RunSide, RunSide], hops: list[Hop]) -> Iterator[str]:
    for hop in hops:
        if hop.packet is not None:
            yield from (hop.packet.src.address, hop.packet.dst.address)
    for side in sides:
        yield from side.prediction.resolved if side.prediction else ()
        if side.probe is not None:
            yield from filter(None, (side.probe.dialled, side.probe.target_address, side.probe.lookup.server))
        yield from (each.asked for each in side.report.neighbours)


def _ports(sides: tuple[RunSide, RunSide], hops: list[Hop]) -> Iterator[int]:
    for hop in hops:
        if hop.packet is not None:
            end = hop.packet.dst if hop.direction is Direction.REQUEST else hop.packet.src
            if end.port is not None:
                yield end.port
    for side in sides:
        if side.probe is not None:
            yield from (each for each in (side.probe.dialled_port, side.probe.target_port) if each)


def _rules(side: RunSide) -> Iterator[tuple[str, str]]:
    steps = side.prediction.steps if side.prediction else ()
    yield from (
        (str(each.place), getattr(each.rule, "text", str(each.rule))) for each in steps if each.rule is not None
    )
    for hop in side.report.hops:
        for change in hop.changes:
            if change.rule is not None:
                yield PointName.parse(hop.point).host, getattr(change.rule, "text", str(change.rule))


def _ways(side: RunSide) -> Iterator[tuple[str, str]]:
    for step in (*side.prediction.steps, *side.prediction.decided) if side.prediction else ():
        if step.way is not None and step.way.route is not None:
            yield str(step.place), str(step.way.route)
        if step.way is not None and step.way.rule is not None:
            yield str(step.place), str(step.way.rule)


def _obstacles(sides: tuple[RunSide, RunSide]) -> Iterator[Obstacle]:
    """The first obstacle of each walk that the other does not have."""
    each = [side.prediction.obstacles[:1] if side.prediction else () for side in sides]
    told = [{(one.barrier, one.place, one.text) for one in obstacles} for obstacles in each]
    for obstacles, other in zip(each, reversed(told), strict=True):
        yield from (one for one in obstacles if (one.barrier, one.place, one.text) not in other)
