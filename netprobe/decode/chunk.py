"""The decoder's tools: reading many packets' bytes at once, and the rows that stand before a layer.

The buffer is seen as unsigned big-endian integers that begin at *every* byte (numpy arrays with a stride of one byte), so
that one indexing operation reads a field of all packets, unaligned, without copying the buffer. Every layer first drops
the rows that keep too few bytes (:meth:`Chunk.need`), so no index is ever out of bounds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from netprobe.decode.table import Anomaly
    from netprobe.decode.tunnels import Inside

    Ints = NDArray[np.int64]
    Mask = NDArray[np.bool_]


class Bytes:
    """A buffer, read at many positions at once; every method gives int64 (``u64``: uint64)."""

    __slots__ = ("_u8", "_u16", "_u32", "_u64")

    def __init__(self, data: bytes) -> None:
        self._u8 = _every_byte(data, 1)
        self._u16 = _every_byte(data, 2)
        self._u32 = _every_byte(data, 4)
        self._u64 = _every_byte(data, 8)

    def u8(self, at: Ints) -> Ints:
        """One byte at each position."""
        return self._u8[at].astype(np.int64)

    def u16(self, at: Ints) -> Ints:
        """Two bytes, in network order."""
        return self._u16[at].astype(np.int64)

    def u32(self, at: Ints) -> Ints:
        """Four bytes, in network order."""
        return self._u32[at].astype(np.int64)

    def u48(self, at: Ints) -> Ints:
        """Six bytes, in network order: a MAC address."""
        return (self.u16(at) << 32) | self.u32(at + 2)

    def u64(self, at: Ints) -> NDArray[np.uint64]:
        """Eight bytes, in network order."""
        return self._u64[at].astype(np.uint64)


def _every_byte(data: bytes, size: int) -> NDArray[Any]:
    """All integers of ``size`` bytes in the buffer, one beginning at each byte."""
    count = len(data) - size + 1
    if count <= 0:
        return np.zeros(0, f"u{size}")
    return np.ndarray((count,), f">u{size}", data, strides=(1,))


@dataclass(frozen=True, slots=True)
class Layer:
    """Rows that stand at the beginning of a layer.

    Attributes:
        rows: which rows of the chunk.
        at: where in the buffer the layer begins.
        cap: where the kept bytes end that may belong to it.
        wire: where it ends on the wire (never less than ``at`` of a valid packet; may be past ``cap``).
    """

    rows: Ints
    at: Ints
    cap: Ints
    wire: Ints

    def pick(self, which: Mask | Ints) -> Layer:
        """Some of the rows, by mask or by position."""
        return Layer(self.rows[which], self.at[which], self.cap[which], self.wire[which])

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True, slots=True)
class Chunk:
    """A run of rows being decoded: the buffer, views of the table's columns for these rows, and what gathers packets inside of them (None: nothing does)."""

    bytes: Bytes
    columns: Mapping[str, NDArray[Any]]
    inside: Inside | None = None

    def put(self, column: str, rows: Ints, values: NDArray[Any] | int) -> None:
        """Fill a column for some rows."""
        self.columns[column][rows] = values

    def mark(self, rows: Ints, anomaly: Anomaly) -> None:
        """Note an oddity of some rows."""
        self.columns["anomaly"][rows] |= np.uint16(anomaly)

    def need(self, layer: Layer, count: int | Ints, anomaly: Anomaly) -> Layer:
        """The rows that keep at least ``count`` more bytes; the others are marked and left behind."""
        enough = layer.at + count <= layer.cap
        return self.keep(layer, enough, anomaly)

    def keep(self, layer: Layer, good: Mask, anomaly: Anomaly) -> Layer:
        """The good rows; the others are marked and left behind."""
        if good.all():
            return layer
        self.mark(layer.rows[~good], anomaly)
        return layer.pick(good)
