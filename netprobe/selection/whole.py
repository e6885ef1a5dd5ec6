"""The first pass: what a capture of any size holds, as the flow table tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netprobe.correlate.join import join
from netprobe.correlate.sights import Sights
from netprobe.correlate.talks import Talks
from netprobe.decode.table import Kind
from netprobe.evidence.stream.prefetch import prefetched
from netprobe.flowtable.options import TrackOptions
from netprobe.journeys.untimed import Timing
from netprobe.selection.edges import PointEdges
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import NDArray

    from netprobe.correlate.joined import Joined
    from netprobe.engine import PacketEngine
    from netprobe.evidence.model import CapturePoint, Limit
    from netprobe.evidence.notes import Notes
    from netprobe.evidence.packets import Packets
    from netprobe.evidence.stream.stream import PacketStream
    from netprobe.flowtable.blocks import TableRows

    Opener = Callable[[], PacketStream]

_ENDLESS = TrackOptions(idle_ns=dict.fromkeys(map(int, Kind), 1 << 62))
_KINDS = (Kind.TCP, Kind.UDP, Kind.ICMP)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WholeCapture:
    """What the first pass found.

    Attributes:
        rows: the flow table: what a replay knows of flows, so that silence ends none, and what is in a tunnel is none.
        points, limits, notes: as the stream has them at its end.
        joined: which rows are one connection.
        talks: the same connections' own columns.
        edges: the first and the last packet of each point.
        tunnels: int64, the numbers of the tunnels that carry anything.
        sizes: path -> packets, of each file.
    """

    rows: TableRows
    points: tuple[CapturePoint, ...]
    limits: tuple[Limit, ...]
    notes: Notes
    joined: Joined
    talks: Talks
    edges: PointEdges
    tunnels: NDArray[np.int64]
    sizes: Mapping[str, int]

    def __len__(self) -> int:
        return sum(self.sizes.values())

    @property
    def start_ns(self) -> int:
        """When its first packet was seen, on the clock that all rows are put on."""
        first = self.edges.first
        if not len(first):
            return 0
        shift = np.zeros(len(self.points), np.int64)
        point = self.rows["point"][::-1]
        shift[point] = self.joined.shift_ns[::-1]  # of each point its first row's
        return int((first["time_ns"] - shift[first["point"]]).min())


def first_pass(opened: Opener, engine: PacketEngine) -> WholeCapture:
    """Read captures to their end, and join their flows.

    Args:
        opened: opens them.
        engine: what reads them.

    Raises:
        EvidenceFault: a file can no longer be read, or nothing in it can.
    """
    stream, edges = opened(), PointEdges()
    rows = engine.track(_looked_at(stream, edges), stream.points, _ENDLESS, lambda: None)
    here = (rows["tunnel"] < 0) & np.isin(rows["kind"], [int(kind) for kind in _KINDS])
    tunnels = np.unique(rows["tunnel"][rows["tunnel"] >= 0]).astype(np.int64)
    rows = rows if here.all() else rows[here]
    joined = join(rows, stream.points)
    return WholeCapture(
        rows=rows,
        points=tuple(stream.points),
        limits=tuple(stream.limits),
        notes=stream.notes,
        joined=joined,
        talks=Talks(Sights(rows, joined.shift_ns), joined),
        edges=edges,
        tunnels=tunnels,
        sizes={member.file.path: member.found.packets for each in stream.sets for member in each.members},
    )


def _looked_at(stream: PacketStream, edges: PointEdges) -> Iterator[Packets]:
    """All packets, each with a time; their points' first and last ones are noted."""
    timing, place = Timing(), 0
    for packets in stream.chunks():
        timed = timing.put(packets)
        edges.take(timed, place)
        place += len(packets)
        yield timed


def again(opened: Opener, whole: WholeCapture) -> Iterator[tuple[Packets, PacketStream]]:
    """Read the same packets once more: none that were written meanwhile."""
    stream, timing, left = opened(), Timing(), dict(whole.sizes)
    for _, member, packets in prefetched(stream.by_file()):
        known = left.get(member.file.path, 0)
        left[member.file.path] = max(known - len(packets), 0)
        yield timing.put(packets if known >= len(packets) else packets.pick(slice(known))), stream
