"""Walkers: from record to record of a pcap file, from block to block of a pcapng section, inside one buffer.

A walker knows where records stand and no more; what they say is the readers' (:mod:`pcap`, :mod:`pcapng`). There may be several that differ in
speed alone: :data:`PLAIN` here is plain Python. All of them return the same for the same bytes, and read nothing outside the buffer.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

ByteOrder = Literal["<", ">"]

SHB = 0x0A0D0D0A
"""A pcapng section header: it reads the same in both byte orders."""

MAX_KEPT = 1 << 28
"""No tool keeps more of a packet than 256 MiB (libpcap's largest accepted record): a longer one is damage."""

MAX_BLOCK = MAX_KEPT + (1 << 16)
"""Nor writes a longer block than such a packet needs."""

NOTHING = bytes(1024)
"""64 packets of no bytes at no time: space that a file was given and that nobody filled. 2 GiB of it would be 134 million packets."""


class Why(IntEnum):
    """Why a walk ended where it did."""

    END = 0  # the buffer ends there
    SHORT = 1  # what begins there is not all in the buffer
    DAMAGED = 2  # what is there is no record or block
    ZEROS = 3  # records: nothing but zeros (NOTHING)
    SECTION = 4  # blocks: a section header
    ENOUGH = 5  # as many as were asked for


class RecordForm(NamedTuple):
    """How a pcap file's records are laid out.

    Attributes:
        order: byte order.
        unit: ns a unit of the time's fraction.
        head: bytes of a record's header: seconds, fraction, bytes kept, bytes on the wire, 4 bytes each, and what the format adds.
    """

    order: ByteOrder
    unit: int
    head: int


class Records(NamedTuple):
    """Whole records, in file order; int64, offsets in the buffer. ``pos``: where the walk ended."""

    offset: NDArray[np.int64]  # of the packet's first byte
    caplen: NDArray[np.int64]
    origlen: NDArray[np.int64]
    time_ns: NDArray[np.int64]
    pos: int
    why: Why


class Blocks(NamedTuple):
    """Whole blocks, in file order: where each starts (int64). ``pos``: where the walk ended."""

    start: NDArray[np.int64]
    pos: int
    why: Why


class RecordWalker(Protocol):
    """What finds records and blocks. Never raises on any bytes."""

    def records(self, data: bytes, pos: int, form: RecordForm, *, most: int, last: bool) -> Records:
        """Walk pcap records from ``pos`` on.

        A record that keeps more than :data:`MAX_KEPT` bytes is ``DAMAGED``, whether or not the buffer holds it. At one that keeps no byte:
        ``ZEROS`` where :data:`NOTHING` begins there, ``SHORT`` where the buffer ends before that can be told and is not the ``last``.

        Args:
            data: the buffer.
            pos: where a record begins in it.
            form: the file's layout.
            most: so many records, then ``ENOUGH``.
            last: the file ends where the buffer does.
        """
        ...

    def blocks(self, data: bytes, pos: int, order: ByteOrder, *, most: int) -> Blocks:
        """Walk pcapng blocks (type, length, body, length) from ``pos`` on, up to the section's end.

        A block whose length is below 12, no multiple of 4, above :data:`MAX_BLOCK`, or not repeated at its end, is ``DAMAGED``.

        Args:
            data: the buffer; it begins at a multiple of 4 of the file.
            pos: where a block begins in it.
            order: the section's byte order.
            most: so many blocks, then ``ENOUGH``.
        """
        ...


class _Plain:
    """One record at a time: about 0.2 µs a record, 0.5 µs a block."""

    def records(self, data: bytes, pos: int, form: RecordForm, *, most: int, last: bool) -> Records:
        starts, caplens, pos, why = _walk_records(data, pos, form, most, last)
        return gathered(data, np.array(starts, np.int64), np.array(caplens, np.int64), form, pos, why)

    def blocks(self, data: bytes, pos: int, order: ByteOrder, *, most: int) -> Blocks:
        starts, pos, why = _walk_blocks(data, pos, order, most)
        return Blocks(np.array(starts, np.int64), pos, why)


PLAIN: RecordWalker = _Plain()


def _walk_records(
    data: bytes, pos: int, form: RecordForm, most: int, last: bool
) -> tuple[list[int], list[int], int, Why]:
    caplen_at, head = struct.Struct(form.order + "I").unpack_from, form.head
    size = len(data)
    starts: list[int] = []
    caplens: list[int] = []
    while len(starts) < most:
        if size - pos < head:
            return starts, caplens, pos, Why.SHORT if pos < size else Why.END
        caplen = caplen_at(data, pos + 8)[0]
        end = pos + head + caplen
        if end > size or caplen > MAX_KEPT:
            return starts, caplens, pos, Why.DAMAGED if caplen > MAX_KEPT else Why.SHORT
        if not caplen and (why := _zeros(data, pos, last)):
            return starts, caplens, pos, why
        starts.append(pos)
        caplens.append(caplen)
        pos = end
    return starts, caplens, pos, Why.ENOUGH if pos < size else Why.END


def _zeros(data: bytes, pos: int, last: bool) -> Why | None:
    if data.startswith(NOTHING, pos):
        return Why.ZEROS
    rest = len(data) - pos
    return Why.SHORT if not last and rest < len(NOTHING) and data.endswith(NOTHING[:rest]) else None


def gathered(
    data: bytes, start: NDArray[np.int64], caplen: NDArray[np.int64], form: RecordForm, pos: int, why: Why
) -> Records:
    """The records that start there, with what their headers say."""
    words = np.ndarray((max(len(data) - 3, 0),), np.dtype(form.order + "u4"), data, strides=(1,))  # one at every byte
    time_ns = words[start].astype(np.int64)
    time_ns *= 1_000_000_000
    time_ns += words[start + 4].astype(np.int64) * form.unit
    return Records(start + form.head, caplen, words[start + 12].astype(np.int64), time_ns, pos, why)


def _walk_blocks(data: bytes, pos: int, order: ByteOrder, most: int) -> tuple[list[int], int, Why]:
    head, tail = struct.Struct(order + "II").unpack_from, struct.Struct(order + "I").unpack_from
    size = len(data)
    starts: list[int] = []
    while len(starts) < most:
        if size - pos < 12:
            return starts, pos, Why.SHORT if pos < size else Why.END
        kind, length = head(data, pos)
        if kind == SHB:
            return starts, pos, Why.SECTION
        end = pos + length
        if length < 12 or length & 3 or length > MAX_BLOCK:
            return starts, pos, Why.DAMAGED
        if end > size:
            return starts, pos, Why.SHORT
        if tail(data, end - 4)[0] != length:
            return starts, pos, Why.DAMAGED
        starts.append(pos)
        pos = end
    return starts, pos, Why.ENOUGH if pos < size else Why.END
