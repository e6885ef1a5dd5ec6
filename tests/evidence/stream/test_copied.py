from __future__ import annotations

import struct
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netprobe.evidence import additions as a
from netprobe.evidence.additions import Additions, KnownComments
from netprobe.evidence.pcapng import read_pcapng
from netprobe.evidence.stream.copied import Copied
from netprobe.evidence.stream.source import KeptFile

if TYPE_CHECKING:
    from netprobe.evidence.capture import Rows
    from netprobe.evidence.walker import ByteOrder

SAID = Additions(
    section="works\nsecond line",
    interfaces={0: "on a", 1: "on b"},
    called={0: "eth0", 1: "eth1"},
    names={"192.0.2.1": ["demo"]},
    comments=KnownComments({1: ["first"], 3: ["third", "again"]}),
)


def copied(
    data: bytes, additions: Additions = SAID, chunk: int = 1 << 16, *, promised: bool = True
) -> tuple[bytes, Copied]:
    file = KeptFile.of_bytes("x", data)
    trial = Copied(file, additions, chunk_bytes=chunk)
    made = b"".join(map(bytes, trial.pieces()))
    if promised:
        trial = Copied(file, additions, chunk_bytes=chunk, promised=trial.promises(), ended=trial.stop)
        made = b"".join(map(bytes, trial.pieces()))
    return made, trial


def section(order: ByteOrder, *blocks: bytes, says: bool) -> bytes:
    body = b"".join(blocks)
    return a.section_bytes(order, len(body) if says else -1, ()) + body


def interface(order: ByteOrder) -> bytes:
    return a.block_bytes(1, struct.pack(order + "HHI", 1, 0, 65535), order)


def packet(order: ByteOrder, number: int, size: int = 5, options: bytes = b"", kind: int = 6) -> bytes:
    payload = bytes([number]) * size
    head = struct.pack(order + "IIIII", 0, 0, number, size, size)
    if kind == 3:
        return a.block_bytes(3, struct.pack(order + "I", size) + payload + bytes(-size & 3), order)
    return a.block_bytes(kind, head + payload + bytes(-size & 3) + options, order)


def same(one: Rows, first: bytes, other: Rows, second: bytes) -> None:
    for name in ("caplen", "origlen", "time_ns", "interface", "frame"):
        assert (getattr(one, name) == getattr(other, name)).all(), name
    pairs = zip(one.offset, one.caplen, other.offset, strict=True)
    assert all(first[at : at + size] == second[there : there + size] for at, size, there in pairs)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("chunk", [512, 1 << 16])
def test_packets_stay_as_they_are(order: ByteOrder, chunk: int) -> None:
    theirs = a.option_bytes(1, b"by hand", order) + bytes(4)
    packets = [packet(order, number, number * 7 % 90, theirs if number % 2 else b"") for number in range(1, 60)]
    data = section(order, interface(order), *packets, says=True) + section(
        order, interface(order), *packets, says=False
    )
    made, copy = copied(data, replace(SAID, called={}), chunk)
    before, after = read_pcapng(data), read_pcapng(made)
    assert (after.stop, len(after.interfaces)) == ("", 2)
    same(before.rows, data, after.rows, made)
    assert copy.placed == 3
    assert made.count(b"by hand") == data.count(b"by hand")
    bare = Additions()
    assert copied(made, bare, chunk)[0] == copied(data, bare, chunk)[0] == data


def test_other_kinds_of_blocks_keep_their_place() -> None:
    kinds = [
        packet("<", 1, kind=3),
        packet("<", 2, kind=2),
        packet("<", 3),
        a.block_bytes(0xBAD, bytes(16), "<"),
        packet("<", 5),
    ]
    data = section("<", interface("<"), *kinds, says=False)
    comments = Additions(comments=KnownComments({number: [f"frame {number}"] for number in range(1, 6)}))
    made, copy = copied(data, comments)
    same(read_pcapng(data).rows, data, read_pcapng(made).rows, made)
    assert copy.placed == 3  # a Simple Packet Block and a custom block hold none
    assert kinds[0] in made
    assert kinds[3] in made


def test_pcap_becomes_pcapng() -> None:
    records = b"".join(
        struct.pack("<IIII", 7, 5 * number, number, number + 1) + bytes([number]) * number for number in range(9)
    )
    data = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 113) + records
    made, copy = copied(data)
    found = read_pcapng(made)
    assert found.stop == ""
    assert [(each.name, each.linktype, each.snaplen, each.tsresol) for each in found.interfaces] == [
        ("eth0", 113, 262144, 6)
    ]
    assert found.rows.time_ns.tolist() == [7_000_000_000 + 5_000 * number for number in range(9)]
    assert found.rows.origlen.tolist() == list(range(1, 10))
    assert [made[at : at + size] for at, size in zip(found.rows.offset, found.rows.caplen, strict=True)] == [
        bytes([number]) * number for number in range(9)
    ]
    assert copy.placed == 3
    same(found.rows, made, read_pcapng(copied(made)[0]).rows, copied(made)[0])


@pytest.mark.parametrize("says", [True, False])
def test_what_is_missing_stays_known(says: bool) -> None:
    data = section("<", interface("<"), *(packet("<", number) for number in range(1, 9)), says=says)
    whole = read_pcapng(copied(data)[0])
    assert (whole.stop, len(whole.rows.offset)) == ("", 8)
    for cut in (data[:-3], data[: -len(packet("<", 8)) - 4]):
        made, copy = copied(cut)
        found = read_pcapng(made)
        assert copy.stop.startswith("cut short")
        assert found.stop == copy.stop  # what is read from the copy is what is read from the file
        assert copied(made)[0] == made
        assert "shorter than its header says" in read_pcapng(made.replace(b"not whole", b"not known")).stop
        assert len(found.rows.offset) == len(read_pcapng(cut).rows.offset)


@given(
    st.lists(st.tuples(st.sampled_from([1, 2, 3, 4, 5, 6, 10, 0xBAD]), st.binary(max_size=60)), max_size=8),
    st.binary(max_size=9),
)
def test_any_bytes(blocks: list[tuple[int, bytes]], tail: bytes) -> None:
    data = section("<", interface("<"), *(a.block_bytes(kind, body, "<") for kind, body in blocks), says=False) + tail
    made, _ = copied(data)
    before, after = read_pcapng(data), read_pcapng(made)
    same(before.rows, data, after.rows, made)
    assert np.all(before.rows.frame == after.rows.frame)
