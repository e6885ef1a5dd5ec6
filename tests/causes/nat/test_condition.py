"""Each deciding fact of masquerade-condition changed by itself."""

from __future__ import annotations

from netprobe.pipeline import analyze
from tests.causes.altered import code, recorded, with_state

RULE = "-A POSTROUTING -s 172.29.0.0/24 -o ens3 -j MASQUERADE"


def test_two_conditions_that_fail_are_a_rule_for_something_else() -> None:
    other = with_state(
        recorded("masquerade-condition-interface"), "server2", "iptables", RULE, RULE.replace("172.29", "10.29")
    )
    assert code(other) == "missing-return-route"


def test_another_networks_rule_is_not_blamed() -> None:
    """A rule for docker0's own subnet fails on the subnet alone, and is meant for docker0."""
    other = with_state(
        recorded("masquerade-condition-interface"),
        "server2",
        "iptables",
        RULE,
        "-A POSTROUTING -s 172.17.0.0/16 -o eth0 -j MASQUERADE",
    )
    assert code(other) == "missing-return-route"


def test_the_rule_that_lets_it_pass_before_is_named() -> None:
    report = analyze(recorded("masquerade-condition-passed"))
    assert report.cause is not None
    assert "nat/POSTROUTING #1" in report.cause.summary
