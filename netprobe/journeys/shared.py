"""Frames that two clocks saw: what tells one frame from all others, who saw it when, and which way it went.

A frame's identity holds what a link, a bridge and a router leave alone, and for TCP what NAT leaves alone as well (sequence and
acknowledgement numbers, flags, length, timestamps; RFC 9293, RFC 7323). Other protocols have less of their own, so that their
addresses, ports and first payload bytes count too. Frames that are alike (an ARP request asked again) are told apart by their order,
where every point saw as many; else they are left out.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from netprobe.decode.table import SYN, SYN_ACK, Kind
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from netprobe.decode.table import PacketTable

PAYLOAD_BYTES = 16  # of a datagram, beside its addresses, ports, length and IP id
MOST_ROWS = 1 << 15  # of packets that one clock shares: more tell no more
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # 2^64 divided by the golden ratio, as in splitmix64
_QUOTED = {1: Kind.ICMP, 6: Kind.TCP, 17: Kind.UDP, 58: Kind.ICMP}  # IP protocol numbers
_TCP = ("kind", "ip_version", "ip_id", "seq", "ack", "tcp_flags", "window", "tsval", "tsecr", "payload_len")
_OTHER = (
    *("kind", "ip_version", "ip_id", "frag_off", "ip_proto", "ip_len", "payload_len"),
    *("src_hi", "src_lo", "dst_hi", "dst_lo", "sport", "dport", "seq", "icmp_type", "icmp_code"),
    *("inner_src_hi", "inner_src_lo", "inner_dst_hi", "inner_dst_lo", "inner_sport", "inner_dport", "inner_seq"),
    *("arp_op", "arp_sha", "arp_tha", "nd_flags", "nd_target_hi", "nd_target_lo", "nd_lla", "dns_id"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sightings:
    """Columns, one row for each frame and clock that saw it, ordered by frame and clock.

    Attributes:
        frame: int64, equal for one frame. packet: int64, equal for one packet, also where a router lowered its TTL.
        clock: int64, index of the clock.
        row: int64, the first sighting's row in the packet table.
        first_ns, last_ns: int64, first and last sighting on this clock.
        sender: int64, the clock of whose host the sending interface is; -1 unknown.
        ttl: int64, highest and lowest TTL (hop limit) with which this clock saw the packet, added.
        flow: int64, equal for the packets of one exchange, both ways. ahead: bool, which of its two ways. passage: int64, equal for the
            packets of one way with one TTL.
        asks: bool, a packet that begins something: a SYN, a datagram, an echo request.
    """

    frame: NDArray[np.int64]
    packet: NDArray[np.int64]
    clock: NDArray[np.int64]
    row: NDArray[np.int64]
    first_ns: NDArray[np.int64]
    last_ns: NDArray[np.int64]
    sender: NDArray[np.int64]
    ttl: NDArray[np.int64]
    flow: NDArray[np.int64]
    ahead: NDArray[np.bool_]
    passage: NDArray[np.int64]
    asks: NDArray[np.bool_]

    def of(self, clock: int) -> Sightings:
        """One clock's sightings."""
        return self.pick(self.clock == clock)

    def pick(self, which: NDArray[Any]) -> Sightings:
        """Some of the rows."""
        return Sightings(**{name: getattr(self, name)[which] for name in self.__slots__})

    def shifted(self, by_ns: NDArray[np.int64]) -> Sightings:
        """The same with other times: ``by_ns`` for each row of the packet table."""
        return replace(self, first_ns=self.first_ns - by_ns[self.row], last_ns=self.last_ns - by_ns[self.row])


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What several clocks saw: the very same frames, and (with routers or NAT between them) the same packets."""

    frames: Sightings
    packets: Sightings


def shared_frames(table: PacketTable, clock: NDArray[np.int64], sender: NDArray[np.int64]) -> Shared:
    """Everything that more than one clock saw.

    Args:
        table: the packet table.
        clock: of each row, the clock that it was stamped by; -1 leaves the row out.
        sender: of each row, the clock whose host owns the link address that it came from; -1 unknown.
    """
    rows = np.flatnonzero((clock >= 0) & (table.kind != Kind.OTHER)).astype(np.int64)
    rows, packet = _seen_by_several(rows, _identity(table, rows), clock)
    ttl = table.ttl[rows].astype(np.int64)
    rank = _told_apart(packet, ttl, table.packets.point[rows], rows)
    rows, packet, ttl, rank = (column[rank >= 0] for column in (rows, packet, ttl, rank))
    sums = _ttl_sums(_groups([packet, clock[rows]]), ttl)

    def seen(group: NDArray[np.int64]) -> Sightings:
        kept = _spread(group, clock[rows])
        return _sightings(table, rows[kept], group[kept], packet[kept], clock, sender, sums[kept])

    return Shared(frames=seen(_groups([packet, ttl, rank])), packets=seen(_groups([packet, rank])))


def _seen_by_several(
    rows: NDArray[np.int64], identity: NDArray[np.uint64], clock: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The rows of packets that several clocks saw, and their packet's number; of a clock that shares many, a sample of packets."""
    order = np.argsort(identity, kind="stable")
    rows, identity = rows[order], identity[order]
    begins = np.flatnonzero(np.append(True, identity[1:] != identity[:-1])) if len(rows) else order
    counts = np.diff(begins, append=len(rows))
    clocks = clock[rows]
    several = np.minimum.reduceat(clocks, begins) != np.maximum.reduceat(clocks, begins) if len(rows) else counts > 0
    sparse = np.bincount(clocks[np.repeat(several, counts)], minlength=int(clocks.max(initial=0)) + 1) <= MOST_ROWS
    many = np.repeat(several, counts).sum() // MOST_ROWS
    sampled = identity[begins] % np.uint64(int(many) + 1) == 0
    if many:
        sampled |= np.logical_or.reduceat(sparse[clocks], begins)
    keep = np.repeat(several & sampled, counts)
    return rows[keep], np.repeat(np.arange(len(begins)), counts)[keep]


