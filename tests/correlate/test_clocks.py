"""One time for all rows: clocks of two hosts are told apart by what both saw of the same flows, and one machine's are left alone."""

from __future__ import annotations

import flows_made
import numpy as np
import pytest

from netprobe.correlate.clocks import shifts
from netprobe.correlate.join import join

SECOND = 1_000_000_000


@pytest.mark.parametrize("ahead_ns", [7 * SECOND, -40_000_000, 3600 * SECOND])
def test_a_host_whose_clock_is_wrong_is_put_right(ahead_ns: int) -> None:
    case = flows_made.made(20_000, 5, clock_ns=ahead_ns)
    shift_ns, (clock,) = shifts(case.rows, case.points)
    uplink = case.rows["point"] == flows_made.UPLINK
    assert clock.corrected
    assert (clock.host, clock.against) == ("server1", "server2"), "the first point's clock counts"
    assert np.abs(shift_ns[~uplink] + ahead_ns).max() < 200_000
    assert not shift_ns[uplink].any()


@pytest.mark.parametrize("ahead_ns", [7 * SECOND, -40_000_000])
def test_joins_hold_across_clocks(ahead_ns: int) -> None:
    case = flows_made.made(20_000, 5, clock_ns=ahead_ns)
    joined = join(case.rows, case.points)
    counts = flows_made.judged(case, joined)
    every, whole, wrong = (sum(each) for each in zip(*counts.values(), strict=True))
    assert wrong == 0
    assert whole >= 0.999 * every
    _, pairs, strangers = flows_made.pairs(case, joined)
    assert pairs
    assert strangers == 0


def test_one_machine_has_one_clock() -> None:
    case = flows_made.made(20_000, 5)
    shift_ns, clocks = shifts(case.rows, case.points)
    assert not shift_ns.any()
    assert clocks == ()


def test_two_hosts_with_one_time_are_left_alone() -> None:
    case = flows_made.made(20_000, 5, clock_ns=1)
    shift_ns, (clock,) = shifts(case.rows, case.points)
    assert not clock.corrected
    assert not shift_ns.any()
