"""When flows began and ended: a line a flow where there are few; else how many began in each part of the time, and what became of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netprobe.flowtable.fields import LAST_NS, first_of
from netprobe.report.flows.table import FAILED, WORKED, lasting
from netprobe.report.html.packets import time
from netprobe.values import dataclass

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from netprobe.flowtable.table import FlowTable

    Index = NDArray[np.int64]

MOST_LANES = 32
BINS = 96
WIDE, HIGH = 960, 100
"""Of the picture, in its own units."""
_MARKS = 4  # of the time, beside its end
_LEAST = 3  # units of what is there, however little it is


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A rectangle: where it begins and how large it is, in the picture's units; and its class, a fate's."""

    x: float
    y: float
    width: float
    height: float
    css: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """All of it.

    Attributes:
        begin: when the first flow began. lasted: until the last one ended.
        marks: times under the picture, at equal distances.
        lanes: (line's place, bar) of each flow; empty where there are too many.
        bars: of the flows that began in each part of the time: what worked and what is undetermined above the axis, what failed below it.
        axis: where that is.
        step: how long a part is. most, most_failed: how many began in one at most.
        timeless: flows of which no time is known.
    """

    begin: str
    lasted: str
    marks: tuple[str, ...]
    lanes: tuple[Bar, ...] = ()
    bars: tuple[Bar, ...] = ()
    axis: float = 0
    step: str = ""
    most: int = 0
    most_failed: int = 0
    timeless: int = 0


def timeline(table: FlowTable, rows: Index, what: Index) -> Timeline | None:
    """Return the timeline of some rows; None where no time is known, or there is but one.

    Args:
        table: the flows.
        rows: which of them.
        what: what became of each.
    """
    part = table.take(rows)
    first = first_of(part).ns
    known = first >= 0
    if not known.any():
        return None
    last = np.maximum(np.where(part.rows["last_ns"] < LAST_NS, part.rows["last_ns"], first), first)[known]
    first, what = first[known], what[known]
    begin, end = int(first.min()), int(last.max())
    if end <= begin:
        return None
    few = len(rows) <= MOST_LANES and known.all()
    span = end - begin
    made = _lanes(first - begin, last - begin, span, what) if few else ()
    return Timeline(
        begin=time(begin),
        lasted=lasting(span),
        marks=tuple(lasting(span * each // _MARKS) if each else "0" for each in range(_MARKS + 1)),
        lanes=made,
        timeless=int((~known).sum()),
        **({} if few else _counted(first - begin, span, what)),  # type: ignore[arg-type]
    )


def _lanes(first: Index, last: Index, span: int, what: Index) -> tuple[Bar, ...]:
    from netprobe.report.html.flowlines import FATE_CLASSES

    out = []
    for begin, end, each in zip(first.tolist(), last.tolist(), what.tolist(), strict=True):
        x = min(WIDE * begin / span, WIDE - _LEAST)
        wide = min(max(WIDE * (end - begin) / span, _LEAST), WIDE - x)
        out.append(Bar(x=round(x, 1), y=0, width=round(wide, 1), height=HIGH, css=FATE_CLASSES[each]))
    return tuple(out)


def _counted(first: Index, span: int, what: Index) -> dict[str, object]:
    place = np.minimum(first * BINS // span if span < 1 << 55 else first // (span // BINS + 1), BINS - 1)
    good, bad, every = (
        np.bincount(place[mask], minlength=BINS) for mask in (what == WORKED, what == FAILED, what > -9)
    )
    other = every - good - bad
    up, down = int((good + other).max()), int(bad.max())
    unit = (HIGH - 2 * _LEAST) / max(up + down, 1)
    axis = round(max(up * unit, _LEAST if up else 0), 1)
    wide, bars = WIDE / BINS, []
    for at in range(BINS):
        top = axis
        for count, css in ((good[at], "works"), (other[at], "undetermined" if (what >= 0).any() else "listed")):
            if count:
                tall = max(round(float(count) * unit, 1), _LEAST)
                top -= tall
                bars.append(
                    Bar(x=round(at * wide, 1), y=round(top, 1), width=round(wide * 0.8, 1), height=tall, css=css)
                )
        if bad[at]:
            tall = max(round(float(bad[at]) * unit, 1), _LEAST)
            bars.append(Bar(x=round(at * wide, 1), y=axis + 1, width=round(wide * 0.8, 1), height=tall, css="fails"))
    return {
        "bars": tuple(bars),
        "axis": axis,
        "step": lasting(span // BINS),
        "most": int(every.max()),
        "most_failed": down,
    }
