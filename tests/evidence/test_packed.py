"""Compressed captures: what comes out of whole, cut, damaged, many-membered and endless ones."""

from __future__ import annotations

import bz2
import gzip
import lzma
import random
from importlib import import_module
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netprobe.errors import EvidenceFault
from netprobe.evidence import packed
from netprobe.evidence.packed import LARGER, packed_as, unpack

if TYPE_CHECKING:
    from collections.abc import Callable


def zstd(data: bytes) -> bytes:
    module = import_module("compression.zstd") if _has_zstd() else import_module("backports.zstd")
    done: bytes = module.compress(data)
    return done


def _has_zstd() -> bool:
    try:
        import_module("compression.zstd")
    except ImportError:
        return False
    return True


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "zstd": zstd,
    "xz": lzma.compress,
    "bzip2": bz2.compress,
}
PACKED = pytest.mark.parametrize("kind", PACKERS)
TEXT = random.Random(1).randbytes(3000) + bytes(70_000) + b"0123456789" * 900


@PACKED
def test_one_member_and_several(kind: str) -> None:
    one = PACKERS[kind](TEXT)
    assert packed_as(one) == kind
    assert (unpack(one).data, unpack(one).kind, unpack(one).stop) == (TEXT, kind, "")
    several = one + PACKERS[kind](b"") + PACKERS[kind](b"more")
    assert (unpack(several).data, unpack(several).stop) == (TEXT + b"more", "")


@PACKED
def test_padding_is_passed_over_and_other_bytes_are_said(kind: str) -> None:
    one = PACKERS[kind](TEXT)
    assert (unpack(one + bytes(512)).data, unpack(one + bytes(512)).stop) == (TEXT, "")
    odd = unpack(one + bytes(4) + b"x")
    assert (odd.data, odd.stop) == (TEXT, f"followed by other bytes at byte {len(one)}")


@PACKED
def test_a_cut_file_gives_what_was_there(kind: str) -> None:
    whole, sizes = PACKERS[kind](TEXT), []
    for size in range(len(PACKERS[kind](b"")), len(whole), 97):
        part = unpack(whole[:size])
        assert TEXT.startswith(part.data)
        assert part.stop == f"cut short at byte {size}"
        sizes.append(len(part.data))
    assert sizes == sorted(sizes)


def test_most_of_a_cut_gzip_file_comes_out() -> None:
    whole = gzip.compress(TEXT)
    assert len(unpack(whole[: len(whole) - 8]).data) == len(TEXT)  # its checksum alone is missing
    assert len(unpack(whole[:2900]).data) > 2700  # random bytes are stored as they are


def test_a_damaged_gzip_file_gives_what_stands_before_the_damage() -> None:
    noise = random.Random(2).randbytes(20_000)
    whole = bytearray(gzip.compress(noise, 0))  # stored blocks: what is changed stays where it is
    whole[12_000:12_100] = bytes(100)
    part = unpack(bytes(whole))
    assert part.stop.startswith("damaged before byte ")
    assert part.data[:11_000] == noise[:11_000]


@PACKED
def test_what_expands_without_end_is_given_up_at_the_bound(kind: str) -> None:
    bomb = PACKERS[kind](bytes(4 << 20))
    assert len(bomb) < 8 << 10
    part = unpack(bomb, most=100_000)
    assert (len(part.data), part.stop) == (100_001, LARGER)
    assert unpack(bomb, most=4 << 20).stop == ""


def test_members_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed, "MAX_MEMBERS", 3)
    assert unpack(gzip.compress(b"a") * 3).stop == ""
    many = unpack(gzip.compress(b"a") * 4)
    assert (many.data, many.stop) == (b"aaa", "in more than 3 parts")


def test_a_skippable_frame_may_come_first() -> None:
    data = b"\x50\x2a\x4d\x18\x04\x00\x00\x00abcd" + zstd(TEXT)
    assert packed_as(data) == "zstd"
    assert (unpack(data).data, unpack(data).stop) == (TEXT, "")


def test_where_zstd_cannot_be_unpacked_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> object:
        raise ImportError(name)

    monkeypatch.setattr(packed, "import_module", missing)
    with pytest.raises(EvidenceFault, match="zstd") as fault:
        unpack(b"\x28\xb5\x2f\xfd")
    assert "unzstd" in fault.value.hint


def test_what_is_not_compressed() -> None:
    assert [packed_as(data) for data in (b"", b"\x1f", b"\xd4\xc3\xb2\xa1", b"\n\r\r\n", b"PK\x03\x04")] == [""] * 5


@given(kind=st.sampled_from(list(PACKERS)), where=st.integers(0, 1 << 16), value=st.integers(0, 255))
def test_changed_bytes(kind: str, where: int, value: int) -> None:
    data = bytearray(PACKERS[kind](TEXT[:5000]))
    data[where % len(data)] = value
    part = unpack(bytes(data), most=1 << 20)
    assert len(part.data) <= (1 << 20) + 1


@given(
    head=st.sampled_from([b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"\xfd7zXZ\0", b"BZh9"]), rest=st.binary(max_size=200)
)
def test_random_bytes(head: bytes, rest: bytes) -> None:
    assert unpack(head + rest, most=1 << 16).stop
