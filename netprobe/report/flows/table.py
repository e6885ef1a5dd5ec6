"""Flows as a table for people: a line a connection, as wide as the terminal is.

What does not fit is left out, the least needed column first; a pipe gets all of them. Numbers are those of the row that was seen first of those chosen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netprobe.flowtable.fields import BY_NAME
from netprobe.flowtable.series import take
from netprobe.model.endpoint import Endpoint
from netprobe.report.document import Document, Paragraph, Row, Table, line
from netprobe.report.escape import visible, width
from netprobe.report.flows.cells import cells, constant, joined
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from netprobe.flowtable.series import Series
    from netprobe.flowtable.table import FlowTable

MOST_POINTS = 3  # that a line names; the others are counted
WIDEST = 44  # cells; what is longer moves the rest of its line
_GAP, _INDENT = 2, 2
_UNITS = ("B", "kB", "MB", "GB", "TB", "PB", "EB")
_MILLISECOND, _SECOND = 1_000_000, 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of the table.

    Attributes:
        title: its head.
        of: the texts of the rows asked for, escaped.
        right: set flush right.
        rank: columns of higher rank give way first where there is no room; 0 never does.
    """

    title: str
    of: Callable[[FlowTable, NDArray[np.int64]], list[str]]
    right: bool = False
    rank: int = 0


def lay_out(table: FlowTable, rows: NDArray[np.int64], *, columns: int | None, most: int | None = None) -> Document:
    """Return the table as a document.

    Args:
        table: the flows.
        rows: which of them, in this order; of several of one connection the first stands for it.
        columns: how many cells wide it may be; None: all columns.
        most: how many lines; None: all.
    """
    lines = one_a_connection(table, rows)
    shown = lines[:most]
    made = _fitting(table, shown, columns)
    body = tuple(Row(cells=tuple((line(cell),) for cell in each)) for each in zip(*made.values(), strict=True))
    right = frozenset(number for number, each in enumerate(made) if each.right)
    block = Table(head=tuple(each.title for each in made), rows=body, right=right, indent=_INDENT)
    rest = len(lines) - len(shown)
    more = (Paragraph(content=line(f"… and {rest} more: --top N shows so many, --format csv all"), indent=_INDENT),)
    return Document(sections=((block, *(more if rest else ())),))


