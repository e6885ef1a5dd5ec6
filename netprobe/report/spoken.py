"""A document in the language that is spoken: its labels and the heads of its tables, which are English until it is printed (what stands beside names is found by them)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from netprobe.report.document import Document, Entries, Paragraph, Table
from netprobe.report.language import _

if TYPE_CHECKING:
    from netprobe.report.document import Block


def spoken(document: Document) -> Document:
    """Return the document with its labels and heads translated."""
    return Document(sections=tuple(tuple(_block(each) for each in section) for section in document.sections))


def _block(block: Block) -> Block:
    match block:
        case Entries():
            entries = (replace(each, label=_(each.label) if each.label else "") for each in block.entries)
            return replace(block, entries=tuple(entries))
        case Table():
            return replace(block, head=tuple(_(each) if each else "" for each in block.head))
        case Paragraph():
            return block
