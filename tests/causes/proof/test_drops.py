"""Counters on a busy host: a rule is named only when it, and nothing else, can have stopped the packet."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from netprobe.evidence.stream.whole import read
from netprobe.pipeline import analyze

if TYPE_CHECKING:
    from netprobe.evidence.model import Evidence
    from netprobe.model.report import Report

CAPTURES = Path(__file__).parents[3] / "captures"
DROPPED = "docker-user-drop"


def whole(name: str = DROPPED) -> Evidence:
    return read((CAPTURES / f"{name}.pcapng").read_bytes())


def with_rules(evidence: Evidence, change: tuple[str, str], *, before: bool = False) -> Evidence:
    """The evidence with server2's iptables text changed after (or before and after) the probe; the pattern must be there."""
    sides = ("before", "after") if before else ("after",)
    for side in sides:
        states = []
        for state in getattr(evidence, side):
            outputs = dict(state.outputs)
            if state.host == "server2" and "iptables" in outputs:
                text, count = re.subn(change[0], change[1], outputs["iptables"].stdout, count=1, flags=re.MULTILINE)
                assert count == 1, change
                outputs["iptables"] = replace(outputs["iptables"], stdout=text)
            states.append(replace(state, outputs=outputs))
        evidence = (
            replace(evidence, before=tuple(states)) if side == "before" else replace(evidence, after=tuple(states))
        )
    return evidence


def code(report: Report) -> str | None:
    return report.cause.code if report.cause else None


QUIET = (r"^\[\d+:\d+\] (-A DOCKER-USER .*-j DROP)$", r"[0:0] \1")
BUSY_POLICY = (r"^:FORWARD DROP \[\d+:\d+\]$", ":FORWARD DROP [50:3000]")


def test_as_recorded() -> None:
    report = analyze(whole())
    assert (code(report), report.cause and report.cause.confidence.value) == (DROPPED, "certain")


def test_other_traffic_at_the_policy_changes_nothing() -> None:
    assert code(analyze(with_rules(whole(), BUSY_POLICY))) == DROPPED


def test_a_busy_policy_that_the_packet_does_not_come_to_is_not_named() -> None:
    """Docker's ACCEPT rule for the port stands before the policy: its count is of other packets."""
    report = analyze(with_rules(with_rules(whole(), QUIET), BUSY_POLICY))
    assert (report.verdict.value, code(report)) == ("undetermined", None)


def test_a_rule_in_forward_cannot_stop_what_was_never_translated() -> None:
    """The publication's DNAT rule did not count: the packet died before FORWARD."""
    never = (r"^\[\d+:\d+\] (-A DOCKER .*-j DNAT .*)$", r"[0:0] \1")
    report = analyze(with_rules(whole(), never))
    assert (report.verdict.value, code(report)) == ("undetermined", None)
    assert "forward-drop" not in report.alternatives


def test_fewer_counts_than_packets_is_another_packet() -> None:
    once = (r"^\[\d+:\d+\] (-A DOCKER-USER .*-j DROP)$", r"[1:60] \1")
    report = analyze(with_rules(whole(), once))
    assert (report.verdict.value, code(report)) == ("undetermined", None)
    assert any("DOCKER-USER #1 counter 0 → 1" in unknown for unknown in report.unknowns)


def test_a_match_that_is_not_understood_is_likely_at_most() -> None:
    odd = (r"^(\[\d+:\d+\] -A DOCKER-USER .*) -j DROP$", r"\1 -m helper --helper ftp -j DROP")
    report = analyze(with_rules(whole(), odd, before=True))
    assert (code(report), report.cause and report.cause.confidence.value) == (DROPPED, "likely")


def test_input_cannot_stop_what_nat_hands_on() -> None:
    """A published port with its DNAT rule goes to FORWARD: whatever INPUT counted was other traffic."""
    noise = (r"^:INPUT ACCEPT \[\d+:\d+\]$", ":INPUT ACCEPT [0:0]\n[0:0] -A INPUT -p tcp -j DROP")
    evidence = with_rules(with_rules(whole("raw-drop"), noise, before=True), (r"^\[0:0\] -A INPUT", "[7:420] -A INPUT"))
    report = analyze(evidence)
    assert (report.verdict.value, code(report)) == ("fails", "rule-drop")


def test_a_rule_that_other_traffic_meets_is_it_where_walk_and_packets_end_there() -> None:
    more = (r"^\[(\d+):\d+\] (-A INPUT .*-j DROP)$", r"[99:5940] \2")
    report = analyze(with_rules(whole("input-drop"), more))
    assert (report.verdict.value, code(report)) == ("fails", "input-drop")
