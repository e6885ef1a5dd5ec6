"""The packets of some connections of a flow table, in a second pass over its captures, as ladders. Bounded memory, however large the captures are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netprobe.decode.table import Kind
from netprobe.engine import engine_for, size_of
from netprobe.evidence.stream.prefetch import prefetched
from netprobe.flows.model import PackedEndpoint
from netprobe.journeys.picked import PickedConnection
from netprobe.journeys.several import ladders
from netprobe.selection.gather import Gathering
from netprobe.selection.relevant import WantedFlows

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from netprobe.evidence.model import CapturePoint
    from netprobe.evidence.packets import Packets
    from netprobe.flowtable.table import FlowTable
    from netprobe.model.ladder import FlowLadder

    Index = NDArray[np.int64]
    Progress = Callable[[int, int | None], object]

LATE_NS = 5_000_000_000
"""How long behind a flow's last packet an ICMP error about it still comes (Linux tells of an unreachable neighbour after 3 s)."""
MOST_BESIDE = 256  # rows that may be an answer from another address
_KINDS = (int(Kind.TCP), int(Kind.UDP), int(Kind.ICMP))


def ladders_of(
    table: FlowTable, numbers: Sequence[int], files: Sequence[str], points: Mapping[str, str], progress: Progress
) -> dict[int, FlowLadder]:
    """Return the ladders of some connections by their numbers; what a tunnel carries has none.

    Args:
        table: the flows of these files, joined.
        numbers: the connections, as ``table.connection`` has them.
        files: as they were given to :func:`netprobe.tabulate.tabulate`; each is read again.
        points: the same.
        progress: called now and then with how many bytes were read, and of how many.

    Raises:
        EvidenceFault: a file can no longer be read.
    """
    if table.connection is None or table.verdicts is None or not len(numbers):
        return {}
    outer = table.verdicts.outer.values - 1
    inner = {int(outer[each]): each for each in np.flatnonzero(np.isin(outer, numbers)).tolist()}
    rows = _rows(table, [*numbers, *inner.values()])
    first = dict(zip(table.connection[rows[::-1]].tolist(), rows[::-1].tolist(), strict=True))
    asked = [each for each in numbers if each in first]
    picked = [(_picked(table, first[each]), _behind(table, first, inner.get(each))) for each in asked]
    packets, seen_at = _taken(table, rows, files, points, progress)
    found = ladders(packets, seen_at, picked)
    return {number: each for number, each in zip(asked, found, strict=True) if each is not None}


def _rows(table: FlowTable, connections: Sequence[int]) -> Index:
    """The rows of connections, but for those in tunnels."""
    assert table.connection is not None  # noqa: S101 - the caller looked
    of = np.isin(table.connection, connections) & (table.rows["tunnel"] < 0) & np.isin(table.rows["kind"], _KINDS)
    return np.flatnonzero(of)


def _behind(table: FlowTable, first: Mapping[int, int], inner: int | None) -> PickedConnection | None:
    return _picked(table, first[inner]) if inner is not None and inner in first else None


def _picked(table: FlowTable, row: int) -> PickedConnection:
    here = table.rows[row]
    ends = (
        PackedEndpoint(int(here["version"]), int(here["hi"][side]), int(here["lo"][side]), int(here["port"][side]))
        for side in (0, 1)
    )
    return PickedConnection(
        point=int(here["point"]), frame=int(here["first_frame"]), kind=Kind(int(here["kind"])), ends=frozenset(ends)
    )


def _taken(
    table: FlowTable, rows: Index, files: Sequence[str], points: Mapping[str, str], progress: Progress
) -> tuple[Packets, Sequence[CapturePoint]]:
    """The packets of these rows and the ICMP errors about them; and the points that they were captured at."""
    gathering = Gathering(table.rows, WantedFlows(own=rows, beside=_beside(table, rows)))
    begin, end = _whiles(table, rows)
    engine = engine_for(size_of(files), lambda _: None)
    stream = engine.stream(files, points)
    for packets in prefetched(stream.chunks()):
        progress(stream.done, stream.size)
        at = np.searchsorted(begin, packets.time_ns, "right") - 1
        near = np.flatnonzero((at >= 0) & (packets.time_ns <= end[np.maximum(at, 0)]))
        if len(near):
            some = packets if len(near) == len(packets) else packets.pick(near)
            gathering.take(engine.decode(some, stream.points), stream.points)
    return gathering.taken().packets, tuple(stream.points)


def _whiles(table: FlowTable, rows: Index) -> tuple[Index, Index]:
    """When packets of these rows may come: the first and the last time of each span, none of which overlap."""
    first, last = table.rows["first_ns"][rows], table.rows["last_ns"][rows]
    order = np.argsort(first)
    first, last = first[order], np.maximum.accumulate(last[order]) + LATE_NS
    begins = np.ones(len(first), np.bool_)
    begins[1:] = first[1:] > last[:-1]
    return first[begins], last[np.append(np.flatnonzero(begins)[1:], len(first)) - 1]


def _beside(table: FlowTable, rows: Index) -> Index:
    """Rows that may answer datagrams of these from another address: they have the same client's end."""
    every = table.rows
    asked = rows[every["kind"][rows] == int(Kind.UDP)]
    ends = {_end(row, 0) for row in every[asked]}
    if not ends:
        return rows[:0]
    ports = np.isin(every["port"], every["port"][asked, 0]).any(axis=1) & (every["kind"] == int(Kind.UDP))
    some = np.setdiff1d(np.flatnonzero(ports & (every["tunnel"] < 0)), rows)
    found = zip(some.tolist(), every[some], strict=True)
    near = [number for number, row in found if _end(row, 0) in ends or _end(row, 1) in ends]
    return np.array(near[:MOST_BESIDE], np.int64)


def _end(here: np.void, side: int) -> tuple[int, int, int, int]:
    return int(here["point"]), int(here["hi"][side]), int(here["lo"][side]), int(here["port"][side])
