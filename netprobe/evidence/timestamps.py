"""pcapng timestamps of any resolution to Unix nanoseconds, without overflow on hostile values."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_SECONDS = 9_000_000_000  # the year 2255: as far as int64 nanoseconds reach, less a margin for the fraction
_BILLION = np.uint64(1_000_000_000)


def to_ns(ticks: NDArray[np.uint64], tsresol: int, offset_s: NDArray[np.int64]) -> NDArray[np.int64]:
    """Unix ns of timestamps in units of ``if_tsresol`` plus ``if_tsoffset`` seconds.

    Args:
        ticks: the 64-bit timestamps.
        tsresol: the option's byte: 10^-n seconds, or 2^-n with the high bit set.
        offset_s: seconds to add, one a packet. Results are held within +-:data:`MAX_SECONDS`.
    """
    seconds, fraction = _binary(ticks, tsresol & 0x7F) if tsresol & 0x80 else _decimal(ticks, tsresol)
    whole = np.minimum(seconds, np.uint64(MAX_SECONDS)).astype(np.int64)
    whole = np.clip(whole + np.clip(offset_s, -MAX_SECONDS, MAX_SECONDS), -MAX_SECONDS, MAX_SECONDS)
    return whole * 1_000_000_000 + fraction.astype(np.int64)


def _decimal(ticks: NDArray[np.uint64], digits: int) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    if digits > 19:  # a full 64-bit count is less than two seconds
        return np.zeros_like(ticks), ticks // np.uint64(10 ** min(digits - 9, 19))
    unit = np.uint64(10**digits)
    seconds, rest = ticks // unit, ticks % unit
    if digits <= 9:
        return seconds, rest * np.uint64(10 ** (9 - digits))
    return seconds, rest // np.uint64(10 ** (digits - 9))


def _binary(ticks: NDArray[np.uint64], bits: int) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    if bits >= 64:
        seconds, rest = np.zeros_like(ticks), ticks
    else:
        seconds, rest = ticks >> np.uint64(bits), ticks & np.uint64((1 << bits) - 1)
    if bits > 32:  # keep 32 bits of fraction: 0.23 ns
        rest = rest >> np.uint64(min(bits - 32, 63))
        bits = 32
    return seconds, (rest * _BILLION) >> np.uint64(bits)
