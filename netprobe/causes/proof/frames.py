"""Frame numbers as evidence names them: those of the capture file, as Wireshark shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

FEW = 4  # as many as a line names


def frame_numbers(numbers: Iterable[int], most: int = FEW) -> str:
    """``frame 4``, ``frames 4, 5``: the first of them; ``""`` for none."""
    first = [str(int(number)) for number in numbers][:most]
    return f"{'frame' if len(first) == 1 else 'frames'} {', '.join(first)}" if first else ""
