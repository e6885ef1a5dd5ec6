"""What keeps packets of a working connection from proving one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from netprobe.evidence.model import Place
from netprobe.model.report import Verdict
from netprobe.pipeline import analyze
from tests.causes.altered import recorded
from tests.mutilation import without_output, without_point

if TYPE_CHECKING:
    from netprobe.evidence.model import Evidence

ENGINE = ("containers", "networks", "docker-version", "docker-info")


def without_engine(evidence: Evidence) -> Evidence:
    """As a host of the inventory without an engine to ask: no container of it is known, nor looked into, nor sniffed."""
    points = [
        number
        for number, point in enumerate(evidence.points)
        if point.host == "server2" and (point.container is not None or point.interface not in {"eth0", "lo"})
    ]

    def unasked(key: str) -> bool:
        return key in ENGINE or key.startswith("ns/")

    before, after = (
        tuple(without_output(each, unasked, failed=False) if each.host == "server2" else each for each in states)
        for states in (evidence.before, evidence.after)
    )
    assert evidence.probe is not None
    probe = replace(evidence.probe, target_at=Place(host="server2"), target_address=None, target_port=None)
    found = replace(evidence, before=before, after=after, probe=probe)
    for number in reversed(points):
        found = without_point(found, number)
    return found


@pytest.mark.parametrize("name", ["truth-tcp-lan-normal", "truth-tcp-loopback-normal"])
def test_who_answers_behind_a_host_without_an_engine_to_ask_is_not_known(name: str) -> None:
    """Its rules (or its docker-proxy) hand it on: it is no process of the host itself that answers."""
    report = analyze(without_engine(recorded(name)))
    assert report.verdict is Verdict.UNDETERMINED
    assert any("hands it on" in each for each in report.unknowns)
