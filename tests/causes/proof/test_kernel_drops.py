"""The kernel's own drop reasons as evidence, with one fact of the recorded evidence changed at a time."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from netprobe.evidence.state import CommandOutput
from netprobe.pipeline import analyze
from tests.causes.altered import recorded
from tests.mutilation import without_output

if TYPE_CHECKING:
    from collections.abc import Callable

    from netprobe.evidence.model import Evidence
    from netprobe.model.report import Report

FILTERED = "traced-rp-filter-multihomed"
HEALTHY = "traced-rp-filter-one-nic"
REFUSED = "traced-app-not-listening"
SILENT = "traced-silent-inside"


def with_drops(evidence: Evidence, change: Callable[[CommandOutput], CommandOutput | None]) -> Evidence:
    """The evidence with every host's text of drops changed (None: it was never asked)."""
    states = []
    for state in evidence.after:
        outputs = {**state.outputs, "drops": change(state.outputs["drops"])}
        states.append(replace(state, outputs={key: each for key, each in outputs.items() if each is not None}))
    return replace(evidence, after=tuple(states))


def with_text(evidence: Evidence, old: str, new: str) -> Evidence:
    return with_drops(evidence, lambda output: replace(output, stdout=output.stdout.replace(old, new)))


def said(report: Report) -> list[str]:
    """The cause's evidence that is the kernel's."""
    assert report.cause is not None
    return [each for each in report.cause.evidence if "the kernel's own drop reason" in each]


def test_a_reason_that_agrees_is_evidence() -> None:
    report = analyze(recorded(FILTERED))
    assert report.drops is not None
    (drop,) = report.drops
    assert (drop.place, drop.reason, drop.at, drop.info) == ("server2", "IP_RPFILTER", "ip_rcv_finish_core", "SYN")
    (line,) = said(report)
    assert line.startswith(
        "server2: the kernel's own drop reason is IP_RPFILTER, in ip_rcv_finish_core: 192.168.3.201:"
    )
    assert line.endswith(f"→ 172.17.0.2:80 SYN, {drop.count} times")


def test_in_a_container() -> None:
    (line,) = said(analyze(recorded(REFUSED)))
    assert line.startswith("demo@server2: the kernel's own drop reason is NO_SOCKET, in tcp_v4_rcv: ")


def test_where_nothing_was_dropped_that_is_known() -> None:
    report = analyze(recorded(HEALTHY))
    assert (report.verdict.value, report.drops, report.unknowns) == ("works", (), ())


def test_a_reason_alone_names_no_cause() -> None:
    whole = recorded(SILENT)  # without the container's own rules
    before, after = (
        tuple(without_output(each, lambda key: key.endswith("/nft"), failed=True) for each in states)
        for states in (whole.before, whole.after)
    )
    report = analyze(replace(whole, before=before, after=after))
    assert report.drops is not None
    assert {(drop.place, drop.reason) for drop in report.drops} == {("demo@server2", "NETFILTER_DROP")}
    assert (report.verdict.value, report.cause) == ("undetermined", None)


def test_a_reason_that_says_something_else_is_shown_and_is_no_evidence() -> None:
    report = analyze(with_text(recorded(FILTERED), "\ndrop 16 ", "\ndrop 12 "))
    assert report.drops is not None
    assert {drop.reason for drop in report.drops} == {"NETFILTER_DROP"}
    assert said(report) == []


def test_another_hosts_is_no_evidence() -> None:
    """As if server1 had dropped them: the tracepoint wrote its namespace."""
    evidence = recorded(FILTERED)
    own = {state.host: state.outputs["drops"].stdout.split()[1] for state in evidence.after}
    report = analyze(with_text(evidence, f" {own['server2']} ip_rcv", f" {own['server1']} ip_rcv"))
    assert report.drops is not None
    assert {drop.host for drop in report.drops} == {"server1"}
    assert said(report) == []


def test_somebody_elses_packet_is_not_shown() -> None:
    evidence = recorded(FILTERED)
    assert evidence.probe is not None
    local = evidence.probe.result.local
    assert local is not None
    other = with_text(evidence, f" {local[1]} ", " 9 ")
    assert analyze(other).drops == ()


def test_a_late_answer_that_finds_no_socket_is_no_refusal() -> None:
    evidence = with_text(recorded(REFUSED), " 2 eth0", " 18 eth0")
    turned = []
    for state in evidence.after:
        output = state.outputs["drops"]
        lines = [_turned(line) for line in output.stdout.split("\n")]
        turned.append(replace(state, outputs={**state.outputs, "drops": replace(output, stdout="\n".join(lines))}))
    report = analyze(replace(evidence, after=tuple(turned)))
    assert report.drops is not None
    assert [drop.direction.value for drop in report.drops] == ["reply"]
    assert said(report) == []


def _turned(line: str) -> str:
    words = line.split(" ")
    if words[0] == "drop":
        words[5:7], words[7:9] = words[7:9], words[5:7]
    return " ".join(words)


@pytest.mark.parametrize("name", [FILTERED, REFUSED, SILENT, HEALTHY])
def test_without_bpftrace_nothing_is_lost_but_that_line(name: str) -> None:
    evidence = recorded(name)
    why = "bpftrace: not installed (package bpftrace)"
    lost = with_drops(evidence, lambda output: CommandOutput(argv=output.argv, rc=None, error=why))
    hosts = ", ".join(state.host for state in evidence.after)
    whole, without = analyze(evidence), analyze(lost)
    line = () if whole.verdict.value == "works" else (f"{hosts}: no drop reasons from the kernel: {why}",)
    cause = whole.cause and replace(whole.cause, evidence=tuple(e for e in whole.cause.evidence if "own drop" not in e))
    assert without == replace(whole, drops=None, cause=cause, unknowns=(*whole.unknowns, *line))
    never = analyze(with_drops(evidence, lambda _: None))
    assert never == replace(whole, drops=None, cause=cause)


def test_what_the_trace_says_already_is_not_said_again() -> None:
    why = "the probe's packets cannot be told from others before it is sent"
    evidence = with_drops(recorded(FILTERED), lambda output: CommandOutput(argv=output.argv, rc=None, error=why))
    for each in evidence.after:
        assert isinstance(each.outputs, dict)
        each.outputs["trace"] = each.outputs["drops"]
    assert not any("no drop reasons" in line for line in analyze(evidence).unknowns)
