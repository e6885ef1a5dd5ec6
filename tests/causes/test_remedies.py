"""What is deleted, and what is permitted instead: recorded evidence with another rule in the way."""

from __future__ import annotations

from netprobe.causes.remedies import publishing
from netprobe.pipeline import analyze
from tests.causes.altered import commands, recorded
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


def test_a_published_port_is_tcps_where_it_says_nothing() -> None:
    assert publishing(80, 8080, "tcp") == "-p 80:8080"
    assert publishing(53, 53, "udp", address="127.0.0.1") == "-p 127.0.0.1:53:53/udp"
