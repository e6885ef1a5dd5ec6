"""What workers do, without any cluster."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from flow_capture import Shape, write

from netprobe.cluster import work
from netprobe.cluster.progress import Saying
from netprobe.compiled import machine
from netprobe.errors import EvidenceFault
from netprobe.evidence.stream.partition import Walk, partitions
from netprobe.flowtable.options import options
from netprobe.flowtable.partial import merged, shared, wanted
from tests.compiled.conftest import compiled

if TYPE_CHECKING:
    from netprobe.cluster.work import Job
    from netprobe.flowtable.columns import FlowRows


__all__ = ["compiled"]


def jobs(tmp_path: Path, files: int = 2) -> list[Job]:
    """The pieces of some files with the same flows."""
    paths = [str(tmp_path / f"a_{n:05}_20260101000000.pcap") for n in range(files)]
    for seed, path in enumerate(paths):
        write(tmp_path / path, Shape(flows=20, packets=10, seed=seed))
    planned = partitions(paths, {}, files)
    return [
        work.Job(
            part=part, name=part.path, points=planned.points, options=options(), saying=Saying(run="a", number=number)
        )
        for number, part in enumerate(planned.parts)
    ]


def test_a_job_can_be_sent_and_done_again(tmp_path: Path) -> None:
    (job,) = jobs(tmp_path, 1)
    once, again = (work.track(each).partial for each in (job, pickle.loads(pickle.dumps(job))))  # noqa: S301 - our own
    assert np.array_equal(once.rows, again.rows)
    assert (len(once.rows), once.packets) == (20, 200)


@pytest.mark.usefixtures("compiled")
def test_a_worker_with_machine_code_finds_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (job,) = jobs(tmp_path, 1)
    compiled = finished_rows(job)
    monkeypatch.setattr(machine, "kernels", missing)
    assert np.array_equal(compiled, finished_rows(job))


def finished_rows(job: Job) -> FlowRows:
    return merged([work.track(job).partial], [])


def missing() -> None:
    raise machine.NotUsable("not there")


def test_a_walk_can_be_sent_and_finds_what_this_process_finds(tmp_path: Path) -> None:
    write(tmp_path / "a.pcap", Shape(flows=20, packets=10))
    asked = Walk(path=str(tmp_path / "a.pcap"), least=2000, chunk_bytes=1000)
    found = pickle.loads(pickle.dumps(work.walk(pickle.loads(pickle.dumps(asked)), "a.pcap")))  # noqa: S301 - our own
    assert sum(packets for _, packets in found.cuts) == 200
    assert [packets for _, packets in found.cuts] == [packets for _, packets in asked.through().cuts]
    assert len(found.cuts) > 3


def test_faults_call_a_file_what_the_user_calls_it(tmp_path: Path) -> None:
    (job,) = jobs(tmp_path, 1)
    path = Path(job.part.path)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(EvidenceFault, match=r"^a\.pcap has changed since it was looked through"):
        work.track(replace(job, name="a.pcap"))
    path.unlink()
    asked = Walk(path=str(path), least=2000, chunk_bytes=1000)
    with pytest.raises(EvidenceFault, match=r"^cannot read a\.pcap: No such file") as fault:
        work.walk(asked, "a.pcap")
    assert str(tmp_path) not in fault.value.hint


def test_only_packets_of_the_keys_are_selected(tmp_path: Path) -> None:
    one, two = jobs(tmp_path)
    partials = [work.track(one).partial, work.track(two).partial]
    keys = shared(partials)
    assert keys.shape == (20,)
    few = keys[:3]
    (chosen,) = work.select(two, few, wanted(partials[1], few), 1)
    assert len(chosen.packets) == 30


def test_the_version_tells_other_sources_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = [work.version.__wrapped__()]
    (tmp_path / "flowtable").mkdir()
    monkeypatch.setattr(work, "__file__", str(tmp_path / "cluster" / "work.py"))
    for source in ("one = 1", "one = 2"):
        (tmp_path / "flowtable" / "track.py").write_text(source)
        told.append(work.version.__wrapped__())
    assert len(set(told)) == 3


def test_sizes_of_the_files_that_are_there(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"123")
    assert work.sizes([str(tmp_path / "a"), str(tmp_path / "b"), str(tmp_path)]) == {str(tmp_path / "a"): 3}
