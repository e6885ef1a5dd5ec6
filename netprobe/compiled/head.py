"""The packet of each side by which other points' flows find a flow, and its first data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netprobe.compiled import row as c
from netprobe.compiled.jit import compiled, inlined
from netprobe.compiled.key import TCP
from netprobe.compiled.sequence import ACK, SYN

if TYPE_CHECKING:
    from typing import Any

    from netprobe.compiled.reads import Buffer, Row

MOST_KEPT = 64
_OFFSET_BASIS = np.uint64(0xCBF29CE484222325)
_PRIME = np.uint64(0x100000001B3)


@compiled
def digest(b: Buffer, at: int, count: int) -> int:
    """FNV-1a of 64 bits (draft-eastlake-fnv) over some bytes."""
    out = _OFFSET_BASIS
    for place in range(at, at + count):
        out = (out ^ np.uint64(b[place])) * _PRIME
    return out  # type: ignore[return-value]


@inlined
def _kept(r: Row) -> int:
    return min(max(r[c.PAYLOAD_CAP], 0), MOST_KEPT)  # type: ignore[no-any-return]


@inlined
def _rank(r: Row) -> int:
    if r[c.KIND] != TCP or r[c.TCP_FLAGS] & SYN == 0:
        return 1
    return 2 if r[c.TCP_FLAGS] & ACK else 3


@compiled
def note(x: Any, p: Any, side: int, b: Buffer, r: Row, time: int, frame: int) -> None:
    """Note a packet where it is its side's head: the first SYN, else the first SYN-ACK, else the first one. And where it is its first with payload."""
    rank = _rank(r)
    if rank > p["rank"][side]:
        p["rank"][side] = rank
        _head(x, side, b, r, time, frame)
    if r[c.PAYLOAD_LEN] > 0 and x["data_ns"][side] == -1:
        x["data_ns"][side], x["data_length"][side], x["data_kept"][side] = time, r[c.PAYLOAD_LEN], _kept(r)
        x["data_digest"][side] = digest(b, r[c.PAYLOAD_OFF], _kept(r))


@compiled
def _head(x: Any, side: int, b: Buffer, r: Row, time: int, frame: int) -> None:
    x["head_ns"][side], x["head_frame"][side] = time, frame
    x["head_ttl"][side], x["head_ip_id"][side] = r[c.TTL], r[c.IP_ID]
    x["head_from"][side], x["head_to"][side] = r[c.ETH_SRC], r[c.ETH_DST]
    x["head_seq"][side], x["head_ack"][side] = r[c.SEQ], r[c.ACK]
    x["head_tsval"][side], x["head_window"][side] = r[c.TSVAL], r[c.WINDOW]
    x["head_length"][side], x["head_kept"][side] = r[c.PAYLOAD_LEN], _kept(r)
    x["head_digest"][side] = digest(b, r[c.PAYLOAD_OFF], _kept(r))
