"""Where two journeys part: the first thing that is not the same, in the order in which things happened.

The name's lookup comes first, then what was dialled, then the request's points and what changed at each, then the answer's, then how it ended. What one
of the two could not observe is no difference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.diff.looked_up import of_dialled, of_lookup
from netprobe.diff.model import Parting, PartingKind
from netprobe.model.hop import Direction
from netprobe.model.report import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from netprobe.diff.journey import PassedPoint, StopList
    from netprobe.diff.model import RunSide
    from netprobe.diff.roles import Roles
    from netprobe.model.report import Report

_ASKS = {Direction.REQUEST: "the request", Direction.REPLY: "the answer"}


def parting(
    good: RunSide,
    bad: RunSide,
    journeys: tuple[StopList, StopList],
    roles: tuple[Mapping[str, Roles], Mapping[str, Roles]],
) -> Parting | None:
    """Return the first difference; None where none was seen."""
    return (
        of_lookup(good, bad, roles)
        or of_dialled(good, bad, roles)
        or _on_the_way(*journeys, Direction.REQUEST)
        or _answer(*journeys)
        or _on_the_way(*journeys, Direction.REPLY)
        or _end(good.report, bad.report, journeys[0])
    )


def _on_the_way(good: StopList, bad: StopList, direction: Direction) -> Parting | None:
    """The first stop of one direction that both did not make alike."""
    common: PassedPoint | None = None
    for ours, theirs in aligned(good, bad, direction):
        if ours is not None and theirs is not None:
            if ours.seen and theirs.seen:
                if changed := _changed(ours, theirs):
                    return _changes(common, ours, theirs, changed)
                common = ours
                continue
            if None in {ours.seen, theirs.seen} or ours.seen == theirs.seen:
                continue
        elif not _tells(ours, bad) and not _tells(theirs, good):
            continue
        return _parted(direction, common, good, bad)
    return _turned_back(good, bad, common) if direction is Direction.REQUEST else None


def _tells(stop: PassedPoint | None, other: StopList) -> bool:
    """Whether a stop that one has alone was watched in the other, so that its absence there means something."""
    return stop is not None and bool(stop.seen) and other.misses(stop.point)


def aligned(
    good: StopList, bad: StopList, direction: Direction
) -> Iterator[tuple[PassedPoint | None, PassedPoint | None]]:
    """Return the stops of both in order; what both have together, and before it what one of them has alone."""
    left = list(bad.of(direction))
    for ours in good.of(direction):
        at = next((number for number, each in enumerate(left) if each.key == ours.key), None)
        if at is None:
            yield ours, None
            continue
        for each in left[:at]:
            yield None, each
        yield ours, left[at]
        left = left[at + 1 :]
    for each in left:
        yield None, each


def _parted(direction: Direction, common: PassedPoint | None, good: StopList, bad: StopList) -> Parting:
    """Behind the last stop that both made, they are not at the same points: what each did is told."""
    beyond = [_next_seen(each, common, direction) for each in (good, bad)]
    what = _noun(direction, *beyond, common)
    said = [
        _went(what, stop, common) if stop is not None else _ended_at(journey, what, common, direction, other)
        for journey, stop, other in zip((good, bad), beyond, reversed(beyond), strict=True)
    ]
    return Parting(
        kind=PartingKind.REPLY if direction is Direction.REPLY else PartingKind.POINT,
        common=common.point if common else None,
        good_at=beyond[0].point if beyond[0] else None,
        bad_at=beyond[1].point if beyond[1] else None,
        good=said[0],
        bad=said[1],
    )


def _went(what: str, stop: PassedPoint, common: PassedPoint | None) -> str:
    return f"{what} {'went on to' if common is not None else 'was seen at'} {stop.point}"


def _ended_at(
    journey: StopList, what: str, common: PassedPoint | None, direction: Direction, other: PassedPoint | None
) -> str:
    """How one of them ended at the last point that both came by: answered there, lost behind it, or not sent."""
    if common is None:
        asked = f": nobody answered {journey.unanswered[0]}" if journey.unanswered else ""
        return f"{what} was not seen at all{asked}"
    here = _first_answer(journey)
    if direction is Direction.REQUEST and here is not None and here.point == common.point:
        return f"it was answered there: {here.info}"
    stayed = f"{what} was seen no further than {common.point}"
    lost = _lost(journey, direction)
    elsewhere = lost is not None and (other is None or lost.point != other.point)
    return f"{stayed}, and should have come to {lost.point}" if lost is not None and elsewhere else stayed


def _next_seen(journey: StopList, common: PassedPoint | None, direction: Direction) -> PassedPoint | None:
    """Where one came behind the last stop that both made."""
    stops = journey.of(direction)
    keys = [each.key for each in stops]
    behind = stops[keys.index(common.key) + 1 :] if common is not None and common.key in keys else stops
    return next((each for each in behind if each.seen), None)


def _turned_back(good: StopList, bad: StopList, common: PassedPoint | None) -> Parting | None:
    """One ended at the last point that both came by, answered or lost there, and the other went on (by where nobody watched in the first)."""
    if common is None:
        return None
    on = [(end := _last(each)) is not None and end.key != common.key for each in (good, bad)]
    if on[0] == on[1]:
        return None
    further, other = (good, bad) if on[0] else (bad, good)
    here, beyond = _first_answer(other), _next_seen(further, common, Direction.REQUEST)
    if beyond is None or not other.knows(beyond.point):
        return None
    if _lost(other, Direction.REQUEST) is None and (here is None or here.point != common.point):
        return None
    return _parted(Direction.REQUEST, common, good, bad)


def _lost(journey: StopList, direction: Direction) -> PassedPoint | None:
    """The first point that it should have come to, and did not."""
    return next((each for each in journey.of(direction) if each.seen is False), None)


def _first_answer(journey: StopList) -> PassedPoint | None:
    return next((each for each in journey.of(Direction.REPLY) if each.seen), None)


def _last(journey: StopList) -> PassedPoint | None:
    return next((each for each in reversed(journey.of(Direction.REQUEST)) if each.seen), None)


def _changed(ours: PassedPoint, theirs: PassedPoint) -> tuple[str, ...]:
    """What of the packet is not the same at one point."""
    found = []
    if ours.info != theirs.info:
        found.append("kind")
    if ours.src != theirs.src:
        found.append("source")
    if ours.dst != theirs.dst:
        found.append("destination")
    if ours.vlan != theirs.vlan:
        found.append("VLAN tag")
    if ours.to != theirs.to and ours.to and theirs.to:
        found.append("destination MAC")
    return tuple(found)


def _changes(common: PassedPoint | None, ours: PassedPoint, theirs: PassedPoint, changed: tuple[str, ...]) -> Parting:
    return Parting(
        kind=PartingKind.ANSWER if "kind" in changed and ours.direction is Direction.REPLY else PartingKind.CHANGE,
        common=common.point if common else None,
        good_at=ours.point,
        bad_at=theirs.point,
        good=_described(ours, changed),
        bad=_described(theirs, changed),
        changed=changed,
    )


def _described(stop: PassedPoint, changed: tuple[str, ...]) -> str:
    by = ", ".join(f"{field} by {who}" for field, who in stop.nat)
    words = {
        "kind": stop.info,
        "source": f"from {stop.src}",
        "destination": f"to {stop.dst}",
        "VLAN tag": f"VLAN tag {stop.vlan}" if stop.vlan else "no VLAN tag",
        "destination MAC": f"sent to the MAC of {stop.to}",
    }
    said = ", ".join(words[each] for each in changed)
    return f"at {stop.point} {stop.info if 'kind' not in changed else ''} {said}{f' ({by})' if by else ''}".replace(
        "  ", " "
    )


def _answer(good: StopList, bad: StopList) -> Parting | None:
    """Who answered, and what: before where the answer passed."""
    first = [_first_answer(each) for each in (good, bad)]
    ours, theirs = first
    last = _last(good)
    if ours is None and theirs is None:
        return None
    if ours is not None and theirs is not None:
        if ours.key == theirs.key:
            changed = _changed(ours, theirs)
            return _changes(last, ours, theirs, changed) if changed else None
        if ours.info == theirs.info and not (_lacks(bad, ours) or _lacks(good, theirs)):
            return None
    elif not _told_of(ours, bad) and not _told_of(theirs, good):
        return None
    said = [f"{each.info} came from {each.point}" if each is not None else "no answer came" for each in first]
    return Parting(
        kind=PartingKind.ANSWER,
        common=last.point if last else None,
        good_at=ours.point if ours else None,
        bad_at=theirs.point if theirs else None,
        good=said[0],
        bad=said[1],
    )


def _lacks(other: StopList, stop: PassedPoint) -> bool:
    """Whether the other one's answer certainly did not come by there."""
    seen = {each.key for each in other.stops if each.seen}
    return stop.key not in seen and other.misses(stop.point)


