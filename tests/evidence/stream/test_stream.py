"""Streams: what the reader of whole files gives, whatever the size of the chunks."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import struct
import threading
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netprobe.errors import EvidenceFault
from netprobe.evidence.stream.stream import open_stream
from netprobe.evidence.stream.whole import read
from netprobe.evidence.writer import write
from tests.evidence.stream.conftest import collect
from tests.evidence.stream.test_opening import pcap

if TYPE_CHECKING:
    from collections.abc import Callable

    from netprobe.evidence.model import Evidence
    from tests.evidence.conftest import Block
    from tests.evidence.stream.conftest import Collected

    Same = Callable[[Evidence, Evidence], None]
    Made = Callable[[Block], bytes]

CAPTURES = sorted((Path(__file__).parents[3] / "captures").glob("*.pcapng"))
FUZZ = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.parametrize(("chunk_bytes", "every"), [(20_000, 40), (1 << 24, 5)])
def test_captures(collected: Collected, same: Same, chunk_bytes: int, every: int) -> None:
    assert CAPTURES
    for file in CAPTURES[::every]:
        same(collected(open_stream([str(file)], {}, chunk_bytes=chunk_bytes)), read(file.read_bytes(), name=str(file)))


def record(order: str, size: int, at: int, extra: int = 0) -> bytes:
    return struct.pack(order + "4I", at, at % 1000, size, size + at % 2) + bytes(extra) + bytes([at & 0xFF]) * size


def pcaps() -> dict[str, bytes]:
    """A pcap file of each kind."""
    out = {}
    for order in "<>":
        for magic, extra in ((0xA1B2C3D4, 0), (0xA1B23C4D, 0), (0xA1B2CD34, 8)):
            head = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 65535, 113)
            body = b"".join(record(order, at * 37 % 1600, 1_700_000_000 + at, extra) for at in range(40))
            out[f"{order}{magic:x}"] = head + body
        body = b"".join(record(order, at * 37 % 1600, 1_700_000_000 + at) for at in range(40))
        out[f"{order}ixia"] = struct.pack(order + "IHHiIIII", 0x1C0001AB, 2, 4, 0, 0, 65535, 1, len(body)) + body
        out[f"{order}old"] = struct.pack(order + "IHHiIII", 0xA1B2C3D4, 2, 3, 0, 0, 65535, 1) + body
    return out


@pytest.mark.parametrize("chunk_bytes", [1, 600, 5000, 1 << 22])
@pytest.mark.parametrize("kind", pcaps())
def test_pcap_of_each_kind(tmp_path: Path, collected: Collected, same: Same, kind: str, chunk_bytes: int) -> None:
    file = tmp_path / "a.pcap"
    file.write_bytes(pcaps()[kind])
    same(collected(open_stream([str(file)], {}, chunk_bytes=chunk_bytes)), read(file.read_bytes(), name=str(file)))


@pytest.mark.parametrize("chunk_bytes", [1, 100, 1000, 1 << 22])
def test_pcapng_with_every_kind_of_block(
    tmp_path: Path, collected: Collected, same: Same, made: Made, block: Block, chunk_bytes: int
) -> None:
    file = tmp_path / "a.pcapng"
    file.write_bytes(made(block))
    same(collected(open_stream([str(file)], {}, chunk_bytes=chunk_bytes)), read(file.read_bytes(), name=str(file)))


def test_a_chunk_holds_about_what_was_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "a.pcap"
    file.write_bytes(pcap(*range(5000)))
    chunks = list(open_stream([str(file)], {}, chunk_bytes=1000).chunks())
    assert {len(chunk.data) for chunk in chunks[:-1]} == {1000}
    assert sum(len(chunk) for chunk in chunks) == 5000


def compared(file: Path, data: bytes, same: Same, collected: Collected, chunk_bytes: int) -> int:
    """How many packets there are; where one reader finds no capture, the other finds none for the same reason."""
    file.write_bytes(data)
    try:
        expected = read(data, name=str(file))
    except EvidenceFault as fault:
        with pytest.raises(EvidenceFault) as caught:
            collected(open_stream([str(file)], {}, chunk_bytes=chunk_bytes))
        assert caught.value.message == fault.message
        return 0
    same(collected(open_stream([str(file)], {}, chunk_bytes=chunk_bytes)), expected)
    return len(expected.packets)


def test_cut_at_every_byte(tmp_path: Path, collected: Collected, same: Same, made: Made, block: Block) -> None:
    data = made(block)
    counts = [compared(tmp_path / "a.pcapng", data[:size], same, collected, 700) for size in range(0, 4000, 23)]
    assert counts == sorted(counts)
    data = pcap(*range(30))
    for size in range(len(data)):
        assert compared(tmp_path / "a.pcap", data[:size], same, collected, 100) == max(size - 24, 0) // 20


def test_evidence_of_netprobe_s_own_that_is_cut(
    small: Evidence, tmp_path: Path, collected: Collected, same: Same
) -> None:
    data = write(small)
    for size in range(0, len(data) + 1, 31):
        compared(tmp_path / "cut.pcapng", data[:size], same, collected, 256)


@FUZZ
@given(
    places=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=4),
    chunk_bytes=st.sampled_from([1, 90, 700]),
)
def test_damaged_bytes_are_read_alike(
    tmp_path: Path, same: Same, made: Made, block: Block, places: list[tuple[float, int]], chunk_bytes: int
) -> None:
    for name, whole in (("a.pcapng", made(block)[:3000]), ("a.pcap", pcap(*range(60)))):
        data = bytearray(whole)
        for where, value in places:
            data[int(where * (len(data) - 1))] = value
        compared(tmp_path / name, bytes(data), same, collect, chunk_bytes)


def zstd(data: bytes) -> bytes:
    try:
        from compression.zstd import compress  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        from backports.zstd import compress
    packed: bytes = compress(data)
    return packed


@pytest.mark.parametrize("pack", [gzip.compress, zstd, lzma.compress, bz2.compress])
@pytest.mark.parametrize("chunk_bytes", [100, 1 << 22])
def test_compressed(
    tmp_path: Path, collected: Collected, same: Same, pack: Callable[[bytes], bytes], chunk_bytes: int
) -> None:
    """Two members, whole, cut short and damaged: as far as it can be unpacked."""
    data = pcap(*range(2000))
    whole = pack(data[:30_000]) + pack(data[30_000:])
    damaged = bytearray(whole)
    damaged[len(whole) * 4 // 5] ^= 0xFF
    for packed in (whole, whole[: len(whole) * 2 // 3], whole + b"more", bytes(damaged)):
        compared(tmp_path / "eth0.pcap.gz", packed, same, collected, chunk_bytes)


def test_a_bomb_takes_no_more_memory_than_its_chunks(tmp_path: Path) -> None:
    """200 MiB of one packet again and again, in 0.2 MB."""
    one = record("<", 65000, 1_700_000_000)
    packed = gzip.compress(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)) + gzip.compress(one * 64) * 50
    (tmp_path / "a.pcap.gz").write_bytes(packed)
    tracemalloc.start()
    assert (
        sum(len(chunk) for chunk in open_stream([str(tmp_path / "a.pcap.gz")], {}, chunk_bytes=1 << 20).chunks())
        == 3200
    )
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 << 20


@pytest.mark.parametrize("packed", [False, True])
def test_a_pipe(tmp_path: Path, collected: Collected, same: Same, packed: bool) -> None:
    """It gives as little at a time as it likes, and what the writer has begun to write when it ends is left out."""
    data = pcap(*range(3000))[:-3]
    sent = gzip.compress(data) if packed else data
    fifo = tmp_path / "eth0.pcap"
    os.mkfifo(fifo)

    def feed() -> None:
        with fifo.open("wb", buffering=0) as file:
            for at in range(0, len(sent), 777):
                file.write(sent[at : at + 777])

    writer = threading.Thread(target=feed)
    writer.start()
    stream = open_stream([str(fifo)], {}, chunk_bytes=5000)
    assert stream.size is None
    found = collected(stream)
    writer.join()
    assert len(found.packets) == 2999
    assert stream.done == len(sent)
    same(found, read(sent, name=str(fifo)))


def test_a_file_that_shrinks_while_it_is_read(tmp_path: Path) -> None:
    file = tmp_path / "a.pcap"
    file.write_bytes(pcap(*range(1000)))
    stream = open_stream([str(file)], {}, chunk_bytes=1000)
    count = 0
    for chunk in stream.chunks():
        count += len(chunk)
        os.truncate(file, 24 + 20 * 150)
    assert count == 150
    assert [limit.why for limit in stream.limits] == [
        "cut short at byte 3024 (the file shrank while it was read): 150 packets before that, nothing after it"
    ]


def test_a_file_that_is_still_written(tmp_path: Path) -> None:
    """What was added meanwhile is read, too, to the last whole packet."""
    file = tmp_path / "a.pcap"
    data = pcap(*range(100))
    file.write_bytes(data[:1030])
    stream = open_stream([str(file)], {}, chunk_bytes=1000)
    assert stream.size == 1030
    count = 0
    for chunk in stream.chunks():
        count += len(chunk)
        file.write_bytes(data[:-1])
    assert count == 99


@pytest.mark.parametrize("length", [0x0FFF_FFF0, 0xFFFF_FFF0])
def test_a_lie_about_a_length_takes_no_memory(
    tmp_path: Path, length: int, made: Made, block: Block, collected: Collected
) -> None:
    pcapng = made(block) + struct.pack("<II", 6, length) + bytes(3000)
    for name, data in (
        ("a.pcap", pcap(1) + struct.pack("<IIII", 1, 1, length, length) + bytes(3000)),
        ("a.pcapng", pcapng),
    ):
        (tmp_path / name).write_bytes(data)
        tracemalloc.start()
        found = collected(open_stream([str(tmp_path / name)], {}, chunk_bytes=1000))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert len(found.packets)
        assert any("cut short" in limit.why or "damaged" in limit.why for limit in found.limits)
        assert peak < 2 << 20


def test_a_hundred_thousand_interfaces(tmp_path: Path, block: Block) -> None:
    """A container host's file: each is a point, known by its name."""
    count = 100_000

    def described(number: int) -> bytes:
        name = f"veth{number}".encode()
        return block(1, struct.pack("<HHIHH", 1, 0, 0, 2, len(name)) + name + bytes(-len(name) % 4))

    start = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
    packet = block(6, struct.pack("<IIIII", count - 1, 0, 7, 4, 4) + b"abcd")
    file = tmp_path / "a.pcapng"
    file.write_bytes(start + b"".join(map(described, range(count))) + packet)
    stream = open_stream([str(file)], {})
    (chunk,) = stream.chunks()
    assert [stream.points[row].name for row in chunk.point.tolist()] == [f"veth{count - 1}"]
    assert len(stream.points) == count
    assert stream.limits == []


def test_nothing_but_sections(tmp_path: Path, block: Block) -> None:
    """Sections are entered one by one: there is an end to it."""
    start = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
    file = tmp_path / "a.pcapng"
    file.write_bytes(start + block(1, struct.pack("<HHI", 1, 0, 0)) + start * 5000)
    stream = open_stream([str(file)], {})
    assert list(stream.chunks()) == []
    assert ["more than 4096 sections" in limit.why for limit in stream.limits] == [True]
