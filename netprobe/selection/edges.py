"""When each capture point's packets begin and end: what is silent for long is so only as long as somebody listened."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from netprobe.evidence.packets import Packets

EDGE = np.dtype([("place", "i8"), ("point", "i4"), ("time_ns", "i8"), ("origlen", "i8"), ("frame", "i8")])
"""A packet without its bytes; ``place``: its number among all packets."""

_TIME = 2  # in an edge
_MANY = 8  # points of one chunk: beyond, they are sorted


class PointEdges:
    """The first and the last packet of each point, by time."""

    def __init__(self) -> None:
        self._first: dict[int, tuple[int, ...]] = {}
        self._last: dict[int, tuple[int, ...]] = {}

    def take(self, packets: Packets, place: int) -> None:
        """Take the next packets; the first of them has this number among all."""
        columns = (packets.point, packets.time_ns, packets.origlen, packets.frame)
        for row in _extremes(packets).tolist():
            point, time, *rest = (int(column[row]) for column in columns)
            edge = (place + row, point, time, *rest)
            if time < self._first.setdefault(point, edge)[_TIME]:
                self._first[point] = edge
            if time >= self._last.setdefault(point, edge)[_TIME]:
                self._last[point] = edge

    @property
    def first(self) -> NDArray[np.void]:
        """:data:`EDGE`, the first packet of each point that has any."""
        return np.array([*self._first.values()], EDGE)

    def of(self, points: NDArray[np.int64]) -> NDArray[np.void]:
        """:data:`EDGE`, the first and the last packet of some points, in file order."""
        wanted = set(points.tolist())
        found = [each[point] for each in (self._first, self._last) for point in each if point in wanted]
        edges = np.array(found, EDGE)
        return edges[np.unique(edges["place"], return_index=True)[1]]


def _extremes(packets: Packets) -> NDArray[np.int64]:
    """Rows that hold each point's first and last packet."""
    if not len(packets):
        return np.zeros(0, np.int64)
    points = np.flatnonzero(np.bincount(packets.point))
    time = packets.time_ns
    if len(points) > _MANY:
        order = np.lexsort((time, packets.point))
        begins = np.flatnonzero(np.diff(packets.point[order], prepend=-1))
        return np.sort(np.concatenate([order[begins], order[np.append(begins[1:], len(order)) - 1]]))
    found = []
    for point in points.tolist():
        rows = np.arange(len(time)) if len(points) == 1 else np.flatnonzero(packets.point == point)
        found += [int(rows[time[rows].argmin()]), int(rows[len(rows) - 1 - time[rows][::-1].argmax()])]
    return np.array(found, np.int64)
