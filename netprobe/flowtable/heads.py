"""The packets by which other points' flows find a flow: of each side its head, and its first packet with payload."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netprobe.decode.table import SYN, SYN_ACK
from netprobe.flowtable.segments import firsts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from netprobe.decode.chunk import Ints
    from netprobe.decode.table import PacketTable
    from netprobe.flowtable.batch import Batch

KEPT = 64  # bytes of payload in a digest
_BASIS, _PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)
_ANY, _REPLY, _SYN = 1, 2, 3
_COLUMNS = {
    "ns": "time_ns", "ttl": "ttl", "from": "eth_src", "to": "eth_dst", "ip_id": "ip_id", "tsval": "tsval", "seq": "seq", "ack": "ack",
    "window": "window", "length": "payload_len", "frame": "frame",
}  # fmt: skip


def heads(batch: Batch) -> None:
    """Note each side's head: its first packet; in its place its first SYN-ACK, and in the place of both its first SYN."""
    flags, segment, rank = batch.column("tcp_flags").astype(np.int64), batch.segment, batch.states["rank"]
    for worth, events in (
        (_ANY, batch.starts),
        (_REPLY, firsts(np.flatnonzero((flags >= 0) & (flags & SYN_ACK == SYN_ACK)), segment)),
        (_SYN, firsts(np.flatnonzero((flags >= 0) & (flags & SYN_ACK == SYN)), segment)),
    ):
        life, side = segment[events] >> 1, segment[events] & 1
        better = rank[life, side] < worth
        life, side, at = life[better], side[better], batch.rows[events[better]]
        rank[life, side] = worth
        for name, column in _COLUMNS.items():
            table = batch.table.packets if column in ("time_ns", "frame") else batch.table
            batch.flows[f"head_{name}"][life, side] = getattr(table, column)[at]
        batch.flows["head_kept"][life, side], batch.flows["head_digest"][life, side] = digest(batch.table, at)


def data(batch: Batch) -> None:
    """Note each side's first packet with payload."""
    flows = batch.flows
    open_ = flows["data_ns"][batch.life, batch.side] < 0
    if not open_.any():
        return
    some = np.repeat(open_, np.diff(batch.starts, append=len(batch)))
    events = firsts(np.flatnonzero(some & (batch.column("payload_len") > 0)), batch.segment)
    life, side, at = batch.segment[events] >> 1, batch.segment[events] & 1, batch.rows[events]
    flows["data_ns"][life, side] = batch.table.packets.time_ns[at]
    flows["data_length"][life, side] = batch.table.payload_len[at]
    flows["data_kept"][life, side], flows["data_digest"][life, side] = digest(batch.table, at)


def digest(table: PacketTable, rows: Ints) -> tuple[Ints, NDArray[np.uint64]]:
    """How many payload bytes of some packets were kept, at most 64, and FNV-1a (64 bit; RFC 9923) of them: of none its offset basis."""
    kept = np.clip(table.payload_cap[rows], 0, KEPT)
    out = np.full(len(rows), _BASIS)
    order = np.argsort(-kept)
    start, sizes = table.payload_off[rows][order], kept[order]
    held = np.frombuffer(table.packets.data, np.uint8)
    mixed = out[order]
    counts = np.searchsorted(-sizes, -np.arange(1, KEPT + 1), side="right").tolist()  # how many have so many bytes
    for step, count in enumerate(counts):
        if not count:
            break
        mixed[:count] = (mixed[:count] ^ held[start[:count] + step]) * _PRIME
    out[order] = mixed
    return kept, out
