"""How much of each flow is taken: all, as a rule; of what is too large for a story as much of the largest as there is room for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Counts = NDArray[np.int64]


def level(sizes: Counts, room: int) -> int:
    """The highest number at which sizes may be cut so that together they are no more than the room; at least 1.

    Args:
        sizes: int64 (n,), none below 0.
        room: what they may be together.
    """
    if int(sizes.sum()) <= room:
        return int(sizes.max(initial=1))
    ordered = np.sort(sizes)
    below = np.concatenate([[0], np.cumsum(ordered)[:-1]])  # what those below each come to
    cut = (room - below) // np.arange(len(ordered), 0, -1)
    return max(int(cut[np.flatnonzero(cut < ordered)[0]]), 1)


def turns(flow: Counts, size: int) -> Counts:
    """How many of the same flow stand before each.

    Args:
        flow: int64 (n,), numbers below ``size``.
        size: how many flows there are.
    """
    order = np.argsort(flow, kind="stable")
    begins = np.concatenate([[0], np.cumsum(np.bincount(flow, minlength=size))[:-1]])
    out = np.empty(len(flow), np.int64)
    out[order] = np.arange(len(flow)) - begins[flow[order]]
    return out
