"""What is deleted, and what stays: recorded evidence with another rule in the way."""

from __future__ import annotations

import pytest

from netprobe.causes.remedies.past_rule import is_narrow
from netprobe.model.rule import Program, RuleRef
from netprobe.pipeline import analyze
from tests.causes.altered import commands, recorded
from tests.causes.owners.moved import DROP, cause_of
from tests.causes.proof.test_drops import with_rules


def test_an_administrators_own_rule_is_deleted() -> None:
    cause = analyze(recorded("docker-user-drop")).cause
    assert cause is not None
    assert commands(cause) == ("iptables -D DOCKER-USER -s 192.168.3.0/24 -j DROP",)
    assert "not this connection alone" in cause.remedy[-1]


def test_a_policy_stays_and_the_one_connection_is_let_through_both_ways() -> None:
    """The policy stands for all that no rule accepts: ACCEPT in its place would open the host."""
    cause = analyze(recorded("v6-forward-policy-drop")).cause
    assert cause is not None
    assert commands(cause) == (
        "ip6tables -I FORWARD -d fd00:27::2 -p tcp --dport 80 -j ACCEPT",
        "ip6tables -I FORWARD -s fd00:27::2 -p tcp --sport 80 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
    )


def test_a_policy_of_nftables_stays_as_well() -> None:
    cause = analyze(recorded("input-drop-nft")).cause
    assert cause is not None
    assert commands(cause) == ("nft insert rule inet firewall input ip daddr 192.168.3.202 tcp dport 80 accept",)


def test_a_rule_in_a_chain_of_another_program_stays() -> None:
    """A chain that is neither built in nor left to the administrator is filled by whoever made it."""
    drop = r"^(\[\d+:\d+\]) -A INPUT (.*-j DROP)$"
    evidence = with_rules(recorded("input-drop"), (r"^(:INPUT ACCEPT)", r":f2b-web - [0:0]\n\1"), before=True)
    evidence = with_rules(evidence, (drop, r"\1 -A INPUT -j f2b-web\n\1 -A f2b-web \2"), before=True)
    cause = analyze(evidence).cause
    assert cause is not None
    assert commands(cause) == ("iptables -I INPUT -d 192.168.3.202 -p tcp --dport 80 -j ACCEPT",)
    assert "fail2ban" in cause.remedy[-1]


@pytest.mark.parametrize(
    ("text", "narrow"),
    [
        ("-A INPUT -p tcp -m tcp --dport 80 -j DROP", True),
        ("-A DOCKER-USER -s 192.168.3.0/24 -j DROP", True),
        ("-A FORWARD -d 172.17.0.2/32 -j DROP", True),
        ("-A INPUT -j REJECT --reject-with icmp-host-prohibited", False),
        ("-A DOCKER-USER -i eth0 -j DROP", False),
        ("-A DOCKER-USER ! -s 10.0.0.0/8 -i eth0 -j DROP", False),
        ("-A INPUT -p tcp -m tcp ! --dport 22 -j DROP", False),
        ("-A INPUT -p tcp -m multiport --dports 80,443 -j DROP", False),
        ("-A INPUT -p tcp -m tcp --dport 1:1023 -j DROP", False),
        ("-A DOCKER-USER -m set --match-set bad src -j DROP", False),
        ("-A FORWARD -d 172.16.0.0/12 -j DROP", False),
        ("-P INPUT DROP", False),
        ("tcp dport 80 drop", True),
        ("tcp dport != 22 drop", False),
        ("tcp dport { 80, 443 } drop", False),
        ("ip saddr @bad drop", False),
        ("ip saddr 192.168.3.201 drop", True),
        ('iifname "eth0" drop', False),
    ],
)
def test_what_stands_for_more_than_one_port_or_host_is_not_deleted(text: str, narrow: bool) -> None:
    program = Program.IPTABLES if text.startswith("-") else Program.NFT
    assert is_narrow(RuleRef(program=program, table="filter", chain="INPUT", text=text)) is narrow


def test_the_last_reject_of_a_host_stays() -> None:
    """Deleting it would open the whole host."""
    evidence = with_rules(
        recorded("input-drop"), (DROP, r"\1 -A INPUT -j REJECT --reject-with icmp-host-prohibited"), before=True
    )
    assert commands(cause_of(evidence)) == ("iptables -I INPUT -d 192.168.3.202 -p tcp --dport 80 -j ACCEPT",)


def test_a_wide_rule_in_the_users_chain_is_passed_there() -> None:
    """RETURN, not ACCEPT: the engine's own rules go on to decide."""
    drop = r"^(\[\d+:\d+\]) -A DOCKER-USER .*-j DROP$"
    found = analyze(
        with_rules(recorded("docker-user-drop"), (drop, r"\1 -A DOCKER-USER -i eth0 -j DROP"), before=True)
    ).cause
    assert found is not None
    assert commands(found) == ("iptables -I DOCKER-USER -d 172.17.0.2 -p tcp --dport 80 -j RETURN",)
    assert (
        analyze(
            with_rules(recorded("docker-user-drop"), (drop, r"\1 -A DOCKER-USER -i eth0 -j DROP"), before=True)
        ).after
        == ()
    )
