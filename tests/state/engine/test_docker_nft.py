"""What is the engine's own in its nftables tables, and what somebody else put there."""

from __future__ import annotations

import pytest

from netprobe.model.rule import Program, RuleRef
from netprobe.state.engine import docker_nft


def rule(chain: str, text: str, verdict: str = "drop", table: str = docker_nft.TABLE) -> RuleRef:
    return RuleRef(program=Program.NFT, family="ip", table=table, chain=chain, handle=1, text=text, verdict=verdict)


@pytest.mark.parametrize(
    ("chain", "text", "verdict"),
    [
        ("raw-PREROUTING", 'ip daddr 172.17.0.2 iifname != "docker0" counter packets 3 bytes 180 drop', "drop"),
        (
            "raw-PREROUTING",
            'ip daddr 172.17.0.2 iifname != { "docker0", "eth0" } counter packets 3 bytes 180 drop',
            "drop",
        ),
        ("filter-forward-in__docker0", 'counter packets 0 bytes 0 drop comment "UNPUBLISHED PORT DROP"', "drop"),
        ("filter-forward-in__br-icc", 'iifname "br-icc" counter packets 3 bytes 180 drop comment "ICC"', "drop"),
        ("filter-forward-out__br-int", 'oifname != "br-int" counter packets 0 bytes 0 drop', "drop"),
        ("filter-forward-in__docker0", "ip daddr 172.17.0.2 tcp dport 80 counter packets 6 bytes 360 accept", "accept"),
        ("nat-prerouting-and-output", "tcp dport 80 counter packets 1 bytes 60 dnat to 172.17.0.2:80", ""),
    ],
)
def test_what_the_engine_writes_is_its_own(chain: str, text: str, verdict: str) -> None:
    assert docker_nft.owns(rule(chain, text, verdict))
    assert not docker_nft.owns(rule(chain, text, verdict, table="fw"))


@pytest.mark.parametrize(
    ("chain", "text"),
    [
        ("filter-FORWARD", "tcp dport 80 drop"),
        ("filter-FORWARD", "drop"),
        ("filter-forward-in__docker0", "ip saddr 192.0.2.7 drop"),
        ("filter-forward-in__docker0", "reject with icmp port-unreachable"),
        ("raw-PREROUTING", "ip saddr 192.0.2.7 drop"),
    ],
)
def test_a_drop_in_another_form_is_somebody_elses(chain: str, text: str) -> None:
    assert not docker_nft.owns(rule(chain, text, "reject" if text.startswith("reject") else "drop"))


def test_the_rule_of_a_network_without_icc_is_that_of_its_own_bridge() -> None:
    found = rule("filter-forward-in__br-icc", 'iifname "br-icc" counter packets 3 bytes 180 drop comment "ICC"')
    assert docker_nft.forbids_icc(found, "br-icc")
    assert not docker_nft.forbids_icc(found, "docker0")
    assert not docker_nft.forbids_icc(rule("filter-forward-in__br-icc", "counter packets 0 bytes 0 drop"), "br-icc")
