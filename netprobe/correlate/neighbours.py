"""Rows that bear one token, each beside those that bore it shortly before: every candidate of a join is such a pair."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from netprobe.correlate.sights import Index, Mask


class Bearers:
    """Rows by token, and those of one token by time; tokens that one row alone bears are left out.

    Attributes:
        row: int64 (m,), the rows in that order. token: uint64 (m,). time_ns: int64 (m,).
    """

    def __init__(self, row: Index, token: NDArray[np.uint64], time_ns: Index) -> None:
        order = np.argsort(token)
        shared = _shared(token[order])
        order = order[shared]
        order = order[np.lexsort((row[order], time_ns[order], token[order]))]
        self.row, self.token, self.time_ns = row[order], token[order], time_ns[order]

    def __len__(self) -> int:
        return len(self.row)

    def kept(self, which: Mask) -> Bearers:
        """Those chosen, in the same order."""
        made = Bearers.__new__(Bearers)
        made.row, made.token, made.time_ns = self.row[which], self.token[which], self.time_ns[which]
        return made

    def pairs(self, within_ns: int, most: int) -> Iterator[tuple[Index, Index]]:
        """(earlier row, later row) of one token and at most so far apart, ``most`` back: nearest first."""
        at = np.arange(len(self.row))
        for lag in range(1, most + 1):
            at = at[at >= lag]
            before = at - lag
            near = (self.token[at] == self.token[before]) & (self.time_ns[at] - self.time_ns[before] <= within_ns)
            at = at[near]
            if not len(at):
                return
            yield self.row[at - lag], self.row[at]

    def all_pairs(self, within_ns: int, most: int) -> tuple[Index, Index]:
        """All of :meth:`pairs`."""
        found = list(self.pairs(within_ns, most))
        if not found:
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        return np.concatenate([one for one, _ in found]), np.concatenate([two for _, two in found])

    def crowded(self, point: Index, within_ns: int, most: int) -> Mask:
        """Whether a point saw more than ``most`` of one token at once: a flood or a scan, which tells none of them from another."""
        out = np.zeros(len(self.row), np.bool_)
        if len(self.row) <= most:
            return out
        at_point = point[self.row]
        order = np.lexsort((self.time_ns, at_point, self.token))
        token, place, time = self.token[order], at_point[order], self.time_ns[order]
        last = np.arange(most, len(order))
        first = last - most
        crowd = (token[last] == token[first]) & (place[last] == place[first]) & (time[last] - time[first] <= within_ns)
        step = np.zeros(len(order) + 1, np.int64)
        np.add.at(step, first[crowd], 1)
        np.add.at(step, last[crowd] + 1, -1)
        out[order] = np.cumsum(step)[:-1] > 0
        return out


def _shared(ordered: NDArray[np.uint64]) -> Mask:
    """Whether a neighbour has the same value."""
    out = np.zeros(len(ordered), np.bool_)
    same = ordered[1:] == ordered[:-1]
    out[1:] |= same
    out[:-1] |= same
    return out


def most_at_a_place(token: NDArray[np.uint64], place: Index) -> Index:
    """How often each row's token is borne at one place, at the place that has most of it."""
    if not len(token):
        return np.zeros(0, np.int64)
    order = np.lexsort((place, token))
    ordered, there = token[order], place[order]
    new = np.ones(len(order), np.bool_)
    new[1:] = (ordered[1:] != ordered[:-1]) | (there[1:] != there[:-1])
    begins = np.flatnonzero(new)
    counts = np.diff(begins, append=len(order))
    tokens = ordered[begins]
    first = np.flatnonzero(np.append(True, tokens[1:] != tokens[:-1]))
    most = np.maximum.reduceat(counts, first)
    sizes = np.add.reduceat(counts, first)
    out = np.empty(len(order), np.int64)
    out[order] = np.repeat(most, sizes)
    return out
