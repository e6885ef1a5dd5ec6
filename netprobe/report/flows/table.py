"""Flows as a table for people: a line a connection, as wide as the terminal is.

What does not fit is left out, the least needed column first; a pipe gets all of them. Numbers are those of the row that was seen first of those chosen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netprobe.flowtable.fields import BY_NAME, LAST_NS, first_of, since
from netprobe.model.endpoint import Endpoint
from netprobe.model.report import Verdict
from netprobe.report.document import Document, Paragraph, Row, Span, Style, Table, line
from netprobe.report.escape import visible, width
from netprobe.report.flows.cells import cells, constant, joined
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from netprobe.flowtable.series import Series
    from netprobe.flowtable.table import FlowTable

    Of = Callable[[FlowTable, FlowTable], list[str]]

WORKED, FAILED, UNSURE = 0, 1, 2
MOST_POINTS = 2  # that a line names all of
WIDEST = 44  # cells; what is longer moves the rest of its line
_GAP, _INDENT = 2, 2
_UNITS = ("B", "kB", "MB", "GB", "TB", "PB", "EB")
_MILLISECOND, _SECOND = 1_000_000, 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of the table.

    Attributes:
        title: its head.
        of: the texts of some rows of the whole table, escaped.
        right: set flush right.
        judges: coloured by the verdict.
        rank: columns of higher rank give way first where there is no room; 0 never does.
    """

    title: str
    of: Of
    right: bool = False
    judges: bool = False
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
    looks = _looks(table.take(shown))
    body = tuple(
        Row(
            cells=tuple(
                (line(Span(cell, look if column.judges else Style.NORMAL)),)
                for column, cell in zip(made, each, strict=True)
            )
        )
        for look, each in zip(looks, zip(*made.values(), strict=True), strict=True)
    )
    right = frozenset(number for number, each in enumerate(made) if each.right)
    block = Table(head=tuple(each.title for each in made), rows=body, right=right, indent=_INDENT)
    rest = len(lines) - len(shown)
    more = (Paragraph(content=line(f"… and {rest} more: --top N shows so many, --format csv all"), indent=_INDENT),)
    return Document(sections=((block, *(more if rest else ())),))


def _looks(part: FlowTable) -> list[Style]:
    """How each row's verdict is shown."""
    looks = (Style.GOOD, Style.BAD, Style.UNSURE, Style.NORMAL)
    return [looks[each] for each in fates(part).tolist()]


def fates(part: FlowTable) -> NDArray[np.int64]:
    """Return int64 (n,), what became of each row's connection: :data:`WORKED`, :data:`FAILED` or :data:`UNSURE`; -1 where nobody asked."""
    if part.verdicts is None or part.connection is None:
        return np.full(len(part), -1, np.int64)
    works = part.verdicts.verdict.names.index(Verdict.WORKS.value)
    good, failed = part.verdicts.verdict.codes[part.connection] == works, part.verdicts.failed[part.connection]
    return np.where(good, WORKED, np.where(failed, FAILED, UNSURE))


