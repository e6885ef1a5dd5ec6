"""Reading numbers in network order. Nothing is checked here: who reads has made sure that the bytes were kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netprobe.compiled.jit import inlined

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Buffer = NDArray[np.uint8]
    Row = NDArray[np.int64]


@inlined
def u8(b: Buffer, at: int) -> int:
    """Return one byte."""
    return np.int64(b[at])  # type: ignore[return-value]


@inlined
def u16(b: Buffer, at: int) -> int:
    """Return two bytes."""
    return (np.int64(b[at]) << 8) | np.int64(b[at + 1])  # type: ignore[return-value]


@inlined
def u32(b: Buffer, at: int) -> int:
    """Return four bytes."""
    return (u16(b, at) << 16) | u16(b, at + 2)


@inlined
def l32(b: Buffer, at: int) -> int:
    """Return four bytes, of which the least comes first."""
    return u8(b, at) | u8(b, at + 1) << 8 | u8(b, at + 2) << 16 | u8(b, at + 3) << 24


@inlined
def u48(b: Buffer, at: int) -> int:
    """Return six bytes: a MAC address."""
    return (u16(b, at) << 32) | u32(b, at + 2)


@inlined
def u64(b: Buffer, at: int) -> int:
    """Return eight bytes, as the int64 of the same bits."""
    return (u32(b, at) << 32) | u32(b, at + 4)
