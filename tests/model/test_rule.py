from __future__ import annotations

from dataclasses import replace

import pytest

from netprobe.model.rule import Program, RuleRef

DOCKER = RuleRef(table="nat", chain="DOCKER", number=2, text="-A DOCKER -j DNAT", verdict="DNAT")
POLICY = RuleRef(table="filter", chain="FORWARD", policy=True, text="-P FORWARD DROP", verdict="DROP")
NFT = RuleRef(program=Program.NFT, family="inet", table="firewall", chain="input", handle=5, verdict="reject")


@pytest.mark.parametrize(
    ("rule", "text", "bare", "component"),
    [
        (DOCKER, "nat/DOCKER #2", "nat/DOCKER #2", "nat/DOCKER"),
        (POLICY, "filter/FORWARD policy", "filter/FORWARD policy", "filter/FORWARD"),
        (
            replace(POLICY, program=Program.IP6TABLES),
            "ip6tables filter/FORWARD policy",
            "filter/FORWARD policy",
            "ip6tables filter/FORWARD",
        ),
        (
            replace(DOCKER, program=Program.LEGACY),
            "iptables-legacy nat/DOCKER #2",
            "nat/DOCKER #2",
            "nat/DOCKER",
        ),
        (NFT, "inet firewall/input handle 5", "inet firewall/input handle 5", "inet firewall/input"),
        (
            replace(NFT, handle=None, policy=True),
            "inet firewall/input policy",
            "inet firewall/input policy",
            "inet firewall/input",
        ),
        (replace(NFT, handle=None), "inet firewall/input", "inet firewall/input", "inet firewall/input"),
    ],
)
def test_how_a_rule_is_named(rule: RuleRef, text: str, bare: str, component: str) -> None:
    assert (str(rule), rule.bare, rule.component) == (text, bare, component)


def test_a_rule_is_where_it_stands() -> None:
    assert replace(DOCKER, text="-A DOCKER -j RETURN", verdict="RETURN") == DOCKER
    assert len({DOCKER, replace(DOCKER, number=3), replace(DOCKER, program=Program.IP6TABLES)}) == 3


def test_a_policy_is_no_rule() -> None:
    assert replace(POLICY, policy=False) != POLICY


@pytest.mark.parametrize(("verdict", "rejects"), [("REJECT", True), ("reject", True), ("DROP", False), ("drop", False)])
def test_what_answers_and_what_is_silent(verdict: str, rejects: bool) -> None:
    assert replace(DOCKER, verdict=verdict).rejects is rejects