def one_a_connection(table: FlowTable, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the first row of each connection, in the order given; all rows where points were not joined."""
    if table.connection is None or not len(rows):
        return rows
    _, first = np.unique(table.connection[rows], return_index=True)
    return rows[np.sort(first)]


def plain(table: FlowTable, rows: NDArray[np.int64]) -> Iterator[str]:
    """Yield the whole table for a pipe, line by line, with all columns."""
    lines = one_a_connection(table, rows)
    made = {column: column.of(table, lines) for column in _asked(table)}
    wide = [_wide(column, texts) for column, texts in made.items()]
    yield _aligned([column.title for column in made], made, wide)
    for each in zip(*made.values(), strict=True):
        yield _aligned(each, made, wide)


def _asked(table: FlowTable) -> tuple[Column, ...]:
    """All columns, but those of verdicts where nobody asked for any."""
    return tuple(each for each in COLUMNS if table.verdicts is not None or each.title not in ("path", "verdict"))


def _aligned(texts: Sequence[str], columns: dict[Column, list[str]], wide: Sequence[int]) -> str:
    padded = (
        " " * (room - width(text)) + text if column.right else text + " " * (room - width(text))
        for text, column, room in zip(texts, columns, wide, strict=True)
    )
    return " " * _INDENT + (" " * _GAP).join(padded).rstrip() + "\n"


def _fitting(table: FlowTable, rows: NDArray[np.int64], columns: int | None) -> dict[Column, list[str]]:
    """The columns for which there is room, with their texts."""
    made = {column: column.of(table, rows) for column in _asked(table)}
    need = {column: _wide(column, texts) + _GAP for column, texts in made.items()}
    room = _INDENT - _GAP + sum(need.values())
    for column in sorted((each for each in made if each.rank), key=lambda each: -each.rank):
        if columns is None or room <= columns:
            break
        room -= need[column]
        del made[column]
    return made


def _wide(column: Column, texts: Sequence[str]) -> int:
    return max([len(column.title), *(min(width(text), WIDEST) for text in texts)])


def _series(name: str, table: FlowTable, rows: NDArray[np.int64]) -> Series:
    return take(BY_NAME[name].of(table), rows)


def _texts(series: Series) -> list[str]:
    """A column as strings, by way of one long text."""
    made = cells(series, lambda name: visible(name).encode("utf-8", "backslashreplace"))
    return joined([made, constant(b"\n", len(made))]).decode().split("\n")[:-1]


def _field(name: str) -> Callable[[FlowTable, NDArray[np.int64]], list[str]]:
    return lambda table, rows: _texts(_series(name, table, rows))


def _end(name: str) -> Callable[[FlowTable, NDArray[np.int64]], list[str]]:
    def of(table: FlowTable, rows: NDArray[np.int64]) -> list[str]:
        addresses, ports = (_texts(_series(each, table, rows)) for each in (name, f"{name}_port"))
        return [_endpoint(*each) for each in zip(addresses, ports, strict=True)]

    return of


def _endpoint(address: str, port: str) -> str:
    return str(Endpoint(address, int(port) if port else None))


def _number(table: FlowTable, rows: NDArray[np.int64]) -> list[str]:
    """The connection's number, by which ``--show`` finds it; without connections the flow's."""
    name = "flow" if table.connection is None else "connection"
    return _texts(_series(name, table, rows))


def _points(table: FlowTable, rows: NDArray[np.int64]) -> list[str]:
    names = [visible(point.name) for point in table.points]
    if table.connection is None:
        return [names[point] for point in table.rows["point"][rows].tolist()]
    order = np.argsort(table.connection, kind="stable")
    begin = np.searchsorted(table.connection[order], table.connection[rows])
    end = np.searchsorted(table.connection[order], table.connection[rows], side="right")
    at = table.rows["point"][order]
    return [_some(names, at[one:other].tolist()) for one, other in zip(begin.tolist(), end.tolist(), strict=True)]


def _some(names: Sequence[str], points: Sequence[int]) -> str:
    seen = list(dict.fromkeys(names[point] for point in points))
    more = f" +{len(seen) - MOST_POINTS}" if len(seen) > MOST_POINTS else ""
    return ", ".join(seen[:MOST_POINTS]) + more


def _bytes(table: FlowTable, rows: NDArray[np.int64]) -> list[str]:
    return [amount(each) for each in table.rows["bytes"][rows].sum(axis=1).tolist()]


def amount(count: int) -> str:
    """Return bytes as people read them: ``3.4 kB`` (powers of 1000)."""
    size, unit = float(count), 0
    while size >= 999.5 and unit < len(_UNITS) - 1:
        size, unit = size / 1000, unit + 1
    return f"{size:.0f} {_UNITS[unit]}" if not unit or size >= 99.5 else f"{size:.3g} {_UNITS[unit]}"


def lasting(ns: int) -> str:
    """Return a duration as people read it: ``0.412 ms``, ``12.5 s``; ``""`` for none."""
    if ns < 0:
        return ""
    return f"{ns / _MILLISECOND:.3g} ms" if ns < _SECOND else f"{ns / _SECOND:.3g} s"


def _rtt(table: FlowTable, rows: NDArray[np.int64]) -> list[str]:
    begin, end = table.rows["syn_ns"][rows], table.rows["ack_ns"][rows]
    there = (begin >= 0) & (end >= begin)
    return [lasting(each) for each in np.where(there, end - begin, -1).tolist()]


def _start(table: FlowTable, rows: NDArray[np.int64]) -> list[str]:
    first = table.rows["first_ns"]
    begun = int(first.min()) if len(first) else 0
    return [f"{(each - begun) / _SECOND:.3f}" for each in first[rows].tolist()]


def _server(table: FlowTable, rows: NDArray[np.int64]) -> list[str]:
    """As it was dialled, and as it was reached where that is another: ``192.0.2.1:8080 ⇒ 172.17.0.2:80``."""
    dialled, reached = (_end(name)(table, rows) for name in ("server", "reached"))
    if table.verdicts is None or table.connection is None:
        return dialled
    seen = (table.verdicts.ended[table.connection[rows]] >= 0).tolist()
    return [
        f"{one} ⇒ {other}" if there and one != other else one
        for one, other, there in zip(dialled, reached, seen, strict=True)
    ]


def _verdict(table: FlowTable, rows: NDArray[np.int64]) -> list[str]:
    """``works``; else what decides: ``nothing answered``."""
    if table.verdicts is None or table.connection is None:
        return [""] * len(rows)
    words = ["works", *table.verdicts.said]
    return [words[code + 1] for code in table.verdicts.why.codes[table.connection[rows]].tolist()]


COLUMNS: tuple[Column, ...] = (
    Column(title="#", of=_number, right=True),
    Column(title="client", of=_end("client")),
    Column(title="server", of=_server),
    Column(title="proto", of=_field("proto"), rank=2),
    Column(title="path", of=_field("path"), rank=3),
    Column(title="verdict", of=_verdict),
    Column(title="state", of=_field("state"), rank=6),
    Column(title="history", of=_field("history"), rank=9),
    Column(title="packets", of=_field("packets"), right=True, rank=4),
    Column(title="bytes", of=_bytes, right=True, rank=1),
    Column(title="rtt", of=_rtt, right=True, rank=5),
    Column(title="first at s", of=_start, right=True, rank=8),
    Column(title="points", of=_points, rank=7),
)
