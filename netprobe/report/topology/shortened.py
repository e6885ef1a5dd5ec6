"""Names made fit for a picture: safe to show, and cut in the middle where they are too long."""

from __future__ import annotations

from netprobe.report.escape import visible, width

CUT = "…"
_LONGEST = 4096  # of untrusted text more is not even looked at


def shown(text: str, cells: int = 120) -> str:
    """Return untrusted text with controls, direction marks and what nobody sees spelt out, at most so many cells wide."""
    half = _LONGEST // 2
    looked_at = text if len(text) <= _LONGEST else f"{text[:half]}{CUT}{text[-half:]}"
    return cut(visible(looked_at), cells)


def cut(text: str, cells: int) -> str:
    """Return text of at most so many cells: both ends stay, as names differ at their ends."""
    if width(text) <= cells:
        return text
    if cells <= 1:
        return CUT
    tail = (cells - 1) // 2
    return f"{_first(text, cells - 1 - tail)}{CUT}{_first(text[::-1], tail)[::-1]}"


def _first(text: str, cells: int) -> str:
    taken, used = [], 0
    for character in text:
        used += width(character)
        if used > cells:
            break
        taken.append(character)
    return "".join(taken)
