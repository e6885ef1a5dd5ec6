"""The report's own words: labels that are rendered in one place."""

from __future__ import annotations

from netprobe.model.report import TraceStep


def test_a_step_is_labelled_by_its_rule_or_its_policy() -> None:
    rule = TraceStep(component="nat/DOCKER", number=2, rule="-A DOCKER -j DNAT", verdict="accept")
    policy = TraceStep(component="filter/FORWARD", number=None, rule=None, verdict="drop")
    assert (rule.label, policy.label) == ("nat/DOCKER #2", "filter/FORWARD policy")
