"""ufw's own command: which rule it stands before, and where none fits."""

from __future__ import annotations

import pytest

from netprobe.pipeline import analyze
from tests.causes.altered import commands, recorded
from tests.causes.owners.moved import cause_of, dropped_in
from tests.causes.proof.test_drops import with_rules


@pytest.mark.parametrize("chain", ["ufw-user-input", "ufw-after-input", "ufw-skip-to-policy-input"])
def test_ufw_is_asked_to_allow_the_one_port(chain: str) -> None:
    """Before its own rules: an ``allow`` behind a ``deny`` would do nothing."""
    found = dropped_in(chain)
    assert commands(found)[0] == "ufw prepend allow proto tcp from any to 192.168.3.202 port 80"
    assert "it stays so after a reboot" in found.remedies[0].advice
    assert commands(found)[1:] == ("iptables -I INPUT -d 192.168.3.202 -p tcp --dport 80 -j ACCEPT",)
    assert found.remedies[1].advice.startswith("or by hand: ")
    assert "until ufw loads its rules again" in found.remedies[1].advice


def test_what_ufw_drops_before_its_users_rules_no_ufw_command_allows() -> None:
    found = dropped_in("ufw-before-input")
    assert commands(found) == ("iptables -I INPUT -d 192.168.3.202 -p tcp --dport 80 -j ACCEPT",)
    assert "/etc/ufw/before.rules" in found.remedy[-1]


def test_a_policy_behind_ufws_chains_is_ufws() -> None:
    evidence = with_rules(
        recorded("input-drop"), (r"^:INPUT ACCEPT", r":ufw-user-input - [0:0]\n:INPUT DROP"), before=True
    )
    evidence = with_rules(evidence, (r"^:INPUT DROP \[0:0\]", ":INPUT DROP [5:300]"))
    evidence = with_rules(
        evidence, (r"^\[\d+:\d+\] -A INPUT .*-j DROP$", "[5:300] -A INPUT -j ufw-user-input"), before=True
    )
    assert commands(cause_of(evidence))[0] == "ufw prepend allow proto tcp from any to 192.168.3.202 port 80"


def test_ufw_route_where_the_engine_asks_ufws_chain() -> None:
    """As ufw-docker sets it up: DOCKER-USER asks ufw-user-forward first, by the container's address and port."""
    drop = r"^(\[\d+:\d+\]) -A DOCKER-USER (.*-j DROP)$"
    evidence = with_rules(
        recorded("docker-user-drop"),
        (r"^(:DOCKER-USER .*)$", r"\1\n:ufw-user-forward - [0:0]\n:ufw-docker-deny - [0:0]"),
        before=True,
    )
    moved = (
        drop,
        r"\1 -A DOCKER-USER -j ufw-user-forward\n\1 -A DOCKER-USER -j ufw-docker-deny\n\1 -A ufw-docker-deny \2",
    )
    found = analyze(with_rules(evidence, moved, before=True)).cause
    assert found is not None
    assert commands(found)[0] == "ufw route prepend allow proto tcp from 192.168.3.201 to 172.17.0.2 port 80"


def test_an_address_that_ufw_denies_is_let_in_alone() -> None:
    """The rule chose by the source: no need to open the port to everybody."""
    found = dropped_in("ufw-user-input", "-s 192.168.3.0/24 -j DROP")
    assert commands(found)[0] == "ufw prepend allow proto tcp from 192.168.3.201 to 192.168.3.202 port 80"
    found = dropped_in("ufw-user-input", "! -s 10.0.0.0/8 -j DROP")
    assert commands(found)[0] == "ufw prepend allow proto tcp from any to 192.168.3.202 port 80"


def test_a_policy_behind_the_chains_that_a_disabled_ufw_leaves_is_not_ufws() -> None:
    """ufw would write its files, say that all is well, and load nothing."""
    evidence = with_rules(
        recorded("input-drop"), (r"^:INPUT ACCEPT", r":ufw-before-input - [0:0]\n:INPUT DROP"), before=True
    )
    evidence = with_rules(evidence, (r"^:INPUT DROP \[0:0\]", ":INPUT DROP [5:300]"))
    evidence = with_rules(
        evidence, (r"^\[\d+:\d+\] -A INPUT .*-j DROP$", "[5:300] -A INPUT -j ufw-before-input"), before=True
    )
    assert commands(cause_of(evidence))[0].startswith("iptables -I INPUT ")
