"""Timestamps of every resolution, held against exact arithmetic."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from netprobe.evidence.timestamps import MAX_SECONDS, to_ns


@given(
    ticks=st.integers(0, (1 << 64) - 1),
    tsresol=st.integers(0, 255),
    offset=st.one_of(st.integers(-(1 << 63), (1 << 63) - 1), st.integers(-(10**10), 10**10)),
)
def test_exact_within_a_nanosecond(ticks: int, tsresol: int, offset: int) -> None:
    (got,) = to_ns(np.array([ticks], np.uint64), tsresol, np.array([offset], np.int64)).tolist()
    unit = Fraction(1, 2 ** (tsresol & 127)) if tsresol & 128 else Fraction(1, 10**tsresol)
    seconds = ticks * unit
    if seconds < MAX_SECONDS and abs(offset) < MAX_SECONDS and abs(seconds + offset) < MAX_SECONDS:
        assert abs(got - (seconds + offset) * 10**9) < 2
    else:
        assert abs(got) <= (MAX_SECONDS + 1) * 10**9
