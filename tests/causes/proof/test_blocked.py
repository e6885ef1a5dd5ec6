from __future__ import annotations

import pytest

from netprobe.causes.proof.blocked import Blocked, without_counter
from netprobe.model.report import Confidence


def blocked(label: str, text: str = "") -> Blocked:
    """A rule of server2 with this label."""
    return Blocked(
        place=None, host="server2", label=label, text=text, undo=(), hook="", counter="", walked=False,
        confidence=Confidence.LIKELY,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("label", "program", "component", "table"),
    [
        ("filter/INPUT #1", "iptables", "filter/INPUT", "filter"),
        ("filter/FORWARD policy", "iptables", "filter/FORWARD", "filter"),
        ("iptables-legacy filter/FORWARD policy", "iptables-legacy", "filter/FORWARD", "filter"),
        ("inet firewall/input handle 4", "nft", "inet firewall/input", "inet firewall"),
        ("ip docker-bridges/raw-PREROUTING policy", "nft", "ip docker-bridges/raw-PREROUTING", "ip docker-bridges"),
    ],
)
def test_labels(label: str, program: str, component: str, table: str) -> None:
    rule = blocked(label)
    assert (rule.program, rule.component, rule.table) == (program, component, table)


@pytest.mark.parametrize(
    ("text", "does"),
    [
        ("-A INPUT -j DROP", "drops"),
        ("-A INPUT -j REJECT --reject-with tcp-reset", "rejects"),
        ("tcp dport 80 reject with tcp reset", "rejects"),
        ("policy drop", "drops"),
    ],
)
def test_what_it_does(text: str, does: str) -> None:
    assert blocked("filter/INPUT #1", text).does == does


def test_an_nftables_counter_is_no_part_of_the_rule() -> None:
    assert (
        without_counter(blocked("ip t/c handle 1", "tcp dport 80 counter packets 2 bytes 120 drop"))
        == "tcp dport 80 drop"
    )
    assert without_counter(blocked("filter/INPUT #1", "-A INPUT -j DROP")) == "-A INPUT -j DROP"
