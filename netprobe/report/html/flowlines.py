"""The lines of the flows' table, one a connection: thousands, so that they are put together here and not by a template. Each text is escaped as one is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup, escape

from netprobe.flowtable.fields import BY_NAME
from netprobe.flowtable.series import ranks
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
        rows: its lines as HTML, each with what sorts it (``data-k``: a number a column, -1 not known) and its connection's number.
        fates: int64 (n,), as :func:`~netprobe.report.flows.table.fates` has them.
    """

    columns: tuple[LineColumn, ...]
    rows: tuple[Markup, ...]
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
    cells = [_cells(each, part, table) for each in columns]
    keys = np.stack([_key(part, each.by) for each in columns], axis=1) if len(rows) else np.zeros((0, 0), np.int64)
    number = rows if table.connection is None else part.connection
    assert number is not None  # noqa: S101 - one of the two is there
    verdict = next((place for place, each in enumerate(columns) if each.title == "verdict"), None)
    made = []
    for place, (texts, key, each) in enumerate(
        zip(zip(*cells, strict=True), keys.tolist(), number.tolist(), strict=True)
    ):
        shown = list(texts)
        if verdict is not None and each in ladders:
            shown[verdict] = shown[verdict].replace(">", f'><a href="#l{ladders[each] + 1}">', 1) + "</a>"
        made.append(
            f'<tr id="c{each + 1}" class="{FATE_CLASSES[int(what[place])]}" data-k="{",".join(map(str, key))}">{"".join(shown)}'
        )
    return Lines(columns=columns, rows=tuple(Markup(each) for each in made), fates=what)  # noqa: S704 - each text in it is escaped


def _cells(column: LineColumn, part: FlowTable, table: FlowTable) -> list[str]:
    """The column's cells; that of the number names its line. Texts are visible already."""
    begin = ("<th scope=row" if column.css == "n" else "<td") + f' class="{column.css}">'
    known: dict[str, str] = {}
    out = []
    for text in column.of(part, table):
        made = known.get(text)
        if made is None:
            made = known[text] = begin + str(escape(cut(text)))
        out.append(made)
    return out


def cut(text: str, most: int = MOST_LETTERS) -> str:
    """Return a text, the middle of a long one left out."""
    return text if len(text) <= most else f"{text[: most // 2]} … {text[-most // 3 :]}"


def _key(part: FlowTable, names: Sequence[str]) -> Index:
    """Where each row stands in the order of some columns, from 0; -1 where the first of them is not known."""
    if not part.rows.size:
        return np.zeros(0, np.int64)
    by = [ranks(BY_NAME[name].of(part)) for name in names]
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


def batches(rows: Sequence[Markup], size: int) -> Iterator[Markup]:
    """Yield the lines of the first part of the table, and of the rest."""
    yield Markup("\n").join(rows[:size])
    yield Markup("\n").join(rows[size:])