def _identity(table: PacketTable, rows: NDArray[np.int64]) -> NDArray[np.uint64]:
    out = np.zeros(len(rows), np.uint64)
    tcp = table.kind[rows] == Kind.TCP
    out[tcp] = _mixed(getattr(table, name)[rows[tcp]] for name in _TCP)
    other = rows[~tcp]
    columns = [getattr(table, name)[other] for name in _OTHER]
    out[~tcp] = _mixed([*columns, *_payload_columns(table, other)])
    return out


def _payload_columns(table: PacketTable, rows: NDArray[np.int64]) -> Iterable[NDArray[Any]]:
    data = np.frombuffer(table.packets.data, np.uint8)
    start, kept = table.payload_off[rows], table.payload_cap[rows]
    for position in range(PAYLOAD_BYTES if len(data) else 0):
        inside = (start >= 0) & (kept > position)
        yield np.where(inside, data[np.where(inside, start + position, 0)], 0)


def _mixed(columns: Iterable[NDArray[Any]]) -> NDArray[np.uint64]:
    out: NDArray[np.uint64] | None = None
    for column in columns:
        value = column.astype(np.int64, copy=False).view(np.uint64) if column.dtype != np.uint64 else column
        out = value * _MULTIPLIER if out is None else (out ^ value) * _MULTIPLIER
        out ^= out >> np.uint64(29)
    return np.zeros(0, np.uint64) if out is None else out


def _groups(columns: list[NDArray[Any]]) -> NDArray[np.int64]:
    """A number for each row, equal where all columns are."""
    order = np.lexsort(columns)
    new = np.zeros(len(order), np.bool_)
    for column in columns:
        new[1:] |= column[order][1:] != column[order][:-1]
    out = np.empty(len(order), np.int64)
    out[order] = np.cumsum(new)
    return out


