"""Which rows are one connection, as far as was found: union-find over arrays, and joins that a group's members forbid.

A join of two groups is taken only where no row of the one excludes a row of the other (``rules.excluded``). All joins of a step are tried at
once; only the groups in which something excludes something are joined again, pair by pair, best first. In each of those rounds a group takes
part in one join at most, so that what excludes is known to be that join.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netprobe.correlate.rules import MOST_AT_A_POINT, excluded
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from netprobe.correlate.sights import Index, Mask, Sights

MOST_ROUNDS = 64  # of contested groups: what is not decided by then stays apart


@dataclass(frozen=True, slots=True, kw_only=True)
class Edges:
    """Pairs of rows that may be one connection, with how good each is: higher is better.

    Each later row (``two``) is joined by one of its pairs at most.
    """

    one: Index
    two: Index
    score: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.one)

    def pick(self, which: Mask | Index) -> Edges:
        """Some of them."""
        return Edges(one=self.one[which], two=self.two[which], score=self.score[which])


class Groups:
    """The group of each row: the lowest row of it."""

    def __init__(self, sights: Sights) -> None:
        self._sights = sights
        self.of = np.arange(len(sights))

    def join(self, edges: Edges) -> None:
        """Join what the pairs say, as far as nothing excludes it."""
        edges = edges.pick(self.of[edges.one] != self.of[edges.two])
        if not len(edges):
            return
        order = np.lexsort((edges.two, edges.one, -edges.score))
        edges = edges.pick(order)
        best = edges.pick(self._first_of(edges.two))
        merged = components(self.of, best.one, best.two)
        contested = self._contested(merged, merged[best.two])
        self.of = np.where(contested[merged], self.of, merged)
        left = edges.pick(contested[merged[edges.two]])
        for _ in range(MOST_ROUNDS):
            if not len(left):
                return
            left = self._round(left)

    def fitting(self, rule: Callable[[Index, Index], Mask]) -> Callable[[Index, Index], Mask]:
        """A rule that is asked of pairs only that are not one connection yet."""

        def asked(one: Index, two: Index) -> Mask:
            out = np.asarray(self.of[one] != self.of[two])
            at = np.flatnonzero(out)
            out[at] = rule(one[at], two[at])
            return out

        return asked

    def _round(self, edges: Edges) -> Edges:
        """Take the joins that are the best of both their groups; return what is left to try."""
        mine, theirs = self.of[edges.one], self.of[edges.two]
        candidates = np.flatnonzero(self._first_of(edges.two))
        best = np.full(len(self.of), len(edges))
        backwards = candidates[::-1]
        np.minimum.at(best, mine[backwards], backwards)
        np.minimum.at(best, theirs[backwards], backwards)
        chosen = candidates[(best[mine[candidates]] == candidates) & (best[theirs[candidates]] == candidates)]
        merged = components(self.of, edges.one[chosen], edges.two[chosen])
        wrong = self._contested(merged, merged[edges.two[chosen]])
        taken = chosen[~wrong[merged[edges.two[chosen]]]]
        self.of = np.where(wrong[merged], self.of, merged)
        done = np.zeros(len(edges), np.bool_)
        done[chosen] = True
        joined = np.zeros(len(self.of), np.bool_)
        joined[edges.two[taken]] = True
        left = ~done & ~joined[edges.two] & (self.of[edges.one] != self.of[edges.two])
        return edges.pick(left)

    def _first_of(self, rows: Index) -> Mask:
        """Whether a row stands in a list for the first time."""
        place = np.empty(len(self.of), np.int64)
        at = np.arange(len(rows))
        place[rows[::-1]] = at[::-1]
        return np.asarray(place[rows] == at)

    def _contested(self, merged: Index, groups: Index) -> Mask:
        """Of each row whether it is the lowest one of one of these groups, and a row of that group excludes another."""
        among = np.zeros(len(merged), np.bool_)
        among[groups] = True
        rows = np.flatnonzero(among[merged])
        sights = self._sights
        order = np.lexsort((sights.first_ns[rows], sights.column("point")[rows], merged[rows]))
        rows = rows[order]
        group, point = merged[rows], sights.column("point")[rows]
        out = np.zeros(len(merged), np.bool_)
        at = np.arange(len(rows))
        for lag in range(1, MOST_AT_A_POINT + 1):
            at = at[at >= lag]
            at = at[(group[at] == group[at - lag]) & (point[at] == point[at - lag])]
            if not len(at):
                break
            wrong = excluded(sights, rows[at - lag], rows[at]) | (lag == MOST_AT_A_POINT)
            out[group[at[wrong]]] = True
        return out


def components(group: Index, one: Index, two: Index) -> Index:
    """The groups with those of ``one`` and ``two`` joined pairwise: hooking and pointer jumping (Shiloach and Vishkin 1982), each group its lowest member.

    Args:
        group: int64 (n,), the lowest row of each row's group.
        one: int64 (m,), rows.
        two: int64 (m,), the rows that they are joined with.
    """
    parent = group.copy()
    mine, theirs = group[one], group[two]
    among = np.zeros(len(group), np.bool_)
    among[mine] = among[theirs] = True
    nodes = np.flatnonzero(among)
    while True:
        mine, theirs = parent[mine], parent[theirs]
        apart = mine != theirs
        if not apart.any():
            return parent[group]
        mine, theirs = mine[apart], theirs[apart]
        np.minimum.at(parent, np.maximum(mine, theirs), np.minimum(mine, theirs))
        _jump(parent, nodes)


def _jump(parent: Index, nodes: Index) -> None:
    """Let each node know its root."""
    while True:
        above = parent[parent[nodes]]
        if (above == parent[nodes]).all():
            return
        parent[nodes] = above
