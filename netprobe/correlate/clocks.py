"""Two hosts have two clocks (:mod:`netprobe.journeys.clocks`): how far each row's times are from the first clock's.

What several clocks saw of one flow is the packets that the rows keep: a SYN and its SYN-ACK, a datagram and what came back. Each has so much of its
own (sequence numbers, IP id or TSval, payload) that it is found again on another clock without any regard to time, and a pair of them that went
both ways bounds the offset from both sides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netprobe.correlate.agreed import SeenPackets, agreed
from netprobe.correlate.sights import Sights, mixed
from netprobe.journeys.clocks import MOST_CLOCKS, aligned, clock_names, clocks_of, shown_clocks, unusable
from netprobe.journeys.shared import MOST_ROWS, Shared, Sightings
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from netprobe.correlate.sights import Index, Mask
    from netprobe.evidence.model import CapturePoint
    from netprobe.flowtable.blocks import TableRows
    from netprobe.model.report import Clock

_SIDES = 2


def shifts(rows: TableRows, points: Sequence[CapturePoint]) -> tuple[Index, tuple[Clock, ...], tuple[str, ...]]:
    """Put all rows on one clock.

    Returns:
        What to subtract from each row's times to have them on the clock of the first point with rows; what is known of the other clocks; and the
        names of those that a packet would put elsewhere, alone: they are left as they are.
    """
    none = np.zeros(len(rows), np.int64)
    point = np.ascontiguousarray(rows["point"])
    known = clocks_of(point, points)[:MOST_CLOCKS]
    if len(known) < _SIDES or unusable(rows["last_ns"]) or unusable(rows["first_ns"]):
        return none, (), ()
    numbers = {name: number for number, name in enumerate(known)}
    clock = np.array([numbers.get(name, -1) for name in clock_names(points)], np.int64)[point]
    sights = Sights(rows)
    times = np.concatenate([sights.head("ns", 0), sights.head("ns", 1), sights.first_ns])
    shared, unsure = _shared(sights, clock)
    shown = shown_clocks(known, points)
    doubted = tuple(shown[each][0] for each in unsure)
    if not len(shared.packets.row):
        return none, (), doubted
    moved, offsets = aligned(times, np.tile(clock, 3), shared, shown)
    return sights.first_ns - moved[_SIDES * len(rows) :], offsets, doubted


@dataclass(frozen=True, slots=True, kw_only=True)
class _Heads:
    """Packets that rows keep: int64 (m,) row and side, uint64 (m,) a hash of what a router and NAT leave alone, int64 (m,) time and TTL."""

    row: Index
    side: Index
    packet: NDArray[np.uint64]
    time_ns: Index
    ttl: Index

    def pick(self, which: Mask | Index) -> _Heads:
        return _Heads(
            row=self.row[which],
            side=self.side[which],
            packet=self.packet[which],
            time_ns=self.time_ns[which],
            ttl=self.ttl[which],
        )


def _shared(sights: Sights, clock: Index) -> tuple[Shared, list[int]]:
    """What several clocks saw: the same frames (with one TTL), and the same packets; and the clocks of which one alone would tell."""
    heads = _heads(sights)
    heads = heads.pick(_alone(mixed([heads.packet, heads.ttl, sights.column("point")[heads.row]])))
    heads = heads.pick(_spread(heads.packet, clock[heads.row]))
    if len(heads.row) > MOST_ROWS * _SIDES:
        heads = heads.pick(heads.packet % np.uint64(len(heads.row) // MOST_ROWS) == 0)
    sure, unsure = _agreed(sights, clock, heads)
    heads = heads.pick(sure)
    heads = heads.pick(_spread(heads.packet, clock[heads.row]))
    frame = mixed([heads.packet, heads.ttl])
    same = _spread(frame, clock[heads.row])
    shared = Shared(
        frames=_sightings(sights, clock, heads.pick(same), frame[same]),
        packets=_sightings(sights, clock, heads, heads.packet),
    )
    return shared, unsure


def _agreed(sights: Sights, clock: Index, heads: _Heads) -> tuple[Mask, list[int]]:
    """Which packets say how far clocks are apart (:mod:`agreed`); the last of several SYNs that nobody answered is one of its own."""
    silent = sights.tcp & (sights.column("syns", 0) > 1) & ~sights.sent(1)
    again = np.flatnonzero((heads.side == 0) & silent[heads.row])
    row = np.append(heads.row, heads.row[again])
    packet = np.append(heads.packet, mixed([heads.packet[again], sights.column("syns", 0)[heads.row[again]]]))
    one, other = sights.end(0)[row], sights.end(1)[row]
    ends = mixed([sights.kind[row], np.minimum(one, other), np.maximum(one, other)])
    seen = SeenPackets(
        packet=packet,
        exchange=np.where(sights.tcp[row], packet, ends),
        clock=clock[row],
        time_ns=np.append(heads.time_ns, sights.column("last_ns")[heads.row[again]]),
    )
    sure, unsure = agreed(seen)
    return sure[: len(heads.row)], unsure


def _heads(sights: Sights) -> _Heads:
    """Every packet that has enough of its own."""
    found = [_of_side(sights, side) for side in (0, 1)]
    joined = {name: np.concatenate([getattr(each, name) for each in found]) for name in _Heads.__slots__}
    return _Heads(**joined)


def _of_side(sights: Sights, side: int) -> _Heads:
    numbers = (sights.isn, sights.reply_isn)[side] >= 0
    marked = sights.clocked(side) | (sights.head("ip_id", side) > 0) | (side == 1)
    row = np.flatnonzero(sights.sent(side) & np.where(sights.tcp, numbers & marked, True))
    columns = [sights.head(name, side)[row] for name in ("seq", "ack", "window", "length", "ip_id", "tsval")]
    ends = mixed([sights.end(0)[row], sights.end(1)[row], sights.head("digest", side)[row]])
    said = mixed([np.full(len(row), side), sights.kind[row], *columns])
    return _Heads(
        row=row,
        side=np.full(len(row), side),
        packet=mixed([said, np.where(sights.tcp[row], np.uint64(0), ends)]),
        time_ns=sights.head("ns", side)[row],
        ttl=sights.head("ttl", side)[row].astype(np.int64),
    )


def _alone(value: NDArray[np.uint64]) -> Mask:
    """Whether a value is there once."""
    order = np.argsort(value)
    same = value[order][1:] == value[order][:-1]
    out = np.ones(len(value), np.bool_)
    out[order[1:][same]] = False
    out[order[:-1][same]] = False
    return out


def _spread(value: NDArray[np.uint64], clock: Index) -> Mask:
    """Whether several clocks have a value."""
    order = np.argsort(value)
    begins = np.flatnonzero(np.append(True, value[order][1:] != value[order][:-1])) if len(value) else order
    low, high = (
        function.reduceat(clock[order], begins) if len(value) else order for function in (np.minimum, np.maximum)
    )
    out = np.zeros(len(value), np.bool_)
    out[order] = np.repeat((low != high) & (low >= 0), np.diff(begins, append=len(order)))
    return out


def _numbered(value: NDArray[np.uint64]) -> Index:
    """A number for each value."""
    order = np.argsort(value)
    new = np.append(False, value[order][1:] != value[order][:-1])
    out = np.empty(len(value), np.int64)
    out[order] = np.cumsum(new)
    return out


def _sightings(sights: Sights, clock: Index, heads: _Heads, group: NDArray[np.uint64]) -> Sightings:
    """One entry for each group and clock: the first and the last time that a point of that clock saw it."""
    frame, numbers = _numbered(group), _numbered(heads.packet)
    order = np.lexsort((heads.row, heads.time_ns, clock[heads.row], frame))
    heads, frame, numbers = heads.pick(order), frame[order], numbers[order]
    whose = clock[heads.row]
    begins = np.flatnonzero(np.append(True, (frame[1:] != frame[:-1]) | (whose[1:] != whose[:-1]))[: len(frame)])
    ends = np.append(begins[1:], len(frame)) - 1 if len(begins) else begins
    highest, lowest = (each.reduceat(heads.ttl, begins) if len(begins) else begins for each in (np.maximum, np.minimum))
    first = heads.pick(begins)
    one, other = sights.end(0)[first.row], sights.end(1)[first.row]
    exchange = _numbered(mixed([sights.kind[first.row], np.minimum(one, other), np.maximum(one, other)]))
    ahead = np.asarray((one < other) ^ (first.side == 1))
    return Sightings(
        frame=frame[begins],
        packet=numbers[begins],
        clock=whose[begins],
        row=first.row + first.side * len(sights),
        first_ns=first.time_ns,
        last_ns=heads.time_ns[ends],
        sender=np.full(len(begins), -1, np.int64),
        ttl=np.asarray(highest + lowest),
        flow=exchange,
        ahead=ahead,
        passage=_numbered(mixed([exchange, ahead, first.ttl])),
        asks=np.asarray(first.side == 0),
    )
