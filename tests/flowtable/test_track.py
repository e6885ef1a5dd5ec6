"""The numpy tracker: the same flows as the engine behind replay, whatever the chunks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netprobe.decode.decoder import decode
from netprobe.evidence.reader import read
from netprobe.flows.build import build
from netprobe.flowtable.options import options
from netprobe.flowtable.track import Tracker
from tests.flowtable.frames import POINTS, captures, packets, part

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netprobe.decode.table import PacketTable
    from netprobe.evidence.model import CapturePoint
    from netprobe.evidence.packets import Packets
    from netprobe.flowtable.columns import FlowRows
    from tests.flowtable.frames import Frame

CAPTURES = sorted((Path(__file__).parent.parent.parent / "captures").glob("*.pcapng"))
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


@pytest.mark.parametrize("part_of", range(8))
def test_every_capture_has_the_flows_that_replay_sees(part_of: int) -> None:
    """None of them has what the two tell apart: a TCP connection that is silent for 300 s (other kinds 60 s), or one direction a VLAN."""
    for file in CAPTURES[part_of::8]:
        evidence = read(file.read_bytes(), name=file.name)
        table = decode(evidence.packets, evidence.points)
        assert listed(tracked(evidence.packets, evidence.points)) == built(table), file.name


@settings(max_examples=150, deadline=None)
@given(captures(), st.data(), st.booleans())
def test_how_a_capture_is_cut_changes_nothing(frames: list[Frame], data: st.DataObject, merge: bool) -> None:
    whole = packets(frames)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(frames)), max_size=4)))
    expected = tracked(whole, POINTS, merge=merge)
    for cut in (cuts, range(1, len(frames))):
        found = tracked(whole, POINTS, cut, merge=merge)
        assert len(found) == len(expected)
        for name in expected.dtype.names or ():
            assert found[name].tolist() == expected[name].tolist(), name


def test_no_packets_no_flows() -> None:
    assert len(tracked(packets([]), POINTS)) == 0
