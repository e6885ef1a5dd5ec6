"""Hops: what each point saw, in order, and what changed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netprobe.decode.table import TAG_UNKNOWN
from netprobe.flows.build import build
from netprobe.journeys.hops import ExpectedPoint, Sighting, changes, hops
from netprobe.journeys.model import Journey
from netprobe.model.hop import Direction, Hop
from tests.craft import Sent, evidence, handshake, joined, tcp

CLIENT, HOST, INSIDE = "192.168.3.201:41000", "192.168.3.202:80", "172.17.0.2:80"
DNAT = [*handshake("s/eth0", CLIENT, HOST, 0), *handshake("s/docker0", CLIENT, INSIDE, 1, ttl=63)]
STOPS = (
    ExpectedPoint(point="s/eth0"),
    ExpectedPoint(point="s/lo", optional=True),
    ExpectedPoint(point="s/docker0"),
    ExpectedPoint(point="s/demo/eth0"),
)


def walk(
    sent: list[Sent], stops: tuple[ExpectedPoint, ...] = (), *, lossy: str = "", **more: object
) -> tuple[Hop, ...]:
    case = evidence(sent)
    points = [replace(point, dropped=3) if point.name == lossy else point for point in case.points]
    table, found = joined(sent)
    return hops(Journey(legs=found[:1]), table, points, stops, **more)  # type: ignore[arg-type]


def requests(found: tuple[Hop, ...]) -> list[tuple[str, bool | None]]:
    return [(hop.point, hop.seen) for hop in found if hop.direction is Direction.REQUEST]


def test_request_then_reply_with_their_changes() -> None:
    found = walk(DNAT, delivered=True)
    assert [(hop.direction.value, hop.point) for hop in found] == [
        ("request", "s/eth0"),
        ("request", "s/docker0"),
        ("reply", "s/eth0"),
        ("reply", "s/docker0"),
    ]
    assert [(change.field, str(change.before), str(change.after)) for change in found[1].changes][:2] == [
        ("dst", HOST, INSIDE),
        ("ttl", "64", "63"),
    ]


def test_topology_orders_before_the_clock() -> None:
    found = walk(DNAT, STOPS, delivered=True)
    assert [hop.point for hop in found if hop.direction is Direction.REPLY] == ["s/docker0", "s/eth0"]


def test_behind_the_last_sighting_sniffed_points_are_missing() -> None:
    bystander: Sent = ("s/demo/eth0", 500, tcp("10.9.9.9:1", "10.9.9.8:2", seq=3))
    assert requests(walk([*DNAT, bystander], STOPS)) == [("s/eth0", True), ("s/docker0", True), ("s/demo/eth0", False)]


def test_a_point_that_was_not_sniffed_is_not_missing() -> None:
    assert requests(walk(DNAT, STOPS)) == [("s/eth0", True), ("s/docker0", True)]


def test_an_optional_point_is_never_missing() -> None:
    bystander: Sent = ("s/lo", 500, tcp("10.9.9.9:1", "10.9.9.8:2", seq=3))
    sent = [*handshake("s/eth0", CLIENT, HOST, 0), bystander]
    assert requests(walk(sent, STOPS)) == [("s/eth0", True)]


def test_a_lossy_or_blind_point_is_unknown() -> None:
    bystander: Sent = ("s/docker0", 500, tcp("10.9.9.9:1", "10.9.9.8:2", seq=3))
    sent = [*handshake("s/eth0", CLIENT, HOST, 0), bystander]
    assert ("s/docker0", None) in requests(walk(sent, STOPS, lossy="s/docker0"))
    blind = tuple(replace(stop, observable=stop.point != "s/docker0") for stop in STOPS)
    assert ("s/docker0", None) in requests(walk(sent, blind))


def test_a_destination_that_no_point_saw_was_rewritten_on_the_source() -> None:
    found = walk(handshake("s/docker0", CLIENT, INSIDE, 0), dialled=HOST)
    assert [(change.field, change.before) for change in found[0].changes] == [("dst", HOST)]


def test_retransmissions_are_counted() -> None:
    sent: list[Sent] = [("s/eth0", time, tcp(CLIENT, HOST)) for time in (0.0, 1e6, 3e6)]
    assert walk(sent)[0].count == 3


def test_a_hairpin_is_seen_twice_at_one_point() -> None:
    sent = [*handshake("s/veth0", "172.17.0.2:5", HOST, 0), *handshake("s/veth0", "172.17.0.1:5", INSIDE, 2, ttl=63)]
    assert requests(walk(sent, delivered=True)) == [("s/veth0", True), ("s/veth0", True)]


A, B = "172.21.0.11:41000", "172.22.0.22:80"
ON_A_STICK = ("s1/a/eth0", "s1/eth1", "r/eth1", "r/eth1.1", "s2/eth1", "s2/b/eth0")
YEAR_US = 365 * 86400 * 1e6


Passed = tuple[str, int, int | None]


def passing(points: list[Passed], router_us: float, *, back: bool = False) -> list[Sent]:
    """One packet at (point, TTL, tag) after the other, the router's clock ahead by that much."""
    from scapy.layers.l2 import Dot1Q, Ether

    sent: list[Sent] = []
    for number, (name, ttl, tag) in enumerate(points):
        packet = tcp(B, A, "SA", 9000, 1001, ttl=ttl) if back else tcp(A, B, "S", 1000, ttl=ttl)
        head = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
        time = number + 100 * back + (router_us if name.startswith("r/") else 0)
        sent.append((name, time, head / Dot1Q(vlan=tag) / packet if tag else head / packet))
    return sent


