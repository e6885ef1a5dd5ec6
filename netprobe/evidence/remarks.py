"""What is said of a file that holds less than was to be seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netprobe.evidence.blocks import STATISTICS_BYTES
from netprobe.evidence.model import Limit, LimitKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from netprobe.evidence.capture import Interface
    from netprobe.evidence.model import CapturePoint
    from netprobe.evidence.notes import Notes


def ended(subject: str, stop: str, packets: int) -> Limit:
    """The limit for a file that could not be read to its end."""
    why = f"{stop}: {_count(packets, 'packet')} before that, nothing after it"
    return Limit(kind=LimitKind.FILE, subject=subject, why=why)


def is_copy(interfaces: Sequence[Interface], missing: int, notes: Notes) -> bool:
    """Whether all that is missing of netprobe's own file are interface statistics: Wireshark's programs leave them out when they copy one."""
    silent = sum(each.received is None and each.dropped is None for each in interfaces)
    complete = bool(notes.after) and notes.after.keys() >= notes.before.keys()
    return complete and 0 < missing <= silent * STATISTICS_BYTES


def kept_in_part(points: Sequence[CapturePoint], cut: NDArray[np.int64], every: NDArray[np.int64]) -> list[Limit]:
    """A limit a point whose packets were cut by the snap length.

    Args:
        points: the points.
        cut: packets of each that were kept in part.
        every: all packets of each.
    """
    return [
        Limit(
            kind=LimitKind.POINT,
            subject=points[number].name,
            why=f"{_count(int(cut[number]), 'packet')} of {int(every[number])} kept in part only (snap length {points[number].snaplen})",
        )
        for number in np.flatnonzero(cut).tolist()
    ]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
