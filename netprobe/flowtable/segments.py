"""Arithmetic on runs of equal numbers: the first and the last of some events of each, running sums and maxima that begin anew at each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from netprobe.decode.chunk import Ints, Mask

_MOST = 1 << 62


def begins(numbers: NDArray[np.int64]) -> Ints:
    """Where runs of equal numbers begin."""
    return np.flatnonzero(np.diff(numbers, prepend=-1))


def firsts(events: Ints, segment: Ints) -> Ints:
    """The first event of each segment, of events in order; ``segment`` has one number for every place that an event may be at."""
    return events[np.flatnonzero(np.diff(segment[events], prepend=-1))]


def lasts(events: Ints, segment: Ints) -> Ints:
    """The last event of each segment."""
    return events[np.flatnonzero(np.diff(segment[events], append=-1))]


def ranks(segment: Ints) -> Ints:
    """How many of the same segment stand before each; segments stand together."""
    starts = begins(segment)
    return np.arange(len(segment)) - np.repeat(starts, np.diff(starts, append=len(segment)))


def running_sum(values: Ints, starts: Ints) -> Ints:
    """Running sums that begin anew at each start; the first start is 0."""
    total = np.cumsum(values)
    before = total[starts] - values[starts]
    return total - np.repeat(before, np.diff(starts, append=len(values)))


def running_max(values: Ints, starts: Ints) -> Ints:
    """Running maxima that begin anew at each start, of values that are not negative: by steps between segments, or where those are too large by doubling."""
    if not len(values):
        return values
    segment = np.repeat(np.arange(len(starts)), np.diff(starts, append=len(values)))
    step = int(values.max()) + 1
    if step * len(starts) < _MOST:
        stair = segment * step
        return np.maximum.accumulate(values + stair) - stair
    out, reach = values.copy(), 1
    while reach < len(out):
        same = segment[reach:] == segment[:-reach]
        out[reach:] = np.where(same, np.maximum(out[reach:], out[:-reach]), out[reach:])
        reach *= 2
    return out


def latest(events: Mask, starts: Ints) -> Ints:
    """For each place the last event before it in its segment, -1 where there is none."""
    places = np.arange(len(events))
    seen = np.maximum.accumulate(np.where(events, places, -1))
    before = np.append(-1, seen[:-1]) if len(seen) else seen
    first = np.repeat(starts, np.diff(starts, append=len(events)))
    return np.where(before >= first, before, -1)


def tens(counts: Ints) -> Mask:
    """Which counts are 1, 10, 100, …: at those Zeek's history says again that something goes on."""
    power = np.ones_like(counts)
    for _ in range(9):
        power = np.where(power < counts, power * 10, power)
    return np.asarray(power == counts, np.bool_)
