"""Each deciding fact of the bridge causes changed by itself."""

from __future__ import annotations

import pytest

from netprobe.pipeline import analyze
from tests.causes.firewall.test_host import with_output, without
from tests.causes.proof.test_drops import code, whole

SETTING = "net.bridge.bridge-nf-call-iptables"


def test_icc_is_a_matter_of_the_networks_option() -> None:
    evidence = whole("icc-false")
    changed = with_output(evidence, "server2", "networks", 'enable_icc": "false"', 'enable_icc": "true"')
    report = analyze(changed)
    assert code(report) != "icc-false"


def test_bridge_netfilter_needs_its_setting() -> None:
    evidence = whole("bridge-nf-forward-drop")
    assert code(analyze(without(evidence, "server2", "sysctl"))) != "bridge-nf-forward-drop"
    assert (
        code(analyze(with_output(evidence, "server2", "sysctl", f"{SETTING} = 1", f"{SETTING} = 0")))
        != "bridge-nf-forward-drop"
    )


def test_the_accept_is_narrow_and_the_other_way_is_told() -> None:
    report = analyze(whole("bridge-nf-forward-policy"))
    assert report.cause is not None
    assert report.cause.remedy[0] == "iptables -I FORWARD -i br-peers -o br-peers -j ACCEPT"
    assert f"sysctl -w {SETTING}=0" in report.cause.remedy[-1]


@pytest.mark.parametrize("name", ["nft-backend-forward-drop", "nft-backend-forward-drop-egress"])
def test_dockers_own_table_decides(name: str) -> None:
    """The same in a table that is not Docker's is any FORWARD policy."""
    report = analyze(with_output(whole(name), "server2", "nft", '"docker-bridges"', '"mine"'))
    assert code(report) != "nft-backend-forward-drop"


def test_the_published_port_is_the_way_that_stays() -> None:
    report = analyze(whole("raw-direct-drop-28"))
    assert report.cause is not None
    assert "dial port 80 of server2" in report.cause.remedy[1]


def test_another_raw_rule_is_not_the_engines() -> None:
    evidence = with_output(
        whole("raw-direct-drop-28"), "server2", "iptables", "! -i br-direct -j DROP", "-i eth0 -j DROP"
    )
    assert code(analyze(evidence)) != "raw-direct-drop"
