"""A flow's history in Zeek's letters (docs.zeek.org, base/protocols/conn/main.zeek): upper-case for side 0 while it is tracked.

As in Zeek, a packet has one letter of what it is, and behind that those of retransmissions, zero windows and gaps where their count is a power of ten.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.compiled import row as c
from netprobe.compiled.jit import compiled, inlined
from netprobe.decode.table import Flag
from netprobe.flowtable.columns import HISTORY

if TYPE_CHECKING:
    from typing import Any

    from netprobe.compiled.reads import Row

FIN, SYN, RST, ACK = int(Flag.FIN), int(Flag.SYN), int(Flag.RST), int(Flag.ACK)
D, A, Q, I = 1, 2, 4, 8  # noqa: E741
"""Letters that are written once a side: their bits of ``marks``."""

AGAIN, ZERO_WINDOW, GAP = ord("T"), ord("W"), ord("G")
"""Letters that are written at 1, 10, 100 and so on."""

_LOWER = 0x20


@inlined
def _write(x: Any, side: int, letter: int) -> None:
    if x["events"] < HISTORY:
        x["history"][x["events"]] = letter if side == 0 else letter | _LOWER
        x["events"] += 1


@inlined
def _once(x: Any, p: Any, side: int, letter: int, bit: int) -> None:
    if p["marks"][side] & bit == 0:
        p["marks"][side] |= bit
        _write(x, side, letter)


@compiled
def counted(x: Any, side: int, letter: int, count: int) -> None:
    """Write a letter at 1, 10, 100 and so on."""
    while count >= 10 and count % 10 == 0:
        count //= 10
    if count == 1:
        _write(x, side, letter)


@inlined
def data(x: Any, p: Any, side: int, r: Row) -> None:
    """Write that a packet has payload."""
    if r[c.PAYLOAD_LEN] > 0:
        _once(x, p, side, ord("D"), D)


@compiled
def segment(x: Any, p: Any, side: int, r: Row) -> None:
    """Write what a TCP segment is."""
    flags = r[c.TCP_FLAGS]
    if flags & (SYN | FIN | RST):
        _step(x, p, side, r, flags)
    elif r[c.PAYLOAD_LEN] > 0:
        _once(x, p, side, ord("D"), D)
    elif flags & ACK:
        _once(x, p, side, ord("A"), A)


@compiled
def _step(x: Any, p: Any, side: int, r: Row, flags: int) -> None:
    """SYN, FIN and RST: again where the number is another than before."""
    step, number = flags & (SYN | FIN | RST), r[c.SEQ]
    if step == SYN:
        if p["last_syn"][side] != number:
            p["last_syn"][side] = number
            _write(x, side, ord("H") if flags & ACK else ord("S"))
    elif step == FIN:
        number = (number + max(r[c.PAYLOAD_LEN], 0)) & 0xFFFFFFFF
        if p["last_fin"][side] != number:
            p["last_fin"][side] = number
            _write(x, side, ord("F"))
    elif step == RST:
        if p["last_rst"][side] != number:
            p["last_rst"][side] = number
            _write(x, side, ord("R"))
    elif step & SYN and step != (SYN | FIN | RST):
        _once(x, p, side, ord("Q"), Q)
    else:
        _once(x, p, side, ord("I"), I)
