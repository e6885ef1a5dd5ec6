"""Flows whose rows were packed away while they were tracked are the same flows, whoever comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from netprobe.compiled import arena, track
from netprobe.compiled.track import CompiledTracker
from netprobe.evidence.packets import Packets
from netprobe.flowtable.blocks import BLOCK, RowBlocks
from netprobe.flowtable.options import options
from netprobe.flowtable.track import Tracker
from tests.compiled.test_track import differences, flows, many_ends
from tests.compiled.traffic import POINTS

if TYPE_CHECKING:
    from netprobe.evidence.packets import Packets as Given

pytestmark = pytest.mark.usefixtures("compiled")
COUNT = 6 * BLOCK + 100


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pack whatever can be."""
    for name, value in (("KEPT", 1), ("FIRST", 1), ("_PATIENCE", 1), ("_PACKED_AT_ONCE", 2)):
        monkeypatch.setattr(arena, name, value)


def visits(order: np.ndarray) -> Given:
    """One packet of each of some flows, in an order in which flows may come again."""
    packets = many_ends(COUNT)
    columns = {name: getattr(packets, name)[order] for name in Packets.__slots__ if name != "data"}
    columns["time_ns"] = packets.time_ns[0] + np.arange(len(order)) // 3
    return Packets(data=packets.data, **columns)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("kind", ["once", "again", "anywhere"])
def test_packed_flows_are_the_same(kind: str) -> None:
    order = {
        "once": np.arange(COUNT),
        "again": np.append(np.arange(COUNT), np.arange(0, COUNT, 500)),
        "anywhere": np.random.default_rng(1).integers(0, COUNT, COUNT),
    }[kind]
    packets, cuts = visits(order), list(range(0, len(order), 3000))
    tracker = CompiledTracker(options())
    table = flows(tracker, packets, cuts)
    assert differences(table, flows(Tracker(options()), packets, [])) == []
    assert not tracker._arena.whole


@pytest.mark.usefixtures("impatient")
def test_a_part_of_a_capture_is_the_same() -> None:
    packets = visits(np.append(np.arange(COUNT), np.arange(0, COUNT, 500)))
    mine, plain = CompiledTracker(options()), Tracker(options())
    for each in (mine, plain):
        each.take(packets, POINTS)
    assert not mine._arena.whole
    assert differences(mine.partial().rows, plain.partial().rows) == []


@pytest.mark.usefixtures("impatient")
def test_who_comes_back_too_often_is_packed_more_seldom() -> None:
    tracker = CompiledTracker(options())
    before = tracker._arena._patience
    flows(tracker, visits(np.append(np.arange(COUNT), np.tile(np.arange(0, COUNT, BLOCK), 60))), [])
    assert tracker._arena._patience > before


def test_a_large_table_is_packed_and_a_small_one_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    packets = visits(np.arange(COUNT))
    small, large = CompiledTracker(options()), CompiledTracker(options())
    for each in (small, large):
        each.take(packets, POINTS)
    plain = small.finish()
    monkeypatch.setattr(track, "PACKED", COUNT - 1)
    blocks = large.finish()
    assert isinstance(blocks, RowBlocks)
    assert not isinstance(plain, RowBlocks)
    assert blocks[:].tobytes() == plain.tobytes()
