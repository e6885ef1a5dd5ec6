"""The lines of the flows' table, one a connection: thousands, so that they are put together here and not by a template. Each text is escaped as one is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup, escape

from netprobe.flowtable.fields import BY_NAME
from netprobe.flowtable.series import ranks
from netprobe.report.flows.cells import constant, joined, whole
from netprobe.report.flows.table import COLUMNS, FAILED, UNSURE, WORKED, fates, lasting
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from netprobe.flowtable.table import FlowTable

    Index = NDArray[np.int64]
    Texts = Callable[[FlowTable, FlowTable], list[str]]

MOST_LETTERS = 72
"""Of a cell: a capture point may have a name of 4 kB, and stand in each line."""
FATE_CLASSES = {WORKED: "works", FAILED: "fails", UNSURE: "undetermined", -1: "listed"}
_OF = {each.title: each.of for each in COLUMNS}


@dataclass(frozen=True, slots=True, kw_only=True)
class LineColumn:
    """A column: its title, the CSS class of its cells, what sorts it, and whether large numbers are what people look for first."""

    title: str
    css: str
    of: Texts
    by: tuple[str, ...]
    falls: bool = False
    says: str = ""


def _duration(part: FlowTable, _: FlowTable) -> list[str]:
    series = BY_NAME["duration"].of(part)
    return [lasting(each) for each in ranks(series).tolist()]


LINE_COLUMNS = (
    LineColumn(title="#", css="n", of=_OF["#"], by=("connection", "flow"), says="number"),
    LineColumn(title="client", css="m c", of=_OF["client"], by=("client", "client_port")),
    LineColumn(title="server", css="m y", of=_OF["server"], by=("server", "server_port")),
    LineColumn(title="proto", css="p", of=_OF["proto"], by=("proto",)),
    LineColumn(title="path", css="w", of=_OF["path"], by=("path",)),
    LineColumn(title="verdict", css="v", of=_OF["verdict"], by=("verdict", "why")),
    LineColumn(title="state", css="z", of=_OF["state"], by=("state",), says="Zeek's state"),
    LineColumn(title="packets", css="n k", of=_OF["packets"], by=("packets",), falls=True),
    LineColumn(title="bytes", css="n b", of=_OF["bytes"], by=("bytes",), falls=True),
    LineColumn(title="rtt", css="n r", of=_OF["rtt"], by=("rtt",), falls=True, says="round trip"),
    LineColumn(title="began at s", css="n t", of=_OF["first at s"], by=("first", "connection", "flow")),
    LineColumn(title="lasted", css="n d", of=_duration, by=("duration",), falls=True),
    LineColumn(title="points", css="o", of=_OF["points"], by=("point",)),
)
_OF_VERDICTS = frozenset({"path", "verdict"})


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lines:
    """The table.

    Attributes:
        columns: those that it has.
        rows: its lines as HTML, each with what sorts it (``data-k``: a number a column, empty where it is not known) and its connection's number.
        fates: int64 (n,), as :func:`~netprobe.report.flows.table.fates` has them.
    """

    columns: tuple[LineColumn, ...]
    rows: tuple[str, ...]
    fates: Index


def lines(table: FlowTable, rows: Index, ladders: Mapping[int, int]) -> Lines:
    """Return the lines of some rows.

    Args:
        table: the flows.
        rows: which of them, in this order.
        ladders: by a connection's number, from 0, that of the one whose ladder on the page is its own.
    """
    part = table.take(rows)
    columns = tuple(each for each in LINE_COLUMNS if table.verdicts is not None or each.title not in _OF_VERDICTS)
    what = fates(part)
    number = rows if table.connection is None else part.connection
    assert number is not None  # noqa: S101 - one of the two is there
    numbers = number.tolist()
    texts = [_shown(each.of(part, table)) for each in columns]
    for place, each in enumerate(columns):
        if each.title == "verdict" and ladders:
            texts[place] = [
                f'<a href="#l{ladders[one] + 1}">{text}</a>' if one in ladders else text
                for one, text in zip(numbers, texts[place], strict=True)
            ]
    classes = [FATE_CLASSES[each] for each in what.tolist()]
    form = f'<tr id="c%d" class="%s" data-k="%s">{"".join(_begin(each) + "%s" for each in columns)}'
    every = zip([each + 1 for each in numbers], classes, _keys(part, columns), *texts, strict=True)
    made = tuple(form % each for each in every)  # each text in it is escaped
    return Lines(columns=columns, rows=made, fates=what)


def _begin(column: LineColumn) -> str:
    """How a cell of a column begins; that of the number names its line."""
    return f'<{"th scope=row" if column.title == "#" else "td"} class="{column.css}">'


def _shown(texts: list[str]) -> list[str]:
    """Texts that are visible already (no line feed is in one), escaped all at once, and none too long."""
    if texts and max(map(len, texts)) > MOST_LETTERS:
        texts = [cut(each) for each in texts]
    return str(escape("\n".join(texts))).split("\n") if texts else []


def _keys(part: FlowTable, columns: Sequence[LineColumn]) -> list[str]:
    """What sorts each line: a number a column, empty where nothing is known."""
    comma, made = constant(b",", len(part)), [constant(b"", len(part))]
    for each in columns:
        made += [whole(_key(part, each.by)), comma]
    return joined([*made[:-1], constant(b"\n", len(part))]).decode().split("\n")[: len(part)]


def cut(text: str, most: int = MOST_LETTERS) -> str:
    """Return a text, the middle of a long one left out."""
    return text if len(text) <= most else f"{text[: most // 2]} … {text[-most // 3 :]}"


def _key(part: FlowTable, names: Sequence[str]) -> Index:
    """Where each row stands in the order of some columns, from 0; -1 where the first of them is not known."""
    if not len(part.rows):
        return np.zeros(0, np.int64)
    by = [ranks(BY_NAME[name].of(part)) for name in names]
    by = [by[0], *(np.where(each < 0, np.iinfo(np.int64).max, each) for each in by[1:])]
    order = np.lexsort(by[::-1])
    new = np.zeros(len(order), np.bool_)
    for each in by:
        new[1:] |= each[order][1:] != each[order][:-1]
    place = np.empty(len(order), np.int64)
    place[order] = np.cumsum(new)
    return np.where(by[0] < 0, -1, place) if len(by) == 1 or (by[0] >= 0).any() else _key(part, names[1:])


def shown_first(what: Index, most: int) -> Index:
    """Return int64, which lines stay where there is room for so many: those that failed, then the first others; in their order."""
    if len(what) <= most:
        return np.arange(len(what))
    chosen = np.concatenate([np.flatnonzero(what == FAILED), np.flatnonzero(what != FAILED)])[:most]
    return np.sort(chosen)


def one_of_each(kinds: Index, most: int) -> Index:
    """Return int64, so many at most, of each kind about as many: the first of each, then the second of each …; in their order."""
    if len(kinds) <= most:
        return np.arange(len(kinds))
    order = np.argsort(kinds, kind="stable")
    begins = np.flatnonzero(np.diff(kinds[order], prepend=kinds.min() - 1))
    nth = np.empty(len(kinds), np.int64)
    nth[order] = np.arange(len(kinds)) - np.repeat(begins, np.diff(np.append(begins, len(kinds))))
    return np.sort(np.lexsort((np.arange(len(kinds)), nth))[:most])


def batches(rows: Sequence[str], size: int) -> Iterator[Markup]:
    """Yield the lines of the first part of the table, and of the rest."""
    for part in (rows[:size], rows[size:]):
        yield Markup("\n".join(part))  # noqa: S704 - lines() has escaped each text in it
