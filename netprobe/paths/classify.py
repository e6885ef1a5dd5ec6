"""The name of the way: a code for each host that the connection passed, and the first that fits for the whole.

Where a rewrite happened: the destination is rewritten by the host that receives (before routing), the source by the host
that sends on (after routing).
"""

from __future__ import annotations

from dataclasses import field
from itertools import pairwise
from typing import TYPE_CHECKING

from netprobe.evidence.model import Place, Proto
from netprobe.model.hop import Direction
from netprobe.model.report import PathCode, Segment
from netprobe.paths.story import Symptom
from netprobe.state.engine import EMBEDDED_DNS
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from netprobe.evidence.model import CapturePoint
    from netprobe.journeys.model import Journey
    from netprobe.model.hop import Hop
    from netprobe.paths.story import Intent, Observation

HANDED_ON = frozenset({PathCode.DOCKER_PROXY, PathCode.DNAT_MASQUERADE, PathCode.DNAT})  # a host gave it to a container
TAKEN = frozenset(
    {Symptom.OK, Symptom.DELIVERED, Symptom.UNFINISHED, Symptom.CLOSED, Symptom.NO_RESPONSE, Symptom.NO_HANDSHAKE}
)  # a process took it
PRECEDENCE = tuple(PathCode)


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """The classified way: ``path`` for the whole, ``segments`` host by host, ``vlan`` the outermost tag seen, what it assumes.

    ``between``: the points before and behind each router that no point shows (the TTL fell between them).
    """

    path: PathCode = PathCode.NONE
    segments: tuple[Segment, ...] = ()
    vlan: int | None = None
    assumptions: tuple[str, ...] = ()
    between: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class _Facts:
    """What was done to the request at one host."""

    destination: bool = False
    source: bool = False
    proxied: bool = False
    forwarded: bool = False
    places: list[Place] = field(default_factory=list)


def classify(
    journey: Journey | None,
    hops: Sequence[Hop],
    points: Sequence[CapturePoint],
    intent: Intent,
    story: Observation,
) -> Way:
    """Name the way that a journey took, or how far it came."""
    return Way() if journey is None else name_way(hops, points, intent, story)


def name_way(hops: Sequence[Hop], points: Sequence[CapturePoint], intent: Intent, story: Observation) -> Way:
    """Name the way of these hops, observed or predicted; ``points`` are those that the hops name."""
    if intent.proto is Proto.DNS or (intent.plain and _embedded(hops)):
        return _lookup_way(hops, points, intent, story)
    return _general(hops, points, intent, story)


def _lookup_way(hops: Sequence[Hop], points: Sequence[CapturePoint], intent: Intent, story: Observation) -> Way:
    """A lookup's way. One that failed leads nowhere: no target was reached."""
    if not story.good:
        return Way()
    if not _embedded(hops):
        return _general(hops, points, intent, story)
    host = next((point.host for point in points if hops and point.name == hops[0].point), "")
    segments = (Segment(host=host, path=PathCode.EMBEDDED_DNS),) if host else ()
    return Way(path=PathCode.EMBEDDED_DNS, segments=segments)


def _embedded(hops: Sequence[Hop]) -> bool:
    return any(hop.packet.dst.address in EMBEDDED_DNS for hop in hops if hop.packet)


def _general(hops: Sequence[Hop], points: Sequence[CapturePoint], intent: Intent, story: Observation) -> Way:
    where = {point.name: point for point in points}
    request = [hop for hop in hops if hop.seen and hop.direction is Direction.REQUEST and hop.packet]
    tags = [hop.packet.vlan for hop in hops if hop.packet and hop.packet.vlan is not None]
    vlan = tags[0] if tags else None
    if not request:
        return Way()
    if _loopback_only(request, where):
        return Way(
            path=PathCode.SHARED_NETNS,
            segments=(Segment(host=where[request[0].point].host, path=PathCode.SHARED_NETNS),),
        )
    between = _between(request, where, intent)
    by_host = _facts(request, where, between)
    end = intent.target.host if intent.target else next(reversed(by_host))
    bridged, assumptions = _same_link(request, where, intent, story, vlan)
    segments = []
    for host, facts in by_host.items():
        code = _code(facts)
        if code is PathCode.NONE and host == end:
            code = bridged if bridged is not None else _own(intent, story)
        if code is not PathCode.NONE:
            segments.append(Segment(host=host, path=code))
    codes = [*(segment.path for segment in segments), *([PathCode.ROUTED] if between else ())]
    path = min(codes, key=PRECEDENCE.index, default=PathCode.NONE)
    if bridged in (PathCode.MACVLAN, PathCode.MACVLAN_VLAN):
        path = bridged
    named = tuple(segment for segment in segments if segment.host)
    return Way(path=path, segments=named, vlan=vlan, assumptions=(*assumptions, *_untold(request)), between=between)


def _untold(request: Sequence[Hop]) -> tuple[str, ...]:
    """What is assumed of tags where the captures do not show any."""
    names = dict.fromkeys(hop.point for hop in request if hop.packet and not hop.packet.tag_known)
    if not names:
        return ()
    return (f"no VLAN tag is assumed at {', '.join(names)}: a cooked capture (SLL2) does not keep it",)


