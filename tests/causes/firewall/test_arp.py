"""Each deciding fact of arp-blocked changed by itself: it falls silent, or says more."""

from __future__ import annotations

import pytest

from netprobe.model.report import Verdict
from netprobe.pipeline import analyze
from tests.causes.firewall.test_container import without
from tests.causes.firewall.test_host import with_output
from tests.causes.proof.test_drops import whole

RULE = '{"drop": null}'


def test_a_rule_that_accepts_is_not_it() -> None:
    assert analyze(with_output(whole("arp-blocked"), "server1", "nft", RULE, '{"accept": null}')).cause is None


def test_what_the_rules_of_the_other_side_would_have_stopped_did_come() -> None:
    """The reply was seen at both ends: no rule of the target's host stopped the request."""
    moved = with_output(whole("arp-blocked"), "server1", "nft", RULE, '{"accept": null}')
    table = (
        '{"nftables": [{"table": {"family": "arp", "name": "t", "handle": 1}}, {"chain": {"family": "arp", "table": "t", "name": "c", '
        '"handle": 1, "type": "filter", "hook": "input", "prio": 0, "policy": "drop"}}]}'
    )
    moved = with_output(moved, "server2", "nft", "", table)
    assert analyze(moved).cause is None


def test_it_permits_arp_with_the_one_neighbour_before_the_rule() -> None:
    cause = analyze(whole("arp-blocked")).cause
    assert cause is not None
    (fix,) = cause.remedies
    assert fix.commands == (
        ("nft", "insert", "rule", "arp", "filter", "INPUT", "arp", "saddr", "ip", "192.168.3.202", "accept"),
    )


@pytest.mark.parametrize("key", ["nft", "neigh"])
def test_what_could_not_be_read_is_unknown(key: str) -> None:
    report = analyze(without(whole("arp-blocked"), key, failed=True))
    assert report.verdict is Verdict.UNDETERMINED
    assert "arp-blocked" in report.alternatives[:5]