def _spread(group: NDArray[np.int64], clock: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether the row's group was seen by several clocks."""
    order = np.lexsort((clock, group))
    ordered, clocks = group[order], clock[order]
    differs = np.zeros(len(order), np.bool_)
    differs[1:] = (ordered[1:] == ordered[:-1]) & (clocks[1:] != clocks[:-1])
    out = np.empty(len(order), np.bool_)
    out[order] = differs
    return _any_in_group(group, out)


def _any_in_group(group: NDArray[np.int64], which: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether any of a row's group is chosen. Groups have numbers below that of rows: a table, where np.unique would import numpy.ma."""
    chosen = np.zeros(len(group), np.bool_)
    chosen[group[which]] = True
    return chosen[group]


def _told_apart(
    packet: NDArray[np.int64], ttl: NDArray[np.int64], point: NDArray[np.int32], rows: NDArray[np.int64]
) -> NDArray[np.int64]:
    """How many alike the point saw before, or -1 where points saw different numbers of them."""
    order = np.lexsort((rows, point, ttl, packet))
    here = _groups([packet, ttl, point])
    ordered = here[order]
    begins = np.flatnonzero(np.diff(ordered, prepend=-1))
    counts = np.diff(begins, append=len(order))
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order)) - np.repeat(begins, counts)
    count = np.empty(len(order), np.int64)
    count[order] = np.repeat(counts, counts)
    alike = _groups([packet, ttl])
    lowest, highest = (np.full(len(order), end, np.int64) for end in (1 << 62, -1))
    np.minimum.at(lowest, alike, count)
    np.maximum.at(highest, alike, count)
    return np.where(lowest[alike] == highest[alike], rank, -1)


def _ttl_sums(group: NDArray[np.int64], ttl: NDArray[np.int64]) -> NDArray[np.int64]:
    lowest, highest = (np.full(len(group), end, np.int64) for end in (1 << 20, -1))
    np.minimum.at(lowest, group, ttl)
    np.maximum.at(highest, group, ttl)
    return lowest[group] + highest[group]


def _sightings(
    table: PacketTable,
    rows: NDArray[np.int64],
    frame: NDArray[np.int64],
    packet: NDArray[np.int64],
    clock: NDArray[np.int64],
    sender: NDArray[np.int64],
    ttl: NDArray[np.int64],
) -> Sightings:
    times = table.packets.time_ns[rows]
    order = np.lexsort((rows, times, clock[rows], frame))
    rows, frame, packet, times, ttl = (column[order] for column in (rows, frame, packet, times, ttl))
    new = np.ones(len(rows), np.bool_)
    new[1:] = (frame[1:] != frame[:-1]) | (clock[rows][1:] != clock[rows][:-1])
    begins = np.flatnonzero(new)
    ends = np.append(begins[1:], len(rows)) - 1 if len(begins) else begins
    first = rows[begins]
    flow, ahead = _exchange(table, first)
    return Sightings(
        frame=frame[begins],
        packet=packet[begins],
        clock=clock[first],
        row=first,
        first_ns=times[begins],
        last_ns=times[ends],
        sender=sender[first],
        ttl=ttl[begins],
        flow=flow,
        ahead=ahead,
        passage=_groups([flow, ahead, table.ttl[first]]),
        asks=_asks(table, first),
    )


def _exchange(table: PacketTable, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The exchange that each row belongs to, and which way of it."""
    kind = table.kind[rows].astype(np.int64)
    error = kind == Kind.ICMP_ERROR  # it answers the packet that it quotes
    ends = []
    for side, port in (("src", "sport"), ("dst", "dport")):
        columns = ((f"inner_{name}", name) for name in (f"{side}_hi", f"{side}_lo", port))
        ends.append(_mixed([np.where(error, getattr(table, i)[rows], getattr(table, o)[rows]) for i, o in columns]))
    # An echo has one identifier and no ports: its type tells request from reply.
    ahead = np.where(kind == Kind.ICMP, np.isin(table.icmp_type[rows], (8, 128)), ends[0] < ends[1])
    quoted = table.inner_proto[rows].astype(np.int64)
    for number, quotes in _QUOTED.items():
        kind = np.where(error & (quoted == number), int(quotes), kind)
    ahead = np.where(error & (kind == Kind.ICMP), True, ahead) ^ error
    return _groups([np.minimum(*ends), np.maximum(*ends), kind]), ahead.astype(np.bool_)


def _asks(table: PacketTable, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    kind = table.kind[rows]
    syn = (kind == Kind.TCP) & ((table.tcp_flags[rows] & SYN_ACK) == SYN)
    echo = (kind == Kind.ICMP) & np.isin(table.icmp_type[rows], (8, 128))
    datagram = (kind == Kind.UDP) & ~(table.is_dns(rows) & (table.dns_qr[rows] == 1))
    return np.asarray(syn | echo | datagram, np.bool_)
