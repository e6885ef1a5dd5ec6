"""Records of pcap files as pcapng's Enhanced Packet Blocks, all of a buffer at once.

Packets of one length are moved together, as items of that many bytes at any place: so that numpy copies each as a whole, and there is no object a packet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netprobe.evidence.blocks import EPB

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from netprobe.evidence.capture import Rows

_HEADER, _FRAME = (
    28,
    32,
)  # bytes of a block before the packet, and of all that is not the packet, its padding or its options
_NOTHING = np.zeros(1, "V4")
_MANY = 8  # packets of one length for which that is quicker than one by one


class BlockMaker:
    """Makes blocks, all in one buffer: what it gave is good until it is asked again."""

    def __init__(self) -> None:
        self._buffer = np.zeros(0, np.uint8)

    def blocks(self, data: bytes, rows: Rows, unit: int, options: Mapping[int, bytes]) -> memoryview:
        """Return the blocks, little-endian.

        Args:
            data: where the packets are.
            rows: the records, at least one; their interface is the file's first.
            unit: ns that one tick of their times is.
            options: of some rows: all bytes of a block's options.
        """
        padded = rows.caplen + (-rows.caplen & 3)
        length = _FRAME + padded
        for row, each in options.items():
            length[row] += len(each)
        end = np.cumsum(length)
        begin = end - length
        if int(end[-1]) > len(self._buffer):
            self._buffer = np.empty(int(end[-1]) * 5 // 4, np.uint8)
        out = self._buffer[: int(end[-1])]
        _items(out, 4)[begin + _HEADER + padded - 4] = _NOTHING  # padding; what it is too much is written over
        _items(out, _HEADER)[begin] = _headers(rows, length, unit)
        _items(out, 4)[end - 4] = length.astype("<u4").view("V4")
        _move(data, rows.offset, out, begin + _HEADER, rows.caplen)
        view = out.data
        for row, each in options.items():
            at = int(begin[row] + _HEADER + padded[row])
            view[at : at + len(each)] = each
        return view


def _headers(rows: Rows, length: NDArray[np.int64], unit: int) -> NDArray[np.void]:
    head = np.empty((len(length), 7), "<u4")
    ticks = np.maximum(rows.time_ns, 0) // unit
    columns = (EPB, length, 0, ticks >> 32, ticks & 0xFFFFFFFF, rows.caplen, rows.origlen & 0xFFFFFFFF)
    for number, column in enumerate(columns):
        head[:, number] = column
    return head.view(f"V{_HEADER}").ravel()


def _items(buffer: NDArray[np.uint8] | bytes, size: int) -> NDArray[np.void]:
    """A buffer as items of so many bytes, one at each place."""
    return np.ndarray((max(len(buffer) - size + 1, 0),), f"V{size}", buffer, strides=(1,))


def _move(
    data: bytes, source: NDArray[np.int64], out: NDArray[np.uint8], target: NDArray[np.int64], size: NDArray[np.int64]
) -> None:
    """Copy so many bytes from each place to each place."""
    order = np.argsort(size, kind="stable")
    ordered = size[order]
    first = np.flatnonzero(np.diff(ordered, prepend=-1))
    last = np.append(first[1:], len(order))
    view, given = out.data, memoryview(data)
    for begin, end in zip(first.tolist(), last.tolist(), strict=True):
        rows, length = order[begin:end], int(ordered[begin])
        if length and end - begin >= _MANY:
            _items(out, length)[target[rows]] = _items(data, length)[source[rows]]
        elif length:
            for there, here in zip(target[rows].tolist(), source[rows].tolist(), strict=True):
                view[there : there + length] = given[here : here + length]
