"""Each deciding fact of the filter causes changed by itself: the cause falls silent, or another one is the better name."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from netprobe.pipeline import analyze
from tests.causes.proof.test_drops import code, whole, with_rules

if TYPE_CHECKING:
    from netprobe.evidence.model import Evidence
from tests.causes.altered import commands


def with_output(evidence: Evidence, host: str, key: str, old: str, new: str) -> Evidence:
    """The evidence with a host's text changed before and after the probe; the old text must be there before."""
    sides = {}
    for side in ("before", "after"):
        states = []
        for state in getattr(evidence, side):
            output = state.outputs.get(key)
            if state.host == host and output is not None:
                assert old in output.stdout, (side, old)
                changed = replace(output, stdout=output.stdout.replace(old, new))
                state = replace(state, outputs={**state.outputs, key: changed})  # noqa: PLW2901
            states.append(state)
        sides[side] = tuple(states)
    return replace(evidence, before=sides["before"], after=sides["after"])


def without(evidence: Evidence, host: str, key: str) -> Evidence:
    """The evidence without what a host's command said."""
    sides = {
        side: tuple(
            replace(state, outputs={name: each for name, each in state.outputs.items() if name != key})
            if state.host == host
            else state
            for state in getattr(evidence, side)
        )
        for side in ("before", "after")
    }
    return replace(evidence, before=sides["before"], after=sides["after"])


STATIC = (r"^\[\d+:\d+\] (-A INPUT -i docker0 -j DROP)$", r"[0:0] \1")


def test_a_rule_that_did_not_count_stopped_nothing() -> None:
    report = analyze(with_rules(whole("input-firewall-drop"), STATIC))
    assert (report.verdict.value, code(report)) == ("undetermined", None)


def test_a_rule_that_counted_less_than_was_seen_did_not_stop_it_all() -> None:
    once = (r"^\[\d+:\d+\] (-A INPUT -i docker0 -j DROP)$", r"[1:60] \1")
    report = analyze(with_rules(whole("input-firewall-drop"), once))
    assert (report.verdict.value, code(report)) == ("undetermined", None)


def test_a_rule_that_only_the_walk_finds_must_be_there_at_both_moments() -> None:
    evidence = whole("input-firewall-nft")
    gone = replace(evidence, after=with_output(evidence, "server2", "nft", '"drop": null', '"accept": null').after)
    report = analyze(gone)
    assert (report.verdict.value, code(report)) == ("undetermined", None)


def test_a_policy_gets_an_accept_before_it() -> None:
    evidence = with_rules(
        whole("input-firewall-drop"), (r"^(\[\d+:\d+\]) -A INPUT -i docker0 -j DROP$", r"# \1"), before=True
    )
    evidence = with_rules(evidence, (r"^:INPUT ACCEPT \[\d+:\d+\]$", ":INPUT DROP [0:0]"), before=True)
    report = analyze(with_rules(evidence, (r"^:INPUT DROP \[0:0\]$", ":INPUT DROP [2:120]")))
    assert code(report) == "input-firewall-container-to-host"
    assert report.cause is not None
    assert commands(report.cause) == ("iptables -I INPUT -i docker0 -p tcp --dport 80 -j ACCEPT",)


NEAR = "-p tcp -m tcp --dport 80 -j ACCEPT"


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        (f"-A INPUT -s 172.18.0.0/16 {NEAR}", True),
        (f"-A INPUT -i br-apps {NEAR}", True),
        (f"-A INPUT ! -s 172.17.0.0/16 {NEAR}", True),
        (f"-A DOCKER -d 172.17.0.9/32 ! -i docker0 -o docker0 {NEAR}", False),  # INPUT does not ask it
        ("-A INPUT -s 172.18.0.0/16 -p tcp -m tcp --dport 81 -j ACCEPT", False),
        ("-A INPUT -s 172.18.0.0/16 -p udp -m udp --dport 80 -j ACCEPT", False),
        ("-A INPUT -s 172.18.0.0/16 -p tcp -m tcp ! --dport 80 -j ACCEPT", False),
    ],
)
def test_a_rule_that_lets_the_port_in_from_elsewhere_alone_is_shown(rule: str, told: bool) -> None:
    before = "[0:0] " + rule + r"\n\g<0>"
    drops = r"^\[\d+:\d+\] -A INPUT -i docker0 -j DROP$"
    report = analyze(with_rules(whole("input-firewall-drop"), (drops, before), before=True))
    assert code(report) == "input-firewall-container-to-host"
    assert report.cause is not None
    assert any(rule in line for line in report.cause.evidence) is told


