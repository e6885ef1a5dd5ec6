"""Flows as the tracker has them, and as the engine behind replay has them, in one form."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

import numpy as np

from netprobe.flows.build import build
from netprobe.flowtable.options import options
from netprobe.flowtable.partial import Selection, again, merged, shared, wanted
from netprobe.flowtable.track import Tracker
from tests.flowtable.frames import POINTS, part

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from netprobe.decode.table import PacketTable
    from netprobe.evidence.model import CapturePoint
    from netprobe.evidence.packets import Packets
    from netprobe.flowtable.columns import FlowRows
    from netprobe.flowtable.partial import Partial, Selected

SHARDS = 2
Flows = dict[tuple[object, ...], list[tuple[int, ...]]]


def tracked(
    whole: Packets, points: Sequence[CapturePoint], cuts: Sequence[int] = (), *, merge: bool = False
) -> FlowRows:
    tracker = Tracker(options(merge=merge))
    for start, stop in zip([0, *cuts], [*cuts, len(whole)], strict=True):
        tracker.take(part(whole, slice(start, stop)), points)
    return tracker.finish()


def built(table: PacketTable) -> Flows:
    """What flows/build.py makes of a capture: by point, VLAN, kind, client and server each of their flows."""
    out: Flows = {}
    for flow in build(table):
        rows = np.append(flow.forward, flow.reverse)
        size = table.packets.origlen
        key = (flow.point, flow.vlan, int(flow.kind), tuple(flow.client), tuple(flow.server))
        counts = len(flow.forward), len(flow.reverse), int(size[flow.forward].sum()), int(size[flow.reverse].sum())
        numbers = (-1 if each is None else each for each in (flow.isn, flow.reply_isn))
        out.setdefault(key, []).append((int(table.packets.time_ns[rows].min()), *counts, *numbers, len(flow.errors)))
    return out


def listed(rows: FlowRows) -> Flows:
    out: Flows = {}
    for row in rows:
        ends = [(int(row["version"]), *(int(row[name][side]) for name in ("hi", "lo", "port"))) for side in (0, 1)]
        counts = (int(row[name][side]) for name in ("packets", "bytes") for side in (0, 1))
        isn = int(row["isn"][0]) if row["syns"][0] else -1
        reply = int(row["isn"][1]) if row["syn_acks"][1] else -1
        key = (int(row["point"]), int(row["vlan"]), int(row["kind"]), *ends)
        out.setdefault(key, []).append((int(row["first_ns"]), *counts, isn, reply, int(row["errors"])))
    return out


def parted(whole: Packets, cuts: Sequence[int], make: Callable[[], Any], *, merge: bool = False) -> FlowRows:
    """The flow table of partitions that were tracked alone, by workers of another process."""
    parts = [part(whole, slice(start, stop)) for start, stop in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    partials: list[Partial] = []
    for piece in parts:
        tracker = make()
        tracker.take(piece, POINTS)
        partials.append(pickle.loads(pickle.dumps(tracker.partial())))  # noqa: S301
    keys = shared(partials)
    chosen: list[tuple[Selected, ...]] = []
    for piece, partial in zip(parts, partials, strict=True):
        selection = Selection(keys, wanted(partial, keys), SHARDS)
        half = len(piece) // 2
        for which in (slice(0, half), slice(half, None)):
            selection.take(part(piece, which), POINTS)
        assert selection.done or not len(piece)
        chosen.append(pickle.loads(pickle.dumps(selection.selected())))  # noqa: S301
    before = np.cumsum([0, *(len(piece) for piece in parts)]).tolist()
    more = []
    for shard in range(SHARDS):
        ordered = [(begin, some[shard]) for begin, some in zip(before[:-1], chosen, strict=True)]
        more.append(again(Tracker(options(merge=merge)), keys, ordered, POINTS, shard=shard, shards=SHARDS))
    return merged(partials, more)
