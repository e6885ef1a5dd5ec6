"""Walkers: from record to record of a pcap file, from block to block of a pcapng section, inside one buffer.

A walker knows where records stand and no more; what they say is the readers' (:mod:`pcap`, :mod:`pcapng`). There may be several that differ in
speed alone: :data:`PLAIN` here is plain Python, for many records at once there is :data:`netprobe.evidence.lanes.LANES`. All of them return the same
for the same bytes, and read nothing outside the buffer.
"""

from __future__ import annotations

import struct
from array import array
from enum import IntEnum
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

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


class Lengths(IntEnum):
    """In which order a record's header has how much of the packet was kept and how much was on the wire."""

    KEPT_FIRST = 0
    WIRE_FIRST = 1
    EITHER = 2  # the kept one is the smaller


class RecordForm(NamedTuple):
    """How a pcap file's records are laid out.

    Attributes:
        order: byte order.
        unit: ns a unit of the time's fraction.
        head: bytes of a record's header: seconds, fraction, bytes kept, bytes on the wire, 4 bytes each, and what the format adds.
        lengths: which of the two lengths comes first. Anything but ``KEPT_FIRST`` is for :data:`PLAIN` alone.
    """

    order: ByteOrder
    unit: int
    head: int
    lengths: Lengths = Lengths.KEPT_FIRST


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
            most: so many records, at least 1, then ``ENOUGH``.
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
            most: so many blocks, at least 1, then ``ENOUGH``.
        """
        ...


class Step(NamedTuple):
    """How far it is from one record, or block, to the next.

    Attributes:
        order: byte order.
        at: where in a record its length stands, 4 bytes.
        more: bytes that the length does not count.
        least: a length with these that is below that is none.
    """

    order: ByteOrder
    at: int
    more: int
    least: int


class RecordChain(Protocol):
    """What goes from record to record."""

    def __call__(self, data: bytes, pos: int, final: int, step: Step, most: int) -> tuple[NDArray[np.int64], int]:
        """Return where the records from ``pos`` on start, and where the one behind them would.

        Args:
            data: the buffer.
            pos: where the first one starts.
            final: none starts behind it, for want of room.
            step: how far it is to the next.
            most: so many at most.
        """
        ...


def one_by_one(data: bytes, pos: int, final: int, step: Step, most: int) -> tuple[NDArray[np.int64], int]:
    """As :class:`RecordChain` says: 0.1 µs each."""
    length_at, more = struct.Struct(f"{step.order}{step.at}xI").unpack_from, step.more
    starts = array("q")
    append = starts.append
    for _ in range(most):
        if pos > final:
            break
        append(pos)
        pos += more + length_at(data, pos)[0]
    return np.frombuffer(starts, np.int64), pos


class ChainWalker:
    """Looks at many records at once, once a chain has gone through them."""

    def __init__(self, chain: RecordChain) -> None:
        self._chain = chain

    def records(self, data: bytes, pos: int, form: RecordForm, *, most: int, last: bool) -> Records:
        """As :class:`RecordWalker` says."""
        parts, count, why = [np.zeros(0, np.int64)], 0, Why.ENOUGH
        chain = self._chain if form.lengths is not Lengths.EITHER else _by_the_smaller
        while why is Why.ENOUGH and count < most:
            start, pos, why = _walk_records(chain, data, pos, form, min(most - count, _BATCH), last)
            parts.append(start)
            count += len(start)
        return gathered(data, np.concatenate(parts) if len(parts) > 2 else parts[-1], form, pos, why)

    def blocks(self, data: bytes, pos: int, order: ByteOrder, *, most: int) -> Blocks:
        """As :class:`RecordWalker` says."""
        parts, count, why = [np.zeros(0, np.int64)], 0, Why.ENOUGH
        batch = _FIRST  # a section may be short, and the walk runs on into the next one
        while why is Why.ENOUGH and count < most:
            chain = self._chain if batch == _BATCH else one_by_one
            start, pos, why = _walk_blocks(chain, data, pos, order, min(most - count, batch))
            batch = min(4 * batch, _BATCH)
            parts.append(start)
            count += len(start)
        return Blocks(np.concatenate(parts) if len(parts) > 2 else parts[-1], pos, why)


_LEAST_BLOCK = 12
_FIRST, _BATCH = 1 << 6, 1 << 16  # records after which it is looked whether they are any

PLAIN: RecordWalker = ChainWalker(one_by_one)


def _by_the_smaller(data: bytes, pos: int, final: int, step: Step, most: int) -> tuple[NDArray[np.int64], int]:
    """The chain through records with two lengths of which the smaller one counts."""
    both = struct.Struct(step.order + "8xII").unpack_from
    starts = array("q")
    for _ in range(most):
        if pos > final:
            break
        starts.append(pos)
        pos += step.more + min(both(data, pos))
    return np.frombuffer(starts, np.int64), pos


def _walk_records(
    chain: RecordChain, data: bytes, pos: int, form: RecordForm, most: int, last: bool
) -> tuple[NDArray[np.int64], int, Why]:
    """Where whole records start, where the walk ended, and why."""
    size, head = len(data), form.head
    final = size - head  # no header begins behind it
    step = Step(form.order, 12 if form.lengths is Lengths.WIRE_FIRST else 8, head, head)
    start, pos = chain(data, pos, final, step, most)
    why = Why.END if pos == size else Why.ENOUGH if pos <= final else Why.SHORT
    if pos > size:
        start, pos = start[:-1], int(start[-1])
        why = Why.DAMAGED if _caplen_of(form)(data, pos)[0] > MAX_KEPT else Why.SHORT
    return _before_damage(data, start, pos, why, head, last)


def _caplen_of(form: RecordForm) -> Callable[[bytes, int], tuple[int, ...]]:
    """What reads, first in a tuple, how much a record keeps."""
    if form.lengths is not Lengths.EITHER:
        return struct.Struct(form.order + ("8xI" if form.lengths is Lengths.KEPT_FIRST else "12xI")).unpack_from
    both = struct.Struct(form.order + "8xII").unpack_from
    return lambda data, pos: (min(both(data, pos)),)


def _before_damage(
    data: bytes, start: NDArray[np.int64], pos: int, why: Why, head: int, last: bool
) -> tuple[NDArray[np.int64], int, Why]:
    """The same up to the first record that is too long, or no packet but space that nobody filled."""
    length = np.diff(start, append=pos)
    for row in np.flatnonzero((length == head) | (length > head + MAX_KEPT)):
        at = int(start[row])
        if length[row] > head:
            return start[:row], at, Why.DAMAGED
        rest = len(data) - at
        if data.startswith(NOTHING, at):
            return start[:row], at, Why.ZEROS
        if not last and rest < len(NOTHING) and data.endswith(NOTHING[:rest]):
            return start[:row], at, Why.SHORT
    return start, pos, why


def gathered(data: bytes, start: NDArray[np.int64], form: RecordForm, pos: int, why: Why) -> Records:
    """Return the records that start there, the last of them ending at ``pos``, with what their headers say."""
    words = np.ndarray((max(len(data) - 3, 0),), np.dtype(form.order + "u4"), data, strides=(1,))  # one at every byte
    time_ns = words[start].astype(np.int64)
    time_ns *= 1_000_000_000
    time_ns += words[start + 4].astype(np.int64) * form.unit
    caplen = np.diff(start, append=pos) - form.head
    wire = words[start + (8 if form.lengths is Lengths.WIRE_FIRST else 12)].astype(np.int64)
    if form.lengths is Lengths.EITHER:
        wire = np.maximum(wire, words[start + 8])
    return Records(start + form.head, caplen, wire, time_ns, pos, why)


def _walk_blocks(
    chain: RecordChain, data: bytes, pos: int, order: ByteOrder, most: int
) -> tuple[NDArray[np.int64], int, Why]:
    """Where whole blocks start, where the walk ended, and why."""
    size = len(data)
    final = size - _LEAST_BLOCK  # no block begins behind it
    start, pos = chain(data, pos, final, Step(order, 4, 0, _LEAST_BLOCK), most)
    why = Why.END if pos == size else Why.ENOUGH if pos <= final else Why.SHORT
    return _before_bad(data, order, start, pos, why)


def _before_bad(
    data: bytes, order: ByteOrder, start: NDArray[np.int64], pos: int, why: Why
) -> tuple[NDArray[np.int64], int, Why]:
    """The same up to the first that is a section header, no block, or not whole."""
    length = np.diff(start, append=pos)
    bad = np.flatnonzero((length < 12) | (length & 3 != 0) | (length > MAX_BLOCK) | (start + length > len(data)))
    ends = [(int(row), Why.DAMAGED if _odd(int(length[row])) else Why.SHORT) for row in bad[:1]]
    words = np.frombuffer(data, np.dtype(order + "u4"), count=len(data) >> 2)
    upto = int(bad[0]) if len(bad) else len(start)
    sections = np.flatnonzero(words[start[: upto + 1] >> 2] == SHB)
    ends += [(int(row), Why.SECTION) for row in sections[:1]]
    differ = np.flatnonzero(words[((start[:upto] + length[:upto]) >> 2) - 1] != length[:upto])
    ends += [(int(row), Why.DAMAGED) for row in differ[:1]]
    if not ends:
        return start, pos, why
    row, why = min(ends, key=lambda end: (end[0], end[1] is not Why.SECTION))
    return start[:row], int(start[row]), why


def _odd(length: int) -> bool:
    return length < 12 or length & 3 != 0 or length > MAX_BLOCK
