"""Each deciding fact of ndp-blocked changed by itself: it falls silent, or says more."""

from __future__ import annotations

import pytest

from netprobe.model.report import Verdict
from netprobe.pipeline import analyze
from tests.causes.firewall.test_container import without
from tests.causes.firewall.test_host import with_output
from tests.causes.proof.test_drops import whole


def test_a_policy_that_accepts_is_not_it() -> None:
    found = with_output(whole("ndp-blocked"), "server2", "ip6tables", ":INPUT DROP", ":INPUT ACCEPT")
    assert analyze(found).cause is None


def test_an_answer_that_came_contradicts_a_rule_that_would_have_stopped_the_question() -> None:
    """The advertisement was seen where the asker sits: then no rule of the other side stopped the solicitation."""
    moved = with_output(whole("ndp-blocked-answer"), "server1", "ip6tables", ":INPUT DROP", ":INPUT ACCEPT")
    rules = "*filter\n:INPUT DROP [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n"
    moved = with_output(moved, "server2", "ip6tables", "", rules)
    assert analyze(moved).cause is None


def test_firewalld_is_left_to_its_own_settings() -> None:
    report = analyze(with_output(whole("ndp-blocked-bridge"), "server2", "nft", '"guard"', '"firewalld"'))
    assert report.cause is not None
    back, own = report.cause.remedies
    assert back.commands == (("ip", "-6", "addr", "add", "fd00:27::1/64", "dev", "br-six", "nodad"),)
    assert (own.commands, "IPv6_rpfilter" in own.advice) == ((), True)


def test_a_rule_for_neighbour_discovery_alone_is_deleted_and_what_stands_for_more_is_passed() -> None:
    narrow, wide = (analyze(whole(name)).cause for name in ("ndp-blocked-bridge-table", "ndp-blocked"))
    assert narrow is not None
    assert wide is not None
    assert [each[1] for each in narrow.remedies[0].commands] == ["delete"]
    assert [each[:3] for each in wide.remedies[0].commands] == [("ip6tables", "-I", "INPUT")] * 2


@pytest.mark.parametrize("key", ["ip6tables", "nft"])
def test_rules_that_could_not_be_read_are_unknown(key: str) -> None:
    report = analyze(without(whole("ndp-blocked"), key, failed=True))
    assert report.verdict is Verdict.UNDETERMINED
    assert "ndp-blocked" in report.alternatives[:5]
