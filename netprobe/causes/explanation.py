"""What a cause's docstring says, section by section: people read it by ``netprobe causes CODE``."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING

from netprobe.values import dataclass

if TYPE_CHECKING:
    from netprobe.causes.base import Cause

HEADINGS = ("What it is", "Why it happens", "Evidence", "Remedy", "Source")
_MARKS = re.compile(r"``([^`]*)``")


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """One cause in words: its code, one sentence, whether it is a note, and (heading, text) in the docstring's order."""

    code: str
    summary: str
    note: bool
    sections: tuple[tuple[str, str], ...]


def explanation_of(cause: Cause) -> Explanation:
    """Return a cause's words; without docstrings (python -OO) they are empty."""
    lines = inspect.cleandoc(type(cause).__doc__ or "").splitlines()
    sections: dict[str, list[str]] = {}
    for line in lines[1:]:
        heading, colon, rest = line.partition(":")
        if colon and heading in HEADINGS:
            sections[heading] = [rest.strip()]
        elif line.strip() and sections:
            sections[next(reversed(sections))].append(line.strip())
    return Explanation(
        code=cause.code,
        summary=_plain(lines[0] if lines else ""),
        note=cause.note,
        sections=tuple((heading, _plain(" ".join(text))) for heading, text in sections.items()),
    )


def _plain(text: str) -> str:
    return _MARKS.sub(r"\1", text)
