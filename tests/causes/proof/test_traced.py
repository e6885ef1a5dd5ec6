"""The kernel's trace as proof, with one fact of the recorded evidence changed at a time."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from netprobe.evidence.state import CommandOutput
from netprobe.model.hop import Direction
from netprobe.pipeline import analyze
from tests.causes.altered import recorded

if TYPE_CHECKING:
    from netprobe.evidence.model import Evidence
    from netprobe.model.trace import TraceWalk

DROPPED = "traced-docker-user-drop"
UNCOUNTED = "traced-uncounted-drop"


def with_trace(evidence: Evidence, pattern: str, text: str, count: int = 0) -> Evidence:
    """The evidence with server2's trace changed; the pattern must be there."""
    states = []
    for state in evidence.after:
        outputs = dict(state.outputs)
        if state.host == "server2":
            new, found = re.subn(pattern, text, outputs["trace"].stdout, count=count, flags=re.MULTILINE)
            assert found
            outputs["trace"] = replace(outputs["trace"], stdout=new)
        states.append(replace(state, outputs=outputs))
    return replace(evidence, after=tuple(states))


def walks(name: str) -> tuple[TraceWalk, ...]:
    found = analyze(recorded(name)).trace
    assert found is not None
    return found


def test_the_rules_have_the_numbers_of_iptables() -> None:
    there = next(walk for walk in walks("traced-dnat") if walk.host == "server2")
    assert [str(step.rule) for step in there.steps][:2] == ["nat/PREROUTING #1", "nat/DOCKER #2"]
    assert there.steps[1].rule.text.startswith("-A DOCKER ! -i docker0 -p tcp -m tcp --dport 80 -j DNAT")
    assert there.frame > 0


def test_both_directions_on_each_host() -> None:
    assert [(walk.host, walk.direction) for walk in walks("traced-dnat")] == [
        ("server1", Direction.REQUEST),
        ("server1", Direction.REPLY),
        ("server2", Direction.REQUEST),
        ("server2", Direction.REPLY),
    ]


def test_both_connections_of_docker_proxy() -> None:
    assert [(walk.leg, walk.direction) for walk in walks("traced-docker-proxy")] == [
        (1, Direction.REQUEST),
        (1, Direction.REPLY),
        (2, Direction.REQUEST),
        (2, Direction.REPLY),
    ]


def test_equal_walks_are_counted_together() -> None:
    (walk,) = [each for each in walks(DROPPED) if each.host == "server2"]
    assert walk.count > 1
    assert walk.dropped_by is not None
    assert str(walk.dropped_by.rule) == "filter/DOCKER-USER #1"


def by_trace(evidence: Evidence) -> bool:
    """Whether the kernel's trace is part of the proof."""
    cause = analyze(evidence).cause
    return cause is not None and any("kernel's trace" in sentence for sentence in cause.evidence)


def test_the_trace_names_what_no_counter_does() -> None:
    report = analyze(recorded(UNCOUNTED))
    assert report.cause is not None
    assert (report.cause.code, report.cause.confidence.value) == ("forward-drop", "certain")
    assert by_trace(recorded(UNCOUNTED))
    assert not by_trace(recorded("untraced-uncounted-drop"))


def test_one_packet_that_went_on_takes_the_proof_away() -> None:
    assert not by_trace(with_trace(recorded(UNCOUNTED), r"\(verdict drop\)", "(verdict continue)", count=1))


def test_another_handle_is_another_rule() -> None:
    assert not by_trace(with_trace(recorded(UNCOUNTED), r"drop # handle \d+", "drop # handle 999"))


def test_another_connections_trace_proves_nothing() -> None:
    assert not by_trace(with_trace(recorded(UNCOUNTED), r"tcp sport \d+", "tcp sport 1"))


def test_a_trace_that_is_not_whole_proves_nothing() -> None:
    evidence = recorded(UNCOUNTED)
    states = [
        replace(state, outputs={**state.outputs, "trace": replace(state.outputs["trace"], rc=None, error="cut")})
        for state in evidence.after
    ]
    assert not by_trace(replace(evidence, after=tuple(states)))


def test_rules_of_the_legacy_backend_are_said_not_to_be_in_it() -> None:
    evidence = recorded("traced-dnat")
    legacy = CommandOutput(argv=("iptables-legacy-save", "-c"), stdout="*filter\n[0:0] -A INPUT -j ACCEPT\nCOMMIT\n")
    states = [replace(state, outputs={**state.outputs, "iptables-legacy": legacy}) for state in evidence.after]
    unknowns = analyze(replace(evidence, after=tuple(states))).unknowns
    assert "server2: rules of iptables' legacy backend are not in the trace" in unknowns
    assert not analyze(evidence).unknowns


def test_without_trace_there_is_none() -> None:
    assert analyze(recorded("docker-user-drop")).trace is None
