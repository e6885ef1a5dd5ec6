"""The generator of captures for measures: what it says is in a file is in it."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from bench_memory import peak_of
from flow_capture import POINTS, Shape, main, write

from netprobe.tabulate import tabulate

if TYPE_CHECKING:
    from pathlib import Path

needs_tshark = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")


def fields(file: Path, *names: str) -> list[tuple[str, ...]]:
    argv = ["tshark", "-n", "-r", str(file), "-T", "fields", *(part for name in names for part in ("-e", name))]
    lines = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.splitlines()
    return [tuple(line.split("\t")) for line in lines]


@needs_tshark
@pytest.mark.parametrize("points", [1, 2, 3])
def test_every_flow_is_one_whole_connection_in_order_of_time(tmp_path: Path, points: int) -> None:
    file = tmp_path / "flows.pcapng"
    write(file, Shape(flows=40, packets=12, points=points))
    told = fields(file, "tcp.stream", "frame.time_epoch", "tcp.completeness", "_ws.malformed", "frame.interface_name")
    assert len(told) == 40 * 12 * points
    whole = {each[0]: each[2] for each in told}  # as of each stream's last packet
    assert set(whole.values()) == {"31"}  # SYN, SYN-ACK, ACK, data, FIN
    assert len(whole) == 40 * min(points, 2)  # the published ends, and those behind DNAT
    assert [each[1] for each in told] == sorted(each[1] for each in told)
    assert {each[3] for each in told} == {""}
    assert {each[4] for each in told} == ({""} if points == 1 else set(POINTS[:points]))


@needs_tshark
def test_a_file_in_several_lots_is_in_order_and_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flow_capture._AT_A_TIME", 320)
    write(tmp_path / "flows.pcap", Shape(flows=50))
    told = fields(tmp_path / "flows.pcap", "tcp.stream", "frame.time_epoch", "tcp.analysis.flags")
    assert len(told) == 50 * 32
    assert [each[1] for each in told] == sorted(each[1] for each in told)
    assert {each[2] for each in told} == {""}


@needs_tshark
def test_captures_with_other_numbers_hold_other_flows(tmp_path: Path) -> None:
    ends = []
    for first in (0, 30):
        write(tmp_path / "flows.pcap", Shape(flows=30, packets=10, first=first))
        ends.append({*fields(tmp_path / "flows.pcap", "ip.src", "tcp.srcport", "ip.dst", "tcp.dstport")})
    assert len(ends[0] | ends[1]) == 2 * 60


def test_the_command_says_what_it_wrote(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "a.pcap"), "--flows", "10", "--packets", "10"]) == 0
    assert "100 packets, 10 flows" in capsys.readouterr().out


def test_the_memory_of_children_counts() -> None:
    holds = "import time; held = b'x' * 50_000_000; end = time.monotonic() + 0.3\nwhile time.monotonic() < end: pass"
    alone = peak_of(["python3", "-c", holds])
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {holds!r}])"
    assert 50_000_000 < alone < 90_000_000
    assert peak_of(["python3", "-c", child]) > alone


def test_some_fail_where_that_is_asked(tmp_path: Path) -> None:
    write(tmp_path / "flows.pcapng", Shape(flows=40, packets=10, points=3, failing=10))
    table = tabulate([str(tmp_path / "flows.pcapng")], {})
    assert table.connection is not None
    assert table.verdicts is not None
    told = [table.verdicts.why.names[each] if each >= 0 else "" for each in table.verdicts.why.codes.tolist()]
    assert [told.count(each) for each in ("no-answer", "refused", "")] == [2, 2, 36]
