from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netprobe.decode.address import mac
from netprobe.decode.decoder import decode
from netprobe.journeys import clocks
from netprobe.journeys.clocks import on_one_clock, unaligned
from netprobe.state.links import Link
from netprobe.state.model import Host
from netprobe.state.namespace import Namespace
from tests.craft import evidence, handshake, tcp

if TYPE_CHECKING:
    from netprobe.evidence.model import Evidence
    from netprobe.model.report import Clock
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
    assert [(each.host, each.against) for each in clocks] == [("b", "a"), ("c", "a")]  # all times are on a's


def test_bounds_and_drift_are_said() -> None:
    clock, _ = estimate(shifted(evidence(both(20)), 3_000_000_000, 0.0002))
    assert clock.drift_ppm == pytest.approx(200, abs=20)
    assert clock.low_us is not None
    assert clock.high_us is not None
    assert clock.low_us < 3e6 < clock.high_us
    assert clock.uncertainty_us == pytest.approx((clock.high_us - clock.low_us) / 2, abs=0.01)


@pytest.mark.parametrize("step", [-450_007_000, 500_000_000])
def test_a_clock_that_was_set_meanwhile(step: int) -> None:
    case = evidence(both(6))
    times = case.packets.time_ns.copy()
    at_b = np.array([point.host == "b" for point in case.points])[case.packets.point]
    late = times > times.min() + 250_000_000  # between the third and the fourth
    times[at_b & late] += step
    clock, moved = estimate(replace(case, packets=replace(case.packets, time_ns=times)))
    assert (clock.stepped, clock.corrected, clock.uncertainty_us) == (True, True, None)
    assert np.abs(moved - case.packets.time_ns).max() <= 2 * DELAY * 1000


def test_a_router_between_that_nobody_sniffed() -> None:
    sent: list[Sent] = [
        ("a/eth0", 0.0, tcp(A, B, "S", 1000, ttl=64)),
        ("b/eth0", DELAY, tcp(A, B, "S", 1000, ttl=63)),
        ("b/eth0", 40.0, tcp(B, A, "SA", 5000, 1001, ttl=64)),
        ("a/eth0", 40 + DELAY, tcp(B, A, "SA", 5000, 1001, ttl=63)),
    ]
    case = evidence(sent)
    clock, times = estimate(shifted(case, -3_000_000_000))
    assert clock.offset_us == pytest.approx(-3e6, abs=0.1)
    assert np.abs(times - case.packets.time_ns).max() <= 1000


def test_one_direction_and_a_lower_ttl_behind_nat_tell_which() -> None:
    sent: list[Sent] = [
        ("a/eth0", 0.0, tcp(A, B, "S", 1000)),
        ("b/eth0", DELAY, tcp(A, B, "S", 1000)),
        ("b/docker0", DELAY + 5, tcp(A, "172.17.0.2:80", "S", 1000, ttl=63)),
    ]
    clock, times = estimate(shifted(evidence(sent), 3_000_000_000))
    assert clock.low_us is None
    assert clock.high_us == pytest.approx(3e6 + DELAY, abs=0.1)
    assert times[0] < times[1] < times[2]


def test_the_link_address_of_a_host_says_where_a_frame_came_from() -> None:
    case = evidence([("b/eth0", 0.0, tcp(A, B, "S", 1000)), ("a/eth0", 10.0, tcp(A, B, "S", 1000))])
    table = decode(case.packets, case.points)
    sender = mac(int(table.eth_src[0]))
    for owner, bounds in (("a", (None, -10.0)), ("b", (-10.0, None))):
        link = Link(name="eth0", ifindex=2, mac=sender)
        hosts = {owner: Host.known(owner, own=Namespace.known(links=(link,)))}
        _, (clock,) = on_one_clock(table, case.points, "a", hosts)
        assert (clock.low_us, clock.high_us) == bounds
    both_have_it = {
        name: Host.known(name, own=Namespace.known(links=(Link(name="eth0", ifindex=2, mac=sender),))) for name in "ab"
    }
    _, (clock,) = on_one_clock(table, case.points, None, both_have_it)
    assert (clock.low_us, clock.high_us) == (None, None)


def test_times_that_no_clock_gives_are_left_alone() -> None:
    case = evidence(both())
    times = case.packets.time_ns.copy()
    times[0] = np.iinfo(np.int64).max
    table = decode(replace(case.packets, time_ns=times), case.points)
    assert on_one_clock(table, case.points, "a") == (table, ())


@given(st.lists(st.integers(-(1 << 63), (1 << 63) - 1), min_size=6, max_size=6))
def test_no_time_raises(values: list[int]) -> None:
    case = evidence(both())
    table = decode(replace(case.packets, time_ns=np.array(values, np.int64)), case.points)
    on_one_clock(table, case.points, "a")


def test_many_clocks_are_held_against_each_other_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file may name thousands of interfaces, all of which saw one packet; beyond the first clocks, times stay as they are."""
    monkeypatch.setattr(clocks, "MOST_CLOCKS", 5)
    hosts = 9
    sent = [(f"h{n}/eth0", 10.0 * n, tcp(A, B, "S", 1000)) for n in range(hosts)]
    sent += [(f"h{n}/eth0", 500.0 - 10.0 * n, tcp(B, A, "SA", 6000, 1001, ts=8)) for n in range(hosts)]
    case = evidence(sent)
    pair, asked = clocks._Alignment._pair, []

    def counted(self: clocks._Alignment, other: int, clock: int, slack_ns: float) -> object:
        asked.append((other, clock))
        return pair(self, other, clock, slack_ns)

    monkeypatch.setattr(clocks._Alignment, "_pair", counted)
    table = decode(case.packets, case.points)
    _, known = on_one_clock(table, case.points, "h0")
    assert [clock.host for clock in known] == ["h1", "h2", "h3", "h4"]
    assert len(asked) == len({frozenset(pair) for pair in asked}) == 10


@pytest.mark.parametrize(("count", "said"), [(64, []), (66, ["p64"])])
def test_clocks_beyond_those_that_are_compared_are_said(count: int, said: list[str]) -> None:
    case = evidence([(f"p{number}", number * 10.0, tcp(A, B)) for number in range(count)])
    limits = unaligned(decode(case.packets, case.points), case.points)
    assert [limit.subject for limit in limits] == said
    assert all("64 of 66" in limit.why for limit in limits)