def test_nftables_is_told_in_its_own_words() -> None:
    report = analyze(whole("input-firewall-nft"))
    assert report.cause is not None
    assert commands(report.cause) == ("nft insert rule inet firewall input iifname docker0 tcp dport 80 accept",)


def test_what_comes_through_docker_proxy_needs_its_answers_too() -> None:
    report = analyze(whole("input-firewall-published"))
    assert report.cause is not None
    assert any("RELATED,ESTABLISHED" in line for line in report.cause.remedy)


@pytest.mark.parametrize("name", ["output-drop", "output-reject", "output-drop-container"])
def test_output_wants_its_interface_watched(name: str) -> None:
    """Nothing was seen: that says something only where somebody looked."""
    evidence = whole(name)
    assert evidence.probe is not None
    source = evidence.probe.source_at
    blind = tuple(
        replace(point, dropped=3) if (point.host, point.container) == (source.host, source.container) else point
        for point in evidence.points
    )
    report = analyze(replace(evidence, points=blind))
    assert (report.verdict.value, code(report)) == ("undetermined", None)


def test_output_that_did_not_count_is_not_it() -> None:
    evidence = whole("output-drop")
    changed = with_output(
        evidence, "server1", "iptables", "-A OUTPUT -d 192.168.3.202/32", "-A OUTPUT -d 192.168.3.203/32"
    )
    assert code(analyze(changed)) is None
    counted = next(state.outputs["iptables"].stdout for state in evidence.after if state.host == "server1")
    line = next(line for line in counted.splitlines() if "-A OUTPUT" in line)
    quiet = line.replace(line[: line.index("]") + 1], "[0:0]")
    after = tuple(
        replace(
            state,
            outputs={
                **state.outputs,
                "iptables": replace(state.outputs["iptables"], stdout=counted.replace(line, quiet)),
            },
        )
        if state.host == "server1"
        else state
        for state in evidence.after
    )
    assert code(analyze(replace(evidence, after=after))) is None


def test_ingress_names_its_interface_where_nft_tells_it() -> None:
    """A newer nft: the chain is for eth0 (then the walk proves it), or for another interface (then it is not it)."""
    ours = '"hook": "ingress"'
    here = with_output(whole("ingress-drop-uncounted"), "server2", "nft", ours, f'{ours}, "dev": "eth0"')
    elsewhere = with_output(whole("ingress-drop"), "server2", "nft", ours, f'{ours}, "dev": "eth1"')
    assert code(analyze(here)) == "ingress-drop"
    assert code(analyze(elsewhere)) is None


def test_both_backends_with_dockers_rules_is_no_mix() -> None:
    """Docker's chains stand in the legacy backend too: its FORWARD policy is not a stranger's."""
    chain = ":FORWARD DROP"
    report = analyze(
        with_output(whole("legacy-nft-mix"), "server2", "iptables-legacy", chain, f":DOCKER - [0:0]\n{chain}")
    )
    assert code(report) == "forward-drop"


def test_a_bypassed_firewall_is_a_note_at_both_moments() -> None:
    report = analyze(whole("firewall-bypassed"))
    assert [finding.code for finding in report.findings] == ["firewall-bypassed"]
    after = (r"^\[\d+:\d+\] -A INPUT -p tcp -m tcp --dport 80 -j DROP$", "# gone")
    assert analyze(with_rules(whole("firewall-bypassed"), after)).findings == ()


def test_a_forward_rule_without_a_counter_needs_the_packets_to_end_there() -> None:
    """The walk ends at the rule; packets that were seen behind it say that it does not."""
    report = analyze(whole("forward-drop-nft"))
    assert (code(report), report.cause and report.cause.confidence.value) == ("forward-drop", "certain")
    works = whole("forward-drop-nft-elsewhere")
    dropped = with_output(works, "server2", "nft", '"right": 81', '"right": 80')
    assert code(analyze(dropped)) is None
