"""Which flows the story of a connection needs: its own at all points, and those that could be taken for a part of it.

What :mod:`netprobe.journeys` joins of these flows alone has to be what it would join of all: so whoever has one of its ends, its numbers or its
name server's message id comes along, and so does what a docker-proxy may have dialled for it. Beside them: the look-ups near it, flows that
several clocks saw (how far the clocks are apart), and one that shows a container engine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netprobe.correlate.beyond import names
from netprobe.correlate.sights import mixed
from netprobe.correlate.talks import NEVER_NS
from netprobe.decode.table import Kind
from netprobe.journeys.clocks import clock_names
from netprobe.journeys.proxy import DIAL_DELAY_NS
from netprobe.selection.marked import marked
from netprobe.values import dataclass

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from netprobe.flowtable.blocks import TableRows
    from netprobe.selection.whole import WholeCapture

    Index = NDArray[np.int64]
    Mask = NDArray[np.bool_]

MOST_BESIDE = 512
"""Connections of each reason that come along, the nearest in time: more prove nothing."""
_CLOCK_FLOWS = 256  # connections that tell how far clocks are apart
_NEAR_NS = 2_000_000_000  # datagrams that are alike, and further apart, are two


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WantedFlows:
    """Rows of the flow table, in ascending order.

    Attributes:
        own: int64, of the connections in question.
        beside: int64, those that come along.
    """

    own: Index
    beside: Index


def wanted(whole: WholeCapture, connections: Index) -> WantedFlows:
    """Return what the story of these connections needs.

    Args:
        whole: the first pass.
        connections: the one in question; or all that a probe's own may be.
    """
    own = _related(whole, connections)
    near = _Near(whole, own)
    beside = [near.some(rows) for rows in (near.ends(), near.numbers(), near.copies(), near.dialled(), near.lookups())]
    beside += [_clocks(whole), marked(whole)]
    of = np.setdiff1d(np.unique(np.concatenate(beside)), own)
    return WantedFlows(own=_rows(whole, own), beside=_rows(whole, of))


def _related(whole: WholeCapture, connections: Index) -> Index:
    """These, with the inner and outer ones of a proxy, and the answers that came from another address."""
    joined, found = whole.joined, np.unique(connections)
    for _ in range(2):
        more = [found, joined.inner_of[found], joined.outer_of[found], joined.stray_of[found]]
        more.append(np.flatnonzero(np.isin(joined.stray_of, found)))
        every = np.concatenate(more)
        found = np.unique(every[every >= 0])
    return found


def _rows(whole: WholeCapture, connections: Index) -> Index:
    chosen = np.zeros(len(whole.joined), np.bool_)
    chosen[connections] = True
    return np.flatnonzero(chosen[whole.joined.connection])


def _clocks(whole: WholeCapture) -> Index:
    """Connections that several clocks saw, over all the time."""
    clocks = clock_names(whole.points)
    number = {name: place for place, name in enumerate(dict.fromkeys(clocks))}
    if len(number) < 2 or not len(whole.joined):
        return np.zeros(0, np.int64)
    clock = np.array([number[name] for name in clocks], np.int64)[whole.rows["point"]]
    several = np.flatnonzero(whole.talks.least(clock) != whole.talks.most(clock))
    return several[np.unique(np.linspace(0, max(len(several) - 1, 0), _CLOCK_FLOWS).astype(np.int64))[: len(several)]]


class _Near:
    """What is like some connections' rows."""

    def __init__(self, whole: WholeCapture, own: Index) -> None:
        self._whole, self._own, self._talks = whole, own, whole.talks
        self._mine = _rows(whole, own)
        self._columns = whole.rows[self._mine]
        self._begun = whole.talks.start_ns[own]

    def some(self, connections: Index) -> Index:
        """Of too many the nearest in time."""
        if len(connections) <= MOST_BESIDE or not len(self._own):
            return connections[:MOST_BESIDE]
        starts, begun = self._talks.start_ns[connections], np.sort(self._begun)
        behind = np.minimum(np.searchsorted(begun, starts), len(begun) - 1)
        apart = np.minimum(np.abs(starts - begun[behind]), np.abs(starts - begun[np.maximum(behind - 1, 0)]))
        return connections[np.argsort(apart, kind="stable")[:MOST_BESIDE]]

    def _of(self, rows: Mask) -> Index:
        return np.asarray(np.unique(self._whole.joined.connection[rows]), np.int64)

    def ends(self) -> Index:
        """Whoever has one of their clients' ends: lives of one 5-tuple, answers from another address."""
        client = np.unique(_end(self._columns, np.where(self._whole.joined.turned[self._mine], 1, 0)))
        every = self._whole.rows
        return self._of(np.isin(_end(every, 0), client) | np.isin(_end(every, 1), client))

    def numbers(self) -> Index:
        """Whoever began with their sequence numbers, or asks a name server with their message ids."""
        found = np.zeros(len(self._whole.rows), np.bool_)
        for name, side in (("isn", 0), ("isn", 1), ("dns_id", -1)):
            mine = self._columns[name] if side < 0 else self._columns[name][:, side]
            column = self._whole.rows[name] if side < 0 else self._whole.rows[name][:, side]
            found |= np.isin(column, np.unique(mine[mine >= 0]))
        return self._of(found)

    def copies(self) -> Index:
        """Whose first datagram or echo is like theirs, at about the time."""
        found = []
        for side in (0, 1):
            names_ = ("kind", f"head_length{side}", f"head_digest{side}")
            mine, every = (_signs(rows, names_) for rows in (self._columns, self._whole.rows))
            alike = np.isin(every, np.unique(mine)) & (self._whole.rows["kind"] != int(Kind.TCP))
            found.append(self._of(alike & (self._whole.rows["head_kept"][:, side] > 0)))
        those = np.unique(np.concatenate(found))
        if not len(self._begun):
            return those[:0]
        late = self._talks.start_ns[those]
        near = (late >= self._begun.min() - _NEAR_NS) & (late <= self._begun.max() + _NEAR_NS)
        return np.asarray(those[near], np.int64)

    def dialled(self) -> Index:
        """What a docker-proxy may have dialled for them: what began within the time of a dial."""
        accepted = self._talks.accepted_ns[self._own]
        known = accepted < NEVER_NS
        starts = self._talks.start_ns
        found = np.zeros(len(starts), np.bool_)
        for begun, last in zip(self._begun[known].tolist(), accepted[known].tolist(), strict=True):
            found[np.searchsorted(starts, begun) : np.searchsorted(starts, last + DIAL_DELAY_NS, "right")] = True
        found &= np.isin(self._talks.kind, self._talks.kind[self._own])
        if not self._whole.notes.before:  # no state that names a proxy: then it dials from a bridge's first address
            found &= self._talks.sided("lo", 0)[self._talks.first] & np.uint64(0xFF) == 1
        return np.flatnonzero(found)

    def lookups(self) -> Index:
        """The name servers' exchanges."""
        return np.flatnonzero(names(self._talks))


def _end(rows: TableRows, side: int | Index) -> NDArray[np.uint64]:
    """A number for one end of each row, with its protocol."""
    at = np.arange(len(rows))
    ends = (rows[name][at, side] for name in ("hi", "lo", "port"))
    return mixed([rows["kind"].astype(np.uint64), rows["version"].astype(np.uint64), *ends])


def _signs(rows: TableRows, columns: tuple[str, ...]) -> NDArray[np.uint64]:
    found = [rows[name[:-1]][:, int(name[-1])] if name[-1].isdigit() else rows[name] for name in columns]
    return mixed(found)
