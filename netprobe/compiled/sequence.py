"""Sequence numbers of TCP (RFC 9293 section 3.4): what is new, what comes again, what comes late. They are unwrapped: next to the segment before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.compiled import row as c
from netprobe.compiled.jit import compiled, inlined
from netprobe.decode.table import Flag

if TYPE_CHECKING:
    from typing import Any

    from netprobe.compiled.reads import Row

FIN, SYN, RST, ACK = int(Flag.FIN), int(Flag.SYN), int(Flag.RST), int(Flag.ACK)
REORDERED_NS = 3_000_000
NEW, GAP, AGAIN = 0, 1, 2
"""What the history says of a segment: nothing (also where it is late), that it begins behind a gap, that its payload was sent before."""


@inlined
def _ahead(one: int, other: int) -> int:
    """How far a sequence number is ahead of another: a signed number of 32 bits."""
    return ((one - other + 0x80000000) & 0xFFFFFFFF) - 0x80000000


@inlined
def _length(r: Row) -> int:
    """How many numbers a segment takes: a byte of its payload each, SYN and FIN."""
    flags = r[c.TCP_FLAGS]
    return max(r[c.PAYLOAD_LEN], 0) + (flags & FIN) + (flags >> 1 & 1)  # type: ignore[no-any-return]


@compiled
def advance(x: Any, p: Any, side: int, r: Row, time: int, late_ns: int) -> int:
    """Count one segment as new, beyond a gap, again, or late. Returns what the history says of it: one of the three above.

    A segment that fills a gap is late up to ``late_ns`` behind it; later it is a retransmission.
    """
    size = _length(r)
    if p["seq"][side] < 0:
        p["sent"][side] = x["next"][side] = r[c.SEQ] + size
        x["next_ns"][side] = time
        return NEW
    if size == 0:
        return NEW
    end = p["sent"][side] + _ahead(r[c.SEQ] + size, p["sent"][side])
    begin, expected = end - size, x["next"][side]
    p["sent"][side] = end
    if end <= expected:
        return NEW if _keeps_alive(r, begin, expected) else _again(x, p, side, r, time, late_ns)
    x["next"][side], x["next_ns"][side] = end, time
    if begin <= expected:
        return NEW
    x["gaps"][side] += 1
    x["gap_ns"][side] = time
    return GAP


@inlined
def _keeps_alive(r: Row, begin: int, expected: int) -> bool:
    """RFC 9293 section 3.8.4: one byte that was sent before."""
    return r[c.PAYLOAD_LEN] == 1 and r[c.TCP_FLAGS] & (SYN | FIN | RST) == 0 and begin == expected - 1


@inlined
def late_ns(x: Any) -> int:
    """How long a segment may be late: as long as the handshake took, 3 ms at least (as Wireshark's packet-tcp.c)."""
    if x["ack_ns"] >= 0 and x["syn_ns"] >= 0:
        return max(REORDERED_NS, x["ack_ns"] - x["syn_ns"])  # type: ignore[no-any-return]
    return REORDERED_NS


@inlined
def _again(x: Any, p: Any, side: int, r: Row, time: int, late_ns: int) -> int:
    if x["gap_ns"][side] >= 0 and time - x["gap_ns"][side] <= late_ns:
        x["out_of_order"][side] += 1
        return NEW
    x["retransmits"][side] += 1
    if r[c.PAYLOAD_LEN] <= 0:
        return NEW
    p["resent"][side] += 1
    return AGAIN
