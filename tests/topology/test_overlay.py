"""A report's way through the topology."""

from __future__ import annotations

from pathlib import Path

import pytest

from netprobe.evidence.stream.whole import read
from netprobe.model.report import Verdict
from netprobe.pipeline import analyze
from netprobe.topology.build import of_evidence
from netprobe.topology.overlay import Overlay, overlay

CAPTURES = Path(__file__).parent.parent.parent / "captures"


def of(name: str) -> Overlay:
    return overlay(analyze(read((CAPTURES / f"{name}.pcapng").read_bytes())))


def test_the_points_that_saw_it_in_order_and_the_first_that_did_not() -> None:
    journey = of("docker-user-drop")
    assert [each.point for each in journey.request] == ["server1/eth0", "server2/eth0"]
    assert journey.missing == "server2/docker0"
    assert not journey.ended_on_reply
    assert (journey.words, journey.host) == ("docker-user-drop", "server2")


def test_an_answer_that_got_lost_ended_on_the_way_back() -> None:
    journey = of("forward-drop-reply")
    assert journey.ended_on_reply
    assert journey.reply
    assert journey.missing not in {each.point for each in journey.reply}


def test_what_works_did_not_end() -> None:
    journey = of("truth-http-loopback-normal")
    assert journey.verdict is Verdict.WORKS
    assert (journey.words, journey.missing) == ("", None)
    assert [each.leg for each in journey.request] == [1, 2, 2, 2]
    assert journey.request[1].changed == "connection by docker-proxy"


@pytest.mark.parametrize("file", sorted(CAPTURES.glob("*.pcapng"))[::20], ids=lambda file: file.stem)
def test_every_point_of_a_journey_is_in_the_topology(file: Path) -> None:
    evidence = read(file.read_bytes())
    topology = of_evidence(evidence)
    there = {
        host.point(interface, namespace)
        for host in topology.hosts
        for namespace in (host.own, *host.namespaces)
        for interface in namespace.interfaces
    }
    assert overlay(analyze(evidence)).points <= there