def answered_elsewhere(story: Observation, way: Way, intent: Intent, *, unclear: bool = False) -> bool:
    """Whether a connection that works, or on which TLS failed, ended at somebody else than the target: that is a failure, whatever the packets look like.

    ``unclear``: docker-proxy's inner connection could not be told from others, so that nobody knows where it ended.
    """
    if not story.accepted or intent.target is None or intent.proto is Proto.DNS or unclear:
        return False
    if intent.target.container is not None or story.reached is False:
        return story.reached is False
    return any(each.host == intent.target.host and each.path in HANDED_ON for each in way.segments)


def _loopback_only(request: Sequence[Hop], where: Mapping[str, CapturePoint]) -> bool:
    """Only a container's own lo carried it: source and target share one network namespace."""
    return all(where[hop.point].interface == "lo" and where[hop.point].container is not None for hop in request)


def _facts(
    request: Sequence[Hop], where: Mapping[str, CapturePoint], between: Sequence[tuple[str, str]]
) -> dict[str, _Facts]:
    """What was done at each host, hosts in the order in which the request met them."""
    by_host: dict[str, _Facts] = {}
    previous: str | None = None
    last = ""
    for hop in request:
        host = where[hop.point].host
        facts = by_host.setdefault(host, _Facts())
        facts.places.append(where[hop.point].place)
        for change in hop.changes:
            if change.field == "dst":
                facts.destination = True
            elif change.field == "src":
                by_host[previous if previous is not None else host].source = True
            elif change.field == "connection":
                facts.proxied = True
            elif change.field == "ttl" and host == previous and (last, hop.point) not in between:
                facts.forwarded = True
        previous, last = host, hop.point
    return by_host


def _between(request: Sequence[Hop], where: Mapping[str, CapturePoint], intent: Intent) -> tuple[tuple[str, str], ...]:
    """Where a router stands that no point shows: the TTL fell, and nothing else changed, from one host's wire to another's.

    Or from one point to itself, when it had left that host there: a router sends back into the same wire (another VLAN).
    """
    found = []
    for number, (one, other) in enumerate(pairwise(request)):
        before, behind = where[one.point], where[other.point]
        fields = {change.field for change in other.changes}
        if "ttl" not in fields or fields & {"src", "dst", "connection"} or not behind.host:
            continue
        left = {where[hop.point].place for hop in request[: number + 1]} - {before.place}
        own = any(place.host == before.host for place in left) or intent.source == before.place
        elsewhere = before.host != behind.host and before.container is None and behind.container is None
        if elsewhere or (one.point == other.point and own):
            found.append((one.point, other.point))
    return tuple(found)


def _code(facts: _Facts) -> PathCode:
    """One host's code, the first that fits."""
    if facts.proxied:
        return PathCode.DOCKER_PROXY
    if facts.destination:
        return PathCode.DNAT_MASQUERADE if facts.source else PathCode.DNAT
    if facts.source:
        return PathCode.MASQUERADE
    if facts.forwarded:
        return PathCode.ROUTED
    return PathCode.NONE


def _own(intent: Intent, story: Observation) -> PathCode:
    """Nothing was done to it at its last host: a process of the host itself, when the request was for the host and one took it."""
    if intent.target is not None and intent.target.container is None and story.symptom in TAKEN:
        return PathCode.LOCAL
    return PathCode.NONE


def _same_link(
    request: Sequence[Hop], where: Mapping[str, CapturePoint], intent: Intent, story: Observation, vlan: int | None
) -> tuple[PathCode | None, tuple[str, ...]]:
    """Bridge or macvlan: the same frame (addresses, ports, TTL) wherever it was seen, and it arrived."""
    untouched = all(change.field == "vlan" for hop in request for change in hop.changes)
    if not untouched or story.reached is False or not (story.good or story.reached):
        return None, ()
    places = list(dict.fromkeys(where[hop.point].place for hop in request))
    hosts = {place.host for place in places}
    if "" in hosts:
        retagged = any(hop.changes for hop in request)  # a VLAN interface and its parent, which no bridge need join
        if len(request) > 1 and vlan is None and not retagged:
            said = "the frame is the same at every point: they are taken to be ports of one bridge"
            return PathCode.BRIDGE, (said,)
        return None, ()
    if intent.target is not None and intent.target.container is None:
        return None, ()
    if not any(place.container is not None for place in places):
        return None, ()
    if len(hosts) > 1:
        return (PathCode.MACVLAN if vlan is None else PathCode.MACVLAN_VLAN), ()
    return _inside_one_host(request, where, intent)


_PORT_NAMES = ("veth", "br-", "docker")  # as Docker names them


def _inside_one_host(
    request: Sequence[Hop], where: Mapping[str, CapturePoint], intent: Intent
) -> tuple[PathCode, tuple[str, ...]]:
    """Bridge or macvlan: by what the host's own points are that saw it (or were sniffed, where none did)."""
    looked = [point.name for point in where.values() if point.container is None and point.interface != "lo"]
    seen = [hop.point for hop in request if hop.point in looked]
    if not looked:
        return PathCode.BRIDGE, (
            "no point of the host itself saw it: its containers are taken to be ports of one bridge",
        )
    if intent.bridge_points is not None:
        bridged = any(point in intent.bridge_points for point in seen or looked)
        return (PathCode.BRIDGE if bridged else PathCode.MACVLAN), ()
    bridged = any(where[point].interface.startswith(_PORT_NAMES) for point in seen or looked)
    names = ", ".join(where[point].interface for point in seen or looked)
    return (
        (PathCode.BRIDGE, ()) if bridged else (PathCode.MACVLAN, (f"{names}: taken for no port of a bridge, by name",))
    )
