"""Compiled and numpy decoder side by side: the same table, whatever the bytes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netprobe.compiled.decode import decode_compiled
from netprobe.compiled.row import NAMES
from netprobe.decode.decoder import decode
from netprobe.decode.table import PacketTable
from netprobe.evidence.model import CapturePoint, Evidence
from netprobe.evidence.packets import Packets
from netprobe.evidence.stream.whole import read
from tests.compiled.packets import LINKS, altered, altered_tunnels, every_capture, together

PLACES = ("offset", "caplen", "origlen", "time_ns", "point", "frame")
pytestmark = pytest.mark.usefixtures("compiled")


def differences(evidence: Evidence) -> list[tuple[str, int]]:
    """Columns in which the two tables differ, each with the first such row; with packets inside of others, and without."""
    found = []
    for tunnels in (False, True):
        table, other = (each(evidence.packets, evidence.points, tunnels=tunnels) for each in (decode, decode_compiled))
        assert len(table) == len(other)
        assert table.packets.data is other.packets.data
        sides = ((table, other, NAMES), (table.packets, other.packets, PLACES))
        for one, two, names in sides:
            for name in names:
                mine, its = getattr(one, name), getattr(two, name)
                assert mine.dtype == its.dtype
                found += [(name, int(row)) for row in np.flatnonzero(mine != its)[:1]]
    return found


def test_every_column_of_the_table_is_in_a_row() -> None:
    assert set(NAMES) == set(PacketTable.__slots__) - {"packets"}


def test_all_recorded_captures_decode_to_the_same_table() -> None:
    assert {str(file): found for file in every_capture() if (found := differences(read(file.read_bytes())))} == {}


def test_altered_packets_of_all_recorded_captures_decode_to_the_same_table() -> None:
    assert differences(altered(every_capture(), seed=1)) == []


@given(st.lists(st.tuples(st.sampled_from(LINKS), st.binary(max_size=120), st.integers(0, 200)), max_size=8))
@settings(max_examples=300)
def test_any_bytes_decode_to_the_same_table(packets: list[tuple[int, bytes, int]]) -> None:
    assert differences(together(packets)) == []


def test_altered_packets_inside_of_others_decode_to_the_same_table() -> None:
    evidence = together(altered_tunnels(seed=3))
    assert len(decode(evidence.packets, evidence.points, tunnels=True)) > 1.3 * len(evidence.packets)
    assert differences(evidence) == []


def test_no_packet_at_all() -> None:
    assert len(decode_compiled(Packets.none(), [])) == 0
    assert len(decode_compiled(Packets.none(), [CapturePoint(name="a", interface="a")])) == 0


@pytest.mark.whole
def test_no_read_is_out_of_bounds() -> None:
    """The same kernel with numba's bounds checks, over altered packets: each ends exactly where the buffer does."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.compiled.packets"],
        env={**os.environ, "NUMBA_BOUNDSCHECK": "1"},
        cwd=Path(__file__).parent.parent.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("checked ")
