"""A document for a terminal, by rich: coloured unless that is not wanted, folded to the width, nothing cut off."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Literal

from rich.console import Console
from rich.padding import Padding
from rich.table import Table as RichTable
from rich.text import Text

from netprobe.report.document import Document, Entries, Paragraph, Row, Style, Table, text_of
from netprobe.report.escape import width as cells_of

if TYPE_CHECKING:
    from netprobe.report.document import Block, Line

_LOOKS = {
    Style.NORMAL: "",
    Style.GOOD: "bold green",
    Style.BAD: "bold red",
    Style.UNSURE: "bold yellow",
    Style.STRONG: "bold",
    Style.COMMAND: "bold cyan",
    Style.CHANGE: "cyan",
    Style.FAINT: "dim",
}
_GAP = 2
_LEAST = 6


def to_terminal(document: Document, *, columns: int, colour: bool) -> str:
    """Return the document with terminal escapes for colour (none with ``colour`` False), folded to ``columns`` cells."""
    console = Console(
        file=io.StringIO(),
        force_terminal=True,
        color_system="standard" if colour else None,
        width=max(columns, 40),
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
    )
    with console.capture() as capture:
        for number, section in enumerate(section for section in document.sections if section):
            if number:
                console.print()
            for block in section:
                _print(console, block)
    return "\n".join(part.rstrip(" ") for part in capture.get().split("\n"))


def _print(console: Console, block: Block) -> None:
    match block:
        case Paragraph(whole=True):
            # The terminal folds it, not we: what is copied from there stays one piece.
            console.print(Text(" " * block.indent) + _text(block.content), soft_wrap=True)
        case Paragraph():
            console.print(Padding(_text(block.content), (0, 0, 0, block.indent)))
        case Entries():
            _print_entries(console, block)
        case Table():
            for piece in _tables(block, console.width - block.indent):
                console.print(Padding(piece, (0, 0, 0, block.indent)))


def _print_entries(console: Console, block: Entries) -> None:
    column = max((cells_of(entry.label) for entry in block.entries), default=0)
    for entry in block.entries:
        for number, content in enumerate(entry.lines):
            label = entry.label if number == 0 else ""
            head = Text(" " * block.indent + label + " " * (column - cells_of(label) + _GAP), style="dim")
            if entry.whole:
                console.print(head + _text(content), soft_wrap=True)
                continue
            grid = RichTable.grid(padding=0)
            grid.add_column(width=len(head), no_wrap=True)
            grid.add_column(overflow="fold")
            grid.add_row(head, _text(content))
            console.print(grid)


def _tables(table: Table, room: int) -> list[RichTable | Text]:
    """Return the table in pieces, cut at its dividers (rich has no cell that spans columns), all with the same columns."""
    columns = fitted([*_naturals(table)], room - _GAP * (len(table.head) - 1))
    pieces: list[RichTable | Text] = [_piece(table, columns, head=True)]
    for row in table.rows:
        if not isinstance(row, Row):
            pieces.append(_text(row.content))
            continue
        piece = pieces[-1]
        if isinstance(piece, Text):
            piece = _piece(table, columns, head=False)
            pieces.append(piece)
        piece.add_row(*(Text("\n").join(_text(content) for content in cell) for cell in row.cells))
    return pieces


def _piece(table: Table, columns: list[int], *, head: bool) -> RichTable:
    rich = RichTable(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="dim", show_header=head)
    for number, title in enumerate(table.head):
        side: Literal["left", "right"] = "right" if number in table.right else "left"
        rich.add_column(title, justify=side, overflow="fold", width=columns[number])
    return rich


def _naturals(table: Table) -> list[int]:
    """Return how wide each column would be with nothing folded."""
    wide = [cells_of(title) for title in table.head]
    for row in table.rows:
        if isinstance(row, Row):
            for number, cell in enumerate(row.cells):
                wide[number] = max([wide[number], *(cells_of(text_of(content)) for content in cell)])
    return wide


def fitted(columns: list[int], room: int) -> list[int]:
    """Return column widths that fit in ``room`` together: the widest give way first, none below 6."""
    columns = list(columns)
    while sum(columns) > room and max(columns) > _LEAST:
        columns[columns.index(max(columns))] -= 1
    return columns


def _text(spans: Line) -> Text:
    return Text.assemble(*((span.text, _LOOKS[span.style]) for span in spans))
