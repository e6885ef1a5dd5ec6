"""Whatever bytes a capture file has: what is read of it holds together, and costs no more than its size explains."""

from __future__ import annotations

import gzip
import importlib.util
import shutil
import struct
import subprocess
import sys
import tracemalloc
from functools import cache
from pathlib import Path

import fuzz
import pytest
from fuzz_checks import Finding, check, hold
from hypothesis import example, given, settings
from hypothesis import strategies as st

from netprobe.errors import NetprobeError
from netprobe.evidence.stream.whole import read
from tests.compiled.conftest import compiled

__all__ = ["compiled"]

pytestmark = pytest.mark.usefixtures("compiled")  # so that both ways are held against each other
CORPUS = sorted((Path(__file__).parent / "corpus").iterdir())
PLAIN = [file for file in CORPUS if file.suffix in (".pcap", ".pcapng")]
EXTREMES = (
    0,
    1,
    3,
    4,
    28,
    0x7FFF,
    0xFFFF,
    1 << 16,
    1 << 24,
    (1 << 28) + 1,
    0x7FFFFFFF,
    0x80000000,
    0xFFFFFFFC,
    0xFFFFFFFF,
)

files = st.sampled_from(CORPUS)
plain = st.sampled_from(PLAIN)


@cache
def data_of(file: Path) -> bytes:
    return file.read_bytes()


@cache
def packets_of(file: Path) -> list[bytes]:
    packets = read(data_of(file), name=file.name).packets
    return [packets.raw(row) for row in range(len(packets))]


@pytest.mark.parametrize("file", CORPUS, ids=lambda file: file.name)
def test_the_corpus_is_sound(file: Path) -> None:
    assert check(data_of(file))


def test_the_corpus_is_small() -> None:
    assert len(CORPUS) >= 40
    assert max(len(data_of(file)) for file in CORPUS) < 4096
    assert sum(len(data_of(file)) for file in CORPUS) < 65536


@pytest.mark.skipif(shutil.which("mergecap") is None, reason="Wireshark's programs are not installed")
def test_the_corpus_harms_no_other_program(tmp_path: Path) -> None:
    together = tmp_path / "all.pcapng"
    read_by_wireshark = [str(file) for file in CORPUS if file.stem not in ("link-mpls-link", "format-cut")]
    subprocess.run(["mergecap", "-w", together, *read_by_wireshark], capture_output=True, check=True)
    done = subprocess.run(["tshark", "-n", "-V", "-r", together], capture_output=True, timeout=60, check=True)
    assert done.stdout.count(b"\nFrame ") > len(read_by_wireshark)


def whole_packets(file: Path, size: int) -> list[bytes]:
    """The packets whose records are in the first so many bytes."""
    packets, data = read(data_of(file), name=file.name).packets, data_of(file)
    ends = (packets.offset + packets.caplen).tolist()
    if file.suffix == ".pcapng":
        ends = [block_end(data, int(offset)) for offset in packets.offset]
    return [packets.raw(row) for row, end in enumerate(ends) if end <= size]


def block_end(data: bytes, offset: int) -> int:
    """Where the block ends whose packet begins there: the simple block's head has 12 bytes, the others' 28."""
    for order, head in (("<", 28), ("<", 12), (">", 28), (">", 12)):
        kind, length = struct.unpack_from(order + "II", data, offset - head)
        if kind in ((3,) if head == 12 else (2, 6)):
            return offset - head + int(length)
    raise AssertionError(offset)


@given(file=plain, share=st.floats(0, 1))
@settings(max_examples=80)
def test_a_file_cut_at_any_byte_gives_the_whole_packets_before_the_cut(file: Path, share: float) -> None:
    cut = data_of(file)[: int(share * len(data_of(file)))]
    check(cut)
    try:
        packets = read(cut, name=file.name).packets
    except NetprobeError:
        assert whole_packets(file, len(cut)) == []
        return
    assert [packets.raw(row) for row in range(len(packets))] == whole_packets(file, len(cut))


@given(file=files, changes=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=8))
@settings(max_examples=80)
def test_altered_bytes(file: Path, changes: list[tuple[float, int]]) -> None:
    data = bytearray(data_of(file))
    for share, value in changes:
        data[min(int(share * len(data)), len(data) - 1)] = value
    check(bytes(data))


@given(
    file=plain,
    at=st.floats(0, 1),
    lie=st.sampled_from(EXTREMES),
    form=st.sampled_from(["<I", ">I", "<H", ">H", "<Q", ">Q"]),
)
@settings(max_examples=80)
def test_a_lying_length_asks_for_no_more_than_the_file_has(file: Path, at: float, lie: int, form: str) -> None:
    data = bytearray(data_of(file))
    size = struct.calcsize(form)
    where = min(int(at * len(data)), len(data) - size)
    data[where : where + size] = struct.pack(form, lie & ((1 << 8 * size) - 1))
    check(bytes(data))
    assert peak(bytes(data)) < (1 << 20) + 200 * len(data)


def peak(data: bytes) -> int:
    """The most memory that reading these bytes asked for at a time."""
    tracemalloc.start()
    try:
        read(data, name="capture")
    except NetprobeError:
        pass
    finally:
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return most


@given(head=plain, rest=st.binary(max_size=200), at=st.floats(0, 1))
@settings(max_examples=40)
def test_other_bytes_in_the_middle(head: Path, rest: bytes, at: float) -> None:
    data = data_of(head)
    where = int(at * len(data))
    check(data[:where] + rest + data[where:])


@given(file=plain, share=st.floats(0, 1))
@example(file=PLAIN[0], share=1.0)
@settings(max_examples=30)
def test_a_compressed_file_cut_at_any_byte_is_a_prefix(file: Path, share: float) -> None:
    packed = gzip.compress(data_of(file), mtime=0)
    cut = packed[: int(share * len(packed))]
    check(cut)
    try:
        packets = read(cut, name="a.gz").packets
    except NetprobeError:
        return
    found = [packets.raw(row) for row in range(len(packets))]
    assert found == packets_of(file)[: len(found)]


def test_what_does_not_hold_is_raised() -> None:
    with pytest.raises(Finding, match="why"):
        hold(False, "why")


@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="atheris is not installed")
def test_a_run_of_the_fuzzer_ends_in_time_and_says_what_it_found(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert fuzz.main(["--seconds", "1", "--kept", str(tmp_path)]) == 0
    assert "DONE" in capfd.readouterr().err
    (tmp_path / "crash-0").touch()
    assert fuzz.findings(tmp_path) == {tmp_path / "crash-0"}


def test_without_atheris_it_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "atheris", None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert fuzz.main([]) == 4
    assert "atheris" in capsys.readouterr().err
