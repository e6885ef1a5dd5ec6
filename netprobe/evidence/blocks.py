"""pcapng's block structure, walked once: where each block begins, and why the walk ended.

A pcapng file is a list of sections, each in its own byte order, each a list of blocks ``type, length, body, length``.
Every length is a multiple of 4 and the first block starts at 0, so every block starts on a 32-bit word: one walk in plain
Python collects the starts, and all fields are then gathered with numpy from a word view of the same buffer.

Source: draft-ietf-opsawg-pcapng (block and option codes), wireshark wiretap/pcapng.c (which blocks count as frames,
minimal lengths; checked with tshark 4.0.17).
"""

from __future__ import annotations

import struct
from dataclasses import field
from typing import TYPE_CHECKING, Literal

import numpy as np

from netprobe.evidence import capture as c
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

ByteOrder = Literal["<", ">"]

SHB = 0x0A0D0D0A
IDB = 1
OPB = 2  # the obsolete Packet Block
SPB = 3
ISB = 5
EPB = 6
JOURNAL = 9  # systemd journal export
CUSTOM = 0x00000BAD
CUSTOM_NO_COPY = 0x40000BAD
SYSDIG = (0x204, 0x216, 0x221)

PCAPNG_MAGIC = b"\n\r\r\n"  # a file begins with a section header
BYTE_ORDER_MAGIC = 0x1A2B3C4D
PEN = 32473  # the private enterprise number reserved for examples (RFC 5612)

FRAME_KINDS = (OPB, SPB, EPB, JOURNAL, CUSTOM, CUSTOM_NO_COPY, *SYSDIG)
"""Block types that Wireshark shows as a frame, and so numbers."""

MIN_LENGTH = {IDB: 20, OPB: 32, SPB: 16, ISB: 24, EPB: 32, JOURNAL: 36, CUSTOM: 16, CUSTOM_NO_COPY: 16}
"""Shorter blocks of these types are damaged: reading stops there, as it does in Wireshark."""

MAX_SECTIONS = 4096
MAX_INTERFACES = 4096
"""More of them in one file is no capture: a bound on work done one by one."""

MAX_OPTIONS = 64
"""Options of one block that are looked at: writers write some ten, and a block may be as large as the file."""

OPT_END, OPT_USERAPPL = 0, 4
IF_NAME, IF_TSRESOL, IF_FILTER, IF_TSOFFSET = 2, 9, 11, 14
ISB_IFRECV, ISB_IFDROP, ISB_OSDROP = 4, 5, 7
EPB_DROPCOUNT = 4

STATISTICS_BYTES = 52
"""An ISB as netprobe writes it, with both of its counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One section.

    Attributes:
        order: its byte order.
        starts: where its blocks start; the section header itself is left out.
        end: where its header says that it ends; before its first block where the header does not say.
    """

    order: ByteOrder
    starts: NDArray[np.int64]
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """All sections in file order.

    Attributes:
        sections: the sections that could be entered.
        stop: one phrase on why the walk ended before the end of the file, ``""`` when it did not.
        missing: the bytes by which the file is shorter than its last section header says, though it ends where a block does.
    """

    sections: tuple[Section, ...] = ()
    stop: str = field(default="")
    missing: int = 0


def walk(data: bytes) -> Walk:
    """Find every block of a pcapng file. Never raises: what is damaged ends the walk and says so."""
    sections: list[Section] = []
    pos, blocks, stop = 0, 0, ""
    while pos < len(data) and not stop:
        if len(sections) == MAX_SECTIONS:
            stop = damaged(pos, f"more than {MAX_SECTIONS} sections")
            break
        section, pos, stop = _walk_section(data, pos, c.MAX_PACKETS - blocks)
        if section is not None:
            sections.append(section)
            blocks += len(section.starts)
    missing = max(0, sections[-1].end - len(data)) if sections and not stop else 0
    return Walk(sections=tuple(sections), stop=stop or (_short(pos, missing) if missing else ""), missing=missing)


def _walk_section(data: bytes, start: int, most: int) -> tuple[Section | None, int, str]:
    order = _byte_order(data, start)
    if order is None or len(data) - start < 28:
        return None, start, _cut(start) if len(data) - start < 28 else damaged(start, "no section header")
    length, _, major, _, promised = struct.unpack_from(order + "IIHHq", data, start + 4)
    if length < 28 or length & 3 or major != 1:
        return None, start, damaged(start, f"section header of length {length}, version {major}")
    if start + length > len(data):
        return None, start, _cut(start)
    starts, end, stop = _walk_blocks(data, start + length, order, most)
    section = Section(order=order, starts=np.array(starts, np.int64), end=start + length + promised)
    return section, end, stop


def _walk_blocks(data: bytes, pos: int, order: str, most: int) -> tuple[list[int], int, str]:
    """The hot loop: about half a microsecond a block."""
    head, tail = struct.Struct(order + "II").unpack_from, struct.Struct(order + "I").unpack_from
    size = len(data)
    starts: list[int] = []
    for _ in range(most):
        if pos == size:
            return starts, pos, ""
        if size - pos < 12:
            return starts, pos, _cut(pos)
        kind, length = head(data, pos)
        if kind == SHB:  # reads the same in both byte orders
            return starts, pos, ""
        if length < 12 or length & 3:
            return starts, pos, damaged(pos, f"block length {length}")
        end = pos + length
        if end > size:
            return starts, pos, _cut(pos)
        if tail(data, end - 4)[0] != length:
            return starts, pos, damaged(pos, "the block's two lengths differ")
        starts.append(pos)
        pos = end
    return starts, pos, "" if pos == size else too_many(pos)


def _byte_order(data: bytes, start: int) -> ByteOrder | None:
    if data[start : start + 4] != PCAPNG_MAGIC:
        return None
    magic = data[start + 8 : start + 12]
    if magic == BYTE_ORDER_MAGIC.to_bytes(4, "little"):
        return "<"
    return ">" if magic == BYTE_ORDER_MAGIC.to_bytes(4, "big") else None


def damaged(pos: int, what: str) -> str:
    """The phrase for bytes that cannot be what the format says."""
    return f"damaged at byte {pos} ({what})"


def too_many(pos: int) -> str:
    """The phrase for a file that is longer than what is read of one."""
    return f"longer than the {c.MAX_PACKETS:,} packets that are read of one file (byte {pos})"


def _cut(pos: int) -> str:
    return f"cut short at byte {pos}"


def _short(pos: int, missing: int) -> str:
    """Wireshark, tshark and editcap copy a section header as it is, whatever they leave out behind it."""
    return (
        f"{missing} bytes shorter than its header says (cut short at byte {pos}, or copied without some of its blocks)"
    )


def options(data: bytes, pos: int, end: int, order: str) -> Iterator[tuple[int, bytes]]:
    """The options of a block, up to its end-of-options, its end, the first that cannot be one, or :data:`MAX_OPTIONS`."""
    head = struct.Struct(order + "HH")
    for _ in range(MAX_OPTIONS):
        if pos + 4 > end:
            return
        code, length = head.unpack_from(data, pos)
        pos += 4
        if code == OPT_END or pos + length > end:
            return
        yield code, bytes(data[pos : pos + length])
        pos += length + (-length & 3)


def words(data: bytes, order: str) -> NDArray[np.uint32]:
    """The buffer as 32-bit words in the given byte order; nothing is copied."""
    return np.frombuffer(data, np.dtype(order + "u4"), count=len(data) // 4)
