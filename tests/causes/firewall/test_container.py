"""Each deciding fact of container-firewall changed by itself: it falls silent, is unknown, or says more."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from netprobe.model.report import Verdict
from netprobe.pipeline import analyze
from tests.causes.firewall.test_host import with_output
from tests.causes.proof.test_drops import whole
from tests.mutilation import without_output

if TYPE_CHECKING:
    from netprobe.evidence.model import Evidence

RULES = "ns/vpn/iptables"


def without(evidence: Evidence, *keys: str, failed: bool) -> Evidence:
    before, after = (
        tuple(without_output(each, keys.__contains__, failed=failed) for each in states)
        for states in (evidence.before, evidence.after)
    )
    return replace(evidence, before=before, after=after)


def test_a_policy_that_accepts_is_not_it() -> None:
    found = with_output(whole("container-firewall"), "server2", RULES, ":INPUT DROP", ":INPUT ACCEPT")
    assert analyze(found).cause is None


def test_the_settings_of_a_known_vpn_image_are_named() -> None:
    report = analyze(with_output(whole("container-firewall"), "server2", "containers", '"nginx"', '"qmcgaw/gluetun"'))
    assert report.cause is not None
    assert "FIREWALL_INPUT_PORTS=80" in report.cause.remedies[0].advice


@pytest.mark.parametrize("key", ["iptables", "nft", "iptables-legacy"])
def test_rules_that_could_not_be_read_are_unknown(key: str) -> None:
    found = without(whole("container-firewall"), f"ns/vpn/{key}", failed=True)
    report = analyze(found)
    assert report.verdict is Verdict.UNDETERMINED
    assert "container-firewall" in report.alternatives


def test_rules_that_were_never_asked_for_are_taken_to_be_none_and_that_is_said() -> None:
    keys = [f"ns/vpn/{each}" for each in ("iptables", "iptables-legacy", "ip6tables", "nft")]
    report = analyze(without(whole("container-firewall"), *keys, failed=False))
    assert report.cause is None
    assert any("inside vpn" in each for each in report.assumptions)
