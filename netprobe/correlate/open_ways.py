"""Which rows another row may belong to, of another connection, without that anything makes it sure: what is said of such a connection's way is open.

A pair is kept that the rules allow (:mod:`rules`) and that agrees in too little (:mod:`strength`), or was not the best one. In a flood no pairs are
made: there every row is open whose packet another point saw, too, and whose connection has no row there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from netprobe.correlate.rules import FLIGHT_NS, excluded, same_packet
from netprobe.values import dataclass

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from netprobe.correlate.groups import Groups
    from netprobe.correlate.neighbours import Bearers
    from netprobe.correlate.sights import Index, Mask, Sights

_AT_ONCE = 1 << 16  # pairs of groups that are held against each other at a time
_MOST_ROWS = 64  # of a connection that are: what is seen at more places is not said to go on


@dataclass(frozen=True, slots=True, kw_only=True)
class _Flood:
    """Rows of one token at one time: ``run`` numbers these times, ``crowded`` is whether a row is one of many at a point, or borne beside these."""

    row: Index
    run: Index
    crowded: Mask


class OpenWays:
    """Collects them while rows are joined."""

    def __init__(self, sights: Sights, groups: Groups) -> None:
        self._sights, self._groups = sights, groups
        self._pairs: list[tuple[Index, Index]] = []
        self._floods: list[_Flood] = []

    def pairs(self, one: Index, two: Index) -> None:
        """Each row of ``one`` may be of the same connection as that of ``two``; what was joined meanwhile is left out."""
        apart = self._groups.of[one] != self._groups.of[two]
        if apart.any():
            self._pairs.append((one[apart], two[apart]))

    def flood(self, bearers: Bearers, crowded: Mask) -> None:
        """These bear one packet; those that are ``crowded`` were held against nobody."""
        of_one = np.isin(bearers.token, bearers.token[crowded])
        some, crowded = bearers.kept(of_one), crowded[of_one]
        new = np.ones(len(some), np.bool_)
        new[1:] = (some.token[1:] != some.token[:-1]) | (some.time_ns[1:] - some.time_ns[:-1] > FLIGHT_NS)
        run = np.cumsum(new) - 1
        self._floods.append(_Flood(row=some.row, run=run, crowded=_beside(run, some.time_ns, crowded)))

    def rows(self) -> Mask:
        """Whether the connection of each row may have another one's rows, as all of them are joined now."""
        open_groups = np.zeros(len(self._sights), np.bool_)
        for flood in self._floods:
            open_groups[self._missed(flood)] = True
        one, two = self._apart()
        for start in range(0, len(one), _AT_ONCE):
            some = slice(start, start + _AT_ONCE)
            free = ~self._excluded(one[some], two[some])
            open_groups[one[some][free]] = open_groups[two[some][free]] = True
        return np.asarray(open_groups[self._groups.of])

    def _missed(self, flood: _Flood) -> Index:
        """The groups of crowded rows that have no row at one of the points that saw the packet then."""
        group, point = self._groups.of[flood.row], self._sights.column("point")[flood.row].astype(np.int64)
        every = _distinct(flood.run, point)
        mine = _distinct(flood.run, group, point)
        there = np.bincount(flood.run[every], minlength=int(flood.run.max(initial=0)) + 1)
        order = np.lexsort((group[mine], flood.run[mine]))
        run, of = flood.run[mine][order], group[mine][order]
        begins = np.flatnonzero(_changes(run) | _changes(of))
        fewer = np.diff(begins, append=len(run)) < there[run[begins]]
        crowded = np.unique(group[flood.crowded])
        return np.intersect1d(of[begins[fewer]], crowded)

    def _apart(self) -> tuple[Index, Index]:
        """Each two groups once that a pair is of."""
        if not self._pairs:
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        one, two = (self._groups.of[np.concatenate(rows)] for rows in zip(*self._pairs, strict=True))
        low, high = np.minimum(one, two), np.maximum(one, two)
        each = _distinct(low, high)
        each = each[low[each] != high[each]]
        return low[each], high[each]

    def _excluded(self, one: Index, two: Index) -> Mask:
        """Whether a row of the one group excludes a row of the other."""
        order, begin, size = self._members(np.concatenate([one, two]))
        mine, theirs = size[one], size[two]
        many = (mine > _MOST_ROWS) | (theirs > _MOST_ROWS)
        count = np.where(many, 0, mine * theirs)
        pair = np.repeat(np.arange(len(one)), count)
        at = np.arange(len(pair)) - np.repeat(np.cumsum(count) - count, count)
        left = order[begin[one[pair]] + at // theirs[pair]]
        right = order[begin[two[pair]] + at % theirs[pair]]
        point, time = self._sights.column("point"), self._sights.first_ns
        same = np.flatnonzero(point[left] == point[right])
        left, right, pair = left[same], right[same], pair[same]
        late = time[left] > time[right]
        first, second = np.where(late, right, left), np.where(late, left, right)
        wrong = excluded(self._sights, first, second) | ~self._both_sides(first, second)
        out = many.copy()
        out[pair[wrong]] = True
        return out

    def _both_sides(self, one: Index, two: Index) -> Mask:
        """Whether two rows of one point (the earlier first) may be both sides of what routes between them, or one direction each."""
        sights = self._sights
        halves = (sights.asks[one] != sights.asks[two]) & ~(sights.sent(1)[one] & sights.sent(1)[two])
        return np.asarray(same_packet(sights, one, two, 0) | halves)

    def _members(self, groups: Index) -> tuple[Index, Index, Index]:
        """The rows of these groups, by group; and, for each number of a group, where its rows begin there, and how many they are."""
        of = self._groups.of
        among = np.zeros(len(of), np.bool_)
        among[groups] = True
        rows = np.flatnonzero(among[of])
        rows = rows[np.argsort(of[rows], kind="stable")]
        size = np.bincount(of[rows], minlength=len(of))
        return rows, np.cumsum(size) - size, size


def _beside(run: Index, time_ns: Index, crowded: Mask) -> Mask:
    """Which of these are crowded, or one of the same run is that was borne no longer before or after than a packet is in flight."""
    at = np.arange(len(run))
    before = np.maximum.accumulate(np.where(crowded, at, 0))
    behind = np.minimum.accumulate(np.where(crowded, at, len(run) - 1)[::-1])[::-1]
    out = crowded.copy()
    for other in (before, behind):
        out |= crowded[other] & (run[other] == run) & (np.abs(time_ns - time_ns[other]) <= FLIGHT_NS)
    return out


def _distinct(*columns: NDArray[Any]) -> Index:
    """Where each combination stands for the first time in some order."""
    order = np.lexsort(columns)
    new = np.zeros(len(order), np.bool_)
    for column in columns:
        new |= _changes(column[order])
    return order[new]


def _changes(ordered: NDArray[Any]) -> Mask:
    out = np.ones(len(ordered), np.bool_)
    out[1:] = ordered[1:] != ordered[:-1]
    return out