def _told_of(stop: PassedPoint | None, other: StopList) -> bool:
    return stop is not None and other.misses(stop.point)


def _noun(direction: Direction, *stops: PassedPoint | None) -> str:
    info = next((each.info for each in stops if each is not None and each.info), "")
    return f"the {info}" if info and info != "data" else _ASKS[direction]


def _end(good: Report, bad: Report, journey: StopList) -> Parting | None:
    """How it ended, where the packets went the same way."""
    if Verdict.UNDETERMINED in {good.verdict, bad.verdict} and good.verdict is not bad.verdict:
        return None
    said = [_ended(each) for each in (good, bad)]
    if said[0] == said[1]:
        return None
    last = _last(journey)
    return Parting(kind=PartingKind.END, common=last.point if last else None, good=said[0], bad=said[1])


def _ended(report: Report) -> str:
    words = [report.verdict.value]
    if report.cause is not None:
        words.append(report.cause.code)
    if report.http is not None:
        words.append(f"answered {report.http.status}")
    if report.tls is not None and report.tls.alert:
        words.append(f"TLS alert {report.tls.alert}")
    words += [each.caveat for each in report.findings if each.caveat]
    return ", ".join(words)


def known_end(sides: Sequence[Report]) -> bool:
    """Whether both ends are known."""
    return all(each.verdict is not Verdict.UNDETERMINED for each in sides)
