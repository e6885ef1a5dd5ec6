"""A report in one line: the question, the verdict, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.report.document import Document, Paragraph, Span, Style, line
from netprobe.report.escape import width
from netprobe.report.text import asked_words, named, printed, verdict_words

if TYPE_CHECKING:
    from netprobe.model.report import Report

CUT = "…"


def one_line(report: Report, *, name: str = "", columns: int | None = None) -> str:
    """Return ``demo:80 from server1: fails, docker-user-drop: the SYN reached …`` without a newline.

    Args:
        report: of one question.
        name: what it is of, said first; ``""`` for nothing.
        columns: how many cells wide it may be, what is beyond is cut off; None: all of it.
    """
    asked = asked_words(report)
    words = f"{name}: {asked}" if name else asked
    content = line(Span(f"{words}: {verdict_words(report)}: {report.why}", Style.NORMAL))
    text = printed(named(Document(sections=((Paragraph(content=content),),)), report), columns=None, colour=False)
    return cut(" ".join(text.split()), columns)


def cut(text: str, columns: int | None) -> str:
    """Return the beginning of a text, at most so many terminal cells of it; the last one says that there is more."""
    if columns is None or width(text) <= columns:
        return text
    taken, used = 0, 1
    while taken < len(text) and used + width(text[taken]) <= columns:
        used += width(text[taken])
        taken += 1
    return text[:taken].rstrip() + CUT
