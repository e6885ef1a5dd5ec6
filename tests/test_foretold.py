"""Without a packet: `--predict` names the cause that explain names where the hosts' state alone tells it, with the same remedy."""

from __future__ import annotations

import pytest

from netprobe.pipeline import analyze
from netprobe.verdict.prediction import predicted
from tests.mutilation import evidence

#: capture -> its cause, by the state of a host with Docker's rules in iptables and in nftables.
TOLD = {
    "e29-nft-icc": "icc-false",
    "icc-false": "icc-false",
    "e29-nft-inter-network": "inter-network",
    "e29-nft-policy-egress": "nft-backend-forward-drop",
    "e29-nft-policy-same-bridge-direct": "bridge-nf-forward-drop",
    "e29-nft-proxy-killed-loopback": "proxy-dead",
    "e29-ipt-proxy-killed-same-bridge": "proxy-dead",
    "e29-nft-both-lan": "proxy-and-dnat-dead",
    "e29-nft-internal-egress": "internal-network",
    "internal-network": "internal-network",
    "e29-nft-trusted-unpublished": "forward-drop",
}


@pytest.mark.parametrize("name", TOLD)
def test_the_cause_is_foretold_with_its_remedy(name: str) -> None:
    run = evidence(name)
    assert run.probe is not None
    seen, ahead = analyze(run), predicted(run, run.probe)
    assert ahead.cause is not None
    assert seen.cause is not None
    assert ahead.cause.code == seen.cause.code == TOLD[name]
    assert ahead.cause.remedy == seen.cause.remedy
    assert not any(word.startswith("nft insert rule ip docker-bridges") for word in ahead.cause.remedy)


def test_without_a_packet_the_bridge_that_it_came_by_is_not_known_and_the_rule_itself_goes() -> None:
    run = evidence("e29-nft-user-inp-same-bridge")
    assert run.probe is not None
    cause = predicted(run, run.probe).cause
    assert cause is not None
    assert cause.code == "input-firewall-container-to-host"
    assert cause.remedy[0] == "nft delete rule inet fw myinput handle 2"


@pytest.mark.parametrize("name", ["e29-nft-normal-lan", "e29-nft-proxy-killed-lan", "e29-nft-same-bridge-direct"])
def test_what_works_is_foretold_to_work(name: str) -> None:
    run = evidence(name)
    assert run.probe is not None
    ahead = predicted(run, run.probe)
    assert (ahead.verdict, ahead.path, ahead.cause) == (analyze(run).verdict, analyze(run).path, None)
