"""Two hosts have two clocks: which packets both saw, how far the clocks are apart by them (``offset.py``), and one time for all.

Which way a packet went does not come from the clocks: the link address of a host's own interface says it, a lower TTL, or, with
neither, that of a request and its answer the one nearer to the asker has the longer time between them.

What is on another clock is then put on the reference clock (the source's), before anything else looks at time. A clock that the
packets allow to be the same one is left alone, so that a capture of one machine keeps its times.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from netprobe.evidence.model import Limit, LimitKind
from netprobe.journeys.offset import STEP_NS, Fit, Meetings, fitted
from netprobe.journeys.shared import Shared, Sightings, shared_frames
from netprobe.model.report import Clock

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from netprobe.decode.table import PacketTable
    from netprobe.evidence.model import CapturePoint
    from netprobe.state.model import Host

    Times = NDArray[np.int64]

_MAC = re.compile(r"([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}")
MOST_CLOCKS = 64  # are held against each other, in the order of the points: each against all others, and no more hosts are asked together
MOST_TIME_NS = 1 << 61  # later times are no times: their differences would not fit


def on_one_clock(
    table: PacketTable,
    points: Sequence[CapturePoint],
    reference: str | None = None,
    hosts: Mapping[str, Host] | None = None,
) -> tuple[PacketTable, tuple[Clock, ...]]:
    """Put all packets on one clock.

    Args:
        table: the packet table; ``packets.time_ns`` is on the clock of each point's host.
        points: the capture points. Those of one host share a clock; one without a host has its own.
        reference: the host whose clock counts: the source's. None: that of the first point with packets.
        hosts: their state, where it is known: whose interfaces the link addresses are.

    Returns:
        The table with ``time_ns`` on the reference clock (the same table where nothing had to be moved), and what is known of each other
        clock that shares packets with it.
    """
    names = clock_names(points)
    known = _known(table, points, reference)[:MOST_CLOCKS]
    if len(known) < 2 or unusable(table.packets.time_ns):
        return table, ()
    numbers = {name: number for number, name in enumerate(known)}
    of_point = np.array([*(numbers.get(name, -1) for name in names), -1], np.int64)
    inside = (table.packets.point >= 0) & (table.packets.point < len(points))
    clock = of_point[np.where(inside, table.packets.point, len(points))]
    sightings = shared_frames(table, clock, _senders(table, by_link_address(hosts or {}), numbers))
    times, offsets = aligned(
        table.packets.time_ns, clock, sightings, shown_clocks(known, points), probed=reference in known
    )
    if not any(each.corrected for each in offsets):
        return table, offsets
    return replace(table, packets=replace(table.packets, time_ns=times)), offsets


def aligned(
    time_ns: Times, clock: Times, sightings: Shared, names: Sequence[tuple[str, bool]], *, probed: bool = False
) -> tuple[Times, tuple[Clock, ...]]:
    """Put times on the clock 0.

    Args:
        time_ns: int64 (n,), Unix times in ns.
        clock: int64 (n,), of which clock each is; -1 none's.
        sightings: what several clocks saw; their rows are indexes of the two.
        names: of each clock what it is called, and whether that is its host's name (then it is another's than the others').
        probed: clock 0 is that of the host which sent what all is about.

    Returns:
        All times on clock 0, and what is known of each other clock that shares packets with it.
    """
    work = _Alignment(time_ns, clock, sightings, probed=probed)
    found = work.run(named=[named for _, named in names])
    offsets = tuple(_clock(fit, meetings, names[c][0], names[0][0], moved) for c, fit, meetings, moved in found)
    return work.time_ns, offsets


def shown_clocks(known: Sequence[str], points: Sequence[CapturePoint]) -> list[tuple[str, bool]]:
    """What each clock is called, and whether that is its host's name."""
    return [(name, True) if name[0] != "\0" else (points[int(name[1:])].name, False) for name in known]


def unaligned(table: PacketTable, points: Sequence[CapturePoint]) -> tuple[Limit, ...]:
    """Return what to say of clocks beyond the :data:`MOST_CLOCKS` that :func:`on_one_clock` holds against each other."""
    return clocks_beyond(table.packets.point, points)


def clocks_beyond(point: NDArray[np.int32], points: Sequence[CapturePoint]) -> tuple[Limit, ...]:
    """The same, where it is known which points have packets: their numbers, as often as one likes."""
    known = clocks_of(point, points)
    if len(known) <= MOST_CLOCKS:
        return ()
    number = clock_names(points).index(known[MOST_CLOCKS])
    why = f"its clock was not held against the others', nor those that follow: {MOST_CLOCKS} of {len(known)} are, give fewer captures"
    return (Limit(kind=LimitKind.POINT, subject=points[number].host or points[number].name, why=why),)


