"""The flow table of a cluster is that of one process, whatever its workers do."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from bench_shapes import captures
from distributed import Client
from flow_capture import Shape, write

from netprobe.cli import run
from netprobe.cluster import gather as gathering
from netprobe.cluster.gather import Gathered, gathered
from netprobe.errors import EvidenceFault
from netprobe.evidence.stream.stream import open_stream
from netprobe.flowtable.options import options
from netprobe.flowtable.track import Tracker
from netprobe.interface import read_flows
from tests.cluster.conftest import Processes, running

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from netprobe.flowtable.columns import FlowRows

pytestmark = pytest.mark.xdist_group("cluster")


def quiet(_done: int, _size: int | None) -> None:
    return


def by_one(files: Sequence[str], points: Mapping[str, str] | None = None) -> tuple[FlowRows, Gathered]:
    stream, tracker = open_stream(files, points or {}), Tracker(options())
    for packets in stream.chunks():
        tracker.take(packets, stream.points)
    rows = tracker.finish()
    return rows, Gathered(rows=rows, points=tuple(stream.points), limits=tuple(stream.limits))


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """A rotated set of nine files; many flows go on from one file to the next, and some through all."""
    folder = tmp_path_factory.mktemp("ring")
    write(folder / "whole.pcap", Shape(flows=150, packets=32, seconds=1))
    (folder / "refused.pcap").write_bytes(captures("datagrams of one flow, refused", 300)[0][1])
    subprocess.run(
        ["mergecap", "-F", "pcap", "-w", folder / "all.pcap", folder / "whole.pcap", folder / "refused.pcap"],
        check=True,
    )
    subprocess.run(["editcap", "-F", "pcap", "-c", "600", folder / "all.pcap", folder / "part.pcap"], check=True)
    files = sorted(str(file) for file in folder.glob("part_*"))
    assert len(files) == 9
    return files


def assert_same(found: Gathered, files: Sequence[str], points: Mapping[str, str] | None = None) -> None:
    rows, alone = by_one(files, points)
    assert np.array_equal(found.rows, rows)
    assert (found.points, found.limits) == (alone.points, alone.limits)


def test_two_workers_find_what_one_process_finds(cluster: Processes, ring: list[str]) -> None:
    told: list[tuple[int, int | None]] = []
    found = gathered(cluster.address, ring, {}, options(), lambda done, size: told.append((done, size)))
    assert_same(found, ring)
    assert len(found.rows) == 151
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert told[-1][0] == told[-1][1]


def test_rows_are_sorted_by_first_packet_point_and_tuple(cluster: Processes, ring: list[str]) -> None:
    rows = gathered(cluster.address, ring, {}, options(), quiet).rows
    keys = [(int(row["first_ns"]), int(row["point"]), row["hi"].tolist(), row["lo"].tolist()) for row in rows]
    assert [key[:2] for key in keys] == sorted(key[:2] for key in keys)


def test_points_have_the_names_that_they_were_given(cluster: Processes, tmp_path: Path) -> None:
    write(tmp_path / "a.pcapng", Shape(flows=20, packets=10, points=3))
    write(tmp_path / "b.pcap", Shape(flows=20, packets=10))
    files = [str(tmp_path / name) for name in ("a.pcapng", "b.pcap")]
    found = gathered(cluster.address, files, {files[1]: "server/br0"}, options(), quiet)
    assert [each.name for each in found.points] == ["server/eth0", "server/docker0", "server/web/eth0", "server/br0"]
    assert np.bincount(found.rows["point"]).tolist() == [20, 20, 20, 20]


def test_a_worker_that_is_killed_in_the_middle_loses_nothing(tmp_path: Path, ring: list[str]) -> None:
    with running(tmp_path, 2) as processes:
        with Client(processes.address) as client:
            client.wait_for_workers(2, timeout=90)
        found = gathered(processes.address, ring, {}, options(), killing(processes), judged=True)
        assert found.alone is not None
        assert len(found.alone) == len(found.rows)
        assert processes.workers[0].poll() is not None
        assert processes.workers[1].poll() is None
    assert_same(found, ring)


def killing(processes: Processes) -> Callable[[int, int | None], None]:
    """End one worker, by its id, when the first piece is done: it is in the middle of another, and what it had done is lost with it."""

    def tell(done: int, size: int | None) -> None:
        if processes.workers[0].poll() is None:
            processes.workers[0].kill()
            processes.workers[0].wait()

    return tell


def test_processes_that_are_started_here(ring: list[str]) -> None:
    assert_same(gathered("local:2", ring, {}, options(), quiet), ring)


def test_flows_that_are_not_split(cluster: Processes, ring: list[str]) -> None:
    rows = gathered(cluster.address, ring, {}, options(merge=True), quiet).rows
    assert len(rows) == 151


def test_what_is_no_file_is_refused_before_anybody_is_asked(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    refused = {
        "-": "a cluster reads files alone",
        str(pipe): "a cluster reads files alone",
        str(tmp_path): "it is a directory",
        str(tmp_path / "none.pcap"): "No such file",
    }
    for file, why in refused.items():
        with pytest.raises(EvidenceFault, match=why):
            gathered("tcp://127.0.0.1:1", [file], {}, options(), quiet)


def test_the_command_prints_what_one_process_prints(
    cluster: Processes, ring: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["flows", *ring, "--format", "csv"]) == 0
    alone = capsys.readouterr().out
    assert run(["flows", *ring, "--format", "csv", "--cluster", cluster.address]) == 0
    there = capsys.readouterr()
    assert there.out == alone
    assert "9 files are one capture, in the order of their first packets: " in there.err
    assert alone.count("\n") == 152


def test_the_command_says_in_one_line_what_is_wrong(ring: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["flows", *ring, "--cluster", "somewhere"]) == 2
    assert "is no cluster" in capsys.readouterr().err
    assert run(["flows", "-", "--cluster", "local:1"]) == 2
    assert "a cluster reads files alone" in capsys.readouterr().err


def test_workers_without_machine_code_are_named(
    scheduler: Processes, ring: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gathering, "LARGE", 1)
    scheduler.worker(
        "from netprobe.compiled import machine\n"
        "def kernels():\n    raise machine.NotUsable('not there')\n"
        "machine.kernels = kernels"
    )
    said: list[str] = []
    gathered(scheduler.address, ring[:1], {}, options(), quiet, said.append)
    assert len(said) == 1
    assert re.match(r"no compiled code at the worker tcp://[^ ]*, so .*: not there \(netprobe flows --compile", said[0])


def test_a_file_is_called_what_the_user_calls_it(
    cluster: Processes, ring: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(Path(ring[0]).parent)
    Path("half.pcap").write_bytes(Path(ring[0]).read_bytes()[:1000])
    named = [f"./{Path(file).name}" for file in ring[:2]] + ["half.pcap"]
    assert_same(
        gathered(cluster.address, named, {"half.pcap": "here/lo"}, options(), quiet), named, {"half.pcap": "here/lo"}
    )
    Path("text.pcap").write_text("no capture at all, and long enough")
    faults: list[str] = []
    for of in (lambda: by_one(["text.pcap"]), lambda: gathered(cluster.address, ["text.pcap"], {}, options(), quiet)):
        with pytest.raises(EvidenceFault) as fault:
            of()
        faults.append(str(fault.value))
    assert faults[0] == faults[1]


def test_workers_judge_flows_that_nothing_else_belongs_to(cluster: Processes, tmp_path: Path) -> None:
    files = [str(tmp_path / f"set_{number:05}_20260101000000.pcap") for number in range(3)]
    for number, file in enumerate(files):
        write(Path(file), Shape(flows=40, packets=10, first=40 * number))
    found = gathered(cluster.address, files, {}, options(), quiet, judged=True)
    assert found.alone is not None
    assert found.alone.known.sum() == len(found.rows) == 120
    assert read_flows(*files, cluster=cluster.address).equals(read_flows(*files))


def test_a_python_program_gets_the_same_frame(cluster: Processes, ring: list[str]) -> None:
    assert read_flows(*ring, cluster=cluster.address).equals(read_flows(*ring))
