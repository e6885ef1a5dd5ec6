"""Evidence → bytes → the same evidence, and a file that other programs open."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from netprobe.evidence.model import Evidence
from netprobe.evidence.packets import Packets
from netprobe.evidence.recognise import is_netprobe
from netprobe.evidence.stream.whole import read
from netprobe.evidence.writer import write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Same = Callable[[Evidence, Evidence], None]


def test_reads_back_the_same(small: Evidence, same: Same) -> None:
    same(read(write(small)), small)


def test_same_evidence_same_bytes(small: Evidence) -> None:
    shuffled = tuple(replace(state, outputs=dict(reversed(list(state.outputs.items())))) for state in small.before)
    assert write(replace(small, before=shuffled)) == write(small)


def test_writing_what_was_read_changes_nothing(small: Evidence) -> None:
    assert write(read(write(small))) == write(small)


def test_nothing_at_all(same: Same) -> None:
    data = write(Evidence())
    assert is_netprobe(data)
    same(read(data), Evidence())


def test_packets_are_written_in_time_order(small: Evidence) -> None:
    rows = small.packets
    backwards = replace(small, packets=replace(rows, time_ns=rows.time_ns[::-1].copy()))
    back = read(write(backwards)).packets
    assert (np.diff(back.time_ns) > 0).all()
    assert [back.raw(n) for n in range(len(back))] == [rows.raw(n) for n in reversed(range(len(rows)))]


def test_unchanged_state_is_not_written_twice(small: Evidence) -> None:
    unchanged = replace(small, after=small.before)
    assert len(write(unchanged)) < len(write(replace(small, after=()))) + 500
    assert read(write(unchanged)).after == small.before


def test_of_two_states_of_a_host_the_first_counts(small: Evidence) -> None:
    first = small.before[0]
    twice = replace(small, before=(first, replace(first, outputs={})), after=(first,))
    back = read(write(twice))
    assert (back.before, back.after) == ((first,), (first,))


def test_says_nothing_of_the_machine(small: Evidence) -> None:
    data = write(small)
    assert data.count(b"netprobe 0.") == 1
    assert b"linux" not in data.lower()


def test_lone_surrogates_do_not_break_it(small: Evidence) -> None:
    assert small.probe is not None
    odd = replace(small, probe=replace(small.probe, target="\udcff:80"))
    back = read(write(odd)).probe
    assert back is not None
    assert back.target.endswith(":80")
    back.target.encode()


def test_a_time_before_1970_is_held_at_it(small: Evidence) -> None:
    rows = replace(small.packets, time_ns=small.packets.time_ns * -1)
    assert set(read(write(replace(small, packets=rows))).packets.time_ns.tolist()) == {0}


def test_no_packets(small: Evidence, same: Same) -> None:
    bare = replace(small, packets=Packets.none())
    same(read(write(bare)), bare)


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_tshark_shows_the_same_frames(small: Evidence, tmp_path: Path) -> None:
    path = tmp_path / "small.pcapng"
    path.write_bytes(write(small))
    fields = ("frame.number", "frame.time_epoch", "frame.interface_name", "frame.len", "frame.cap_len")
    argv = ["tshark", "-n", "-r", str(path), "-T", "fields", *(part for field in fields for part in ("-e", field))]
    shown = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.splitlines()
    packets = read(path.read_bytes()).packets
    expected = {
        int(frame): (
            f"{time_ns // 10**9}.{time_ns % 10**9:09d}",
            small.points[point].name,
            str(origlen),
            str(caplen),
        )
        for frame, time_ns, point, origlen, caplen in zip(
            packets.frame.tolist(),
            packets.time_ns.tolist(),
            packets.point.tolist(),
            packets.origlen.tolist(),
            packets.caplen.tolist(),
            strict=True,
        )
    }
    seen = {int(line.split("\t")[0]): tuple(line.split("\t")[1:]) for line in shown}
    assert {frame: row for frame, row in seen.items() if row[1]} == expected
    assert len(seen) == len(expected) + 6  # probe, limits, two hosts before, two after


@pytest.mark.skipif(shutil.which("capinfos") is None, reason="capinfos is not installed")
def test_capinfos_shows_the_points(small: Evidence, tmp_path: Path) -> None:
    path = tmp_path / "small.pcapng"
    path.write_bytes(write(small))
    out = subprocess.run(["capinfos", str(path)], capture_output=True, text=True, check=True).stdout
    for expected in ("Name = server2/demo/eth0", "Filter string = tcp port 80 or arp", "Capture application: netprobe"):
        assert expected in out
