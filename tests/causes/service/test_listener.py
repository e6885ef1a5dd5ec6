"""accept-queue-full and v6-localhost-reset: each deciding fact changed by itself, on the recorded evidence."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from netprobe.evidence.stream.whole import read
from netprobe.pipeline import analyze

if TYPE_CHECKING:
    from netprobe.evidence.model import Evidence
    from netprobe.evidence.state import HostState

CAPTURES = Path(__file__).parents[3] / "captures"


def said(evidence: Evidence) -> tuple[str, str | None, str | None]:
    report = analyze(evidence)
    cause = report.cause
    return report.verdict.value, cause.code if cause else None, cause.confidence.value if cause else None


def with_text(name: str, when: str, key: str, old: str, new: str) -> Evidence:
    """The evidence with one output of server2 changed at one moment; the text must be there."""
    whole = read((CAPTURES / f"{name}.pcapng").read_bytes())

    def changed(state: HostState) -> HostState:
        output = state.outputs[key]
        assert old in output.stdout
        return replace(state, outputs={**state.outputs, key: replace(output, stdout=output.stdout.replace(old, new))})

    before = tuple(changed(state) if state.host == "server2" and when == "before" else state for state in whole.before)
    after = tuple(changed(state) if state.host == "server2" and when == "after" else state for state in whole.after)
    return replace(whole, before=before, after=after)


QUEUE = "accept-queue-full"
SOCKETS, COUNTERS = "ns/demo/sockets", "ns/demo/counters"


def test_as_recorded() -> None:
    assert said(read((CAPTURES / f"{QUEUE}.pcapng").read_bytes())) == ("fails", QUEUE, "certain")


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_queue_with_room_at_one_moment_proves_nothing(when: str) -> None:
    evidence = with_text(QUEUE, when, SOCKETS, "LISTEN 2      1 ", "LISTEN 1      1 ")
    assert said(evidence) == ("undetermined", None, None)


def test_a_counter_that_does_not_rise_speaks_against_it() -> None:
    text = read((CAPTURES / f"{QUEUE}.pcapng").read_bytes()).before
    line = next(
        line
        for state in text
        if state.host == "server2"
        for line in state.outputs[COUNTERS].stdout.splitlines()
        if line.startswith("TcpExtListenOverflows")
    )
    after = next(
        line
        for state in read((CAPTURES / f"{QUEUE}.pcapng").read_bytes()).after
        if state.host == "server2"
        for line in state.outputs[COUNTERS].stdout.splitlines()
        if line.startswith("TcpExtListenOverflows")
    )
    assert line != after
    assert said(with_text(QUEUE, "after", COUNTERS, after, line)) == ("undetermined", None, None)


def test_without_the_counter_it_is_likely() -> None:
    evidence = with_text(QUEUE, "after", COUNTERS, "TcpExtListenOverflows", "TcpExtOther")
    assert said(evidence) == ("fails", QUEUE, "likely")


def test_six_bound_by_the_application_is_not_it() -> None:
    evidence = with_text("v6-localhost-reset", "before", SOCKETS, "0.0.0.0:80 ", "*:80 ")
    assert said(evidence) == ("undetermined", None, None)
