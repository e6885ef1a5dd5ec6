"""Blocks of a pcapng file with other comments: whatever is not netprobe's own keeps its bytes and its place.

A block whose options are damaged is left as it is.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from netprobe.evidence import additions as a
from netprobe.evidence import blocks as b

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netprobe.evidence.walker import ByteOrder

PACKETS = frozenset({b.EPB, b.OPB})
"""Blocks of packets that can hold a comment: a Simple Packet Block has no options."""


def commented(block: bytes, order: ByteOrder, said: Sequence[str]) -> bytes | None:
    """A packet block with these comments and none of netprobe's that it had; None where a block of its type or state can hold none."""
    at = _options_at(block, order)
    if at is None:
        return block if not said else None
    return _changed(block, at, order, [(a.OPT_COMMENT, a.ours(each)) for each in said]) or (None if said else block)


def _options_at(block: bytes, order: ByteOrder) -> int | None:
    (kind,) = struct.unpack_from(order + "I", block)
    if kind not in PACKETS or len(block) < b.MIN_LENGTH[kind]:
        return None
    (caplen,) = struct.unpack_from(order + "I", block, 20)
    at: int = 28 + caplen + (-caplen & 3)
    return at if at <= len(block) - 4 else None


def described(block: bytes, order: ByteOrder, said: str, called: str) -> bytes:
    """An interface block with this description (as a comment, where it has a description of its own), and a name where it has none."""
    if len(block) < b.MIN_LENGTH[b.IDB]:
        return block
    found = _raw_options(block, 16, order)
    codes = {code for code, value, _ in found or () if not a.is_ours((code, value))}
    add = []
    if called and b.IF_NAME not in codes:
        add.append((b.IF_NAME, called.encode("utf-8", "backslashreplace")))
    if said:
        add.append((a.OPT_COMMENT if a.IF_DESCRIPTION in codes else a.IF_DESCRIPTION, a.ours(said)))
    return _changed(block, 16, order, add) or block


def headed(block: bytes, order: ByteOrder, said: Sequence[str], length: int) -> bytes:
    """A section header with these comments, that says that the section's other blocks are so long (-1: it does not say)."""
    made = _changed(block, 24, order, [(a.OPT_COMMENT, a.ours(each)) for each in said]) or block
    return made[:16] + struct.pack(order + "q", length) + made[24:]


def names_are_ours(block: bytes, order: ByteOrder) -> bool:
    """Whether a Name Resolution Block is netprobe's own."""
    pos, end = 8, len(block) - 4
    while pos + 4 <= end:
        kind, size = struct.unpack_from(order + "HH", block, pos)
        pos += 4 + size + (-size & 3)
        if kind == 0:
            return any(a.is_ours((code, value)) for code, value, _ in _raw_options(block, pos, order) or ())
    return False


def _changed(block: bytes, at: int, order: ByteOrder, add: Sequence[tuple[int, bytes]]) -> bytes | None:
    """The block without netprobe's own options and with these behind the others; None where its options cannot be read."""
    found = _raw_options(block, at, order)
    if found is None:
        return None
    kept = b"".join(raw for code, value, raw in found if not a.is_ours((code, value)))
    unchanged = not add and len(kept) == sum(len(raw) for _, _, raw in found)
    if unchanged:
        return block
    options = kept + b"".join(a.option_bytes(code, value, order) for code, value in add)
    body = block[8:at] + options + (struct.pack(order + "HH", 0, 0) if options else b"")
    (kind,) = struct.unpack_from(order + "I", block)
    return a.block_bytes(kind, body, order)


def _raw_options(block: bytes, pos: int, order: ByteOrder) -> list[tuple[int, bytes, bytes]] | None:
    """Code, value and all bytes of each option; None where they are damaged."""
    head, end = struct.Struct(order + "HH"), len(block) - 4
    found: list[tuple[int, bytes, bytes]] = []
    while pos + 4 <= end:
        code, size = head.unpack_from(block, pos)
        if code == b.OPT_END:
            return found
        stop = pos + 4 + size + (-size & 3)
        if stop > end:
            return None
        found.append((code, block[pos + 4 : pos + 4 + size], block[pos:stop]))
        pos = stop
    return found
