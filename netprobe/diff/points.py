"""Both ways side by side, point by point."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.diff.model import BothAtPoint, PartingKind, SightKind
from netprobe.diff.parting import aligned
from netprobe.model.hop import Direction

if TYPE_CHECKING:
    from netprobe.diff.journey import PassedPoint, StopList
    from netprobe.diff.model import Parting

_OF_PACKETS = frozenset({PartingKind.POINT, PartingKind.CHANGE, PartingKind.ANSWER, PartingKind.REPLY})


def point_pairs(good: StopList, bad: StopList, found: Parting | None) -> tuple[BothAtPoint, ...]:
    """Return every point that either came by or should have, request first."""
    pairs = [
        _pair(ours, theirs, good, bad) for direction in Direction for ours, theirs in aligned(good, bad, direction)
    ]
    if found is None or found.kind not in _OF_PACKETS:
        return tuple(pairs)
    at = _parts_at(pairs, found)
    return tuple(_marked(each) if number == at else each for number, each in enumerate(pairs))


def _pair(ours: PassedPoint | None, theirs: PassedPoint | None, good: StopList, bad: StopList) -> BothAtPoint:
    one = ours or theirs
    assert one is not None  # noqa: S101 - one of them has it
    return BothAtPoint(
        point=one.point,
        reply=one.direction is Direction.REPLY,
        leg=one.leg,
        good=_sight(ours, one.point, good),
        bad=_sight(theirs, one.point, bad),
        good_packet=_packet(ours),
        bad_packet=_packet(theirs),
    )


def _sight(stop: PassedPoint | None, point: str, journey: StopList) -> SightKind:
    if stop is None:
        return SightKind.ABSENT if journey.misses(point) else SightKind.UNKNOWN
    return {True: SightKind.SEEN, False: SightKind.MISSING, None: SightKind.UNKNOWN}[stop.seen]


def _packet(stop: PassedPoint | None) -> str:
    return f"{stop.src} → {stop.dst} {stop.info}" if stop is not None and stop.seen and stop.info else ""


def _parts_at(pairs: list[BothAtPoint], found: Parting) -> int | None:
    """The row of the first point that either is told by, behind the last common one."""
    wanted = {found.good_at, found.bad_at} - {None}
    reply = found.kind in {PartingKind.REPLY, PartingKind.ANSWER}
    rows = [number for number, each in enumerate(pairs) if each.point in wanted and (each.reply or not reply)]
    return rows[0] if rows else None


def _marked(pair: BothAtPoint) -> BothAtPoint:
    return BothAtPoint(
        point=pair.point,
        reply=pair.reply,
        leg=pair.leg,
        good=pair.good,
        bad=pair.bad,
        good_packet=pair.good_packet,
        bad_packet=pair.bad_packet,
        parts=True,
    )
