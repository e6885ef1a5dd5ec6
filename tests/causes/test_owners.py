"""A rule that another program owns: its own command where that surely fits, else an ACCEPT before it that says whose rules they are."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from netprobe.causes.remedies import is_narrow
from netprobe.model.rule import Program, RuleRef
from netprobe.pipeline import analyze
from tests.causes.altered import commands, recorded
from tests.causes.proof.test_drops import with_rules

if TYPE_CHECKING:
    from netprobe.evidence.model import Evidence, HostState
    from netprobe.model.report import Finding

_DROP = r"^(\[\d+:\d+\]) -A INPUT (.*-j DROP)$"


def dropped_in(chain: str, match: str = r"\2") -> Finding:
    """What is said when the dropped SYN of ``input-drop`` meets its rule in a chain of another program."""
    evidence = with_rules(recorded("input-drop"), (r"^(:INPUT ACCEPT)", rf":{chain} - [0:0]\n\1"), before=True)
    moved = (_DROP, rf"\1 -A INPUT -j {chain}\n\1 -A {chain} {match}")
    return cause_of(with_rules(evidence, moved, before=True))


def cause_of(evidence: Evidence) -> Finding:
    found = analyze(evidence).cause
    assert found is not None
    assert found.code == "input-drop"
    return found


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
    assert commands(found)[0] == "ufw route prepend allow proto tcp from any to 172.17.0.2 port 80"


def test_a_ban_is_lifted_for_one_address() -> None:
    found = dropped_in("f2b-web", "-s 192.168.3.201/32 -j DROP")
    assert commands(found)[0] == "fail2ban-client set web unbanip 192.168.3.201"
    assert "see why it was banned" in found.remedies[0].advice
    found = dropped_in("CROWDSEC_CHAIN", "-s 192.168.3.201/32 -j DROP")
    assert commands(found)[0] == "cscli decisions delete --ip 192.168.3.201"


@pytest.mark.parametrize(
    ("chain", "name"), [("ts-input", "Tailscale"), ("KUBE-FIREWALL", "Kubernetes"), ("LIBVIRT_INP", "libvirt")]
)
def test_others_are_named(chain: str, name: str) -> None:
    found = dropped_in(chain)
    assert commands(found) == ("iptables -I INPUT -d 192.168.3.202 -p tcp --dport 80 -j ACCEPT",)
    assert f"those are {name}'s rules" in found.remedy[-1]


def test_firewallds_last_rule_in_a_built_in_chain_is_firewallds() -> None:
    """With its iptables backend; the zone is that of the interface by which the SYN came."""
    chains = r":INPUT_ZONES - [0:0]\n:IN_public - [0:0]\n:IN_dmz - [0:0]\n\1"
    evidence = with_rules(recorded("input-drop"), (r"^(:INPUT ACCEPT)", chains), before=True)
    last = r"\1 -A INPUT -j INPUT_ZONES\n\1 -A INPUT -j REJECT --reject-with icmp-host-prohibited\n[0:0] -A INPUT_ZONES -i eth1 -g IN_public\n\1 -A INPUT_ZONES -g IN_dmz"
    found = cause_of(with_rules(evidence, (_DROP, last), before=True))
    assert commands(found)[0] == "firewall-cmd --zone=dmz --add-port=80/tcp"
    assert "--permanent" in found.remedies[0].advice


def _firewalld(state: HostState, dispatch: str) -> HostState:
    """The table ``inet firewall`` as firewalld's, with a rule that chooses the zone."""
    output = state.outputs.get("nft")
    if output is None or '"firewall"' not in output.stdout:
        return state
    text = (
        output.stdout.replace('"firewall"', '"firewalld"')
        .replace('"input"', '"filter_INPUT"')
        .replace('"hook": "filter_INPUT"', '"hook": "input"')
    )
    whole = json.loads(text)
    base = {"family": "inet", "table": "firewalld"}
    match = {"match": {"op": "==", "left": {"meta": {"key": "iifname"}}, "right": "eth0"}}
    first = [match] if dispatch else []
    whole["nftables"] += [
        {"chain": {**base, "name": "filter_INPUT_ZONES", "handle": 90}},
        {"chain": {**base, "name": "filter_IN_public", "handle": 91}},
        {
            "rule": {
                **base,
                "chain": "filter_INPUT_ZONES",
                "handle": 92,
                "expr": [*first, {"goto": {"target": "filter_IN_public"}}],
            }
        },
    ]
    return replace(state, outputs={**state.outputs, "nft": replace(output, stdout=json.dumps(whole))})


@pytest.mark.parametrize("dispatch", ["", "eth0"])
def test_nobody_edits_firewallds_table(dispatch: str) -> None:
    """It may be closed to others (NftablesTableOwner): nft would refuse."""
    evidence = recorded("input-drop-nft")
    before, after = (
        tuple(_firewalld(each, dispatch) for each in states) for states in (evidence.before, evidence.after)
    )
    found = cause_of(replace(evidence, before=before, after=after))
    assert commands(found) == ("firewall-cmd --zone=public --add-port=80/tcp",)


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
        recorded("input-drop"), (_DROP, r"\1 -A INPUT -j REJECT --reject-with icmp-host-prohibited"), before=True
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
