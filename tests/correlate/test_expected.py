"""What hosts' state adds: the rest of a way that packets show a part of, and nothing where they show another."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from netprobe.correlate import expected
from netprobe.correlate.join import join
from netprobe.correlate.judge import judge
from netprobe.correlate.reasons import VERDICTS
from netprobe.correlate.ways import PATHS
from netprobe.evidence.stream.whole import read
from netprobe.flowtable.options import options
from netprobe.flowtable.track import Tracker
from netprobe.state.build import build_world

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from netprobe.evidence.model import Evidence
    from netprobe.state.model import Host

CAPTURES = Path(__file__).parent.parent.parent / "captures"


def load(name: str) -> Evidence:
    return read((CAPTURES / f"{name}.pcapng").read_bytes())


def said(
    evidence: Evidence, hosts: Mapping[str, Host] | None, kept: Collection[str] | None = None
) -> list[tuple[str, str]]:
    """(verdict, path) of each connection, of these points (None: all)."""
    tracker = Tracker(options())
    tracker.take(evidence.packets, evidence.points)
    rows = tracker.finish()
    if kept is not None:
        rows = rows[[evidence.points[point].name in kept for point in rows["point"].tolist()]]
    judged = judge(rows, join(rows, evidence.points), evidence.points, evidence.limits, hosts)
    return [(VERDICTS[one].value, PATHS[other]) for one, other in zip(judged.verdict, judged.path, strict=True)]


@pytest.mark.parametrize(
    ("name", "alone", "by_state"),
    [
        ("port-open", "none", "local"),
        ("host-service-gateway", "bridge", "local"),
        ("truth-tcp-lan-normal", "dnat", "dnat"),
        ("macvlan-vlan", "macvlan-vlan", "macvlan-vlan"),
        ("truth-tcp-own-normal", "bridge", "bridge"),  # DNAT in OUTPUT is before any point: nothing tells
    ],
)
def test_state_names_what_packets_leave_open(name: str, alone: str, by_state: str) -> None:
    evidence = load(name)
    assert said(evidence, None)[0] == ("works", alone)
    assert said(evidence, build_world(evidence).before)[0] == ("works", by_state)


@pytest.mark.parametrize(
    ("name", "kept", "alone", "by_state"),
    [
        ("truth-tcp-lan-normal", {"server1/eth0"}, "none", "dnat"),
        ("truth-tcp-lan-dnat-deleted", {"server1/eth0", "server2/eth0"}, "none", "docker-proxy"),
        ("truth-tcp-loopback-normal", {"server2/lo"}, "none", "docker-proxy"),
    ],
)
def test_one_point_and_the_state_tell_dnat_from_the_proxy(name: str, kept: set[str], alone: str, by_state: str) -> None:
    evidence = load(name)
    assert said(evidence, None, kept)[0] == ("works", alone)
    assert said(evidence, build_world(evidence).before, kept)[0] == ("works", by_state)


def test_what_fails_keeps_what_packets_say() -> None:
    evidence = load("docker-user-drop")
    assert said(evidence, build_world(evidence).before) == said(evidence, None) == [("undetermined", "none")]


def test_state_of_another_way_than_the_packets_took_is_not_believed() -> None:
    """The rules that DNAT needs are there again, and the packets went through docker-proxy."""
    evidence, other = load("truth-tcp-lan-dnat-deleted"), load("truth-tcp-lan-normal")
    assert said(evidence, build_world(other).before)[0] == said(evidence, None)[0] == ("works", "docker-proxy")


def test_a_host_that_is_not_known_is_not_asked() -> None:
    evidence = load("port-open")
    assert said(evidence, {})[0] == ("works", "none")
    strange = replace(evidence, before=tuple(replace(each, host="elsewhere") for each in evidence.before))
    assert said(evidence, build_world(strange).before)[0] == ("works", "none")


def test_questions_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    evidence = load("port-open")
    monkeypatch.setattr(expected, "MOST_QUESTIONS", 0)
    assert said(evidence, build_world(evidence).before)[0] == ("works", "none")
