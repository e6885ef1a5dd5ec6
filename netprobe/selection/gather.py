"""The second pass: the packets of some flows, of whatever concerns their addresses beside flows, and of nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netprobe.correlate.sights import mixed
from netprobe.decode.decoder import decode
from netprobe.decode.table import Kind
from netprobe.evidence.packets import Packets
from netprobe.flowtable.keys import ECHO_TYPES, pack
from netprobe.flowtable.owners import PacketOwners
from netprobe.selection.budget import level, turns
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from netprobe.decode.table import PacketTable
    from netprobe.evidence.model import CapturePoint
    from netprobe.flowtable.blocks import TableRows
    from netprobe.selection.relevant import WantedFlows

    Index = NDArray[np.int64]
    Mask = NDArray[np.bool_]

OWN_PACKETS, OWN_BYTES = 1 << 18, 48 << 20
"""Of the connection in question: decoded, and told as a story, a packet takes some 500 bytes more."""
BESIDE_PACKETS, BESIDE_BYTES = 1 << 16, 16 << 20
"""Of all flows that come along."""
OTHERS = 1 << 14
"""Packets of no flow that concern the flows' addresses: ARP, ICMP that is no echo, later fragments."""
STRANGERS = 1 << 12
"""Those that concern others."""
_HEADERS = 192
"""Bytes that are kept of a packet of a flow of which too many are there."""
_FLOWS = (int(Kind.TCP), int(Kind.UDP), int(Kind.ICMP))
_BITS = 16
_SPREAD = np.uint64(0x9E3779B97F4A7C15)  # 2^64 divided by the golden ratio


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TakenPackets:
    """Packets that were taken, in file order.

    Attributes:
        packets: they are.
        place: int64 (n,), the number of each among all packets of the capture.
        flow: int64 (n,), the row of the flow table; -1 of none.
    """

    packets: Packets
    place: Index
    flow: Index


