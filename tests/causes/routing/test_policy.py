"""Packets led astray by routing rules and more specific routes: what decides whether that is said."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from netprobe.model.report import Verdict
from netprobe.pipeline import analyze
from tests.causes.altered import commands, recorded, with_state, without
from tests.mutilation import without_output

if TYPE_CHECKING:
    from netprobe.evidence.model import Evidence
    from netprobe.model.report import Report

RULE = '{"priority":5270,"src":"all","table":"52"}'


def told(evidence: Evidence) -> Report:
    return analyze(evidence)


def test_rule_table_interface_and_the_rule_before_it() -> None:
    cause = told(recorded("policy-route-away")).cause
    assert cause is not None
    assert cause.summary == (
        "server2 sends what is for 172.17.0.2 (demo) into mesh0, not docker0: "
        "routing rule 5270 (from all) asks table 52, which has default dev mesh0"
    )
    assert (cause.where.component, cause.where.rule) == ("routing rule 5270, table 52", "5270: from all lookup 52")
    assert commands(cause) == ("ip rule add to 172.17.0.0/16 lookup main pref 5269",)


def test_without_the_rule_the_same_drop_is_the_policys() -> None:
    """The FORWARD policy drops what goes into the tunnel; were it not led there, that would be another defect, and one that the packets refute."""
    report = told(with_state(recorded("policy-route-away"), "server2", "rule", f"{RULE},", ""))
    assert report.cause is None or report.cause.code != "policy-route-away"
    assert "policy-route-away" not in report.alternatives


@pytest.mark.parametrize("name", ["policy-route-away-out", "policy-route-away-answer", "policy-route-away-subnet"])
def test_rules_that_could_not_be_read_leave_it_open(name: str) -> None:
    evidence = recorded(name)
    states = [
        tuple(without_output(each, lambda key: key == "rule", failed=True) for each in moment)
        for moment in (evidence.before, evidence.after)
    ]
    report = told(replace(evidence, before=states[0], after=states[1]))
    assert report.cause is None or report.cause.code == "policy-route-away"
    assert report.verdict is Verdict.UNDETERMINED
    assert "policy-route-away" in report.alternatives


def test_a_tunnel_that_did_not_see_it_proves_nothing() -> None:
    report = told(without(recorded("policy-route-away-out"), "server2/mesh0"))
    assert report.cause is None


def test_main_itself_leads_away_and_one_address_is_led_back() -> None:
    cause = told(recorded("policy-route-away-specific")).cause
    assert cause is not None
    assert "the route 172.17.0.0/24 dev mesh0 decides" in cause.summary
    assert commands(cause) == ("ip route add 172.17.0.2/32 dev docker0",)


def test_a_kill_switch_is_called_one_and_stays() -> None:
    cause = told(recorded("no-route-kill-switch")).cause
    assert cause is not None
    assert cause.code == "no-route"
    assert "a kill switch" in cause.summary
    assert "172.29.0.0/24" in cause.summary
    assert commands(cause) == ()
    plain = told(recorded("no-route-refused")).cause
    assert plain is not None
    assert "kill switch" not in plain.summary


def test_a_rule_that_refuses_some_destinations_may_be_a_ban_and_nothing_is_undone() -> None:
    cause = told(recorded("no-route-kill-rule")).cause
    assert cause is not None
    assert cause.code == "no-route"
    assert cause.summary.endswith("to 203.0.113.0/24 prohibit refuses it")
    assert commands(cause) == ()
    assert "for a tunnel's kill switch bring up the tunnel" in cause.remedy[0]
    assert "ip rule add to 203.0.113.10/32 lookup main pref 49" in cause.remedy[0]
