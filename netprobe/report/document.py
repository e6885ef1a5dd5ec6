"""A report laid out, before anything is known of where it is shown: blocks of lines of styled spans.

``report.text`` makes it, ``report.plain`` prints it to a pipe, ``report.terminal`` to a terminal. Every span is made
safe as it is made (:func:`netprobe.report.escape.visible`), so that no printer has to remember it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TypeAlias

from netprobe.report.escape import visible
from netprobe.values import dataclass


class Style(StrEnum):
    """What a span means; the terminal printer decides how that looks."""

    NORMAL = "normal"
    GOOD = "good"
    BAD = "bad"
    UNSURE = "unsure"
    STRONG = "strong"
    COMMAND = "command"
    CHANGE = "change"
    FAINT = "faint"


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of one line; ``text`` is safe to print."""

    text: str
    style: Style = Style.NORMAL

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", visible(self.text))


Line: TypeAlias = tuple[Span, ...]


def line(*parts: str | Span) -> Line:
    """Return one line of spans; plain strings get the normal style."""
    return tuple(part if isinstance(part, Span) else Span(part) for part in parts)


def text_of(spans: Line) -> str:
    """Return a line without its styles."""
    return "".join(span.text for span in spans)


@dataclass(frozen=True, slots=True, kw_only=True)
class Paragraph:
    """One line of text. ``whole``: never folded by us, so that it can be copied as one piece."""

    content: Line = ()
    indent: int = 0
    whole: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A label and the lines that stand beside it."""

    label: str
    lines: tuple[Line, ...]
    whole: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Entries:
    """Labelled lines, the labels in one column."""

    entries: tuple[Entry, ...]
    indent: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of a table: each cell has one or more lines."""

    cells: tuple[tuple[Line, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Divider:
    """A line between the rows of a table that belongs to no column."""

    content: Line


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows under a head; ``right`` holds the columns that are set flush right."""

    head: tuple[str, ...]
    rows: tuple[Row | Divider, ...]
    right: frozenset[int] = frozenset()
    indent: int = 2


Block: TypeAlias = Paragraph | Entries | Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """Sections of blocks; an empty line stands between two sections."""

    sections: tuple[tuple[Block, ...], ...]
