"""Files to runs: what is small is held, of what is larger one connection's packets are taken; pipes, and files that grow meanwhile."""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import netprobe
from netprobe import runs as module
from netprobe.engine import PLAIN_ENGINE
from netprobe.evidence import capture
from netprobe.evidence.writer import write
from netprobe.flows.model import SeveralFlows
from netprobe.interface import replay_each
from netprobe.report.json import to_json
from netprobe.runs import runs
from netprobe.selection.select import selected
from tests.craft import evidence, served
from tests.mutilation import CAPTURES
from tests.test_replay import pcap

if TYPE_CHECKING:
    from collections.abc import Iterator

OWN = CAPTURES / "truth-http-lan-normal.pcapng"


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is larger than what is held."""
    monkeypatch.setattr(module, "SMALL", 0)


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """Two connections."""
    sent = [each for n in (1, 2) for each in served("eth0", f"10.1.0.5:4100{n}", "192.168.3.202:8080", n * 1e6)]
    file = tmp_path / "two.pcapng"
    file.write_bytes(write(evidence(sent)))
    return file


def told(file: object, flow: str | None = None) -> object:
    return to_json(netprobe.replay(str(file), flow=flow))


@pytest.mark.parametrize("small", [0, 1 << 22])
def test_which_files_are_one_capture_is_said(small: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SMALL", small)
    sent = served("eth0", "10.1.0.5:41001", "192.168.3.202:8080", 1e6)
    files = []
    for name, part in (("ring.pcap", sent[:2]), ("ring.pcap1", sent[2:]), ("other.pcap", sent)):
        files.append(str(tmp_path / name))
        Path(files[-1]).write_bytes(pcap(evidence(part), 0))
    lines: list[str] = []
    replay_each(*files[:2], say=lines.append)
    one = "2 files are one capture, in the order of their first packets: "
    assert [line for line in lines if line.startswith(one)] == [
        f"{one}{files[0]}, {files[1]} (--point NAME=FILE parts them)"
    ]
    lines.clear()
    replay_each(files[0], files[2], say=lines.append)
    assert not any("one capture" in line for line in lines)


@pytest.mark.parametrize("flow", [None, "#1"])
def test_a_large_file_is_told_as_a_small_one(flow: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    small = told(OWN, flow)
    monkeypatch.setattr(module, "SMALL", 0)
    assert told(OWN, flow) == small


def test_what_is_read_of_a_file_is_not_bounded_by_its_packets(plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture, "MAX_PACKETS", 3)
    monkeypatch.setattr("netprobe.evidence.files.MAX_BYTES", 100)
    for small in (1 << 22, 0):
        monkeypatch.setattr(module, "SMALL", small)
        assert netprobe.replay(str(plain), flow="#2").verdict.value == "works"


@pytest.mark.usefixtures("large")
def test_a_large_file_is_taken_out_of_its_compression(tmp_path: Path, plain: Path) -> None:
    packed = tmp_path / "two.pcapng.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert told(packed, "#2") == told(plain, "#2")


@pytest.fixture
def pipe(plain: Path) -> Iterator[Path]:
    """A pipe that holds the capture once."""
    reads, writes = os.pipe()
    with os.fdopen(writes, "wb") as file:
        file.write(plain.read_bytes())  # less than a pipe holds (pipe(7): 64 KiB)
    yield Path(f"/dev/fd/{reads}")
    os.close(reads)


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize("in_memory", [1, 1 << 20])
def test_a_pipe_is_looked_at_twice(pipe: Path, plain: Path, in_memory: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netprobe.evidence.stream.source.IN_MEMORY", in_memory)
    assert told(pipe, "#2") == told(plain, "#2")


@pytest.mark.usefixtures("large")
def test_what_there_is_to_choose_from_is_the_same(plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SeveralFlows) as large:
        netprobe.replay(str(plain))
    monkeypatch.setattr(module, "SMALL", 1 << 22)
    with pytest.raises(SeveralFlows) as small:
        netprobe.replay(str(plain))
    assert str(large.value) == str(small.value)
    assert tuple(large.value.flows) == tuple(small.value.flows)
    assert tuple(large.value.flows[:1]) == tuple(small.value.flows[:1])


def test_what_is_written_between_the_passes_is_left_out(plain: Path) -> None:
    (run,) = runs([str(plain)], {})
    opened = 0

    def grown() -> object:
        nonlocal opened
        opened += 1
        if opened == 2:
            with plain.open("ab") as file:
                file.write(write(evidence(served("eth0", "10.1.0.5:41009", "192.168.3.202:8080", 9e6))))
        return PLAIN_ENGINE.stream(run.files, run.points, run.kept)

    from netprobe.flows.expression import FlowExpr

    before = selected(lambda: PLAIN_ENGINE.stream(run.files, {}), PLAIN_ENGINE, FlowExpr.parse("#1"))
    after = selected(grown, PLAIN_ENGINE, FlowExpr.parse("#1"))  # type: ignore[arg-type]
    assert opened == 2
    assert after.evidence.packets.frame.tolist() == before.evidence.packets.frame.tolist()
    assert after.evidence.points == before.evidence.points


def test_one_chunk_and_many_are_the_same_evidence(plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (run,) = runs([str(plain)], {})
    one = run.whole()
    monkeypatch.setattr(
        module, "PLAIN_ENGINE", type(PLAIN_ENGINE)(compiled=False, walker=PLAIN_ENGINE.walker, chunk_bytes=64)
    )
    many = run.whole()
    assert one is not None
    assert many is not None
    assert [many.packets.raw(row) for row in range(len(many.packets))] == [
        one.packets.raw(row) for row in range(len(one.packets))
    ]
    assert (many.points, many.limits) == (one.points, one.limits)
