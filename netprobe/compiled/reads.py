"""Reading numbers in network order. Nothing is checked here: who reads has made sure that the bytes were kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netprobe.compiled.jit import inlined

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Buffer = NDArray[np.uint8]
    Row = NDArray[np.int64]


_1, _2, _3 = np.uint64(1), np.uint64(2), np.uint64(3)


@inlined
def u8(b: Buffer, at: int) -> int:
    """Return one byte."""
    return np.int64(b[np.uint64(at)])  # type: ignore[return-value]


@inlined
def u16(b: Buffer, at: int) -> int:
    """Return two bytes. Places are unsigned: numba would ask of each whether it counts from the end."""
    p = np.uint64(at)
    return (np.int64(b[p]) << 8) | np.int64(b[p + _1])  # type: ignore[return-value]


@inlined
def u32(b: Buffer, at: int) -> int:
    """Return four bytes."""
    p = np.uint64(at)
    high = np.int64(b[p]) << 24 | np.int64(b[p + _1]) << 16
    return high | np.int64(b[p + _2]) << 8 | np.int64(b[p + _3])  # type: ignore[return-value]


@inlined
def l32(b: Buffer, at: int) -> int:
    """Return four bytes, of which the least comes first."""
    p = np.uint64(at)
    high = np.int64(b[p + _2]) << 16 | np.int64(b[p + _3]) << 24
    return high | np.int64(b[p]) | np.int64(b[p + _1]) << 8  # type: ignore[return-value]


@inlined
def u48(b: Buffer, at: int) -> int:
    """Return six bytes: a MAC address."""
    return (u16(b, at) << 32) | u32(b, at + 2)


@inlined
def u64(b: Buffer, at: int) -> int:
    """Return eight bytes, as the int64 of the same bits."""
    return (u32(b, at) << 32) | u32(b, at + 4)
