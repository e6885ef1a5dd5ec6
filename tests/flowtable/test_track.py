"""The numpy tracker: the same flows as the engine behind replay, whatever the chunks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netprobe.decode.decoder import decode
from netprobe.evidence.stream.whole import read
from tests.flowtable.against import built, listed, tracked
from tests.flowtable.frames import POINTS, captures, connections, packets
from tests.spread import spread

if TYPE_CHECKING:
    from tests.flowtable.frames import Frame

CAPTURES = sorted((Path(__file__).parent.parent.parent / "captures").glob("*.pcapng"))


@pytest.mark.parametrize("part_of", spread(range(8), 4))
def test_every_capture_has_the_flows_that_replay_sees(part_of: int) -> None:
    """None of them has what the two tell apart: a TCP connection that is silent for 300 s (other kinds 60 s), or one direction a VLAN."""
    for file in CAPTURES[part_of::8]:
        evidence = read(file.read_bytes(), name=file.name)
        table = decode(evidence.packets, evidence.points)
        assert listed(tracked(evidence.packets, evidence.points)) == built(table), file.name


@settings(max_examples=80, deadline=None)
@given(st.one_of(captures(), connections()), st.data(), st.booleans())
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
