"""Which rules are kill switches: what they let out by alone, by the recorded DOCKER-USER drop with its rule changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from netprobe.pipeline import analyze
from tests.causes.altered import commands, recorded, with_state
from tests.causes.proof.test_drops import code, whole, with_rules

if TYPE_CHECKING:
    from netprobe.model.report import Finding


def stopped_by(match: str) -> Finding:
    rule = (r"^(\[\d+:\d+\]) -A DOCKER-USER .*-j DROP$", rf"\1 -A DOCKER-USER {match} -j DROP")
    report = analyze(with_rules(whole("docker-user-drop"), rule, before=True))
    assert code(report) == "docker-user-drop"
    assert report.cause is not None
    return report.cause


@pytest.mark.parametrize("match", ["! -o wg0", "-i eth0 ! -o tun0", "! -o tun+", "! -o tailscale0 -p tcp -m tcp"])
def test_past_a_kill_switch_nothing_is_let_out(match: str) -> None:
    cause = stopped_by(match)
    assert commands(cause) == ()
    assert "the kill switch stays" in cause.remedies[0].advice
    assert any("a kill switch" in line for line in cause.evidence)


@pytest.mark.parametrize("match", ["! -o eth9", "! -o eth1", "-o docker0", "! -i wg0 -o docker0"])
def test_other_rules_are_none(match: str) -> None:
    """A NIC that is there resolves addresses, one that is not may be misspelt."""
    cause = stopped_by(match)
    assert commands(cause) != ()
    assert not any("kill switch" in line for line in cause.evidence)


@pytest.mark.parametrize(
    ("before", "switch"),
    [
        ("-A OUTPUT -o tun0 -j ACCEPT", True),
        ("-A OUTPUT -o eth9 -j ACCEPT", False),
        ("-A OUTPUT -o tun0 -p tcp -j ACCEPT", False),
    ],
)
def test_a_policy_behind_what_lets_a_tunnel_alone_out_is_one(before: str, *, switch: bool) -> None:
    """A VPN container's own firewall: everything by tun0, and some of its own subnet; the policy ends the rest."""
    evidence = with_state(
        recorded("output-drop-sidecar"), "server2", "ns/vpn/iptables", "-A OUTPUT -o tun0 -j ACCEPT", before
    )
    cause = analyze(evidence).cause
    assert cause is not None
    assert cause.code == "output-drop"
    assert (commands(cause) == ()) is switch
    assert any("lets out by tun0 alone: a kill switch" in line for line in cause.evidence) is switch
