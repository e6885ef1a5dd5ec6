"""Pieces of captures: together they are the whole, whoever reads them."""

from __future__ import annotations

import gzip
import pickle
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from netprobe.errors import EvidenceFault
from netprobe.evidence.model import Evidence
from netprobe.evidence.stream.partition import Partitioned, Walk, Walked, partitions
from netprobe.evidence.stream.stream import open_stream
from netprobe.evidence.writer import write
from tests.evidence.stream.conftest import join, kept
from tests.evidence.stream.test_opening import files, pcap

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.evidence.conftest import Block
    from tests.evidence.stream.conftest import Collected

    Same = Callable[[Evidence, Evidence], None]

CAPTURES = sorted((Path(__file__).parents[3] / "captures").glob("*.pcapng"))


def gathered(found: Partitioned, chunk_bytes: int) -> Evidence:
    """All pieces, read the last one first, each by a copy as another process has it."""
    read = [
        [kept(part) for part in pickle.loads(pickle.dumps(piece)).chunks(chunk_bytes=chunk_bytes)]  # noqa: S301
        for piece in reversed(found.parts)
    ]
    notes = found.notes
    return Evidence(
        probe=notes.probe,
        points=found.points,
        packets=join([part for parts in reversed(read) for part in parts]),
        before=tuple(notes.before.values()),
        after=tuple(notes.after.values()),
        limits=found.limits,
    )


@pytest.mark.parametrize(("parts", "chunk_bytes"), [(1, 1 << 22), (3, 2000), (1000, 64)])
def test_the_pieces_are_the_whole(collected: Collected, same: Same, parts: int, chunk_bytes: int) -> None:
    for file in CAPTURES[::97]:
        found = partitions([str(file)], {}, parts, chunk_bytes=chunk_bytes)
        for other in (64, 1 << 22):
            same(gathered(found, other), collected(open_stream([str(file)], {})))


def test_a_ring_in_pieces(tmp_path: Path, collected: Collected, same: Same) -> None:
    given = files(
        tmp_path, x__pcap0=pcap(*range(200, 300)), x__pcap1=pcap(300), x__pcap2=pcap(*range(99)), y__pcap=pcap(1, 2)
    )
    found = partitions(given, {}, 10, chunk_bytes=1)
    assert [Path(part.path).name for part in found.parts] == ["x.pcap2"] * 5 + ["x.pcap0"] * 5 + ["x.pcap1", "y.pcap"]
    assert sum(part.packets for part in found.parts) == 202
    same(gathered(found, 1 << 20), collected(open_stream(given, {})))


def test_sections_interfaces_and_clocks_before_the_cut_hold_behind_it(
    tmp_path: Path, collected: Collected, same: Same, made: Callable[[Block], bytes], block: Block
) -> None:
    given = files(tmp_path, a__pcapng=made(block))
    found = partitions(given, {}, 1000, chunk_bytes=1)
    assert len(found.parts) > 5
    same(gathered(found, 1 << 20), collected(open_stream(given, {})))


def test_a_compressed_file_is_one_piece(tmp_path: Path, collected: Collected, same: Same) -> None:
    given = files(tmp_path, a__pcap__gz=gzip.compress(pcap(*range(3000))), b__pcap=pcap(*range(5, 3000)))
    found = partitions(given, {}, 5, chunk_bytes=1000)
    assert [part.path for part in found.parts].count(given[0]) == 1
    assert len(found.parts) > 2
    same(gathered(found, 1000), collected(open_stream(given, {})))


def test_a_cut_file_is_read_to_the_cut(tmp_path: Path, small: Evidence, collected: Collected, same: Same) -> None:
    data = write(replace(small, after=small.before))
    for size in range(len(data) - 700, len(data), 61):
        given = files(tmp_path, a__pcapng=data[:size])
        same(gathered(partitions(given, {}, 4, chunk_bytes=200), 100), collected(open_stream(given, {})))


def test_a_file_that_has_changed_is_a_fault(tmp_path: Path) -> None:
    (name,) = files(tmp_path, a__pcap=pcap(*range(100)))
    found = partitions([name], {}, 2, chunk_bytes=100)
    for changed in (pcap(*range(30)), pcap(*range(1)), pcap()):
        Path(name).write_bytes(changed)
        with pytest.raises(EvidenceFault, match="has changed"):
            list(found.parts[1].chunks())


def test_files_that_are_walked_through_elsewhere(tmp_path: Path, collected: Collected, same: Same) -> None:
    """Each by a process of its own, and what that found is handed back."""
    given = files(
        tmp_path, x__pcap0=pcap(*range(90, 300)), x__pcap1=pcap(300), x__pcap2=pcap(*range(99)), y__pcap=pcap(1, 2)
    )

    def elsewhere(walks: Sequence[Walk]) -> list[Walked]:
        sent = [pickle.loads(pickle.dumps(walk)) for walk in reversed(walks)]  # noqa: S301
        found: list[Walked] = [pickle.loads(pickle.dumps(walk.through())) for walk in sent]  # noqa: S301
        return found[::-1]

    found = partitions(given, {}, 10, chunk_bytes=1, each=elsewhere)
    assert len(found.parts) > 8
    assert len(found.limits) == 1  # they overlap
    same(gathered(found, 1 << 20), collected(open_stream(given, {})))


def test_a_pipe_is_not_cut(tmp_path: Path) -> None:
    import os
    import threading

    fifo = tmp_path / "x.pcap"
    os.mkfifo(fifo)
    writer = threading.Thread(target=fifo.write_bytes, args=(pcap(1),))
    writer.start()
    try:
        with pytest.raises(EvidenceFault, match="is a pipe"):
            partitions([str(fifo)], {}, 2)
    finally:
        writer.join()


def test_a_piece_has_the_format_that_the_whole_file_told(tmp_path: Path) -> None:
    """Empty records, which by themselves would be records of another format (found by `make fuzz`)."""
    rest = "4a00ffff00000100000000f1000002000000000202000000000181000005003a0000003a000000020000015018200005980000"
    (tmp_path / "a.pcap").write_bytes(bytes.fromhex("d4c3b2a102000400") + bytes(61) + bytes.fromhex(rest))
    made = partitions([str(tmp_path / "a.pcap")], {}, 3, chunk_bytes=64)
    for each in made.parts:
        again = pickle.loads(pickle.dumps(each))  # noqa: S301 - as a worker has it
        assert sum(len(packets) for packets in again.chunks()) == each.packets
