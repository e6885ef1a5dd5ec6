"""What stands beside the names of interfaces: the Docker network of a bridge, the container of a veth. And what goes without saying.

A bridge is called by the engine (``br-819197bc4fad``) and a veth by the kernel; people know the network's and the container's name. Commands
and rules are left as they are: they are copied.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from netprobe.report.document import Block, Document, Entries, Entry, Line, Paragraph, Row, Span, Style, Table

if TYPE_CHECKING:
    from collections.abc import Mapping

_COPIED = frozenset({"rule", "fix"})
_LISTS = frozenset({"ARP", "NDP", "clocks"})
_NO_RULE = "".join(rf"(?<!{word})" for word in ("-i ", "-o ", "dev ", "iifname ", "oifname ", '"'))
_LOCAL = re.compile(r"(?<![\w/.-])local/(?=\S)")


def with_names(document: Document, names: Mapping[str, str], *, one_host: bool) -> Document:
    """Return a document with names beside the interfaces that have one.

    Args:
        document: a report's.
        names: point or interface -> what stands beside it: ``"server2/br-819197bc4fad": "shop_front"``.
        one_host: all points are ``local``'s: then ``local/`` is left out.
    """
    if not names and not one_host:
        return document
    found = Names(names, one_host=one_host)
    return Document(sections=tuple(tuple(found.block(each) for each in section) for section in document.sections))


class Names:
    """The names, and one pattern that finds all that have one. Arguments are those of :func:`with_names`."""

    def __init__(self, names: Mapping[str, str], *, one_host: bool) -> None:
        self._names = names
        self._one_host = one_host
        words = "|".join(re.escape(each) for each in sorted(names, key=len, reverse=True))
        self._pattern = re.compile(rf"{_NO_RULE}(?<![\w/.-])(?:{words})(?![\w/-]|\.\w)") if names else None

    def block(self, block: Block) -> Block:
        """Return a block with them."""
        match block:
            case Paragraph():
                return replace(block, content=self._line(block.content))
            case Entries():
                return replace(block, entries=tuple(map(self._entry, block.entries)))
            case Table():
                rows = (self._row(each) if isinstance(each, Row) else each for each in block.rows)
                return replace(block, rows=tuple(rows))

    def prose(self, text: str) -> str:
        """Return one sentence with them."""
        named = self._named(text)
        return _LOCAL.sub("", named) if self._one_host else named

    def _entry(self, entry: Entry) -> Entry:
        if entry.label in _COPIED:
            return entry
        if entry.label in _LISTS:  # lists of points are long as they are
            return replace(entry, lines=tuple(map(self._short, entry.lines)))
        return replace(entry, lines=tuple(map(self._line, entry.lines)))

    def _row(self, row: Row) -> Row:
        return Row(
            cells=(tuple(map(self._line, row.cells[0])), *(tuple(map(self._short, each)) for each in row.cells[1:]))
        )

    def _line(self, spans: Line) -> Line:
        return self._short(
            tuple(replace(each, text=self._named(each.text)) if _is_prose(each) else each for each in spans)
        )

    def _named(self, text: str) -> str:
        """``br-819197bc4fad (shop_front)``; within brackets ``(br-819197bc4fad, shop_front)``."""
        if self._pattern is None:
            return text

        def beside(found: re.Match[str]) -> str:
            before = text[: found.start()]
            name = self._names[found[0]]
            return f"{found[0]}, {name}" if before.count("(") > before.count(")") else f"{found[0]} ({name})"

        return self._pattern.sub(beside, text)

    def _short(self, spans: Line) -> Line:
        if not self._one_host:
            return spans
        return tuple(replace(each, text=_LOCAL.sub("", each.text)) if _is_prose(each) else each for each in spans)


def _is_prose(span: Span) -> bool:
    return span.style is not Style.COMMAND
