"""Compiled and plain walker side by side: the same records and blocks, the same end, whatever the bytes."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from netprobe.compiled.walk import CompiledWalker
from netprobe.evidence.stream.stream import open_stream
from netprobe.evidence.walker import NOTHING, PLAIN, RecordForm, Why
from tests.compiled.packets import every_capture

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from netprobe.evidence.walker import ByteOrder

pytestmark = pytest.mark.usefixtures("compiled")

FORMS = [RecordForm(order, unit, head) for order in ("<", ">") for unit, head in ((1000, 16), (1, 16), (1000, 24))]
MOST = st.sampled_from([1, 3, 1 << 62])


def assert_same(one: Sequence[object], other: Sequence[object]) -> None:
    """Two walks found the same."""
    for mine, its in zip(one, other, strict=True):
        if isinstance(mine, np.ndarray):
            assert isinstance(its, np.ndarray)
            assert mine.dtype == its.dtype == np.int64
            assert mine.tolist() == its.tolist()
        else:
            assert mine == its


def both_records(data: bytes, pos: int, form: RecordForm, *, most: int, last: bool) -> Why:
    found = CompiledWalker().records(data, pos, form, most=most, last=last)
    assert_same(found, PLAIN.records(data, pos, form, most=most, last=last))
    return found.why


def both_blocks(data: bytes, pos: int, order: ByteOrder, *, most: int) -> Why:
    found = CompiledWalker().blocks(data, pos, order, most=most)
    assert_same(found, PLAIN.blocks(data, pos, order, most=most))
    return found.why


@st.composite
def record_files(draw: st.DrawFn) -> tuple[bytes, RecordForm]:
    """Records of a form, some with a length that is none, some zeros; cut anywhere."""
    form = draw(st.sampled_from(FORMS))
    out = bytearray()
    for _ in range(draw(st.integers(0, 6))):
        body = draw(st.binary(max_size=40))
        lie = draw(st.sampled_from([len(body)] * 6 + [0, 1 << 28, (1 << 28) + 1, 0xFFFFFFFF, 0x80000000]))
        when = draw(st.tuples(st.integers(0, 0xFFFFFFFF), st.integers(0, 0xFFFFFFFF)))
        out += struct.pack(form.order + "4I", *when, lie, draw(st.integers(0, 0xFFFFFFFF)))
        out += bytes(form.head - 16) + body
        if draw(st.integers(0, 9)) == 0:
            out += bytes(draw(st.sampled_from([16, 64, 1023, 1024, 1500])))
    return bytes(out[: draw(st.integers(0, len(out)))] if draw(st.booleans()) else out), form


@given(record_files(), MOST, st.booleans())
@example((bytes(12) + b"\1" + bytes(4), FORMS[0]), 1, False)  # as many as asked for, and what is left is no header
def test_records(file: tuple[bytes, RecordForm], most: int, last: bool) -> None:
    both_records(*(file[0], 0, file[1]), most=most, last=last)


@given(st.binary(max_size=200), st.sampled_from(FORMS), MOST, st.booleans())
def test_any_bytes_as_records(data: bytes, form: RecordForm, most: int, last: bool) -> None:
    both_records(data, len(data) // 3, form, most=most, last=last)


@pytest.mark.parametrize(
    ("data", "last", "why"),
    [
        (b"", True, Why.END),
        (bytes(15), True, Why.SHORT),
        (NOTHING, True, Why.ZEROS),
        (NOTHING[:-1], True, Why.SHORT),
        (NOTHING[:-1], False, Why.SHORT),
        (struct.pack("<4I", 1, 1, (1 << 28) + 1, 1), True, Why.DAMAGED),
        (struct.pack("<4I", 1, 1, 1 << 28, 1), True, Why.SHORT),
        (struct.pack("<4I", 1, 1, 2, 1) + b"xy" + struct.pack("<4I", 1, 1, 0, 1), True, Why.END),
    ],
)
def test_why_records_end(data: bytes, last: bool, why: Why) -> None:
    assert both_records(data, 0, FORMS[0], most=1 << 62, last=last) is why


@st.composite
def block_files(draw: st.DrawFn) -> tuple[bytes, ByteOrder]:
    """Blocks, some with a length that is none or not repeated, some a section header; cut anywhere."""
    order: ByteOrder = draw(st.sampled_from(["<", ">"]))
    out = bytearray()
    for _ in range(draw(st.integers(0, 6))):
        body = draw(st.binary(max_size=5)) * 4
        size = len(body) + 12
        kind = draw(st.sampled_from([6, 6, 6, 1, 5, 0x0A0D0D0A, 0xFFFFFFFF]))
        first, second = (
            draw(st.sampled_from([size] * 8 + [0, 8, 13, size + 4, (1 << 28) + (1 << 16) + 4, 0xFFFFFFFC]))
            for _ in range(2)
        )
        out += struct.pack(order + "2I", kind, first) + body + struct.pack(order + "I", second)
    return bytes(out[: draw(st.integers(0, len(out)))] if draw(st.booleans()) else out), order


@given(block_files(), MOST)
@example((struct.pack("<3I", 6, 12, 12) + b"\6", "<"), 1)
def test_blocks(file: tuple[bytes, ByteOrder], most: int) -> None:
    both_blocks(file[0], 0, file[1], most=most)


@given(st.binary(max_size=200), st.sampled_from(["<", ">"]), MOST)
def test_any_bytes_as_blocks(data: bytes, order: ByteOrder, most: int) -> None:
    both_blocks(data, len(data) // 3, order, most=most)


def test_blocks_of_recorded_captures() -> None:
    for file in every_capture()[:100]:
        data = file.read_bytes()
        if data[:4] == b"\n\r\r\n":
            assert both_blocks(data, int.from_bytes(data[4:8], "little"), "<", most=1 << 62) is Why.END


@pytest.mark.parametrize("chunk", [1000, 1 << 24])
def test_a_stream_by_it_is_the_same_stream(chunk: int) -> None:
    for file in every_capture()[::40]:
        assert packets(file, chunk, compiled=True) == packets(file, chunk, compiled=False)


def packets(file: Path, chunk: int, *, compiled: bool) -> list[tuple[object, ...]]:
    """Return a stream's packets, and its points and limits at the end."""
    walker = CompiledWalker() if compiled else PLAIN
    stream = open_stream([str(file)], {}, chunk_bytes=chunk, walker=walker)
    found: list[tuple[object, ...]] = [
        (part.raw(row), int(part.time_ns[row]), int(part.origlen[row]), int(part.point[row]), int(part.frame[row]))
        for part in stream.chunks()
        for row in range(len(part))
    ]
    return [*found, tuple(stream.points), tuple(stream.limits)]
