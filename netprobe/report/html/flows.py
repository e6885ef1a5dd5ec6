"""The page of many flows: what became of them, when, by which way, the ladders of those that failed, and a line each. Prepared for ``templates/flows.html.j2``."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from netprobe.flowtable.fields import BY_NAME
from netprobe.flowtable.series import Codes
from netprobe.model.remedy import shell_line
from netprobe.report.escape import visible
from netprobe.report.flows.table import COLUMNS, FAILED, UNSURE, WORKED, amount, fates
from netprobe.report.html.flowfates import by_fate, by_path, kinds_of_failure, reason
from netprobe.report.html.flowlines import batches, cut, lines, one_of_each, shown_first
from netprobe.report.html.flowtimes import timeline
from netprobe.report.html.ladder import ladder_table
from netprobe.report.html.template import rendered
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from netprobe.flowtable.table import FlowTable
    from netprobe.model.ladder import FlowLadder
    from netprobe.report.html.ladder import LadderTable

    Index = NDArray[np.int64]

MOST_LINES = 20_000
MOST_LADDERS = 40
AT_ONCE = 100
"""Lines that are laid out at once, where a script may show the others."""
_MOST_NAMES = 8  # of files, points and limits
_NAME = 120  # letters
_PRINTED = 6  # ladders that are printed open


@dataclass(frozen=True, slots=True, kw_only=True)
class PageOfFlows:
    """What the page is of.

    Attributes:
        files: their names.
        chosen: which flows were asked for: ``only those that failed``; empty: all.
        ladders: by a connection's number, from 0; of those that :func:`to_be_told` names.
        untold: why there are no ladders, ``""`` where nothing stands against them.
    """

    files: Sequence[str]
    chosen: Sequence[str] = ()
    ladders: Mapping[int, FlowLadder]
    untold: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedFlow:
    """One connection that failed, to be told by its ladder.

    Attributes:
        id: on the page. connection: its number, from 0; number: the same as people see it. ends, proto: of it; begun: in s; ended: the last point that the request reached.
        ladder, frames: as of a report, whose packets are not on the page. command: what tells its story in full.
    """

    id: str
    connection: int
    number: str
    ends: str
    proto: str
    begun: str
    ended: str
    ladder: LadderTable
    command: str
    frames: frozenset[tuple[str, int]] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedAlike:
    """Those that failed alike: why; how many there are of all that were asked for, and those that are told."""

    why: str
    every: int
    stories: tuple[FailedFlow, ...]


def to_be_told(table: FlowTable, rows: Index) -> Index:
    """Return int64, the connections whose ladders the page has: of those that failed, of each kind about as many; in the order of the rows.

    What a proxy opened is told with what was asked of it.
    """
    if table.verdicts is None or table.connection is None:
        return np.zeros(0, np.int64)
    failed = table.connection[rows[table.verdicts.failed[table.connection[rows]]]]
    outer = table.verdicts.outer.values[failed] - 1
    told = list(dict.fromkeys(np.where(outer >= 0, outer, failed).tolist()))
    connections = np.array(told, np.int64)
    return connections[one_of_each(kinds_of_failure(table, connections), MOST_LADDERS)]


def flows_page(table: FlowTable, rows: Index, asked: PageOfFlows) -> str:
    """Return the page.

    Args:
        table: the flows.
        rows: which of them, one a connection, in the order in which they are shown.
        asked: what the page is of.
    """
    part = table.take(rows)
    what = fates(part)
    on_page = shown_first(what, MOST_LINES)
    groups = _groups(table, part, asked)
    told_by = _told_by(table, groups)
    made = lines(table, rows[on_page], told_by)
    first, rest = batches(made.rows, AT_ONCE)
    unit = "flow" if table.connection is None else "connection"
    head = _head(what, unit, judged=table.verdicts is not None)
    return rendered(
        "flows.html.j2",
        {
            "title": f"{', '.join(cut(each, _NAME) for each in asked.files[:2])}: {head}",
            "head": head,
            "tone": _tone(what),
            "unit": unit,
            "facts": _facts(table, part, asked),
            "by_fate": by_fate(part, what),
            "by_path": by_path(part, what),
            "judged": table.verdicts is not None,
            "every": len(rows),
            "timeline": timeline(table, rows, what),
            "lanes": _lane_names(table, rows),
            "groups": groups,
            "failed": int((what == FAILED).sum()),
            "told": len(told_by),
            "open_on_paper": len(asked.ladders) <= _PRINTED,
            "untold": asked.untold,
            "columns": made.columns,
            "first": first,
            "rest": rest,
            "at_once": AT_ONCE,
            "left": len(rows) - len(on_page),
        },
        more=("flows.css", "flows.js"),
    )


def _head(what: Index, unit: str, *, judged: bool) -> str:
    """``37 of 5,000 connections failed``."""
    every, failed, unsure = len(what), int((what == FAILED).sum()), int((what == UNSURE).sum())
    some = f"{every:,} {unit}s" if every != 1 else f"one {unit}"
    if not judged or not every:
        return some if every else f"no {unit}"
    if failed:
        return f"{failed:,} of {some} failed" if every > 1 else f"one {unit}, which failed"
    if unsure:
        return f"none of {some} failed, {unsure:,} undetermined" if every > 1 else f"one {unit}, undetermined"
    return f"all {some} work" if every > 1 else f"one {unit}, which works"


def _tone(what: Index) -> str:
    if (what == FAILED).any():
        return "fails"
    if not len(what) or (what < 0).any():
        return "listed"
    return "works" if (what == WORKED).all() else "undetermined"


def _facts(table: FlowTable, part: FlowTable, asked: PageOfFlows) -> list[tuple[str, list[str]]]:
    every = len(table) if table.connection is None else int(table.connection.max(initial=-1)) + 1
    rows = part.rows
    sizes = f"{int(rows['packets'].sum()):,} packets, {amount(int(rows['bytes'].sum()))}, each counted where it was seen first"
    chosen = [*asked.chosen, f"{len(part):,} of {every:,}"] if asked.chosen or len(part) != every else []
    points = dict.fromkeys(table.points[each].name for each in np.unique(table.rows["point"]).tolist())
    found = (
        ("captures", _some([*asked.files])),
        ("chosen", chosen),
        ("seen at", _some([*points])),
        ("amount", [sizes] if len(part) else []),
        ("not read", _some([f"{each.subject}: {each.why}" for each in table.limits])),
    )
    return [(label, words) for label, words in found if words]


def _some(names: Sequence[str]) -> list[str]:
    shown = [cut(visible(each), _NAME) for each in names[:_MOST_NAMES]]
    return [*shown, f"and {len(names) - _MOST_NAMES:,} more"] if len(names) > _MOST_NAMES else shown


def _lane_names(table: FlowTable, rows: Index) -> list[tuple[str, str, str]]:
    """Of few lines what each is called in the timeline: its number, its ends, what became of it."""
    from netprobe.report.html.flowtimes import MOST_LANES

    if len(rows) > MOST_LANES:
        return []
    part = table.take(rows)
    number, client, server = (_texts(title, part, table) for title in ("#", "client", "server"))
    ends = [f"{cut(one)} → {cut(other)}" for one, other in zip(client, server, strict=True)]
    return list(zip(number, ends, reason(part), strict=True))


def _texts(title: str, part: FlowTable, table: FlowTable) -> list[str]:
    return next(each.of for each in COLUMNS if each.title == title)(part, table)


def _told_by(table: FlowTable, groups: Sequence[FailedAlike]) -> dict[int, int]:
    """By a connection's number that of the one whose ladder is its own: a proxy's two have one."""
    told = [one.connection for each in groups for one in each.stories]
    out = dict(zip(told, told, strict=True))
    if table.verdicts is not None and told:
        outer = table.verdicts.outer.values - 1
        out |= {each: int(outer[each]) for each in np.flatnonzero(np.isin(outer, told)).tolist()}
    return out


def _groups(table: FlowTable, part: FlowTable, asked: PageOfFlows) -> list[FailedAlike]:
    """The ladders by why the connection failed, the most frequent reason first."""
    if table.connection is None or table.verdicts is None or not asked.ladders:
        return []
    order = np.argsort(table.connection, kind="stable")
    rows = order[np.searchsorted(table.connection, np.array([*asked.ladders], np.int64), sorter=order)]
    some = table.take(rows)
    groups: dict[str, list[FailedFlow]] = {}
    for each, why in zip(_stories(table, some, asked), reason(some), strict=True):
        groups.setdefault(why, []).append(each)
    every = Counter(reason(part))
    found = [FailedAlike(why=why, every=every[why], stories=tuple(told)) for why, told in groups.items()]
    return sorted(found, key=lambda each: -each.every)


def _stories(table: FlowTable, part: FlowTable, asked: PageOfFlows) -> Iterator[FailedFlow]:
    assert part.connection is not None  # noqa: S101 - the caller looked
    titles = ("#", "client", "server", "proto", "first at s")
    ended = BY_NAME["ended"].of(part)
    assert isinstance(ended, Codes)  # noqa: S101 - it is one
    columns = zip(*(_texts(each, part, table) for each in titles), strict=True)
    for each, end, texts in zip(part.connection.tolist(), ended.codes.tolist(), columns, strict=True):
        number, client, server, proto, begun = texts
        told = asked.ladders[each]
        flow = f"{client}>{server.partition(' ')[0]}/{proto}"
        yield FailedFlow(
            id=f"l{number}",
            connection=each,
            number=number,
            ends=f"{client} → {server}",
            proto=proto,
            begun=begun,
            ended=cut(visible(ended.names[end])) if end >= 0 else "",
            ladder=ladder_table(told.ladder, told.hops, {}),
            command=shell_line(("netprobe", "replay", *asked.files, "--flow", flow)),
        )