@pytest.mark.parametrize("router_us", [0, 3e6, -3e6, YEAR_US])
def test_a_router_with_one_wire_is_passed_twice_whatever_its_clock_says(router_us: float) -> None:
    there: list[Passed] = [("s1/a/eth0", 64, None), ("s1/eth1", 64, None), ("r/eth1", 64, None), ("r/eth1.1", 63, None)]
    there += [("r/eth1", 63, 1), ("s2/eth1", 63, 1), ("s2/b/eth0", 63, None)]
    back: list[Passed] = [("s2/b/eth0", 64, None), ("s2/eth1", 64, 1), ("r/eth1", 64, 1), ("r/eth1.1", 64, None)]
    back += [("r/eth1", 63, None), ("s1/eth1", 63, None), ("s1/a/eth0", 63, None)]
    stops = tuple(ExpectedPoint(point=name) for name in ON_A_STICK)
    found = walk([*passing(there, router_us), *passing(back, router_us, back=True)], stops, delivered=True)
    assert [hop.point for hop in found] == [*(name for name, _, _ in there), *(name for name, _, _ in back)]


@pytest.mark.parametrize("router_us", [0, 3e6, -3e6])
def test_the_same_back_to_the_host_where_it_came_from(router_us: float) -> None:
    there: list[Passed] = [("s1/a/eth0", 64, None), ("s1/eth1", 64, None), ("r/eth1", 64, None), ("r/eth1.1", 63, None)]
    there += [("r/eth1", 63, 1), ("s1/eth1", 63, 1), ("s1/eth1.1", 63, None), ("s1/b/eth0", 63, None)]
    stops = tuple(ExpectedPoint(point=name) for name in (*ON_A_STICK[:4], "s1/eth1.1", "s1/b/eth0"))
    found = walk(passing(there, router_us), stops, delivered=True)
    assert [hop.point for hop in found] == [name for name, _, _ in there]


def test_a_tag_that_a_capture_does_not_keep_is_not_taken_off() -> None:
    table, _ = joined(passing([("s1/eth1", 64, 1), ("s2/any", 64, None)], 0))
    table.vlan[1] = TAG_UNKNOWN
    one, other = (Sighting(leg=0, flow=flow, row=row, count=1) for row, flow in enumerate(build(table)))
    assert changes(table, one, other) == ()
    table.vlan[1], table.vlan_inner[0] = 7, 7
    assert [(str(change.before), str(change.after)) for change in changes(table, one, other)] == [("1.7", "7")]
