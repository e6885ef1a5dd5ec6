"""pcapng's block structure: what kinds of blocks there are, how a section begins, and the phrases for what is none.

A pcapng file is a list of sections, each in its own byte order, each a list of blocks ``type, length, body, length``.
Every length is a multiple of 4 and the first block starts at 0, so every block starts on a 32-bit word: one walk
(:mod:`walker`) collects the starts, and all fields are then gathered with numpy from a word view of the same buffer.

Source: draft-ietf-opsawg-pcapng (block and option codes), wireshark wiretap/pcapng.c (which blocks count as frames,
minimal lengths; checked with tshark 4.0.17).
"""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from netprobe.evidence import capture as c
from netprobe.evidence.walker import MAX_BLOCK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from netprobe.evidence.walker import ByteOrder

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

OPT_END, OPT_COMMENT, OPT_USERAPPL = 0, 1, 4
IF_NAME, IF_TSRESOL, IF_FILTER, IF_TSOFFSET = 2, 9, 11, 14
ISB_IFRECV, ISB_IFDROP, ISB_OSDROP = 4, 5, 7
EPB_DROPCOUNT = 4

NOTED_END = b"[netprobe] not whole: "
"""How the comment of a section header begins in which ``annotate`` notes why the file that it copied could not be read to its end."""

_AN_END = re.compile(
    r"(cut short|damaged) at byte \d{1,15}( \([\w ,.']{1,80}\))?"
    r"|\d{1,15} bytes shorter than its header says \(cut short at byte \d{1,15}, or copied without some of its blocks\)",
    re.ASCII,
)

STATISTICS_BYTES = 52
"""An ISB as netprobe writes it, with both of its counts."""


class SectionHeader(NamedTuple):
    """A section header block.

    Attributes:
        order: its section's byte order.
        length: its own length.
        promised: how long it says that the section's other blocks are together; negative: it does not say.
        ended: why the file that this one was copied from could not be read to its end, as ``annotate`` noted it; ``""``: nothing is noted.
    """

    order: ByteOrder
    length: int
    promised: int
    ended: str = ""


def section_header(data: bytes, start: int, *, at: int, last: bool) -> SectionHeader | str:
    """The section header at ``start``; or the phrase on why there is none, ``""`` where the buffer ends too early to tell.

    Args:
        data: the buffer.
        start: where the header is in it.
        at: where the buffer is in the file, for messages.
        last: the file ends where the buffer does.
    """
    cut = cut_short(at + start) if last else ""
    order = _byte_order(data, start)
    if len(data) - start < 28:
        return cut
    if order is None:
        return damaged(at + start, "no section header")
    length, _, major, _, promised = struct.unpack_from(order + "IIHHq", data, start + 4)
    if length < 28 or length & 3 or length > MAX_BLOCK or major != 1:
        return damaged(at + start, f"section header of length {length}, version {major}")
    if start + length > len(data):
        return cut
    return SectionHeader(order, length, promised, _noted_end(data, start, length, order) if promised >= 0 else "")


def _noted_end(data: bytes, start: int, length: int, order: ByteOrder) -> str:
    """Another's words: only what :func:`cut_short`, :func:`damaged` or :func:`shorter` might have said is taken."""
    for code, value in options(data, start + 24, start + length - 4, order):
        if code == OPT_COMMENT and value.startswith(NOTED_END):
            said = value[len(NOTED_END) :].decode("utf-8", "replace")
            return said if _AN_END.fullmatch(said) else ""
    return ""


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


def cut_short(pos: int) -> str:
    """The phrase for a file that ends in the middle of something."""
    return f"cut short at byte {pos}"


def bad_block(data: bytes, pos: int, order: str, at: int) -> str:
    """The phrase for a block that is none (:data:`~netprobe.evidence.walker.Why.DAMAGED`)."""
    (length,) = struct.unpack_from(order + "I", data, pos + 4)
    possible = length >= 12 and not length & 3 and length <= MAX_BLOCK
    return damaged(at + pos, "the block's two lengths differ" if possible else f"block length {length}")


def shorter(pos: int, missing: int) -> str:
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
