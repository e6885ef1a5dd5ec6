"""macvlan-isolated-l3: what each of its facts decides, on the recorded evidence with that one fact changed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from netprobe.evidence.stream.whole import read
from netprobe.pipeline import analyze

if TYPE_CHECKING:
    from netprobe.evidence.model import Evidence
    from netprobe.model.report import Report

CAPTURES = Path(__file__).parents[3] / "captures"
ISOLATED = "macvlan-isolated-l3"
ARP_REQUEST = bytes.fromhex("0806000108000604 0001")
GATEWAY = bytes((172, 21, 0, 1))


def whole() -> Evidence:
    return read((CAPTURES / f"{ISOLATED}.pcapng").read_bytes())


def code(report: Report) -> str | None:
    return report.cause.code if report.cause else None


def with_state(evidence: Evidence, host: str, kind: str, old: str, new: str) -> Evidence:
    """The evidence with one command's output of a host changed, before the probe; the text must be there."""
    states = []
    for state in evidence.before:
        outputs = dict(state.outputs)
        if state.host == host:
            assert old in outputs[kind].stdout
            outputs[kind] = replace(outputs[kind], stdout=outputs[kind].stdout.replace(old, new))
        states.append(replace(state, outputs=outputs))
    return replace(evidence, before=tuple(states))


def without(evidence: Evidence, *points: str) -> Evidence:
    """The evidence as if these points had seen nothing."""
    packets = evidence.packets
    hidden = [number for number, point in enumerate(evidence.points) if point.name in points]
    keep = ~np.isin(packets.point, hidden)
    columns = ("offset", "caplen", "origlen", "time_ns", "point", "frame")
    return replace(evidence, packets=replace(packets, **{column: getattr(packets, column)[keep] for column in columns}))


def test_as_recorded() -> None:
    report = analyze(whole())
    assert (code(report), report.cause and report.cause.confidence.value) == (ISOLATED, "certain")
    assert (report.path.value, report.vlan, report.hops) == ("none", None, ())


def test_a_gateway_that_answers_is_there() -> None:
    """One request turned into the gateway's reply: ARP is not what stops it."""
    evidence = whole()
    data = bytearray(evidence.packets.data)
    at = data.find(ARP_REQUEST)
    assert at >= 0
    data[at + 9] = 2
    data[at + 16 : at + 20] = GATEWAY
    report = analyze(replace(evidence, packets=replace(evidence.packets, data=bytes(data))))
    assert (report.verdict.value, code(report)) == ("undetermined", None)


def test_a_gateway_that_a_host_has_is_there() -> None:
    """Its silence then has another cause."""
    evidence = with_state(whole(), "server2", "addr", "192.168.3.202", "172.21.0.1")
    report = analyze(evidence)
    assert (report.verdict.value, code(report)) == ("undetermined", None)


@pytest.mark.parametrize("point", ["server1/c11/eth0", "server1/eth1"])
def test_the_request_must_be_seen_to_leave(point: str) -> None:
    report = analyze(without(whole(), point))
    assert (report.verdict.value, code(report)) == ("undetermined", None)


def test_not_seen_at_the_other_host_it_is_likely_only() -> None:
    report = analyze(without(whole(), "server2/eth1", "server2/eth1.1"))
    assert (code(report), report.cause and report.cause.confidence.value) == (ISOLATED, "likely")


def test_another_containers_question_is_not_the_sources() -> None:
    evidence = whole()
    data = evidence.packets.data.replace(bytes((172, 21, 0, 11)), bytes((172, 21, 0, 13)))
    report = analyze(replace(evidence, packets=replace(evidence.packets, data=data)))
    assert (report.verdict.value, code(report)) == ("undetermined", None)


def test_a_target_that_is_not_on_macvlan_is_another_matter() -> None:
    evidence = with_state(whole(), "server2", "networks", '"macvlan"', '"bridge"')
    report = analyze(evidence)
    assert code(report) is None
