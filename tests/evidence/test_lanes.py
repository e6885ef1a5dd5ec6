"""The walk in lanes beside the plain one: the same records and blocks, the same end, whatever the bytes and the guesses."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from netprobe.evidence.lanes import LANES, Lanes
from netprobe.evidence.walker import PLAIN, ChainWalker, RecordForm, Step, Why, one_by_one

if TYPE_CHECKING:
    from netprobe.evidence.walker import Blocks, ByteOrder, Records

FORMS = [RecordForm(order, unit, head) for order in ("<", ">") for unit, head in ((1000, 16), (1, 16), (1000, 24))]
WHEN = 0x6553F100
changes = st.lists(st.tuples(st.integers(0, 1 << 16), st.binary(min_size=1, max_size=30)), max_size=4)
walkers = st.builds(
    lambda size, look, few: ChainWalker(Lanes(size=size, look=min(look, size), few=few)),
    st.sampled_from([64, 128, 512]),
    st.sampled_from([32, 64]),
    st.integers(1, 6),
)
MOST = st.sampled_from([1, 7, 1 << 62])


def records(form: RecordForm, sizes: list[int]) -> bytes:
    """Packets whose bytes look like records themselves, by their times."""
    one = struct.pack(form.order + "4I", WHEN, 5, 20, 20)
    return b"".join(
        struct.pack(form.order + "4I", WHEN + row, 5, size, size + row % 2) + bytes(form.head - 16) + (one * 9)[:size]
        for row, size in enumerate(sizes)
    )


def blocks(order: ByteOrder, sizes: list[int]) -> bytes:
    inner = struct.pack(order + "3I", 6, 12, 12) * 9
    return b"".join(
        struct.pack(order + "2I", 6, 12 + 4 * size) + inner[: 4 * size] + struct.pack(order + "I", 12 + 4 * size)
        for size in sizes
    )


def damaged(data: bytes, changed: list[tuple[int, bytes]]) -> bytes:
    """The same with some bytes in it that are others."""
    out = bytearray(data)
    for at, by in changed:
        place = at % max(len(out), 1)
        out[place : place + len(by)] = by[: len(out) - place]
    return bytes(out)


def alike(one: Records | Blocks, other: Records | Blocks) -> bool:
    return one[-2:] == other[-2:] and all(
        np.array_equal(np.asarray(mine), np.asarray(its)) for mine, its in zip(one[:-2], other[:-2], strict=True)
    )


@given(st.sampled_from(FORMS), st.lists(st.integers(0, 100), max_size=60), changes, walkers, MOST, st.booleans())
@example(FORMS[0], [20] * 60, [], ChainWalker(Lanes(size=64, look=64, few=1)), 1 << 62, True)
def test_records(
    form: RecordForm, sizes: list[int], changed: list[tuple[int, bytes]], walker: ChainWalker, most: int, last: bool
) -> None:
    data = damaged(records(form, sizes), changed)
    assert alike(
        walker.records(data, 0, form, most=most, last=last), PLAIN.records(data, 0, form, most=most, last=last)
    )


@given(st.sampled_from(["<", ">"]), st.lists(st.integers(0, 24), max_size=60), changes, walkers, MOST)
def test_blocks(
    order: ByteOrder, sizes: list[int], changed: list[tuple[int, bytes]], walker: ChainWalker, most: int
) -> None:
    data = damaged(blocks(order, sizes * 20), changed)
    assert alike(walker.blocks(data, 0, order, most=most), PLAIN.blocks(data, 0, order, most=most))


@given(st.lists(st.integers(0, 24), min_size=20, max_size=60), st.sampled_from([64, 128]), st.integers(1, 4), MOST)
def test_a_chain_of_blocks(sizes: list[int], size: int, few: int, most: int) -> None:
    data = blocks("<", sizes)
    step = Step("<", 4, 0, 12)
    found, pos = Lanes(size=size, look=32, few=few)(data, 0, len(data) - 12, step, most)
    expected, end = one_by_one(data, 0, len(data) - 12, step, most)
    assert found.tolist() == expected.tolist()
    assert pos == end


@pytest.mark.parametrize("zeros", [0, 5000])
def test_a_large_buffer(zeros: int) -> None:
    data = records(FORMS[0], [60, 0, 130, 7] * 20_000) + bytes(zeros)
    found = LANES.records(data, 0, FORMS[0], most=1 << 62, last=True)
    assert alike(found, PLAIN.records(data, 0, FORMS[0], most=1 << 62, last=True))
    assert found.why is (Why.ZEROS if zeros else Why.END)
    assert len(found.offset) == 80_000
