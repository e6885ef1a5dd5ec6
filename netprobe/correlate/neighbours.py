"""Rows that bear one token, each beside those that bore it shortly before: every candidate of a join is such a pair."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from netprobe.correlate.sights import Index, Mask

_WHEN_BITS = 32


class Bearers:
    """Rows by token, and those of one token by time; tokens that one row alone bears are left out.

    Attributes:
        row: int64 (m,), the rows in that order. token: uint64 (m,). time_ns: int64 (m,).
    """

    def __init__(self, row: Index, token: NDArray[np.uint64], time_ns: Index, when: Index) -> None:
        """Find who shares a token.

        Args:
            row: int64 (k,), rows.
            token: uint64 (k,), of each.
            time_ns: int64 (n,), of all n rows.
            when: int64 (n,), the place of each in the order of those times, below 2^32.
        """
        some = np.flatnonzero(_among(token, repeated(token, 1)))
        order = some[np.argsort(token[some])]
        ordered = token[order]
        number = np.cumsum(np.append(False, ordered[1:] != ordered[:-1])[: len(ordered)])
        key = np.sort(
            (number << _WHEN_BITS) | when[row[order]]
        )  # one number each: sorted at once, and taken apart again
        begins = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1])[: len(ordered)])
        self.token = ordered[begins][key >> _WHEN_BITS]
        self.row = _inverse(when)[key & ((1 << _WHEN_BITS) - 1)]
        self.time_ns = time_ns[self.row]

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

    def all_pairs(self, within_ns: int, most: int, fit: Callable[[Index, Index], Mask]) -> tuple[Index, Index]:
        """All of :meth:`pairs` that fit; a lag at a time, so that many that do not are never held together."""
        ones, twos = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
        for one, two in self.pairs(within_ns, most):
            which = fit(one, two)
            ones.append(one[which])
            twos.append(two[which])
        return np.concatenate(ones), np.concatenate(twos)

    def crowded(self, point: Index, within_ns: int, most: int) -> Mask:
        """Whether a point saw more than ``most`` of one token at once: a flood or a scan, which tells none of them from another."""
        out = np.zeros(len(self.row), np.bool_)
        large = np.zeros(len(self.row) + 1, np.int64)
        at = np.flatnonzero(self.token[most:] == self.token[:-most]) if len(self.row) > most else self.row[:0]
        if not len(at):
            return out
        np.add.at(large, at, 1)
        np.add.at(large, at + most + 1, -1)
        some = np.flatnonzero(np.cumsum(large)[:-1] > 0)
        out[some] = self._at_once(some, point[self.row[some]], within_ns, most)
        return out

    def _at_once(self, some: Index, point: Index, within_ns: int, most: int) -> Mask:
        order = np.lexsort((some, point, self.token[some]))
        token, place, time = self.token[some[order]], point[order], self.time_ns[some[order]]
        last = np.arange(most, len(order))
        first = last - most
        crowd = (token[last] == token[first]) & (place[last] == place[first]) & (time[last] - time[first] <= within_ns)
        step = np.zeros(len(order) + 1, np.int64)
        np.add.at(step, first[crowd], 1)
        np.add.at(step, last[crowd] + 1, -1)
        out = np.empty(len(order), np.bool_)
        out[order] = np.cumsum(step)[:-1] > 0
        return out


def _inverse(when: Index) -> Index:
    """The row at each place of an order."""
    out = np.empty(len(when), np.int64)
    out[when] = np.arange(len(when))
    return out


def repeated(values: NDArray[np.uint64], few: int) -> NDArray[np.uint64]:
    """The values that are there more than ``few`` times, in order. Values alone are sorted in less time than their places are."""
    ordered = np.sort(values)
    found = ordered[few:][ordered[few:] == ordered[:-few]] if len(ordered) > few else ordered[:0]
    new = np.append(True, found[1:] != found[:-1])[: len(found)]
    return np.asarray(found[new], np.uint64)


def _among(values: NDArray[np.uint64], some: NDArray[np.uint64]) -> Mask:
    """Which values are among some, which are in order."""
    if not len(some):
        return np.zeros(len(values), np.bool_)
    return np.asarray(some[np.minimum(np.searchsorted(some, values), len(some) - 1)] == values, np.bool_)


def most_at_a_place(token: NDArray[np.uint64], place: Index, few: int) -> Index:
    """How often each row's token is borne at one place, at the place that has most of it; 1 where at all places together ``few`` bear it."""
    out = np.ones(len(token), np.int64)
    some = np.flatnonzero(_among(token, repeated(token, few)))
    order = some[np.argsort(token[some])]
    ordered = token[order]
    begins = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1])[: len(ordered)])
    sizes = np.diff(begins, append=len(ordered))
    many = order[np.repeat(sizes > few, sizes)]
    out[many] = _most(token[many], place[many])
    return out


def _most(token: NDArray[np.uint64], place: Index) -> Index:
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
