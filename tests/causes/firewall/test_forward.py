"""What Engine 28's own rules are remedied by, each as it cured in the lab."""

from __future__ import annotations

from pathlib import Path

import pytest

from netprobe.evidence.stream.whole import read
from netprobe.pipeline import analyze
from tests.causes.altered import commands, recorded
from tests.causes.proof.test_drops import with_rules

CAPTURES = Path(__file__).parents[3] / "captures"


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("forward-policy-drop-28", "iptables -A FORWARD -j DOCKER-FORWARD"),
        ("raw-direct-unpublished-28", "iptables -I DOCKER-USER -d 172.27.0.2 -p tcp --dport 80 -j ACCEPT"),
        ("forward-drop-28", "iptables -D FORWARD -p tcp -m tcp --dport 80 -j DROP"),
    ],
)
def test_the_remedy_is_what_cures(name: str, remedy: str) -> None:
    cause = analyze(read((CAPTURES / f"{name}.pcapng").read_bytes())).cause
    assert cause is not None
    assert cause.code == "forward-drop"
    assert cause.remedy[0] == remedy


def test_a_restart_does_not_write_the_jump_to_the_engines_chain() -> None:
    """What is forwarded to the bridge never comes to the rule that a restart of the container writes: the connection is permitted instead."""
    evidence = with_rules(
        recorded("docker-user-drop"), (r"^\[\d+:\d+\] -A FORWARD -o docker0 -j DOCKER\n", ""), before=True
    )
    evidence = with_rules(evidence, (r"^\[\d+:\d+\] -A DOCKER-USER .*-j DROP\n", ""), before=True)
    evidence = with_rules(evidence, (r"^:FORWARD DROP \[\d+:\d+\]$", ":FORWARD DROP [0:0]"), before=True)
    evidence = with_rules(evidence, (r"^:FORWARD DROP \[0:0\]$", ":FORWARD DROP [5:300]"))
    cause = analyze(evidence).cause
    assert cause is not None
    assert cause.code == "forward-drop"
    assert commands(cause) == (
        "iptables -I FORWARD -d 172.17.0.2 -p tcp --dport 80 -j ACCEPT",
        "iptables -I FORWARD -s 172.17.0.2 -p tcp --sport 80 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
    )


@pytest.mark.parametrize(("name", "chain"), [("input-drop", "INPUT"), ("forward-drop", "FORWARD")])
def test_a_chain_that_two_hooks_lead_to_stopped_it_where_the_walk_came_by(name: str, chain: str) -> None:
    """A block list of an administrator's is asked in INPUT and in FORWARD: its counter alone does not tell in which."""
    drop = rf"^(\[\d+:\d+\]) -A {chain} (.*-j DROP)$"
    both = r"\1 -A INPUT -j blk\n\1 -A FORWARD -j blk\n\1 -A blk \2"
    evidence = with_rules(recorded(name), (r"^(:INPUT ACCEPT)", r":blk - [0:0]\n\1"), before=True)
    cause = analyze(with_rules(evidence, (drop, both), before=True)).cause
    assert cause is not None
    assert (cause.code, cause.where.component) == (name, "filter/blk")
