"""The catalogue of causes on a page: all of them a line each, or one with its sections and an example."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.report.document import Document, Entries, Entry, Paragraph, Span, Style, line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def lay_out_all(causes: Iterable[tuple[str, str, bool]]) -> Document:
    """Return a line for each (code, sentence, whether it is a note)."""
    entries = tuple(
        Entry(label=code, lines=(line(text, Span(" (a note)", Style.FAINT)) if note else line(text),))
        for code, text, note in causes
    )
    foot = "netprobe causes CODE explains one. A note describes a connection that works, and is the cause only where it explains a failure."
    return Document(sections=((Entries(entries=entries),), (Paragraph(content=line(foot)),)))


def lay_out_one(code: str, sections: Iterable[tuple[str, str]], example: Mapping[str, str] | None) -> Document:
    """Return one cause: its sections, then what its capture's report says."""
    head = Paragraph(content=line(Span(code, Style.STRONG)))
    entries = Entries(entries=tuple(Entry(label=heading.lower(), lines=(line(text),)) for heading, text in sections))
    parts: list[tuple[Paragraph | Entries, ...]] = [(head,), (entries,)]
    if example is not None:
        said = tuple(line(text) for text in example["text"].splitlines())
        title = Paragraph(content=line(f"Example: {example['title']} (captures/{example['capture']}.pcapng)"))
        parts.append((title, Entries(entries=(Entry(label="", lines=said, whole=True),))))
    return Document(sections=tuple(parts))
