"""Frame numbers as evidence names them: those of the capture file, as Wireshark shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from netprobe.model.neighbours import NeighbourFrame

FEW = 4  # as many as a line names


def frame_numbers(numbers: Iterable[int], most: int = FEW) -> str:
    """``frame 4``, ``frames 4, 5``: the first of them; ``""`` for none."""
    first = [str(int(number)) for number in numbers][:most]
    return f"{'frame' if len(first) == 1 else 'frames'} {', '.join(first)}" if first else ""


def sighted_at(frames: Iterable[NeighbourFrame], point: str) -> list[NeighbourFrame]:
    """The frames of ARP or neighbour discovery that were seen at a point (``host/container/interface``)."""
    return [frame for frame in frames if frame.point == point]


def numbers_of(frames: Iterable[NeighbourFrame]) -> str:
    """As :func:`frame_numbers`, of frames of ARP or neighbour discovery."""
    return frame_numbers(frame.frame for frame in frames)
