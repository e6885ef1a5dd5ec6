"""Who opens a connection of TCP, and when each step of it was seen (RFC 9293 section 3.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.compiled import row as c
from netprobe.compiled.jit import compiled, inlined
from netprobe.compiled.sequence import ACK, RST, SYN

if TYPE_CHECKING:
    from typing import Any

    from netprobe.compiled.reads import Row


@compiled
def step(x: Any, p: Any, side: int, r: Row, time: int) -> None:
    """Take a segment as a step of the handshake."""
    flags = r[c.TCP_FLAGS]
    if p["guess"] < 0:
        p["guess"], p["turned"] = (side if r[c.SPORT] >= r[c.DPORT] else 1 - side), 1
    _acknowledges(x, p, 1 - side, r)
    if flags & SYN:
        if flags & ACK:
            _syn_ack(x, p, side, r, time)
        else:
            _syn(x, p, side, r, time)
    elif x["syn_ack_ns"] >= 0 and x["ack_ns"] < 0 and side == p["opener"] and flags & (ACK | RST) == ACK:
        x["ack_ns"] = time


@inlined
def _syn(x: Any, p: Any, side: int, r: Row, time: int) -> None:
    x["syns"][side] += 1
    p["syn_side"] = side
    if p["syn_first"] < 0:
        p["syn_first"] = side
    if p["opener"] < 0:
        p["opener"] = side
    if p["syn_isn"][side] < 0:
        p["syn_isn"][side] = r[c.SEQ]
    if x["isn"][side] < 0:
        x["isn"][side] = r[c.SEQ]
    if side == p["opener"] and x["syn_ack_ns"] < 0:
        x["syn_ns"] = time


@inlined
def _syn_ack(x: Any, p: Any, side: int, r: Row, time: int) -> None:
    x["syn_acks"][side] += 1
    if p["reply_first"] < 0:
        p["reply_first"] = side
    if p["opener"] < 0:
        p["opener"] = 1 - side
    if x["isn"][side] < 0:
        x["isn"][side], p["of_reply"][side] = r[c.SEQ], 1
    elif p["of_reply"][side] and p["isn2"][side] < 0 and r[c.SEQ] != x["isn"][side]:
        p["isn2"][side] = r[c.SEQ]
    if side != p["opener"] and x["syn_ack_ns"] < 0:
        x["syn_ack_ns"] = time


@inlined
def _acknowledges(x: Any, p: Any, other: int, r: Row) -> None:
    """Which of the other side's first numbers a segment acknowledges: of several SYN-ACKs that differ, the client took that one."""
    before = (r[c.ACK] - 1) & 0xFFFFFFFF
    if x["isn"][other] == before:
        p["got"][other] |= 1
    if p["isn2"][other] == before:
        p["got"][other] |= 2
