"""Several clocks made one: the offset between hosts, estimated from frames that both saw, before anything is ordered by time.

A frame that goes from A to B is stamped by both: ``t_B - t_A`` is the offset of B's clock plus the way's delay; for one that comes
back it is the offset minus the delay. So the forward differences bound the offset from above, the backward ones from below
(RFC 5905 section 8 takes the middle of one such pair). Where zero lies between the bounds, the clocks agree as far as can be seen, and
nothing is changed. Else B's times are put on A's clock, by the middle of the nearest pair of differences, which follows drift and steps.
Frames of one direction alone give a bound only.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from netprobe.decode.table import Kind
from netprobe.report.model import Clock

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from netprobe.decode.table import PacketTable
    from netprobe.evidence.model import CapturePoint

    Ints = NDArray[np.int64]
    Hashes = NDArray[np.uint64]

_IDENTITY = (
    *("kind", "src_hi", "src_lo", "dst_hi", "dst_lo", "ip_id", "ttl", "sport", "dport", "tcp_flags", "seq", "ack"),
    *("tsval", "payload_len", "icmp_type", "arp_op", "dns_id"),
)
_PRIME = np.uint64(0x9E3779B97F4A7C15)  # 2**64 divided by the golden ratio: Fibonacci hashing
_FAR_NS = 500_000_000  # one direction alone: a difference beyond this is no delay of a network that answers at all


@dataclass(frozen=True, slots=True)
class _Seen:
    """The frames that one clock stamped, each once: who it is, when, and which way it went."""

    ident: Hashes
    time: Ints
    way: Hashes
    back: Hashes


@dataclass(frozen=True, slots=True)
class _Offset:
    """One clock against another: at these times (of its own) it was so far ahead, give or take ``half``; all ns."""

    times: Ints
    ahead: Ints
    half: int | None
    frames: int
    agrees: bool

    def at(self, times: Ints) -> Ints:
        return np.rint(
            np.interp(times.astype(np.float64), self.times.astype(np.float64), self.ahead.astype(np.float64))
        ).astype(np.int64)


def on_one_clock(
    table: PacketTable, points: Sequence[CapturePoint], reference: str | None = None
) -> tuple[PacketTable, tuple[Clock, ...]]:
    """Put all times on one clock.

    Args:
        table: the packet table; every point's times are on its host's clock (a point without host is its own).
        points: its capture points.
        reference: the host whose clock counts: the source's; None for the first point's.

    Returns:
        The table with times corrected where clocks disagree (the same table where none does), and what was found of each clock.
    """
    names = [point.host or point.name for point in points]
    clocks = list(dict.fromkeys(names))
    if len(clocks) < 2 or not len(table):
        return table, ()
    if reference in clocks:
        clocks.remove(str(reference))
        clocks.insert(0, str(reference))
    of_point = np.array([clocks.index(name) for name in names], np.int64)
    number = of_point[table.packets.point]
    hashes, way, back = _hashes(table)
    usable = np.isin(table.kind, (int(Kind.TCP), int(Kind.UDP), int(Kind.ICMP), int(Kind.ARP)))
    seen = {
        each: _seen(table, np.flatnonzero(usable & (number == each)), hashes, way, back) for each in range(len(clocks))
    }
    times = table.packets.time_ns.copy()
    found: list[Clock] = []
    known, waiting = [0], list(range(1, len(clocks)))
    while waiting:
        pair = next(
            ((a, b, offset) for b in waiting for a in known if (offset := _compare(seen[a], seen[b])) is not None), None
        )
        if pair is None:
            break
        near, far, offset = pair
        waiting.remove(far)
        known.append(far)
        found.append(_clock(clocks[far], clocks[near], offset))
        if not offset.agrees:
            rows = np.flatnonzero(number == far)
            times[rows] -= offset.at(table.packets.time_ns[rows])
            seen[far] = _Seen(
                seen[far].ident, seen[far].time - offset.at(seen[far].time), seen[far].way, seen[far].back
            )
    if not any(clock.corrected for clock in found):
        return table, tuple(found)
    return replace(table, packets=replace(table.packets, time_ns=times)), tuple(found)


def _clock(host: str, against: str, offset: _Offset) -> Clock:
    ahead = int(np.median(offset.ahead))
    return Clock(
        host=host,
        against=against,
        offset_us=round(ahead / 1000, 3),
        uncertainty_us=None if offset.half is None else round(offset.half / 1000, 3),
        frames=offset.frames,
        corrected=not offset.agrees,
    )


def _hashes(table: PacketTable) -> tuple[Hashes, Hashes, Hashes]:
    """For each row: who the frame is, which way it goes (source, destination), and the way of its answers."""
    ident = np.zeros(len(table), np.uint64)
    for name in _IDENTITY:
        ident = _mix(ident, getattr(table, name).astype(np.int64).astype(np.uint64))
    source = _mix(_mix(np.zeros(len(table), np.uint64), table.src_hi), table.src_lo)
    target = _mix(_mix(np.zeros(len(table), np.uint64), table.dst_hi), table.dst_lo)
    return ident, _mix(source, target), _mix(target, source)


def _mix(one: Hashes, other: Hashes) -> Hashes:
    with np.errstate(over="ignore"):
        mixed = (one * np.uint64(31) + other) * _PRIME  # not symmetric: a way and the way back differ
        return mixed ^ (mixed >> np.uint64(29))


def _seen(table: PacketTable, rows: Ints, hashes: Hashes, way: Hashes, back: Hashes) -> _Seen:
    """Each frame once: the n-th of n equal ones (ARP asks again with the same bytes) is another than the first."""
    point = table.packets.point[rows].astype(np.int64)
    time = table.packets.time_ns[rows]
    order = np.lexsort((time, hashes[rows], point))
    rows, point, time = rows[order], point[order], time[order]
    ident = hashes[rows]
    new = np.ones(len(rows), np.bool_)
    new[1:] = (ident[1:] != ident[:-1]) | (point[1:] != point[:-1])
    start = np.flatnonzero(new)
    count = np.diff(np.append(start, len(rows)))
    rank = np.arange(len(rows)) - np.repeat(start, count)
    ident = _mix(_mix(ident, rank.astype(np.uint64)), np.repeat(count, count).astype(np.uint64))
    order = np.lexsort((time, ident))
    first = np.ones(len(order), np.bool_)
    first[1:] = ident[order][1:] != ident[order][:-1]
    kept = order[first]
    return _Seen(ident[kept], time[kept], way[rows[kept]], back[rows[kept]])


def _compare(one: _Seen, other: _Seen) -> _Offset | None:
    """How far ``other``'s clock is ahead of ``one``'s; None where no frame was seen by both."""
    _, left, right = np.intersect1d(one.ident, other.ident, assume_unique=True, return_indices=True)
    if not len(left):
        return None
    when, ahead = other.time[right], other.time[right] - one.time[left]
    way, back = one.way[left], one.back[left]
    both = np.isin(way, back)
    if not both.any():
        return _bound(when, ahead)
    when, ahead, way, back = when[both], ahead[both], way[both], back[both]
    forward = np.zeros(len(when), np.bool_)
    for each in np.unique(way):  # the way whose differences are the greater one leads from the one clock to the other
        here, there = way == each, back == each
        forward |= here & (np.median(ahead[here]) >= np.median(ahead[there]))
    if forward.all() or not forward.any():
        return _bound(when, ahead)
    up_at, up = when[forward], ahead[forward]
    down_at, down = when[~forward], ahead[~forward]
    nearest = (
        np.abs(up_at[:, None] - down_at[None, :]).argmin(axis=1)
        if len(up_at) * len(down_at) < 1 << 22
        else _nearest(up_at, down_at)
    )
    middle, half = (up + down[nearest]) // 2, np.abs(up - down[nearest]) // 2
    order = np.argsort(up_at, kind="stable")
    agrees = bool((up >= 0).all() and (down <= 0).all())
    return _Offset(up_at[order], middle[order], int(np.median(half)), len(when), agrees)


def _nearest(times: Ints, others: Ints) -> Ints:
    """For each time, the index of the nearest of others."""
    order = np.argsort(others, kind="stable")
    after = np.clip(np.searchsorted(others[order], times), 1, max(len(others) - 1, 1))
    before_is_nearer = times - others[order][after - 1] <= others[order][np.minimum(after, len(others) - 1)] - times
    picked: Ints = order[np.where(before_is_nearer, after - 1, np.minimum(after, len(others) - 1))]
    return picked


def _bound(when: Ints, ahead: Ints) -> _Offset:
    """One direction alone: the offset is the difference, less a delay that is not known."""
    order = np.argsort(when, kind="stable")
    return _Offset(when[order], ahead[order], None, len(when), bool(np.abs(np.median(ahead)) < _FAR_NS))
