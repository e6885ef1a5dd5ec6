"""A run's journey in a form in which two can be held against each other: its stops in order, named by their roles."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from netprobe.model.endpoint import Endpoint, Ends
from netprobe.model.hop import Direction
from netprobe.model.point import PointName
from netprobe.state.lookup import bearers_of_mac
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from netprobe.diff.model import RunSide
    from netprobe.diff.roles import Roles
    from netprobe.model.hop import Hop

_BYTES: Final = re.compile(r"\b\d+ bytes\b")
_NUMBERED: Final = re.compile(r"\b(id|seq) ?\S+")
_GROUP_BIT: Final = 1  # of a MAC's first byte: broadcast and multicast


@dataclass(frozen=True, slots=True, kw_only=True)
class PassedPoint:
    """A packet at one point.

    Attributes:
        point: by its role, and as the run has it. direction, leg: as of a hop.
        seen: True; False: it should have been here and was not; None: it could not be observed.
        info: what kind of packet; ``""`` where none was seen.
        src, dst: by their roles; the port of who asks is left out, as each run has another.
        vlan: its tags. to: whose the MAC is that it is sent to; ``""`` unknown.
        nat: who changed its addresses since the stop before (``DNAT``), each with the field.
    """

    point: str
    name: str
    direction: Direction
    leg: int
    seen: bool | None
    info: str = ""
    src: str = ""
    dst: str = ""
    vlan: str = ""
    to: str = ""
    nat: tuple[tuple[str, str], ...] = ()

    @property
    def key(self) -> tuple[str, Direction, int]:
        """Which stop of a journey it is."""
        return self.point, self.direction, self.leg


@dataclass(frozen=True, slots=True, kw_only=True)
class StopList:
    """All stops of one run, in order, what was watched, by host the points that there are (no entry: not known), and for whom nobody answered."""

    stops: tuple[PassedPoint, ...]
    watched: frozenset[str]
    there: Mapping[str, frozenset[str]]
    unanswered: tuple[str, ...] = ()

    def misses(self, point: str) -> bool:
        """Whether nothing passed a point for certain: it was watched, or there is no such point on a host that is known."""
        host, container, _ = PointName.parse(point)
        known = self.there.get(host)
        return point in self.watched or (
            known is not None and (f"{host}/{container}" not in known if container else point not in known)
        )

    def knows(self, point: str) -> bool:
        """Whether anything is known of a point's host: its state, or what was watched there."""
        host = PointName.parse(point).host
        return host in self.there or any(PointName.parse(each).host == host for each in self.watched)

    def of(self, direction: Direction) -> tuple[PassedPoint, ...]:
        """Those of one direction."""
        return tuple(each for each in self.stops if each.direction is direction)


def journey_of(side: RunSide, roles: Mapping[str, Roles]) -> StopList:
    """Return a run's journey. What was predicted and never sent counts as seen."""
    sent = side.report.sent
    stops = tuple(_stop(hop, side, roles, sent=sent) for hop in side.report.hops)
    if not side.whole:
        stops = tuple(replace(each, seen=each.seen or None) for each in stops)
        return StopList(stops=stops, watched=frozenset(), there={}, unanswered=())
    watched = {role_of(each.name, roles) for each in side.points if not each.dropped}
    watched |= {each.point for each in stops if each.seen is not None}
    return StopList(stops=stops, watched=frozenset(watched), there=_there(side, roles), unanswered=_unanswered(side))


def _unanswered(side: RunSide) -> tuple[str, ...]:
    return tuple(f"{each.protocol} for {each.asked}" for each in side.report.neighbours if not each.answers)


def _there(side: RunSide, roles: Mapping[str, Roles]) -> dict[str, frozenset[str]]:
    """The points that each host has, as far as its interfaces and containers are known; of a container those that it may have."""
    found: dict[str, frozenset[str]] = {}
    for name, host in side.world.before.items():
        if host.own.links is None or host.containers is None:
            continue
        points = {str(PointName(name, None, link.name)) for link in host.own.links}
        found[name] = frozenset(role_of(each, roles) for each in points) | {
            f"{name}/{each.name}" for each in host.containers if each.running
        }
    return found


def role_of(point: str, roles: Mapping[str, Roles]) -> str:
    """Return a point's name by its role."""
    host = PointName.parse(point).host
    return roles[host].point(point) if host in roles else point


def of_roles(text: str, roles: Mapping[str, Roles]) -> str:
    """Return a text with the roles of all hosts in it."""
    for each in roles.values():
        text = each.of(text)
    return text


def _stop(hop: Hop, side: RunSide, roles: Mapping[str, Roles], *, sent: bool) -> PassedPoint:
    packet = hop.packet
    changes = tuple((each.field, each.by) for each in hop.changes if each.field in {"src", "dst", "connection"})
    asks = hop.direction is Direction.REQUEST
    return PassedPoint(
        point=role_of(hop.point, roles),
        name=hop.point,
        direction=hop.direction,
        leg=hop.leg,
        seen=hop.seen if sent else True,
        info=kind_of(packet.info) if packet else "",
        src=_end(packet.src, roles, port=not asks) if packet else "",
        dst=_end(packet.dst, roles, port=asks) if packet else "",
        vlan=packet.tag if packet and packet.tag_known else "",
        to=_bearer(packet.dst_mac, side) if packet else "",
        nat=changes,
    )


def kind_of(info: str) -> str:
    """Return what kind of packet it is, without what is another each time: sizes, ids."""
    return _NUMBERED.sub(r"\1 …", _BYTES.sub("data", info))


def _end(end: Endpoint | Ends | str, roles: Mapping[str, Roles], *, port: bool) -> str:
    if isinstance(end, Endpoint) and not port:
        end = Endpoint(end.address)
    return of_roles(str(end), roles)


def _bearer(mac: str | None, side: RunSide) -> str:
    """Whose a MAC is, by the hosts' state; ``""`` where none of them has it, or it is for all."""
    if not mac or int(mac[:2], 16) & _GROUP_BIT:
        return ""
    found = [str(place) for host in side.world.before.values() for place in bearers_of_mac(host, mac)]
    return " and ".join(found)


def names_of(stops: Sequence[PassedPoint]) -> tuple[str, ...]:
    """Return the points of stops that were seen."""
    return tuple(each.point for each in stops if each.seen)
