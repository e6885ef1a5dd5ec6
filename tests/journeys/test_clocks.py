from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from netprobe.decode import decode
from netprobe.journeys.clocks import on_one_clock
from tests.craft import evidence, handshake, tcp

if TYPE_CHECKING:
    from netprobe.evidence.model import Evidence
    from netprobe.report.model import Clock
    from tests.craft import Sent

A, B = "192.0.2.1:4000", "192.0.2.2:80"
DELAY = 10.0


def both(count: int = 1, gap: float = 100_000.0) -> list[Sent]:
    """Handshakes between a and b, each frame 10 µs later at the other end."""
    sent: list[Sent] = []
    for number in range(count):
        at, source = number * gap, f"192.0.2.1:{4000 + number}"
        sent += handshake("a/eth0", source, B, at, seq=1000 + number, step=50.0)
        sent += [
            ("b/eth0", at + DELAY, tcp(source, B, "S", 1000 + number)),
            ("b/eth0", at + 50 - DELAY, tcp(B, source, "SA", 6000 + number, 1001 + number, ts=8)),
            ("b/eth0", at + 100 + DELAY, tcp(source, B, "A", 1001 + number, 6001 + number)),
        ]
    return sent


def shifted(case: Evidence, ns: int, drift: float = 0.0) -> Evidence:
    """b's clock ``ns`` ahead, and fast by a part."""
    at_b = np.array([point.host == "b" for point in case.points])[case.packets.point]
    times = case.packets.time_ns.copy()
    start = times.min()
    times[at_b] += ns + ((times[at_b] - start) * drift).astype(np.int64)
    return replace(case, packets=replace(case.packets, time_ns=times))


def estimate(case: Evidence) -> tuple[Clock, np.ndarray[tuple[int], np.dtype[np.int64]]]:
    table = decode(case.packets, case.points)
    corrected, (clock,) = on_one_clock(table, case.points, "a")
    return clock, corrected.packets.time_ns


def test_clocks_that_agree_are_left_alone() -> None:
    case = evidence(both())
    clock, times = estimate(case)
    assert (clock.host, clock.against, clock.corrected) == ("b", "a", False)
    assert clock.uncertainty_us == pytest.approx(DELAY, abs=0.1)
    assert (times == case.packets.time_ns).all()


@pytest.mark.parametrize("ns", [-3_000_000_000, 3_000_000_000, 31_536_000_000_000_000, 200_000])
def test_an_offset_is_found_to_within_the_delay(ns: int) -> None:
    case = evidence(both(3))
    clock, times = estimate(shifted(case, ns))
    assert clock.corrected
    assert clock.offset_us == pytest.approx(ns / 1000, abs=0.1)
    assert np.abs(times - case.packets.time_ns).max() <= DELAY * 1000


@pytest.mark.parametrize("drift", [-0.01, 0.01, 0.0002])
def test_drift_is_followed(drift: float) -> None:
    case = evidence(both(20))
    clock, times = estimate(shifted(case, 3_000_000_000, drift))
    assert clock.corrected
    assert np.abs(times - case.packets.time_ns).max() <= DELAY * 1000


def test_one_direction_gives_a_bound_only() -> None:
    alone = [each for each in both(2) if "SA" not in each[2].sprintf("%TCP.flags%")]
    clock, times = estimate(evidence(alone))
    assert (clock.uncertainty_us, clock.corrected) == (None, False)
    far, moved = estimate(shifted(evidence(alone), 3_000_000_000))
    assert (far.uncertainty_us, far.corrected) == (None, True)
    assert np.abs(moved - times).max() <= 2 * DELAY * 1000


def test_clocks_that_share_no_frame_are_not_compared() -> None:
    case = evidence([*handshake("a/eth0", A, B, 0.0), *handshake("b/eth0", "192.0.2.9:1", "192.0.2.8:2", 5.0, seq=77)])
    table = decode(case.packets, case.points)
    assert on_one_clock(table, case.points, "a") == (table, ())


def test_a_chain_of_three() -> None:
    case = evidence(
        [
            *both(),
            ("b/eth1", 30.0, tcp(A, "198.51.100.7:80", "S", 5)),
            ("c/eth0", 35.0, tcp(A, "198.51.100.7:80", "S", 5)),
        ]
    )
    table = decode(case.packets, case.points)
    _, clocks = on_one_clock(table, case.points, "a")
    assert [(each.host, each.against) for each in clocks] == [("b", "a"), ("c", "b")]
