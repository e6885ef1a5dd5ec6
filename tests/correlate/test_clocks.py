"""One time for all rows: clocks of two hosts are told apart by what both saw of the same flows, and one machine's are left alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import flows_made
import numpy as np
import pytest

from netprobe.correlate.clocks import shifts
from netprobe.correlate.join import join
from netprobe.decode.decoder import decode
from netprobe.flows.build import build
from tests.correlate.made import rows_of
from tests.craft import evidence, served, tcp, udp

if TYPE_CHECKING:
    from tests.craft import Sent

SECOND = 1_000_000_000
LATE = 600 * 1e6  # µs
A, B, C, D = "10.1.0.5:5000", "10.2.0.9:6000", "10.1.0.6:5000", "10.1.0.5:5001"


@pytest.mark.parametrize("ahead_ns", [7 * SECOND, -40_000_000, 3600 * SECOND])
def test_a_host_whose_clock_is_wrong_is_put_right(ahead_ns: int) -> None:
    case = flows_made.made(20_000, 5, clock_ns=ahead_ns)
    shift_ns, (clock,), _ = shifts(case.rows, case.points)
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
    shift_ns, clocks, _ = shifts(case.rows, case.points)
    assert not shift_ns.any()
    assert clocks == ()


def test_two_hosts_with_one_time_are_left_alone() -> None:
    case = flows_made.made(20_000, 5, clock_ns=1)
    shift_ns, (clock,), _ = shifts(case.rows, case.points)
    assert not clock.corrected
    assert not shift_ns.any()


def asked(name: str, at: float, one: str = A, other: str = B) -> list[Sent]:
    """A question and its answer, in the same words each time."""
    return [(name, at, udp(one, other, b"how are you?")), (name, at + 50, udp(other, one, b"well"))]


def told(sent: list[Sent]) -> tuple[bool, tuple[str, ...], int]:
    """Whether a clock was moved, the names of those that are not known, how many connections there are."""
    case = evidence(sent)
    table = decode(case.packets, case.points)
    rows = rows_of(table, build(table))
    shift_ns, _, unsure = shifts(rows, case.points)
    return bool(shift_ns.any()), unsure, len(join(rows, case.points))


def syns(name: str, at: float, count: int) -> list[Sent]:
    """A SYN and its repetitions, which nobody answers."""
    return [(name, at + each * 1e6, tcp(A, B, "S", 77777, ts=5 + each * 1000)) for each in range(count)]


def test_one_exchange_sets_no_clock() -> None:
    """A question that is asked every ten minutes: one host's capture has the first, the other's the second."""
    assert told([*asked("a/eth0", 0), *asked("b/eth0", LATE)]) == (False, ("b",), 2)


def test_two_exchanges_that_agree_do() -> None:
    other = {"one": C}
    assert told([*asked("a/eth0", 0), *asked("a/eth0", 9e6, **other), *asked("b/eth0", LATE), *asked("b/eth0", LATE + 9e6, **other)]) == (
        True, (), 2,
    )  # fmt: skip


def test_two_exchanges_that_do_not_agree_set_none() -> None:
    sent = [*asked("a/eth0", 0), *asked("a/eth0", 9e6, C), *asked("b/eth0", LATE), *asked("b/eth0", LATE + 60e6, C)]
    assert told(sent) == (False, ("b",), 4)


def test_a_little_may_be_told_by_one() -> None:
    assert told([*asked("a/eth0", 0), *asked("b/eth0", 0.4e6)])[1:] == ((), 1)


def test_a_handshake_sets_a_clock() -> None:
    assert told([*served("a/eth0", A, B, 0, ts=9), *served("b/eth0", A, B, LATE, ts=9, ttl=63)]) == (True, (), 1)


def test_a_syn_and_its_repetition_set_a_clock_and_one_alone_does_not() -> None:
    assert told([*syns("a/eth0", 0, 3), *syns("b/eth0", LATE, 3)]) == (True, (), 1)
    assert told([*syns("a/eth0", 0, 1), *syns("b/eth0", LATE, 1)])[:2] == (False, ("b",))