class Gathering:
    """Takes packets out of chunks, within bounds.

    Attributes:
        cut_ns: int64, of each row of the flow table the time of the first packet that there was no room for; -1: all were taken.
    """

    def __init__(self, rows: TableRows, wanted: WantedFlows) -> None:
        """Say which flows are wanted."""
        every = np.concatenate([wanted.own, wanted.beside])
        keys = mixed(pack(rows))
        lives = np.flatnonzero(np.isin(keys, np.unique(keys[every])))  # of other lives of the same ends, to tell theirs
        self._owners = PacketOwners(rows, lives) if len(lives) else None
        self._near = _marked(rows, every)
        self._packets, self._bytes = (np.zeros(len(rows), np.int64) for _ in range(2))
        self._room = [OTHERS, STRANGERS]
        self._parts: list[TakenPackets] = []
        self._given = 0
        self.cut_ns = np.full(len(rows), -1, np.int64)
        for which, packets, size in (
            (wanted.own, OWN_PACKETS, OWN_BYTES),
            (wanted.beside, BESIDE_PACKETS, BESIDE_BYTES),
        ):
            self._packets[which] = level((rows["packets"] + rows["copies"])[which].sum(axis=1), packets)
            self._bytes[which] = level(rows["bytes"][which].sum(axis=1), size)

    def take(self, table: PacketTable, points: Sequence[CapturePoint]) -> None:
        """Take what is wanted of the next packets, decoded."""
        near = self._concerns(table.src_lo) & self._concerns(table.dst_lo)
        rows, flow = self._of_flows(table, near, points)
        beside = self._beside(table, near)
        every = np.concatenate([rows, beside])
        order = np.argsort(every)
        of = np.concatenate([flow, np.full(len(beside), -1)])[order]
        self._keep(table.packets.pick(every[order]), every[order] + self._given, of)
        self._given += len(table)

    def _concerns(self, address: NDArray[np.uint64]) -> Mask:
        """Whether addresses may be those of a wanted flow."""
        return np.asarray(self._near[(address * _SPREAD) >> np.uint64(64 - _BITS)])

    def _of_flows(self, table: PacketTable, near: Mask, points: Sequence[CapturePoint]) -> tuple[Index, Index]:
        """The packets of wanted flows for which there is room, and whose they are."""
        rows = np.flatnonzero(near & np.isin(table.kind, _FLOWS))
        if self._owners is None or not len(rows):
            return rows[:0], rows[:0]
        at, flow = self._owners.of(decode(table.packets.pick(rows), points))
        rows = rows[at]
        room = turns(flow, len(self._packets)) < self._packets[flow]
        late, of = rows[~room][::-1], flow[~room][::-1]  # the earliest is written last
        self.cut_ns[of] = np.where(self.cut_ns[of] < 0, table.packets.time_ns[late], self.cut_ns[of])
        self._packets -= np.bincount(flow, minlength=len(self._packets))
        return rows[room], flow[room]

    def _beside(self, table: PacketTable, near: Mask) -> Index:
        """The packets of no flow: first those that concern the addresses."""
        kind = table.kind
        error = kind == int(Kind.ICMP_ERROR)
        speaks = (kind == int(Kind.ARP)) | (table.nd_flags >= 0)
        part = (kind == int(Kind.IP_OTHER)) & (table.frag_off > 0)
        other = (kind == int(Kind.ICMP)) & ~np.isin(table.icmp_type, ECHO_TYPES)
        rows = np.flatnonzero(error | speaks | part | other)
        if not len(rows):
            return rows
        mine = near[rows] & (part | other)[rows]
        mine |= error[rows] & self._concerns(table.inner_src_lo[rows]) & self._concerns(table.inner_dst_lo[rows])
        ends = (table.src_lo[rows], table.dst_lo[rows], table.nd_target_lo[rows])
        mine |= speaks[rows] & np.logical_or.reduce([self._concerns(each) for each in ends])
        found = [rows[mine][: self._room[0]], rows[~mine][: self._room[1]]]
        self._room = [room - len(each) for room, each in zip(self._room, found, strict=True)]
        return np.concatenate(found)

    def _keep(self, packets: Packets, place: Index, flow: Index) -> None:
        """Copy packets out of their buffer; of a flow with too many bytes the headers."""
        if not len(packets):
            return
        of = np.where(flow < 0, len(self._bytes), flow)
        full = np.append(self._bytes, 1 << 62)[of] <= 0
        size = np.where(full, np.minimum(packets.caplen, _HEADERS), packets.caplen)
        self._bytes -= np.bincount(flow[flow >= 0], size[flow >= 0], len(self._bytes)).astype(np.int64)
        begin = np.cumsum(size) - size
        at = np.repeat(packets.offset - begin, size) + np.arange(int(size.sum()))
        kept = Packets(
            data=np.frombuffer(packets.data, np.uint8)[at].tobytes(),
            offset=begin,
            caplen=size,
            origlen=packets.origlen,
            time_ns=packets.time_ns,
            point=packets.point,
            frame=packets.frame,
        )
        self._parts.append(TakenPackets(packets=kept, place=place, flow=flow))

    def taken(self) -> TakenPackets:
        """Return all that was taken."""
        parts = [each.packets for each in self._parts] or [Packets.none()]
        before = np.cumsum([0, *(len(each.data) for each in parts)])
        offset = [each.offset + before[number] for number, each in enumerate(parts)]
        columns = {
            name: np.concatenate([getattr(each, name) for each in parts])
            for name in ("caplen", "origlen", "time_ns", "point", "frame")
        }
        packets = Packets(data=b"".join(each.data for each in parts), offset=np.concatenate(offset), **columns)
        none = np.zeros(0, np.int64)
        return TakenPackets(
            packets=packets,
            place=np.concatenate([none, *(each.place for each in self._parts)]),
            flow=np.concatenate([none, *(each.flow for each in self._parts)]),
        )


def _marked(rows: TableRows, which: Index) -> Mask:
    """A bit for each mix of an address of these flows."""
    near = np.zeros(1 << _BITS, np.bool_)
    near[(rows["lo"][which].ravel() * _SPREAD) >> np.uint64(64 - _BITS)] = True
    return near