def one_a_connection(table: FlowTable, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the first row of each connection, in the order given; all rows where points were not joined."""
    if table.connection is None or not len(rows):
        return rows
    _, first = np.unique(table.connection[rows], return_index=True)
    return rows[np.sort(first)]


def plain(table: FlowTable, rows: NDArray[np.int64]) -> Iterator[str]:
    """Yield the whole table for a pipe, line by line, with all columns."""
    lines = one_a_connection(table, rows)
    made = _made(table, lines)
    wide = [_wide(column, texts) for column, texts in made.items()]
    yield _aligned([column.title for column in made], made, wide)
    for each in zip(*made.values(), strict=True):
        yield _aligned(each, made, wide)


def _made(table: FlowTable, rows: NDArray[np.int64]) -> dict[Column, list[str]]:
    """All columns, but those of verdicts where nobody asked for any."""
    part = table.take(rows)
    asked = (each for each in COLUMNS if table.verdicts is not None or each.title not in ("path", "verdict"))
    return {column: column.of(part, table) for column in asked}


def _aligned(texts: Sequence[str], columns: dict[Column, list[str]], wide: Sequence[int]) -> str:
    padded = (
        " " * (room - width(text)) + text if column.right else text + " " * (room - width(text))
        for text, column, room in zip(texts, columns, wide, strict=True)
    )
    return " " * _INDENT + (" " * _GAP).join(padded).rstrip() + "\n"


def _fitting(table: FlowTable, rows: NDArray[np.int64], columns: int | None) -> dict[Column, list[str]]:
    """The columns for which there is room, with their texts."""
    made = _made(table, rows)
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


def _texts(series: Series) -> list[str]:
    """A column as strings, by way of one long text."""
    made = cells(series, lambda name: visible(name).encode("utf-8", "backslashreplace"))
    return joined([made, constant(b"\n", len(made))]).decode().split("\n")[:-1]


def _field(name: str) -> Of:
    return lambda part, _: _texts(BY_NAME[name].of(part))


def _end(name: str) -> Of:
    def of(part: FlowTable, _: FlowTable) -> list[str]:
        addresses, ports = (_texts(BY_NAME[each].of(part)) for each in (name, f"{name}_port"))
        return [_endpoint(*each) for each in zip(addresses, ports, strict=True)]

    return of


def _endpoint(address: str, port: str) -> str:
    return str(Endpoint(address, int(port) if port else None))


def _number(part: FlowTable, _: FlowTable) -> list[str]:
    """The connection's number, by which ``--show`` finds it; without connections the flow's."""
    return _texts(BY_NAME["flow" if part.connection is None else "connection"].of(part))


def _points(part: FlowTable, table: FlowTable) -> list[str]:
    if table.connection is None or part.connection is None:
        return [visible(table.points[point].name) for point in part.rows["point"].tolist()]
    order = np.argsort(table.connection, kind="stable")
    begin = np.searchsorted(table.connection[order], part.connection)
    end = np.searchsorted(table.connection[order], part.connection, side="right")
    at = table.rows["point"][order]
    return [_some(table, at[one:other].tolist()) for one, other in zip(begin.tolist(), end.tolist(), strict=True)]


def _some(table: FlowTable, points: Sequence[int]) -> str:
    """The points by name; of many the first and the last, and how many there are."""
    seen = [visible(table.points[point].name) for point in dict.fromkeys(points)]
    return ", ".join(seen) if len(seen) <= MOST_POINTS else f"{seen[0]} … {seen[-1]} ({len(seen)})"


def _bytes(part: FlowTable, _: FlowTable) -> list[str]:
    return [amount(each) for each in part.rows["bytes"].sum(axis=1).tolist()]


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


def _rtt(part: FlowTable, _: FlowTable) -> list[str]:
    return [lasting(each) for each in since(part.rows["ack_ns"], part.rows["syn_ns"]).tolist()]


def _start(part: FlowTable, table: FlowTable) -> list[str]:
    """Seconds from the first packet of all; ``""`` where there is no time."""
    every, first = (first_of(each).ns for each in (table, part))
    begun = int(every[every >= 0].min(initial=LAST_NS))
    return [f"{(each - begun) / _SECOND:.3f}" if each >= 0 else "" for each in first.tolist()]


def _server(part: FlowTable, table: FlowTable) -> list[str]:
    """As it was dialled, and as it was reached where that is another: ``192.0.2.1:8080 ⇒ 172.17.0.2:80``."""
    dialled, reached = (_end(name)(part, table) for name in ("server", "reached"))
    if part.verdicts is None or part.connection is None:
        return dialled
    seen = (part.verdicts.ended[part.connection] >= 0).tolist()
    return [
        f"{one} ⇒ {other}" if there and one != other else one
        for one, other, there in zip(dialled, reached, seen, strict=True)
    ]


def _verdict(part: FlowTable, _: FlowTable) -> list[str]:
    """``works``; else what decides: ``nothing answered``."""
    if part.verdicts is None or part.connection is None:
        return [""] * len(part)
    words = ["works", *part.verdicts.said]
    return [words[code + 1] for code in part.verdicts.why.codes[part.connection].tolist()]


COLUMNS: tuple[Column, ...] = (
    Column(title="#", of=_number, right=True),
    Column(title="client", of=_end("client")),
    Column(title="server", of=_server),
    Column(title="proto", of=_field("proto"), rank=2),
    Column(title="path", of=_field("path"), rank=3),
    Column(title="verdict", of=_verdict, judges=True),
    Column(title="state", of=_field("state"), rank=6),
    Column(title="history", of=_field("history"), rank=9),
    Column(title="packets", of=_field("packets"), right=True, rank=4),
    Column(title="bytes", of=_bytes, right=True, rank=1),
    Column(title="rtt", of=_rtt, right=True, rank=5),
    Column(title="first at s", of=_start, right=True, rank=8),
    Column(title="points", of=_points, rank=7),
)