def clock_names(points: Sequence[CapturePoint]) -> list[str]:
    """Whose clock each point has: its host's, or (behind a NUL) its own."""
    return [point.host or f"\0{number}" for number, point in enumerate(points)]


def _known(table: PacketTable, points: Sequence[CapturePoint], reference: str | None) -> list[str]:
    """The clocks that gave any packet its time, the reference first."""
    return clocks_of(table.packets.point, points, reference)


def clocks_of(point: NDArray[np.int32], points: Sequence[CapturePoint], reference: str | None = None) -> list[str]:
    """The clocks of the points that are named, the reference first: a host's name, or behind a NUL the number of a point of nobody's."""
    names = clock_names(points)
    inside = (point >= 0) & (point < len(points))
    used = np.flatnonzero(np.bincount(point[inside], minlength=len(points))).tolist()
    known = list(dict.fromkeys(names[point] for point in used))
    if reference in known:
        known.insert(0, known.pop(known.index(reference)))
    return known


def unusable(time_ns: Times) -> bool:
    """Whether there are none, or some are so far away that their differences would not fit."""
    return not len(time_ns) or int(time_ns.max()) > MOST_TIME_NS or int(time_ns.min()) < -MOST_TIME_NS


def by_link_address(hosts: Mapping[str, Host]) -> dict[int, str]:
    """Link address -> the one host that has it; Docker gives containers of several hosts the same ones."""
    found: dict[int, set[str]] = {}
    for name, host in hosts.items():
        for namespace in (host.own, *host.namespaces.values()):
            for link in namespace.links or ():
                if _MAC.fullmatch(link.mac):
                    found.setdefault(int(link.mac.replace(":", ""), 16), set()).add(name)
    return {address: names.pop() for address, names in found.items() if address and len(names) == 1}


def _senders(table: PacketTable, owners: Mapping[int, str], numbers: Mapping[str, int]) -> Times:
    addresses, index = np.unique(table.eth_src, return_inverse=True)
    known = [numbers.get(owners.get(address, ""), -1) for address in addresses.tolist()]
    return np.array(known, np.int64)[index.ravel()]


class _Alignment:
    """Clock after clock, the best known first, each held against all that are known by then."""

    def __init__(self, time_ns: Times, clock: Times, sightings: Shared, *, probed: bool) -> None:
        self.time_ns = time_ns.copy()
        self._raw = time_ns
        self._clock = clock
        self._seen = sightings
        self._probed = probed
        self._slack_ns = {0: 0.0}

    def run(self, named: list[bool]) -> list[tuple[int, Fit, Meetings, bool]]:
        """Return (clock, fit, what it rests on, whether its times were moved) of every clock that meets a known one."""
        out = []
        left = set(range(1, len(named)))
        parts: dict[int, list[Meetings]] = {clock: [] for clock in left}
        newest = 0  # what is known stays where it is: each is held against every other once
        while left:
            for clock in left:
                parts[clock].append(self._pair(newest, clock, self._slack_ns[newest]))
            met = {clock: found for clock in sorted(left) if len((found := _all_of(parts[clock])).row)}
            if not met:
                break
            clock = max(met, key=lambda each: (met[each].both_ways, len(met[each].row), -each))
            fit = fitted(met[clock])
            moved = not fit.means_one_clock(named=named[clock])
            if moved:
                self._move(clock, fit, met[clock])
            self._slack_ns[clock] = met[clock].slack_ns + fit.width_ns / 2
            left.discard(clock)
            newest = clock
            out.append((clock, fit, met[clock], moved))
        return out

    def _pair(self, other: int, clock: int, slack_ns: float) -> Meetings:
        theirs, mine = self._both(self._seen.frames, other, clock)
        if len(mine.row):
            way = _ways(theirs, mine, other, clock)
        else:
            theirs, mine = self._both(self._seen.packets, other, clock)
            lower, turn = np.sign(theirs.ttl - mine.ttl), _by_round_trip(theirs, mine)
            way = np.where(lower == 0, turn, lower)
        if other == 0 and self._probed:  # what the source asks comes from the source
            way = np.where((way == 0) & theirs.asks, 1, way)
        # the last sighting before the link between them, and the first behind it: nearest to each other
        time = np.where(way == 1, theirs.last_ns, theirs.first_ns)
        delta = np.where(way == -1, mine.last_ns, mine.first_ns) - time
        return Meetings(time_ns=time, delta_ns=delta, way=way, row=mine.row, slack_ns=slack_ns)

    def _both(self, seen: Sightings, other: int, clock: int) -> tuple[Sightings, Sightings]:
        theirs, mine = seen.of(other).shifted(self._raw - self.time_ns), seen.of(clock)
        _, left, right = np.intersect1d(theirs.frame, mine.frame, assume_unique=True, return_indices=True)
        return theirs.pick(left), mine.pick(right)

    def _move(self, clock: int, fit: Fit, meetings: Meetings) -> None:
        rows = np.flatnonzero(self._clock == clock)
        if fit.stepped:
            self.time_ns[rows] = _by_the_nearest(self._raw[rows], meetings)
            return
        moved = self._raw[rows] - fit.offset_ns
        if fit.rate:
            since = (moved - fit.since_ns).astype(np.float64)
            moved = fit.since_ns + np.rint(since / (1 + fit.rate)).astype(np.int64)
        self.time_ns[rows] = moved


