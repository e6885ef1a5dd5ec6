"""Files that are given together: rings in the order of time, copies, evidence of netprobe's own."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from netprobe.errors import EvidenceFault, UsageFault
from netprobe.evidence.stream.stream import open_stream
from netprobe.evidence.writer import write

if TYPE_CHECKING:
    from netprobe.evidence.model import Evidence
    from tests.evidence.conftest import Block
    from tests.evidence.stream.conftest import Collected


def pcap(*seconds: float, linktype: int = 1) -> bytes:
    out = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, linktype)
    for at in seconds:
        out += struct.pack("<IIII", 1_700_000_000 + int(at), round(at % 1 * 1e6), 4, 4) + b"abcd"
    return out


def files(folder: Path, **contents: bytes) -> list[str]:
    for name, data in contents.items():
        (folder / name.replace("__", ".")).write_bytes(data)
    return [str(folder / name.replace("__", ".")) for name in contents]


def test_a_ring_is_one_point_in_the_order_of_time(tmp_path: Path, collected: Collected) -> None:
    """The third file is the oldest: the ring has gone round; the last one was just begun."""
    given = files(tmp_path, x__pcap0=pcap(20, 21), x__pcap1=pcap(30), x__pcap2=pcap(10, 11), x__pcap3=pcap())
    found = collected(open_stream(given, {}))
    assert [point.name for point in found.points] == ["x"]
    assert (found.packets.time_ns // 10**9 - 1_700_000_000).tolist() == [10, 11, 20, 21, 30]
    assert found.packets.frame.tolist() == [1, 2, 1, 2, 1]
    assert found.packets.point.tolist() == [0] * 5
    assert found.limits == ()


def test_interfaces_of_equal_name_in_a_ring_are_one_point(tmp_path: Path, collected: Collected, block: Block) -> None:
    """Each file numbers them in its own way; what was counted counts on from file to file."""

    def option(code: int, value: bytes) -> bytes:
        return struct.pack("<HH", code, len(value)) + value + bytes(-len(value) % 4)

    def described(name: bytes) -> bytes:
        return block(1, struct.pack("<HHI", 1, 0, 0) + option(2, name))

    def packet(interface: int, ticks: int) -> bytes:
        return block(6, struct.pack("<IIIII", interface, 0, ticks, 4, 4) + b"abcd")

    def counted(interface: int, received: int, dropped: int) -> bytes:
        counts = option(4, struct.pack("<Q", received)) + option(5, struct.pack("<Q", dropped))
        return block(5, struct.pack("<III", interface, 0, 0) + counts)

    start = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
    one = start + described(b"eth0") + packet(0, 1) + described(b"eth1") + packet(1, 2) + counted(0, 5, 0)
    two = start + described(b"eth1") + described(b"eth0") + described(b"eth1") + packet(0, 3) + packet(1, 4)
    two += packet(2, 5) + counted(1, 9, 1)
    given = files(tmp_path, r_00001_20261130120000__pcapng=one, r_00002_20261130120001__pcapng=two)
    found = collected(open_stream(given, {}))
    assert [point.name for point in found.points] == ["eth0", "eth1", "eth1#2"]
    assert found.packets.point.tolist() == [0, 1, 1, 0, 2]
    assert [(point.received, point.dropped) for point in found.points] == [(9, 1), (None, None), (None, None)]


def test_files_of_other_names_are_points_of_their_own(tmp_path: Path, collected: Collected) -> None:
    given = files(tmp_path, eth0__pcap=pcap(20), eth1__pcap=pcap(10))
    found = collected(open_stream(given, {}))
    assert [point.name for point in found.points] == ["eth0", "eth1"]
    assert found.packets.point.tolist() == [0, 1]


def test_a_point_s_name(tmp_path: Path, collected: Collected) -> None:
    given = files(tmp_path, x__pcap0=pcap(20), x__pcap1=pcap(30), y__pcap=pcap(5))
    found = collected(open_stream(given, {given[1]: "srv/eth0"}))
    assert [(point.name, point.host, point.interface) for point in found.points] == [
        ("srv/eth0", "srv", "eth0"),
        ("y", "", "y"),
    ]


def test_files_of_one_point_that_overlap_are_said(tmp_path: Path, collected: Collected) -> None:
    given = files(tmp_path, x__pcap0=pcap(10, 12.5), x__pcap1=pcap(12, 14))
    found = collected(open_stream(given, {}))
    (limit,) = found.limits
    assert limit.subject == given[1]
    assert "begins 0.500 s before" in limit.why
    assert len(found.packets) == 4


@pytest.mark.parametrize("packed", [False, True])
def test_one_capture_under_two_names(tmp_path: Path, packed: bool) -> None:
    data = pcap(1, 2, 3)
    given = files(tmp_path, a__pcap=data, b__pcap=gzip.compress(data) if packed else data)
    with pytest.raises(EvidenceFault, match="one and the same"):
        open_stream(given, {})


def test_captures_that_begin_alike_are_two(tmp_path: Path, collected: Collected) -> None:
    given = files(tmp_path, a__pcap=pcap(*range(9000)), b__pcap=pcap(*range(8999)))
    assert len(collected(open_stream(given, {})).packets) == 17999


def test_one_file_under_two_names(tmp_path: Path) -> None:
    (name,) = files(tmp_path, a__pcap=pcap(1))
    (tmp_path / "b.pcap").symlink_to(name)
    with pytest.raises(EvidenceFault, match="one and the same"):
        open_stream([name, str(tmp_path / "b.pcap")], {})
    with pytest.raises(EvidenceFault, match="twice"):
        open_stream([name, name], {})


def test_evidence_of_netprobe_s_own_stands_alone_and_names_its_points(tmp_path: Path, small: Evidence) -> None:
    given = files(tmp_path, a__pcap=pcap(1), own__pcapng=write(small))
    with pytest.raises(EvidenceFault, match="cannot be joined"):
        open_stream(given, {})
    with pytest.raises(UsageFault, match="names its points itself"):
        open_stream(given[1:], {given[1]: "srv/eth0"})


@pytest.mark.parametrize(("content", "words"), [(b"", "empty"), (b"hello, world, this is text\n", "text file")])
def test_what_is_no_capture_is_said_at_once(tmp_path: Path, content: bytes, words: str) -> None:
    given = files(tmp_path, a__pcap=content)
    with pytest.raises(EvidenceFault, match=words):
        open_stream(given, {})


def test_what_cannot_be_read_is_said_at_once(tmp_path: Path) -> None:
    for path, words in ((tmp_path, "directory"), (tmp_path / "none.pcap", "No such file")):
        with pytest.raises(EvidenceFault, match=words):
            open_stream([str(path)], {})
    with pytest.raises(EvidenceFault, match="no file"):
        open_stream([], {})


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_more_files_than_a_process_may_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, collected: Collected
) -> None:
    monkeypatch.setattr("netprobe.evidence.stream.opening.MAX_OPEN", 3)
    given = files(tmp_path, **{f"x__pcap{n}": pcap(n) for n in range(20)})
    before = open_files()
    stream = open_stream(given, {})
    assert open_files() <= before + 3
    assert len(collected(stream).packets) == 20
