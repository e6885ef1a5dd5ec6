"""From record to record of a pcap file, from block to block of a pcapng section: as :mod:`netprobe.evidence.walker`, which says what ends a walk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.compiled.jit import compiled, inlined
from netprobe.compiled.reads import l32, u32
from netprobe.evidence.walker import MAX_BLOCK, MAX_KEPT, NOTHING, SHB, Why

if TYPE_CHECKING:
    from netprobe.compiled.reads import Buffer, Row

ZEROS_LENGTH = len(NOTHING)
END, SHORT, DAMAGED, ZEROS = int(Why.END), int(Why.SHORT), int(Why.DAMAGED), int(Why.ZEROS)
SECTION, ENOUGH = int(Why.SECTION), int(Why.ENOUGH)
NONE = -1  # go on


@inlined
def _word(b: Buffer, at: int, big: int) -> int:
    """Return four bytes, in the file's byte order."""
    return u32(b, at) if big else l32(b, at)


@compiled
def records(
    b: Buffer,
    pos: int,
    big: int,
    unit: int,
    head: int,
    last: int,
    offset: Row,
    caplen: Row,
    origlen: Row,
    time_ns: Row,
    ended: Row,
) -> int:
    """Walk records until one ends the walk, or the arrays are full. ``ended`` gets where, and why. Returns how many there are."""
    size, count, why = len(b), 0, NONE
    while count < len(offset):
        if size - pos < head:
            why = SHORT if pos < size else END
            break
        kept = _word(b, pos + 8, big)
        if kept > MAX_KEPT:
            why = DAMAGED
            break
        if kept > size - pos - head:
            why = SHORT
            break
        if kept == 0:
            why = _zeros(b, pos, last)
            if why != NONE:
                break
        offset[count], caplen[count], origlen[count] = pos + head, kept, _word(b, pos + 12, big)
        time_ns[count] = _word(b, pos, big) * 1_000_000_000 + _word(b, pos + 4, big) * unit
        count += 1
        pos += head + kept
    if why == NONE:
        why = _at_most(size - pos, head)
    ended[0], ended[1] = pos, why
    return count


@compiled
def _at_most(rest: int, head: int) -> int:
    """Why a walk ends that has found as many as were asked for: what is left may be too short for another header."""
    if rest == 0:
        return END
    return ENOUGH if rest >= head else SHORT


@compiled
def _zeros(b: Buffer, pos: int, last: int) -> int:
    """Tell space that nobody filled from a record without bytes."""
    end = min(len(b), pos + ZEROS_LENGTH)
    for at in range(pos, end):
        if b[at] != 0:
            return NONE
    if end == pos + ZEROS_LENGTH:
        return ZEROS
    return NONE if last else SHORT


@compiled
def blocks(b: Buffer, pos: int, big: int, start: Row, ended: Row) -> int:
    """Walk blocks until one ends the walk, or the array is full. ``ended`` gets where, and why. Returns how many there are."""
    size, count, why = len(b), 0, NONE
    while count < len(start):
        if size - pos < 12:
            why = SHORT if pos < size else END
            break
        if _word(b, pos, big) == SHB:
            why = SECTION
            break
        length = _word(b, pos + 4, big)
        if length < 12 or length & 3 or length > MAX_BLOCK:
            why = DAMAGED
            break
        if length > size - pos:
            why = SHORT
            break
        if _word(b, pos + length - 4, big) != length:
            why = DAMAGED
            break
        start[count] = pos
        count += 1
        pos += length
    if why == NONE:
        why = _at_most(size - pos, 12)
    ended[0], ended[1] = pos, why
    return count
