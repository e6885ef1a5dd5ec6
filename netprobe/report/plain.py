"""A document as plain text, for a pipe or a file: no colour, nothing cut off, nothing folded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.report.document import Document, Entries, Paragraph, Row, Table, text_of
from netprobe.report.escape import width

if TYPE_CHECKING:
    from netprobe.report.document import Block

_GAP = "  "


def to_plain(document: Document) -> str:
    """Return the whole document as text that ends with a newline."""
    sections = ("\n".join(line for block in section for line in _lines(block)) for section in document.sections)
    return "\n\n".join(section for section in sections if section) + "\n"


def _lines(block: Block) -> list[str]:
    match block:
        case Paragraph():
            return [" " * block.indent + text_of(block.content)]
        case Entries():
            return _entries(block)
        case Table():
            return _table(block)


def _entries(block: Entries) -> list[str]:
    column = max((width(entry.label) for entry in block.entries), default=0)
    written = []
    for entry in block.entries:
        for number, content in enumerate(entry.lines):
            label = entry.label if number == 0 else ""
            written.append((" " * block.indent + _padded(label, column) + _GAP + text_of(content)).rstrip())
    return written


def _table(table: Table) -> list[str]:
    grid: list[list[str] | str] = [list(table.head)]
    for row in table.rows:
        if isinstance(row, Row):
            grid.extend(_row_lines(row))
        else:
            grid.append(text_of(row.content))
    columns = [
        max(width(cells[number]) for cells in grid if not isinstance(cells, str)) for number in range(len(table.head))
    ]
    margin = " " * table.indent
    return [margin + (cells if isinstance(cells, str) else _aligned(cells, columns, table.right)) for cells in grid]


def _row_lines(row: Row) -> list[list[str]]:
    height = max(len(cell) for cell in row.cells)
    return [[text_of(cell[number]) if number < len(cell) else "" for cell in row.cells] for number in range(height)]


def _aligned(cells: list[str], columns: list[int], right: frozenset[int]) -> str:
    padded = [_padded(cell, columns[number], right=number in right) for number, cell in enumerate(cells)]
    return _GAP.join(padded).rstrip()


def _padded(text: str, column: int, *, right: bool = False) -> str:
    space = " " * (column - width(text))
    return space + text if right else text + space
