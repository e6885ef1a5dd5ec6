"""A pcapng section's blocks as columns, and the packets among them."""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from netprobe.evidence import blocks as b
from netprobe.evidence.capture import Rows
from netprobe.evidence.timestamps import to_ns
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from netprobe.evidence.capture import Interface
    from netprobe.evidence.walker import ByteOrder


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A section's blocks as columns: where each starts in ``data``, its type and length."""

    data: bytes
    order: ByteOrder
    words: NDArray[np.uint32]
    start: NDArray[np.int64]
    kind: NDArray[np.uint32]
    length: NDArray[np.int64]

    def word(self, rows: NDArray[np.intp], k: int) -> NDArray[np.int64]:
        """The k-th 32-bit word of these blocks."""
        values: NDArray[np.int64] = self.words[(self.start[rows] >> 2) + k].astype(np.int64)
        return values

    def until(self, row: int) -> View:
        """The blocks before that one."""
        return replace(self, start=self.start[:row], kind=self.kind[:row], length=self.length[:row])


def view_of(data: bytes, order: ByteOrder, start: NDArray[np.int64]) -> View:
    """Return the blocks that start there as columns."""
    words = b.words(data, order)
    at = start >> 2
    return View(data=data, order=order, words=words, start=start, kind=words[at], length=words[at + 1].astype(np.int64))


def sound(view: View, known: int, most: int) -> tuple[View, int, str]:
    """Return the blocks before the first damaged one or the first interface beyond ``most``, where that one is, and what it is (``""``: there is none).

    Args:
        view: blocks of one section.
        known: interfaces of the section that were described before them.
        most: interfaces that may be described by them.
    """
    stop, pos = "", 0
    if len(bad := _too_short(view)):
        stop, pos, view = _ended(view, int(bad[0]))
    if len(bad := _bad_packet(view, known)):  # reads fields whose presence the first has checked
        stop, pos, view = _ended(view, int(bad[0]))
    beyond = np.flatnonzero(view.kind == b.IDB)[most:]
    if len(beyond):
        _, pos, view = _ended(view, int(beyond[0]))
        stop = "interfaces"
    return view, pos, stop


def _ended(view: View, row: int) -> tuple[str, int, View]:
    return f"block type 0x{int(view.kind[row]):x}", int(view.start[row]), view.until(row)


def _too_short(view: View) -> NDArray[np.intp]:
    bad = np.zeros(len(view.kind), np.bool_)
    for kind, least in b.MIN_LENGTH.items():
        bad |= (view.kind == kind) & (view.length < least)
    return np.flatnonzero(bad)


def _bad_packet(view: View, before: int) -> NDArray[np.intp]:
    """Packet blocks whose interface was not described before them, or whose data would not fit the block."""
    known = np.cumsum(view.kind == b.IDB) + before
    rows = np.flatnonzero((view.kind == b.EPB) | (view.kind == b.OPB))
    bad = (interface_id(view, rows) >= known[rows]) | (view.word(rows, 5) > view.length[rows] - 32)
    simple = np.flatnonzero(view.kind == b.SPB)
    return np.sort(np.concatenate([rows[bad], simple[known[simple] == 0]]))


def interface_id(view: View, rows: NDArray[np.intp]) -> NDArray[np.int64]:
    """Which of the section's interfaces packet blocks name."""
    ids = view.word(rows, 2)
    high, low = ids >> 16, ids & 0xFFFF  # the obsolete block has 16 bits of interface, then 16 of drop count
    return np.where(view.kind[rows] == b.EPB, ids, low if view.order == "<" else high)


