"""A report laid out, as a piece of HTML for somebody else's page: a notebook's cell. No script, no link, and styles of its own elements alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup, escape

from netprobe.report.document import Divider, Entries, Paragraph, Style, Table
from netprobe.report.escape import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from netprobe.report.document import Block, Document, Line, Row

# Colours that can be read on white and on a notebook's dark ground (contrast of at least 4.5 with #fff, and of 3 with #111).
_LOOKS = {
    Style.GOOD: "color:#1a7f37;font-weight:600",
    Style.BAD: "color:#cf222e;font-weight:600",
    Style.UNSURE: "color:#9a6700;font-weight:600",
    Style.STRONG: "font-weight:600",
    Style.COMMAND: "font-family:monospace;font-weight:600",
    Style.CHANGE: "color:#0969da",
    Style.FAINT: "opacity:.7",
}
_CELL = "padding:0 .9em 0 0;vertical-align:top;white-space:pre-wrap"


def fragment(document: Document) -> str:
    """Return a document as one ``<div>``; every text in it is escaped."""
    sections = (Markup("").join(map(_block, section)) for section in document.sections if section)
    made = Markup("").join(Markup('<div style="margin:0 0 .6em">{}</div>').format(section) for section in sections)
    return str(Markup('<div class="netprobe" style="line-height:1.35">{}</div>').format(made))


def _block(block: Block) -> Markup:
    match block:
        case Paragraph():
            return Markup("<div>{}</div>").format(_line(block.content))
        case Entries():
            pairs = ((escape(visible(each.label)), _lines(each.lines)) for each in block.entries)
            return _grid(pairs)
        case Table():
            return _table(block)


def _table(table: Table) -> Markup:
    sides = ["right" if number in table.right else "left" for number in range(len(table.head))]
    row = Markup('<th scope="col" style="text-align:{};{};opacity:.7;font-weight:normal">{}</th>')
    head = Markup("").join(row.format(side, _CELL, visible(name)) for side, name in zip(sides, table.head, strict=True))
    rows = Markup("").join(_row(each, sides) for each in table.rows)
    return Markup(
        '<table style="border-collapse:collapse;margin:0"><thead><tr>{}</tr></thead><tbody>{}</tbody></table>'
    ).format(head, rows)


def _row(row: Row | Divider, sides: Sequence[str]) -> Markup:
    if isinstance(row, Divider):
        cell = Markup('<tr><td colspan="{}" style="text-align:left;{}">{}</td></tr>')
        return cell.format(len(sides), _CELL, _line(row.content))
    return _cells(zip(sides, map(_lines, row.cells), strict=True))


def _grid(pairs: Iterable[tuple[Markup, Markup]]) -> Markup:
    rows = Markup("").join(_cells((("left", label), ("left", text))) for label, text in pairs)
    return Markup('<table style="border-collapse:collapse;margin:0"><tbody>{}</tbody></table>').format(rows)


def _cells(cells: Iterable[tuple[str, Markup]]) -> Markup:
    cell = Markup('<td style="text-align:{};{}">{}</td>')
    return Markup('<tr style="background:none">{}</tr>').format(
        Markup("").join(cell.format(side, _CELL, text) for side, text in cells)
    )


def _lines(lines: Sequence[Line]) -> Markup:
    return Markup("<br>").join(map(_line, lines))


def _line(spans: Line) -> Markup:
    return Markup("").join(
        Markup('<span style="{}">{}</span>').format(_LOOKS[span.style], span.text)
        if span.style in _LOOKS
        else escape(span.text)
        for span in spans
    )
