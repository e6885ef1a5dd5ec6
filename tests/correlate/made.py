"""Flow rows from the flows that a replay builds: what a tracker fills in, as far as joins read it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from netprobe.decode.table import SYN, SYN_ACK, Flag, Kind
from netprobe.flowtable.columns import absent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netprobe.decode.table import PacketTable
    from netprobe.flows.model import Flow
    from netprobe.flowtable.columns import FlowRows

_KEPT = 64


def rows_of(table: PacketTable, flows: Sequence[Flow]) -> FlowRows:
    """One row a flow, in the same order."""
    rows = absent(len(flows))
    rows["guessed"] = 0
    for row, flow in zip(rows, flows, strict=True):
        _row(row, table, flow)
    return rows


def fnv(data: bytes) -> int:
    """FNV-1a, 64 bit."""
    value = 0xCBF29CE484222325
    for byte in data:
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return value


def _row(row: Any, table: PacketTable, flow: Flow) -> None:
    every = np.sort(np.concatenate([flow.forward, flow.reverse]))
    times = table.packets.time_ns[every]
    row["point"], row["vlan"], row["kind"], row["version"] = flow.point, flow.vlan, flow.kind, flow.client.version
    row["client"], row["tunnel"] = 0, -1
    row["first_ns"], row["last_ns"], row["first_frame"] = times.min(), times.max(), table.packets.frame[every[0]]
    ends = (flow.client, flow.forward), (flow.server, flow.reverse)
    for side, (end, packets) in enumerate(ends):
        row["hi"][side], row["lo"][side], row["port"][side] = end.hi, end.lo, end.port
        row["packets"][side] = len(packets)
        if len(packets):
            _side(row, table, flow, side, packets)


def _side(row: Any, table: PacketTable, flow: Flow, side: int, packets: Any) -> None:
    length = np.maximum(table.payload_len[packets], 0)
    row["payload"][side] = length.sum()
    head = int(packets[0])
    if flow.kind == Kind.TCP:
        flags = table.tcp_flags[packets]
        row["flags"][side] = np.bitwise_or.reduce(flags)
        syn, both = packets[(flags & SYN_ACK) == SYN], packets[(flags & SYN_ACK) == SYN_ACK]
        row["syns"][side], row["syn_acks"][side] = len(syn), len(both)
        wanted = syn if side == 0 else both
        head = int(wanted[0]) if len(wanted) else head
        opened = [*syn.tolist(), *both.tolist()]
        row["isn"][side] = table.seq[opened[0]] if opened else -1
        _numbers(row, table, side, packets)
    _head(row, table, side, head)
    if length.any():
        _data(row, table, side, int(packets[length > 0][0]))
    dns = packets[table.is_dns(packets) & (table.dns_id[packets] >= 0)] if flow.kind == Kind.UDP else packets[:0]
    if len(dns) and row["dns_id"] < 0:
        row["dns_id"] = table.dns_id[dns[0]]
    said = dns[table.dns_qr[dns] == 1]
    if len(said):
        row["dns_rcode"], row["dns_answers"] = table.dns_rcode[said[-1]], table.dns_answers[said[-1]]


def _numbers(row: Any, table: PacketTable, side: int, packets: Any) -> None:
    flags, times = table.tcp_flags[packets], table.packets.time_ns[packets]
    length = np.maximum(table.payload_len[packets], 0) + ((flags & SYN) > 0) + ((flags & int(Flag.FIN)) > 0)
    following = -1
    for seq, size, time in zip(table.seq[packets].tolist(), length.tolist(), times.tolist(), strict=True):
        end = (seq + size) % (1 << 32)
        if following < 0 or (size and 0 < (end - following) % (1 << 32) < 1 << 31):
            following = end
            row["next_ns"][side] = time
    row["next"][side] = following
    acks = packets[(flags & int(Flag.ACK)) > 0]
    row["acked"][side] = table.ack[acks[-1]] if len(acks) else -1
    for name, flag in (("fin_ns", Flag.FIN), ("rst_ns", Flag.RST)):
        found = times[(flags & int(flag)) > 0]
        row[name][side] = found[0] if len(found) else -1
    row["resets"][side] = ((flags & int(Flag.RST)) > 0).sum()


def _head(row: Any, table: PacketTable, side: int, at: int) -> None:
    columns: dict[str, Any] = {
        "ns": table.packets.time_ns,
        "ttl": table.ttl,
        "from": table.eth_src,
        "to": table.eth_dst,
        "ip_id": table.ip_id,
        "tsval": table.tsval,
        "seq": table.seq,
        "ack": table.ack,
        "window": table.window,
        "length": table.payload_len,
        "frame": table.packets.frame,
    }
    for name, column in columns.items():
        row[f"head_{name}"][side] = column[at]
    kept = table.payload(at)[:_KEPT]
    row["head_kept"][side], row["head_digest"][side] = len(kept), fnv(kept)


def _data(row: Any, table: PacketTable, side: int, at: int) -> None:
    kept = table.payload(at)[:_KEPT]
    row["data_ns"][side], row["data_length"][side] = table.packets.time_ns[at], table.payload_len[at]
    row["data_kept"][side], row["data_digest"][side] = len(kept), fnv(kept)
