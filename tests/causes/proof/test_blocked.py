from __future__ import annotations

import pytest

from netprobe.causes.proof.blocked import Blocked, without_counter
from netprobe.model.report import Confidence
from netprobe.model.rule import Program, RuleRef


def rule(text: str, verdict: str = "drop") -> RuleRef:
    return RuleRef(program=Program.NFT, family="ip", table="t", chain="c", handle=1, text=text, verdict=verdict)


@pytest.mark.parametrize(("verdict", "does"), [("DROP", "drops"), ("REJECT", "rejects"), ("reject", "rejects")])
def test_what_it_does(verdict: str, does: str) -> None:
    stopped = Blocked(
        place=None, host="server2", rule=rule("", verdict), undo=(), hook=None, counter="", walked=False,
        confidence=Confidence.LIKELY,
    )  # fmt: skip
    assert stopped.does == does


def test_an_nftables_counter_is_no_part_of_the_rule() -> None:
    assert without_counter(rule("tcp dport 80 counter packets 2 bytes 120 drop")) == "tcp dport 80 drop"
    assert without_counter(rule("-A INPUT -j DROP")) == "-A INPUT -j DROP"
