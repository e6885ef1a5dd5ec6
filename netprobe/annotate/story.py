"""A report as comments: on each packet of the connection which copy it is and what had changed, on the last one what became of it; of the whole the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.model.details import Mark
from netprobe.model.hop import Direction
from netprobe.model.ladder import Arrow
from netprobe.model.point import PointName
from netprobe.model.remedy import shell_line
from netprobe.model.report import Verdict
from netprobe.report.escape import visible
from netprobe.report.hops import change_words
from netprobe.report.language import in_english
from netprobe.report.text import verdict_words
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from netprobe.evidence.model import CapturePoint
    from netprobe.model.details import Details
    from netprobe.model.hop import Hop
    from netprobe.model.ladder import Ladder, LadderColumn
    from netprobe.model.neighbours import NeighbourExchange
    from netprobe.model.report import Report

_MACS = frozenset({"src_mac", "dst_mac"})
_ORDINALS = {1: "1st", 2: "2nd", 3: "3rd"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What is said, every text made visible.

    Attributes:
        section: of the whole, in lines.
        points: of capture points, by name.
        frames: of frames, by the number that Wireshark shows.
    """

    section: str
    points: Mapping[str, str]
    frames: Mapping[int, tuple[str, ...]]


def story(report: Report, details: Details, points: Sequence[CapturePoint]) -> Story:
    """Return a report's story, in English whatever is spoken: the file is for others, too.

    Args:
        report: the report.
        details: what goes with it: the ladder, and the rules that the packet met.
        points: the capture points.
    """
    with in_english():
        return _story(report, details, points)


def _story(report: Report, details: Details, points: Sequence[CapturePoint]) -> Story:
    frames: dict[int, list[str]] = {}
    for frame, text in (*_packets(report, details), *_neighbours(report.neighbours)):
        frames.setdefault(frame, []).append(visible(text))
    if frames:
        frames[min(frames)].insert(0, visible(_headline(report)))
    return Story(
        section="\n".join(map(visible, _section(report))),
        points={each.name: visible(_point(each, report, details.ladder)) for each in points},
        frames={frame: tuple(dict.fromkeys(texts)) for frame, texts in frames.items()},
    )


def _headline(report: Report) -> str:
    return f"{report.target} from {report.source}: {verdict_words(report)}"


def _section(report: Report) -> Iterator[str]:
    yield _headline(report)
    yield report.why
    if report.cause is not None:
        where = " on ".join(filter(None, (report.cause.where.component, report.cause.where.host)))
        yield f"cause: {report.cause.code}" + (f", at {where}" if where else "")
        if report.cause.where.rule:
            yield f"rule: {report.cause.where.rule}"
        for remedy in report.cause.remedies:
            yield from (f"fix: {shell_line(each)}   on {remedy.host}" for each in remedy.commands)
            if remedy.advice:
                yield f"fix: {remedy.advice}"
    yield from (f"also: {each.code}: {each.summary}" for each in report.findings)
    yield from (f"unknown: {each}" for each in report.unknowns)


def _packets(report: Report, details: Details) -> Iterator[tuple[int, str]]:
    ladder = details.ladder
    if ladder is None:
        return
    hops = {(hop.point, hop.packet.frame): hop for hop in report.hops if hop.packet is not None}
    arrows = [each for each in ladder.rungs if isinstance(each, Arrow)]
    end = _end(report, details)
    silent = all(each.direction is Direction.REQUEST for each in arrows)
    for arrow in arrows:
        for nth, sight in enumerate(arrow.sights, 1):
            point = ladder.columns[sight.column].point
            last = nth == len(arrow.sights)
            told = _packet(arrow, nth, ladder, hops.get((point, sight.frame)))
            yield (
                sight.frame,
                told + (_lost(arrow, ladder, end if point == report.last_seen else "", silent=silent) if last else ""),
            )


def _packet(arrow: Arrow, nth: int, ladder: Ladder, hop: Hop | None) -> str:
    what = ", ".join(filter(None, (arrow.info, "sent again" if arrow.again else "", _copy(arrow, nth))))
    parts = [f"{what}: {arrow.says}" if arrow.says and nth == 1 else what]
    if nth == 1 and arrow.leg > 1 and ladder.relay:
        parts[0] += f" (the connection of {ladder.relay})"
    parts += [change_words(each) for each in (hop.changes if hop is not None else ()) if each.field not in _MACS]
    return "; ".join(parts)


def _lost(arrow: Arrow, ladder: Ladder, end: str, *, silent: bool) -> str:
    """What is said of the last sight of a packet that did not arrive.

    Args:
        arrow: the packet.
        ladder: all of them.
        end: what became of it, where that is proved.
        silent: nothing came back.
    """
    if arrow.lost is not None:
        return f"; last seen here: {end or f'never arrived at {ladder.columns[arrow.lost].point}'}"
    return f"; last seen here: {end}" if silent and end else ""


def _copy(arrow: Arrow, nth: int) -> str:
    """Which sight of the packet it is: nothing where one point alone saw it."""
    count = len(arrow.sights)
    if count == 1:
        return ""
    return f"1st of {count} copies" if nth == 1 else f"{_ORDINALS.get(nth, f'{nth}th')} copy"


def _end(report: Report, details: Details) -> str:
    """What became of the packet that was seen last, where that is proved; else ``""``."""
    cause = report.cause
    if report.verdict is not Verdict.FAILS or cause is None:
        return ""
    for walk in (*details.by_kernel, *details.by_state):
        for step in walk.steps:
            if step.mark is Mark.STOPS and step.rule and step.text and step.text == cause.where.rule:
                does = "rejected" if "reject" in step.what else "dropped"
                return f"{does} by {step.rule}"
    return f"{cause.code}: {cause.summary}"


def _neighbours(exchanges: Sequence[NeighbourExchange]) -> Iterator[tuple[int, str]]:
    """Who was asked for in vain; what was answered Wireshark says itself."""
    for each in exchanges:
        if not each.answers:
            said = f"{each.protocol}: nobody answered for {each.asked}, where anybody looked"
            yield from ((frame.frame, said) for frame in each.requests)


def _point(point: CapturePoint, report: Report, ladder: Ladder | None) -> str:
    at = PointName(point.host, point.container, point.interface)
    where = f"in container {at.container} on {at.host}" if at.container else f"on {at.host}" if at.host else ""
    beside = report.beside.get(point.name, "")
    return "; ".join(filter(None, (where, beside, _passed(point.name, ladder))))


def _passed(name: str, ladder: Ladder | None) -> str:
    columns = [each for each in ladder.columns if each.point == name] if ladder is not None else []
    return "; ".join(dict.fromkeys(map(_column, columns))) or "not on the connection's way"


def _column(column: LadderColumn) -> str:
    if column.seen is None:
        return "the connection could not be observed here"
    if column.seen is False or column.ends is None:
        return "the connection never arrived here"
    tag = f", VLAN tag {column.tag}" if column.tag else ""
    return f"the connection passes here as {column.ends}{tag}"
