"""What keeps a verdict open: a host that was lost, a prober that saw something else, an end of the capture that came too early."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netprobe.evidence.model import Limit, LimitKind, Outcome
from netprobe.model.report import Verdict
from netprobe.pipeline import analyze
from tests.causes.altered import recorded


@pytest.mark.parametrize("name", ["demo", "docker-user-drop"])
def test_a_host_that_was_lost_meanwhile_leaves_everything_open(name: str) -> None:
    lost = Limit(kind=LimitKind.HOST, subject="server2", why="connection closed")
    report = analyze(replace(recorded(name), limits=(lost,)))
    assert (report.verdict, report.cause) == (Verdict.UNDETERMINED, None)
    assert "server2: connection closed" in report.unknowns


@pytest.mark.parametrize(("name", "outcome"), [("demo", Outcome.TIMEOUT), ("docker-user-drop", Outcome.CONNECTED)])
def test_a_prober_that_saw_something_else_contradicts_the_packets(name: str, outcome: Outcome) -> None:
    whole = recorded(name)
    assert whole.probe is not None
    probe = replace(whole.probe, result=replace(whole.probe.result, outcome=outcome))
    report = analyze(replace(whole, probe=probe))
    assert report.verdict is Verdict.UNDETERMINED
    assert "one of them is not whole" in report.unknowns[0]


@pytest.mark.parametrize("name", ["container-firewall-proxy", "policy-route-away-proxy"])
def test_docker_proxy_taking_the_connection_contradicts_no_silence_behind_it(name: str) -> None:
    whole = recorded(name)
    assert whole.probe is not None
    assert whole.probe.result.outcome is Outcome.CONNECTED
    assert analyze(whole).verdict is Verdict.FAILS
    replied = replace(whole.probe, result=replace(whole.probe.result, outcome=Outcome.REPLIED))
    assert analyze(replace(whole, probe=replied)).verdict is Verdict.UNDETERMINED