def packet_rows(view: View, interfaces: Sequence[Interface], clocks: Clocks, *, base: int, frames: int) -> Rows:
    """Return the packets of sound blocks.

    Args:
        view: blocks of one section.
        interfaces: the section's, those in ``view`` included.
        clocks: of those.
        base: interfaces of the sections before it.
        frames: blocks before these that Wireshark shows as a frame.
    """
    number = np.cumsum(np.isin(view.kind, b.FRAME_KINDS)) + frames
    rows = np.flatnonzero((view.kind == b.EPB) | (view.kind == b.OPB) | (view.kind == b.SPB))
    simple = view.kind[rows] == b.SPB
    interface = np.where(simple, 0, interface_id(view, rows))
    caplen = np.where(simple, 0, view.word(rows, np.minimum(5, (view.length[rows] >> 2) - 1)))
    origlen = np.where(simple, view.word(rows, 2), view.word(rows, np.minimum(6, (view.length[rows] >> 2) - 1)))
    if simple.any():
        caplen = np.where(simple, _simple_caplen(view, rows, origlen, interfaces[0].snaplen), caplen)
    return Rows(
        offset=view.start[rows] + np.where(simple, 12, 28),
        caplen=caplen,
        origlen=origlen,
        time_ns=_times(view, rows, simple, interface, clocks),
        interface=(interface + base).astype(np.int32),
        frame=number[rows].astype(np.int64),
    )


def plain_rows(view: View, known: int, clocks: Clocks, *, base: int, frames: int) -> Rows | None:
    """Return the same of blocks that are sound Enhanced Packet Blocks without options and of one resolution, as most are; None where they are not."""
    if len(clocks.resolutions) != 1 or (view.kind != b.EPB).any() or (view.length < b.MIN_LENGTH[b.EPB]).any():
        return None
    first = view.start >> 2
    interface, caplen = view.words[first + 2].astype(np.int64), view.words[first + 5].astype(np.int64)
    padding = view.length - b.MIN_LENGTH[b.EPB] - caplen
    if (interface >= known).any() or (padding < 0).any() or (padding > 3).any():
        return None
    ticks = (view.words[first + 3].astype(np.uint64) << np.uint64(32)) | view.words[first + 4]
    return Rows(
        offset=view.start + 28,
        caplen=caplen,
        origlen=view.words[first + 6].astype(np.int64),
        time_ns=to_ns(ticks, next(iter(clocks.resolutions)), clocks.offset[interface]),
        interface=(interface + base).astype(np.int32),
        frame=np.arange(frames + 1, frames + 1 + len(first), dtype=np.int64),
    )


def _simple_caplen(view: View, rows: NDArray[np.intp], origlen: NDArray[np.int64], snaplen: int) -> NDArray[np.int64]:
    """A Simple Packet Block does not say how much was kept: it follows from the first interface's snap length."""
    kept = np.minimum(origlen, view.length[rows] - 16)
    return np.minimum(kept, snaplen) if snaplen else kept


class Clocks:
    """Resolution and offset of each interface of a section, as columns that grow."""

    def __init__(self) -> None:
        self.resolution = np.zeros(0, np.int64)
        self.offset = np.zeros(0, np.int64)
        self.resolutions: frozenset[int] = frozenset()

    def fork(self) -> Clocks:
        """The same so far."""
        return copy(self)  # its columns are replaced, never written to

    def add(self, interfaces: Sequence[Interface]) -> None:
        """Take further interfaces."""
        if interfaces:
            self.resolution = np.append(self.resolution, [item.tsresol for item in interfaces])
            self.offset = np.append(self.offset, [item.tsoffset for item in interfaces])
            self.resolutions |= {item.tsresol for item in interfaces}


def _times(
    view: View,
    rows: NDArray[np.intp],
    simple: NDArray[np.bool_],
    interface: NDArray[np.int64],
    clocks: Clocks,
) -> NDArray[np.int64]:
    out = np.zeros(len(rows), np.int64)  # a Simple Packet Block has no time
    if not len(rows):
        return out
    resolution, offset = clocks.resolution[interface], clocks.offset[interface]
    for value in sorted(clocks.resolutions):
        at = np.flatnonzero((resolution == value) & ~simple)
        ticks = (view.word(rows[at], 3).astype(np.uint64) << np.uint64(32)) | view.word(rows[at], 4).astype(np.uint64)
        out[at] = to_ns(ticks, value, offset[at])
    return out
