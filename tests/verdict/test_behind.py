"""Predicted obstacles as findings: each by the cause that explains it."""

from __future__ import annotations

from dataclasses import replace

from netprobe.evidence.model import Evidence, Place
from netprobe.forward.model import Barrier, Obstacle
from netprobe.model.hop import Direction
from netprobe.pipeline import analyze
from netprobe.verdict.behind import predicted_finding
from netprobe.verdict.prediction import unsent_of
from netprobe.verdict.unsent import case_of
from tests.causes.altered import recorded

HOST, INSIDE = Place(host="server2"), Place(host="server2", container="demo")


def said(barrier: Barrier, place: Place, direction: Direction = Direction.REQUEST) -> str:
    whole = recorded("demo")
    assert whole.probe is not None
    evidence = Evidence(probe=whole.probe, before=whole.before)
    case = case_of(evidence, unsent_of(evidence, whole.probe))
    return predicted_finding(case, Obstacle(barrier=barrier, place=place, label="x", direction=direction)).code


def test_one_kind_of_obstacle_is_one_cause() -> None:
    assert said(Barrier.FORWARDING_OFF, HOST) == "ip-forward-off"
    assert said(Barrier.PAUSED, INSIDE) == "container-paused"


def test_where_it_stands_and_whose_packet_it_stops_tells_causes_apart() -> None:
    assert said(Barrier.NOBODY_LISTENS, INSIDE) == "app-not-listening"
    assert said(Barrier.NOBODY_LISTENS, HOST) == "port-closed"
    assert said(Barrier.NO_ROUTE, HOST) == "no-route"
    assert said(Barrier.NO_ROUTE, HOST, Direction.REPLY) == "missing-return-route"


def test_an_obstacle_that_is_no_cause_of_its_own_keeps_its_name() -> None:
    assert said(Barrier.LINK_DOWN, HOST) == "link-down"


def test_what_stands_behind_is_in_the_packets_order() -> None:
    after = analyze(recorded("three-faults")).after
    assert [each.code for each in after or ()] == ["docker-user-drop", "container-paused"]
    assert all(each.confidence.value == "likely" for each in after or ())


def test_nothing_is_said_where_state_does_not_tell() -> None:
    whole = recorded("three-faults")
    assert analyze(replace(whole, before=(), after=())).after is None
