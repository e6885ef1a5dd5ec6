"""One clock held against another: bounds of the offset, the rate where a constant offset explains nothing, or that it was set.

Theory (as in NTP, RFC 5905 §8, and Moon, Skelly and Towsley 1999): a packet that leaves a host at *a* on its clock and is seen on
another at *b* on that one's says ``b - a = offset + delay``, and no delay is negative. So the packets that went there give an upper bound
of the offset, those that came back a lower one, and one way alone gives one bound. A clock that runs fast or slow moves the bounds: then
the rate is taken that leaves most room between them. Where no rate leaves any, the clock was set meanwhile (NTP's step).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from netprobe.values import dataclass

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Times = NDArray[np.int64]
    Reals = NDArray[np.float64]

MOST_DRIFT = 0.02  # a clock that is wrong by more than 2 % is no clock
JITTER_NS = (
    200_000  # what the time stamps of two taps may contradict each other by before a clock is said to have been set
)
ONE_WAY_NS = 100_000_000  # seen one way only, a longer delay than this is taken for an offset
NAMELESS_NS = (
    1_000_000  # points that nobody says are other hosts' have one clock, unless they are further apart than this
)
STEP_NS = 1_000  # where only the order is known, what comes later comes this much later
_STEPS = 80  # of the search for the rate: more than enough for a nanosecond


@dataclass(frozen=True, slots=True, kw_only=True)
class Meetings:
    """What one clock shares with those that are known: the packets' times on the reference clock, and by how much this one differs.

    ``way``: 1 the packet came to this clock's host, -1 it left there, 0 nobody knows. ``row``: its row at this clock. ``slack_ns``: how far
    off the known clocks may be themselves.
    """

    time_ns: Times
    delta_ns: Times
    way: Times
    row: Times
    slack_ns: float = 0.0

    @property
    def both_ways(self) -> bool:
        """Whether packets went both ways."""
        return bool((self.way > 0).any() and (self.way < 0).any())

    def pick(self, which: NDArray[np.bool_]) -> Meetings:
        """Some of them."""
        picked = {name: getattr(self, name)[which] for name in ("time_ns", "delta_ns", "way", "row")}
        return replace(self, **picked)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """A clock against the reference: ``reading = time + base_ns + (time - since_ns) * rate``.

    ``low_ns`` and ``high_ns`` bound the offset about ``base_ns`` (None: nothing went that way).
    """

    base_ns: int
    since_ns: int
    low_ns: float | None = None
    high_ns: float | None = None
    rate: float = 0.0
    stepped: bool = False

    @property
    def offset_ns(self) -> int:
        """The offset that fits best: amid the bounds, or just inside the one that is known."""
        if self.low_ns is not None and self.high_ns is not None:
            return self.base_ns + round((self.low_ns + self.high_ns) / 2)
        if self.high_ns is not None:
            return self.base_ns + round(self.high_ns) - STEP_NS
        return self.base_ns + (round(self.low_ns) + STEP_NS if self.low_ns is not None else 0)

    @property
    def both_ways(self) -> bool:
        """Whether packets went both ways."""
        return self.low_ns is not None and self.high_ns is not None

    @property
    def width_ns(self) -> float:
        """From bound to bound."""
        return self.high_ns - self.low_ns if self.low_ns is not None and self.high_ns is not None else 0.0

    def means_one_clock(self, *, named: bool) -> bool:
        """Whether the packets allow this to be the reference clock itself."""
        if self.stepped or self.rate:
            return False
        low = None if self.low_ns is None else self.base_ns + self.low_ns
        high = None if self.high_ns is None else self.base_ns + self.high_ns
        near = abs(self.offset_ns) < (NAMELESS_NS if self.both_ways else ONE_WAY_NS)
        if not named and near:
            return True
        if low is not None and high is not None:
            return low <= 0 <= high
        return near and (low is None or low <= 0) and (high is None or high >= 0)


def fitted(meetings: Meetings) -> Fit:
    """Bound the offset, with no drift where that is possible."""
    first = int(meetings.time_ns.argmin())
    base, since = int(meetings.delta_ns[first]), int(meetings.time_ns[first])
    delta = (meetings.delta_ns - base).astype(np.float64)
    time = (meetings.time_ns - since).astype(np.float64)
    there, back = meetings.way >= 0, meetings.way <= 0
    if not (meetings.way != 0).any():  # nobody knows which way: the packets are taken to have needed no time
        return Fit(base_ns=base, since_ns=since)
    high = float(delta[there].min()) if there.any() else None
    low = float(delta[back].max()) if back.any() else None
    if high is None or low is None or low <= high:
        return Fit(base_ns=base, since_ns=since, low_ns=low, high_ns=high)
    return _drifting(base, since, time, delta, there)


def _drifting(base: int, since: int, time: Reals, delta: Reals, there: NDArray[np.bool_]) -> Fit:
    """No constant offset fits: the rate that leaves most room between the bounds, or none."""

    def bounds(rate: float) -> tuple[float, float]:
        moved = delta - rate * time
        return float(moved[~there].max()), float(moved[there].min())

    left, right = -MOST_DRIFT, MOST_DRIFT
    for _ in range(_STEPS):  # the room is a concave function of the rate: ternary search
        one, two = left + (right - left) / 3, right - (right - left) / 3
        room_one, room_two = (high - low for low, high in (bounds(one), bounds(two)))
        left, right = (one, right) if room_one < room_two else (left, two)
    for rate, tolerance in (((left + right) / 2, 0.0), (0.0, JITTER_NS)):
        low, high = bounds(rate)
        if high - low >= -tolerance:
            return Fit(base_ns=base, since_ns=since, low_ns=min(low, high), high_ns=max(low, high), rate=rate)
    return Fit(base_ns=base, since_ns=since, stepped=True)
