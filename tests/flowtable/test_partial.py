"""Partitions of a capture, each tracked alone: put together they are the whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netprobe.flowtable.options import options
from netprobe.flowtable.partial import Selection, merged, shared, wanted
from netprobe.flowtable.track import Tracker
from tests.flowtable.against import parted, tracked
from tests.flowtable.frames import POINTS, captures, connections, ip4, packets, part, segment

if TYPE_CHECKING:
    from tests.flowtable.frames import Frame


@settings(max_examples=60, deadline=None)
@given(st.one_of(captures(), connections()), st.data(), st.booleans())
def test_partitions_are_the_whole(frames: list[Frame], data: st.DataObject, merge: bool) -> None:
    whole = packets(frames)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(frames)), max_size=4)))
    expected = tracked(whole, POINTS, merge=merge)
    found = parted(whole, cuts, lambda: Tracker(options(merge=merge)), merge=merge)
    assert len(found) == len(expected)
    for name in expected.dtype.names or ():
        assert found[name].tolist() == expected[name].tolist(), name


def test_what_one_partition_holds_is_not_read_again() -> None:
    """Three connections; the second one goes on in the second partition, and only its packets are asked for again."""
    frames = [
        (0, 1000 * n, ip4(1, 2, 6, segment((port, 80), flags, 7, 0), ident=n + 1))
        for n, (port, flags) in enumerate(PASSED)
    ]
    whole = packets(frames)
    partials = []
    for which in (slice(0, 5), slice(5, None)):
        tracker = Tracker(options())
        tracker.take(part(whole, which), POINTS)
        partials.append(tracker.partial())
    keys = shared(partials)
    assert keys.shape == (1,)
    assert [wanted(partial, keys).tolist() for partial in partials] == [[[2], [4]], [[1], [1]]]
    selection = Selection(keys, wanted(partials[0], keys))
    selection.take(part(whole, slice(0, 5)), POINTS)
    assert selection.selected()[0].places.tolist() == [2, 4]


PASSED = [(1, 2), (1, 16), (2, 2), (1, 17), (2, 16), (3, 2), (2, 17), (3, 16)]


def test_no_partitions() -> None:
    assert shared([]).shape == (0,)
    assert len(merged([], [])) == 0


@pytest.mark.parametrize("cuts", [[], [0], [0, 0, 5]])
def test_empty_partitions(cuts: list[int]) -> None:
    frames = [
        (0, 1000 * n, ip4(1, 2, 6, segment((port, 80), flags, 7, 0), ident=n + 1))
        for n, (port, flags) in enumerate(PASSED)
    ]
    whole = packets(frames)
    assert parted(whole, cuts, lambda: Tracker(options())).tobytes() == tracked(whole, POINTS).tobytes()
