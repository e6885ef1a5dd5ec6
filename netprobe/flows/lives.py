"""Where each connection begins among the packets of one 5-tuple: ports are reused in long captures (RFC 9293 section 3.4.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netprobe.decode.table import SYN, SYN_ACK, Flag

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from netprobe.decode.table import PacketTable

AGAIN_NS, LIFE_NS = (
    1_000_000_000,
    128_000_000_000,
)  # no copy of a SYN comes so late: behind an end; at all (Linux: tcp_syn_retries = 6)
NEAR = 1 << 24  # bytes behind a SYN that packets in another order may be
FIN, RST = int(Flag.FIN), int(Flag.RST)
_SEQUENCE = 1 << 32


def lives(table: PacketTable, rows: NDArray[np.int64]) -> list[int]:
    """Return the positions among one 5-tuple's TCP rows (in time order) at which a connection begins, 0 first.

    A SYN with a number that its sender did not use before begins one, and so does one that comes again when its connection is long over; not
    the other side's that crosses the first (simultaneous open, RFC 9293 section 3.5). What came before the first SYN is the end of another
    connection where its numbers are another's; else it is this one's, in another order.
    """
    flags, times = table.tcp_flags[rows], table.packets.time_ns[rows]
    syns = np.flatnonzero((flags & SYN_ACK) == SYN).tolist()
    begins = [0, syns[0]] if syns and _older(table, rows[: syns[0]], int(rows[syns[0]])) else [0]
    seen: set[tuple[int, int, int]] = set()
    last: int | None = None
    for index in syns:
        who = _sender(table, int(rows[index]))
        if last is not None:
            quiet = int(times[index] - times[index - 1])
            over = quiet > AGAIN_NS and (quiet > LIFE_NS or _is_over(flags[begins[-1] : index]))
            crosses = not (flags[last + 1 : index] & ~SYN).any() and who[:2] != _sender(table, int(rows[last]))[:2]
            if over if who in seen else not crosses:
                begins.append(index)
        seen.add(who)
        last = index
    return begins


def _sender(table: PacketTable, row: int) -> tuple[int, int, int]:
    """Who sent a segment, and its number: of the two ends of one 5-tuple the port and half of the address tell."""
    return int(table.sport[row]), int(table.src_lo[row]), int(table.seq[row])


def _is_over(flags: NDArray[np.int16]) -> bool:
    """Whether a connection stood and ended by these segments: a client that resets a stranger's SYN-ACK still waits for its own."""
    stood = ((flags & SYN_ACK) == SYN_ACK).any() and ((flags & (SYN | RST)) == 0).any()
    return bool(stood and (flags & (FIN | RST)).any())


def _older(table: PacketTable, before: NDArray[np.int64], syn: int) -> bool:
    """Whether what was captured before a SYN is of another connection, by its numbers."""
    if not len(before):
        return False
    mine = (table.sport[before] == table.sport[syn]) & (table.src_lo[before] == table.src_lo[syn])
    number = np.where(mine, table.seq[before], table.ack[before])
    return bool(((number - table.seq[syn]) % _SEQUENCE > NEAR).any())
