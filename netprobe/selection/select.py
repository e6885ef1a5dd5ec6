"""``selected(…) -> SelectedRun``: the packets of one connection out of captures of any size, in two passes and bounded memory.

What is chosen, and what is said of it, is as if all had been looked at: :mod:`netprobe.verdict.observed` tells the story of what is taken here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netprobe.decode.table import Kind
from netprobe.decode.unread import UnreadCounts
from netprobe.evidence.model import Evidence, Limit, LimitKind
from netprobe.evidence.packets import Packets
from netprobe.flows.model import PackedEndpoint, SeveralFlows
from netprobe.journeys.chosen import none_chosen, passed_over
from netprobe.journeys.clocks import clocks_beyond
from netprobe.journeys.picked import PickedConnection
from netprobe.selection.connections import ChoiceColumns
from netprobe.selection.gather import Gathering, TakenPackets
from netprobe.selection.listing import ConnectionListing
from netprobe.selection.relevant import WantedFlows, wanted
from netprobe.selection.seeds import seeds
from netprobe.selection.whole import WholeCapture, again, first_pass
from netprobe.values import dataclass

if TYPE_CHECKING:
    from netprobe.engine import PacketEngine
    from netprobe.flows.expression import FlowExpr
    from netprobe.selection.whole import Opener

    Index = np.ndarray[tuple[int], np.dtype[np.int64]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectedRun:
    """One connection's evidence.

    Attributes:
        evidence: the packets that its story needs, and all that is known beside packets.
        picked: which connection it is; None: that of the probe.
    """

    evidence: Evidence
    picked: PickedConnection | None


def selected(opened: Opener, engine: PacketEngine, flow: FlowExpr | None) -> SelectedRun:
    """Take one connection's packets.

    Args:
        opened: opens the captures; is called twice.
        engine: what reads them.
        flow: which connection; None: the probe's own, or the only one.

    Raises:
        SeveralFlows: several connections, and ``flow`` does not single one out.
        UsageFault: no connection, or none that ``flow`` matches.
        EvidenceFault: a file can no longer be read, or nothing in it can.
    """
    whole = first_pass(opened, engine)
    if whole.notes.probe is not None and flow is None:
        evidence, _ = _evidence(opened, engine, whole, seeds(whole, whole.notes.probe))
        return SelectedRun(evidence=evidence, picked=None)
    columns = ChoiceColumns(whole)
    chosen = columns.chosen(flow)
    evidence, counts = _evidence(opened, engine, whole, chosen if len(chosen) == 1 else chosen[:0])
    if len(chosen) == 1:
        return SelectedRun(evidence=evidence, picked=_picked(whole, int(chosen[0])))
    beside = passed_over(whole.limits, counts.limits(whole.points))
    if not len(chosen):
        raise none_chosen(whole.limits, flow, packets=len(whole), parts=counts.fragments, beside=beside)
    listing = ConnectionListing(columns, chosen)
    raise SeveralFlows(listing, listing.example, beside)


def _picked(whole: WholeCapture, connection: int) -> PickedConnection:
    row = whole.rows[whole.joined.first_row[connection]]
    ends = (
        PackedEndpoint(int(row["version"]), int(row["hi"][side]), int(row["lo"][side]), int(row["port"][side]))
        for side in (0, 1)
    )
    return PickedConnection(
        point=int(row["point"]), frame=int(row["first_frame"]), kind=Kind(int(row["kind"])), ends=frozenset(ends)
    )


def _evidence(
    opened: Opener, engine: PacketEngine, whole: WholeCapture, connections: Index
) -> tuple[Evidence, UnreadCounts]:
    """The packets of these connections and of what they need; what is missing is counted over all packets."""
    flows = wanted(whole, connections)
    gathering, counts = Gathering(whole.rows, flows), UnreadCounts()
    for packets, stream in again(opened, whole):
        table = engine.decode(packets, stream.points)
        counts.take(table)
        gathering.take(table, stream.points)
    taken, cut = _cut(whole, flows, gathering)
    own = whole.notes.probe is not None
    more = () if own else (*counts.limits(whole.points), *clocks_beyond(whole.edges.first["point"], whole.points))
    evidence = Evidence(
        probe=whole.notes.probe,
        points=whole.points,
        packets=_with_edges(whole, taken),
        before=tuple(whole.notes.before.values()),
        after=tuple(whole.notes.after.values()),
        limits=tuple(dict.fromkeys([*whole.limits, *more, *cut])),
    )
    return evidence, counts


def _cut(whole: WholeCapture, flows: WantedFlows, gathering: Gathering) -> tuple[TakenPackets, list[Limit]]:
    """What was taken; where there was no room for all of the connection, its packets up to one time at all points."""
    taken = gathering.taken()
    rows = flows.own[gathering.cut_ns[flows.own] >= 0]
    if not len(rows):
        return taken, []
    shift = whole.joined.shift_ns
    until = int((gathering.cut_ns[rows] - shift[rows]).min())
    own = np.isin(taken.flow, flows.own)
    early = np.flatnonzero(~own | (taken.packets.time_ns - shift[taken.flow] < until))
    kept = TakenPackets(packets=taken.packets.pick(early), place=taken.place[early], flow=taken.flow[early])
    return kept, _limits(whole, flows, kept, until)


def _limits(whole: WholeCapture, flows: WantedFlows, kept: TakenPackets, until: int) -> list[Limit]:
    points = whole.rows["point"][flows.own]
    every = np.bincount(points, whole.rows["packets"][flows.own].sum(axis=1), len(whole.points))
    some = np.bincount(kept.packets.point[np.isin(kept.flow, flows.own)], minlength=len(whole.points))
    seconds = (until - whole.start_ns) / 1e9
    why = "of the connection's {:,.0f} packets the first {:,} were looked at, up to {:.3f} s of the capture"
    return [
        Limit(
            kind=LimitKind.PART,
            subject=whole.points[point].name,
            why=why.format(every[point], some[point], seconds),
        )
        for point in np.unique(points).tolist()
        if some[point] < every[point]
    ]


def _with_edges(whole: WholeCapture, taken: TakenPackets) -> Packets:
    """The packets, with the first and the last one of each point: without their bytes where they are of something else."""
    edges = whole.edges.of(np.arange(len(whole.points)))
    edges = edges[~np.isin(edges["place"], taken.place)]
    order = np.argsort(np.concatenate([taken.place, edges["place"]]), kind="stable")
    packets, none = taken.packets, np.zeros(len(edges), np.int64)
    beside = {
        "offset": none,
        "caplen": none,
        **{name: edges[name] for name in ("origlen", "time_ns", "point", "frame")},
    }
    columns = {name: np.concatenate([getattr(packets, name), column])[order] for name, column in beside.items()}
    return Packets(data=packets.data, **columns)
