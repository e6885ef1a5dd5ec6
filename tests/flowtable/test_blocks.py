"""Packed rows are the rows: every column, every choice of rows, whatever is in them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netprobe.flowtable import blocks
from netprobe.flowtable.blocks import BLOCK, RowBlocks, field, packed, unpacked
from netprobe.flowtable.columns import FLOW
from netprobe.flowtable.state import STATE
from tests.flowtable.rows import several

ROWS = unpacked(several(BLOCK + 700).rows)
PACKED = RowBlocks.of(ROWS)


def test_columns_and_rows_are_the_same() -> None:
    assert PACKED[:].tobytes() == unpacked(PACKED).tobytes() == ROWS.tobytes()
    for name in FLOW.names or ():
        assert PACKED[name].dtype == ROWS[name].dtype, name
        assert np.array_equal(PACKED[name], ROWS[name]), name
        if ROWS[name].shape[1:] == (2,):
            assert all(np.array_equal(PACKED.column(name, side), ROWS[name][:, side]) for side in (0, 1)), name


@pytest.mark.parametrize(
    "wanted",
    [
        slice(0, 0), slice(5, 9), slice(BLOCK - 3, BLOCK + 3), slice(-2, None), slice(None, None, 7), np.array([3, 3, BLOCK + 1, 0, -1]),
        np.arange(len(ROWS))[::-1], np.arange(len(ROWS)) % 5 == 0, np.zeros(0, np.int64),
    ],
)  # fmt: skip
def test_a_choice_of_rows_is_the_same(wanted: slice | np.ndarray) -> None:
    assert PACKED[wanted].tobytes() == ROWS[wanted].tobytes()


def test_one_row_is_the_same() -> None:
    assert PACKED[BLOCK + 5] == ROWS[BLOCK + 5]
    assert len(PACKED) == len(ROWS)


def test_what_is_alike_takes_no_room() -> None:
    assert PACKED.nbytes < ROWS.nbytes / 3


@given(seed=st.integers(0, 1 << 32), size=st.integers(1, 600), share=st.floats(0, 1))
@settings(max_examples=40, deadline=None)
@pytest.mark.parametrize("dtype", [FLOW, STATE])
def test_any_bytes_are_packed_and_back(dtype: np.dtype[np.void], seed: int, size: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    words = rng.choice(
        np.array([0, 1, 254, 255, 65534, 65535, 1 << 31, (1 << 32) - 1], np.uint32), (size, dtype.itemsize // 4)
    )
    words[:, rng.random(words.shape[1]) < share] = words[0, 0]
    rows = np.ascontiguousarray(words).view(dtype).ravel()
    held = packed(rows)
    assert held.rows(dtype).tobytes() == rows.tobytes()
    some = rng.integers(0, size, 5)
    assert held.some(dtype, some).tobytes() == rows[some].tobytes()


def test_a_block_is_replaced() -> None:
    table, rows = RowBlocks.of(ROWS), ROWS[BLOCK:].copy()
    rows["errors"] += 1
    table.replace(1, rows)
    assert np.array_equal(table["errors"], np.append(ROWS["errors"][:BLOCK], rows["errors"]))


def test_blocks_are_full_but_for_the_last() -> None:
    table = RowBlocks()
    table.add(ROWS[:3])
    with pytest.raises(ValueError, match="no block"):
        table.add(ROWS[:3])
    with pytest.raises(ValueError, match="no block"):
        RowBlocks().add(ROWS[: BLOCK + 1])


def test_fields_are_whole_words_or_within_one() -> None:
    """So that most words are alike in all rows where the fields are."""
    for name in FLOW.names or ():
        dtype, offset = field(name)
        assert offset % 4 == 0 or offset % 4 + dtype.itemsize <= 4, name
    assert FLOW.itemsize % 4 == STATE.itemsize % 4 == 0
    assert 1 << blocks.BLOCK_BITS == BLOCK
