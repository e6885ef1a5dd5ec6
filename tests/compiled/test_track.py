"""Compiled and numpy tracker side by side: the same flow table, whatever the packets, and however they are cut into chunks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netprobe.compiled import arrays
from netprobe.compiled.track import CompiledTracker
from netprobe.decode.table import Kind
from netprobe.evidence.packets import Packets
from netprobe.evidence.stream.whole import read
from netprobe.flowtable.blocks import unpacked
from netprobe.flowtable.columns import ConnState
from netprobe.flowtable.options import options
from netprobe.flowtable.repeats import WINDOW
from netprobe.flowtable.track import Tracker
from tests.compiled.packets import every_capture
from tests.compiled.traffic import MOST, POINTS, Choice, at_random, capture
from tests.flowtable import frames as near
from tests.flowtable.against import parted, tracked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netprobe.evidence.model import CapturePoint
    from netprobe.flowtable.columns import FlowRows

pytestmark = pytest.mark.usefixtures("compiled")

CHOICES = st.lists(st.builds(Choice, *(st.integers(0, most) for most in MOST)), max_size=40)


def flows(
    tracker: Tracker | CompiledTracker, packets: Packets, cuts: Sequence[int], points: Sequence[CapturePoint] = POINTS
) -> FlowRows:
    """The flow table of packets that come in chunks."""
    for first, last in zip([0, *cuts], [*cuts, len(packets)], strict=True):
        columns = {name: getattr(packets, name)[first:last] for name in Packets.__slots__ if name != "data"}
        tracker.take(Packets(data=packets.data, **columns), points)
    return unpacked(tracker.finish())


def cut(count: int, seed: int) -> list[int]:
    """Where to cut packets into chunks."""
    random = np.random.default_rng(seed)
    return sorted(int(each) for each in random.integers(0, count + 1, random.integers(0, 5)))


def differences(mine: FlowRows, its: FlowRows) -> list[str]:
    """Columns in which two tables differ."""
    assert len(mine) == len(its)
    return [name for name in mine.dtype.names or () if (mine[name] != its[name]).any()]


@pytest.mark.parametrize("merge", [False, True])
@given(choices=CHOICES, seed=st.integers(0, 100))
@settings(max_examples=100, deadline=None)
def test_any_traffic_has_the_same_flows(merge: bool, choices: list[Choice], seed: int) -> None:
    packets, how = capture(choices), options(merge=merge)
    mine = flows(CompiledTracker(how), packets, cut(len(packets), seed))
    assert differences(mine, flows(Tracker(how), packets, cut(len(packets), seed + 1))) == []


@pytest.mark.parametrize("seed", range(4))
def test_much_traffic_has_the_same_flows_of_every_kind(seed: int) -> None:
    packets, how = capture(at_random(4000, seed)), options()
    table = flows(CompiledTracker(how), packets, cut(len(packets), seed))
    assert differences(table, flows(Tracker(how), packets, [])) == []
    assert set(table["conn_state"].tolist()) == set(map(int, ConnState))
    assert {int(Kind.SCTP), int(Kind.UDP)} < set(table["kind"].tolist())
    assert len(set(table["tunnel"].tolist())) > 6
    for name in (
        "copies",
        "retransmits",
        "out_of_order",
        "gaps",
        "zero_windows",
        "resets",
        "errors",
        "tls",
        "dns_best",
    ):
        assert (table[name] > 0).any(), name


def test_all_recorded_captures_have_the_same_flows() -> None:
    evidence = [read(file.read_bytes()) for file in every_capture()]
    points = [point for each in evidence for point in each.points]
    before = np.cumsum([0, *(len(each.points) for each in evidence)])
    start = np.cumsum([0, *(len(each.packets.data) for each in evidence)])
    columns = {
        name: np.concatenate([getattr(each.packets, name) for each in evidence])
        for name in ("caplen", "origlen", "time_ns", "frame")
    }
    packets = Packets(
        data=b"".join(bytes(each.packets.data) for each in evidence),
        offset=np.concatenate([each.packets.offset + at for each, at in zip(evidence, start[:-1], strict=True)]),
        point=np.concatenate([each.packets.point + at for each, at in zip(evidence, before[:-1], strict=True)]).astype(
            np.int32
        ),
        **columns,
    )
    mine = flows(CompiledTracker(options()), packets, cut(len(packets), 3), points)
    assert differences(mine, flows(Tracker(options()), packets, [], points)) == []


def test_a_copy_is_looked_for_among_the_last_packets_alone() -> None:
    one, other = (Choice(3, 0, 3, 0, 0, 5, 0, 0, more, 0) for more in (1 + 16, 2 + 16))
    for between, copies in ((WINDOW - 1, 1), (WINDOW, 0)):
        packets = capture([one, *[other._replace(step=0)] * between, one])
        table = flows(CompiledTracker(options()), packets, [100])
        assert differences(table, flows(Tracker(options()), packets, [])) == []
        assert table["copies"].sum() == between - 2 + copies


def test_ends_whose_keys_are_made_to_collide_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if every search got long: the hash table is made anew by other seeds, until searches may be as long as they are."""
    monkeypatch.setattr(arrays, "LONGEST", 1)
    packets = many_ends(5000)
    tracker = CompiledTracker(options())
    table = flows(tracker, packets, [])
    assert tracker._numbers[arrays.SEED] > 2
    assert differences(table, flows(Tracker(options()), packets, [])) == []
    assert len(table) == 5000


def many_ends(count: int) -> Packets:
    """One packet each of many flows."""
    one = capture([Choice(3, 0, 0, 0, 0, 0, 3, 0, 0, 0)] * count)
    data = np.frombuffer(one.data, np.uint8).reshape(count, -1).copy()
    data[:, 28:30] = np.arange(count)[:, None] >> np.array([8, 0]) & 255
    return Packets(**{name: getattr(one, name) for name in Packets.__slots__ if name != "data"}, data=data.tobytes())


def test_no_packet_at_all() -> None:
    assert len(flows(CompiledTracker(options()), Packets.none(), [])) == 0


@settings(max_examples=40, deadline=None)
@given(frames=near.captures(), data=st.data())
def test_partitions_are_the_whole(frames: list[near.Frame], data: st.DataObject) -> None:
    whole = near.packets(frames)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(frames)), max_size=4)))
    found = parted(whole, cuts, lambda: CompiledTracker(options()))
    assert differences(found, tracked(whole, near.POINTS)) == []


@pytest.mark.parametrize("seed", range(2))
def test_partitions_of_traffic_in_tunnels_are_the_whole(seed: int) -> None:
    """Of a packet that carries another one, both may be of keys that several partitions hold, or one alone."""
    whole = capture(at_random(1500, seed))
    expected = flows(Tracker(options()), whole, [])
    for make in (Tracker, CompiledTracker):
        found = parted(whole, cut(len(whole), seed + 5), lambda make=make: make(options()))  # type: ignore[misc]
        assert differences(found, expected) == []
