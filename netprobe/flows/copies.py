"""Packets that one capture holds more than once: both directions of lo, a packet at several interfaces merged into one point.

A copy is the same packet seen again, and no retransmission: that one has another IPv4 identification or, some milliseconds later, another
timestamp (RFC 7323 §5.4; Linux: a tick a millisecond), and comes no sooner than a retransmission timer allows (RFC 6298 §2.4; Linux: 200 ms).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from netprobe.decode.table import Kind

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from netprobe.decode.table import PacketTable

ELSEWHERE_NS = 200_000_000  # with another TTL or link address: seen at another place of the way
AGAIN_NS = 5_000_000  # with the same IPv4 identification or timestamp
ALIKE_NS = 1_000_000  # with neither
MOST_ALIKE = 4  # equal datagrams in a row: more are a sender that repeats itself
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # 2^64 divided by the golden ratio, as in splitmix64
_SAME = (
    *("src_lo", "dst_lo", "sport", "seq", "ack", "tcp_flags", "window", "tsval", "tsecr"),
    *("payload_len", "ip_id", "icmp_type", "dns_id"),
)
_WORD = 8  # bytes that are compared at the beginning, in the middle and at the end of a datagram


def copies(table: PacketTable, rows: NDArray[np.int64], group: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Tell which of these rows repeat an earlier one.

    Args:
        table: the packet table.
        rows: rows of it.
        group: of each of them, a number that a packet keeps: of its 5-tuple (either direction), VLAN and point.
    """
    out = np.zeros(len(rows), np.bool_)
    if len(rows) < 2:
        return out
    identity = _identity(table, rows, group)
    time = table.packets.time_ns[rows]
    order = np.lexsort((rows, time, identity))
    one, two = order[:-1], order[1:]
    same = identity[one] == identity[two]
    if not same.any():
        return out
    again = same & (time[two] - time[one] < _limit(table, rows[one], rows[two]))
    unsure = ~_told(table, rows[one], rows[two]) & ~_doubled(identity, group, order, again)[two]
    unsure |= (table.kind[rows[two]] == Kind.UDP) & _many(identity[order])[1:]
    out[two[again & ~unsure]] = True
    return out


def _doubled(
    identity: NDArray[np.uint64], group: NDArray[np.int64], order: NDArray[np.int64], again: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Whether most packets of a row's group are there more than once: then the capture holds them twice, and nobody sent them so.

    One packet may be sent twice at once: a SYN-ACK by its own timer, and as the SYN comes again.
    """
    ordered = identity[order]
    begins = np.append(True, ordered[1:] != ordered[:-1])
    places = np.flatnonzero(begins)
    more = np.add.reduceat(np.append(False, again).astype(np.int64), places) > 0
    groups = group[order][places]
    most = int(group.max()) + 1
    doubled, every = np.bincount(groups, more, most), np.bincount(groups, minlength=most)
    return np.asarray((2 * doubled > every)[group], np.bool_)


def _limit(table: PacketTable, one: NDArray[np.int64], two: NDArray[np.int64]) -> NDArray[np.int64]:
    """How far apart, in ns, two sightings of one packet may be."""
    return between(_elsewhere(table, one, two), (table.ip_id[two] > 0) | (table.tsval[two] > 0))


def between(elsewhere: NDArray[np.bool_], numbered: NDArray[np.bool_]) -> NDArray[np.int64]:
    """How far apart, in ns, two sightings of one packet may be: at another place of the way, or where a number in the packet tells it from others."""
    return np.where(elsewhere, ELSEWHERE_NS, np.where(numbered, AGAIN_NS, ALIKE_NS))


def _elsewhere(table: PacketTable, one: NDArray[np.int64], two: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether the second was seen at another place of the way: a router, or another link, is between."""
    out = np.zeros(len(one), np.bool_)
    for name in ("ttl", "eth_src", "eth_dst"):
        column = getattr(table, name)
        out |= column[one] != column[two]
    return out


def _told(table: PacketTable, one: NDArray[np.int64], two: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether something in the packets says that they are one."""
    return np.asarray((table.ip_id[two] > 0) | _elsewhere(table, one, two), np.bool_)


def _many(ordered: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Whether a packet is one of many that are alike."""
    begins = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))
    counts = np.diff(begins, append=len(ordered))
    return np.repeat(counts > MOST_ALIKE, counts)


def _identity(table: PacketTable, rows: NDArray[np.int64], group: NDArray[np.int64]) -> NDArray[np.uint64]:
    return contents(table, rows, _mixed(group, None))


def contents(table: PacketTable, rows: NDArray[np.int64], seed: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """A mix of what two sightings of one packet have in common, begun with a number for whose packet it is."""
    out = seed.copy()
    for name in _SAME:
        out = _mixed(getattr(table, name)[rows], out)
    other = np.flatnonzero((table.kind[rows] != Kind.TCP) & (table.payload_off[rows] >= 0))
    start, kept = table.payload_off[rows[other]], table.payload_cap[rows[other]]
    for at in (start, start + kept // 2, start + np.maximum(kept - _WORD, 0)):
        out[other] = _mixed(_word(table.packets.data, at, start + kept), out[other])
    return out


def _word(data: bytes, at: NDArray[np.int64], end: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Eight bytes at each place, zeros behind the end."""
    held = np.frombuffer(data, np.uint8)
    out = np.zeros(len(at), np.uint64)
    for step in range(_WORD if len(held) else 0):
        inside = at + step < end
        byte = held[np.where(inside, at + step, 0)].astype(np.uint64)
        out = out << np.uint64(8) | np.where(inside, byte, np.uint64(0))
    return out


def _mixed(column: NDArray[Any], seed: NDArray[np.uint64] | None) -> NDArray[np.uint64]:
    value = column if column.dtype == np.uint64 else column.astype(np.int64, copy=False).view(np.uint64)
    out: NDArray[np.uint64] = (value if seed is None else seed ^ value) * _MULTIPLIER
    return out ^ (out >> np.uint64(29))
