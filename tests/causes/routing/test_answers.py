"""Answers that leave by another interface: what shows them, and what leads them back."""

from __future__ import annotations

import pytest

from netprobe.model.hop import Direction
from netprobe.model.report import Confidence, Verdict
from netprobe.pipeline import analyze
from tests.causes.altered import commands, recorded, with_state, without


def test_the_answer_at_the_tunnel_is_the_proof() -> None:
    report = analyze(recorded("answer-other-way"))
    cause = report.cause
    assert cause is not None
    assert cause.summary.startswith("the request reaches server2 by eth0, and the answer leaves by wg0: routing rule ")
    assert "table 51820" in cause.summary
    assert cause.confidence is Confidence.CERTAIN
    assert any("the answer at server2/wg0" in each for each in cause.evidence)
    assert commands(cause)[-1] == "ip rule add fwmark 0x1000000/0x1000000 lookup main pref 32764"


@pytest.mark.parametrize("name", ["answer-other-way", "answer-other-way-uplink", "answer-other-way-inside"])
def test_an_answer_that_nobody_saw_proves_nothing(name: str) -> None:
    points = {"answer-other-way": "server2/wg0", "answer-other-way-uplink": "server2/eth1"}
    report = analyze(without(recorded(name), points.get(name, "server2/demo/tun0")))
    assert report.cause is None
    assert report.verdict is Verdict.UNDETERMINED
    assert "answer-other-way" in report.alternatives


def test_an_answer_from_another_address_is_seen_for_what_it_is() -> None:
    """It was in the file, at points that saw no request of it, and was once called "nothing answered"."""
    report = analyze(recorded("answer-other-way-macvlan"))
    back = [hop.point for hop in report.hops if hop.seen and hop.direction is Direction.REPLY]
    assert back == ["server2/demo/eth1", "server2/eth0", "server1/eth0"]
    assert report.cause is not None
    assert "(network lan, macvlan)" in report.cause.summary


def test_the_filter_that_drops_it_is_named() -> None:
    cause = analyze(recorded("answer-other-way-bridges")).cause
    assert cause is not None
    assert "; rp_filter of br-" in cause.summary
    assert "(network net1, bridge)" in cause.summary
    assert commands(cause)[-1].endswith("ip rule add from 172.31.0.2 lookup 1001 pref 32765")


def test_a_rule_for_the_hosts_own_address_is_explained() -> None:
    cause = analyze(recorded("answer-other-way-uplink")).cause
    assert cause is not None
    assert any("from 192.168.3.202 lookup 100 leads by eth0, and is not for it" in each for each in cause.evidence)
    assert commands(cause)[-1].startswith("ip rule add fwmark 0x1000000/0x1000000 lookup 100 ")


def test_a_mark_that_a_rule_looks_at_is_not_taken() -> None:
    evidence = recorded("answer-other-way")
    first = '{"priority":0,"src":"all","table":"local"},'
    more = first + '{"priority":7,"src":"all","fwmark":"0x1000000","fwmask":"0x1000000","table":"77"},'
    cause = analyze(with_state(evidence, "server2", "rule", first, more)).cause
    assert cause is not None
    assert "0x2000000/0x2000000" in commands(cause)[0]
