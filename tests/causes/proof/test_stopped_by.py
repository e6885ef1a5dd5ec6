from __future__ import annotations

from dataclasses import replace

import pytest

from netprobe.causes.proof.stopped_by import StoppedBy
from netprobe.evidence.model import Place
from netprobe.model.report import Confidence
from netprobe.model.rule import Hook, Program, RuleRef

RULE = RuleRef(table="filter", chain="INPUT", number=1, text="-A INPUT -j DROP", verdict="DROP")
FOUND = StoppedBy(
    rule=RULE, place=Place(host="server2"), undo=(), hook=Hook.INPUT, before=1, after=4, confidence=Confidence.CERTAIN
)
UNCOUNTED = replace(FOUND, before=0, after=0)


@pytest.mark.parametrize(("verdict", "does"), [("DROP", "drops"), ("REJECT", "rejects"), ("reject", "rejects")])
def test_what_it_does(verdict: str, does: str) -> None:
    assert replace(FOUND, rule=replace(RULE, verdict=verdict)).does == does


def test_a_counter_is_the_proof() -> None:
    assert (FOUND.delta, FOUND.proof, FOUND.evidence) == (3, "counter 1 → 4", "filter/INPUT #1 counter 1 → 4")


def test_the_kernels_trace_is_proof_as_well() -> None:
    ends = "the kernel's trace of the packet ends there"
    assert replace(FOUND, traced=True).proof == f"counter 1 → 4, and {ends}"
    assert replace(UNCOUNTED, traced=True).evidence == f"filter/INPUT #1: {ends}"


def test_what_does_not_count_is_proved_by_the_walk() -> None:
    walk = "does not count; the walk through server2's rules ends there"
    assert (UNCOUNTED.proof, UNCOUNTED.evidence) == (f"it {walk}", f"filter/INPUT #1 {walk}")


@pytest.mark.parametrize("text", ["tcp dport 80 counter packets 2 bytes 120 drop", "tcp dport 80 drop"])
def test_an_nftables_counter_is_no_part_of_the_rule(text: str) -> None:
    rule = RuleRef(program=Program.NFT, family="ip", table="t", chain="c", handle=1, text=text)
    assert replace(FOUND, rule=rule).text == "tcp dport 80 drop"


def test_an_iptables_text_is_as_saved() -> None:
    rule = replace(RULE, text='-A INPUT -m comment --comment "a  b" -j DROP')
    assert replace(FOUND, rule=rule).text == rule.text