def _all_of(parts: Sequence[Meetings]) -> Meetings:
    """All that a clock shares with the known ones; what nobody knows the way of only where nothing else is there."""
    whole = Meetings(
        time_ns=np.concatenate([part.time_ns for part in parts]),
        delta_ns=np.concatenate([part.delta_ns for part in parts]),
        way=np.concatenate([part.way for part in parts]),
        row=np.concatenate([part.row for part in parts]),
        slack_ns=max((part.slack_ns for part in parts if len(part.row)), default=0.0),
    )
    sure = whole.way != 0
    return whole.pick(sure) if sure.any() else whole


def _ways(theirs: Sightings, mine: Sightings, other: int, clock: int) -> Times:
    """Which way each shared frame went: 1 from ``other`` to ``clock``, -1 back, 0 unknown (or it came from a third host)."""
    sender = np.where(theirs.sender >= 0, theirs.sender, mine.sender)
    way = np.where(sender == other, 1, np.where(sender == clock, -1, 0))
    guess = _by_round_trip(theirs, mine)
    guess = np.where(guess == 0, np.sign(theirs.ttl - mine.ttl), guess)
    return np.where(sender >= 0, way, guess)


def _by_round_trip(theirs: Sightings, mine: Sightings) -> Times:
    """Which way, by requests and answers: the longer time between them is that of the clock nearer to the asker.

    So is that between a packet and itself, sent back by a router. What follows at the shortest time decides: no clock drifts much in that.
    """
    delta = mine.first_ns - theirs.first_ns
    order = np.lexsort((theirs.first_ns, theirs.flow))
    one, two = order[:-1], order[1:]
    back = (theirs.ahead[one] != theirs.ahead[two]) | (theirs.packet[one] == theirs.packet[two])
    turns = (theirs.flow[one] == theirs.flow[two]) & back
    one, two = one[turns], two[turns]
    if not len(one):
        return np.zeros(len(delta), np.int64)
    longer, between = np.sign(delta[one] - delta[two]), theirs.first_ns[two] - theirs.first_ns[one]
    passage, way = theirs.passage[np.concatenate([one, two])], np.concatenate([longer, -longer])
    nearest = np.lexsort((np.concatenate([between, between]), passage))
    known, first = np.unique(passage[nearest], return_index=True)
    at = np.minimum(np.searchsorted(known, theirs.passage), len(known) - 1)
    return np.where(known[at] == theirs.passage, way[nearest][first][at], 0)


def _by_the_nearest(raw: Times, meetings: Meetings) -> Times:
    """Times of a clock that was set meanwhile: each packet is as far from the nearest shared one as the clock said."""
    shared = meetings.time_ns + meetings.delta_ns
    order = np.argsort(shared, kind="stable")
    shared, true = shared[order], (meetings.time_ns + meetings.way * STEP_NS)[order]
    behind = np.minimum(np.searchsorted(shared, raw), len(shared) - 1)
    before = np.maximum(behind - 1, 0)
    at = np.where(np.abs(raw - shared[before]) <= np.abs(shared[behind] - raw), before, behind)
    return true[at] + (raw - shared[at])


def _clock(fit: Fit, meetings: Meetings, host: str, against: str, moved: bool) -> Clock:
    def us(value: float | None, slack_ns: float) -> float | None:
        return None if value is None else round((fit.base_ns + value + slack_ns) / 1000, 3)

    low, high = us(fit.low_ns, -meetings.slack_ns), us(fit.high_ns, meetings.slack_ns)
    offset_ns = int(np.median(meetings.delta_ns)) if fit.stepped else fit.offset_ns
    return Clock(
        host=host,
        against=against,
        offset_us=round(offset_ns / 1000, 3),
        uncertainty_us=None if low is None or high is None else round((high - low) / 2, 3),
        frames=len(meetings.row),
        corrected=moved,
        low_us=low,
        high_us=high,
        drift_ppm=round(fit.rate * 1e6, 1),
        stepped=fit.stepped,
    )
