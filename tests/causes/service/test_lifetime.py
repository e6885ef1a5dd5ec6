"""Containers that end again and again or start: what state, RestartCount, start and health decide, on the recorded evidence."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from netprobe.pipeline import analyze
from tests.causes.altered import code, recorded, without_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from netprobe.evidence.model import Evidence
    from netprobe.evidence.state import HostState

    Change = Callable[[dict[str, Any]], None]


def _item(state: HostState, change: Change) -> HostState:
    output = state.outputs.get("containers")
    if output is None:
        return state
    items = json.loads(output.stdout)
    for item in items:
        if item["Name"] == "/web":
            change(item)
    return replace(state, outputs={**state.outputs, "containers": replace(output, stdout=json.dumps(items))})


def web(name: str, before: Change, after: Change | None = None) -> Evidence:
    """A capture with what the engine said of web changed, before the probe and after it."""
    whole = recorded(name)
    return replace(
        whole,
        before=tuple(_item(each, before) for each in whole.before),
        after=tuple(_item(each, after or before) for each in whole.after),
    )


def restarts(count: int) -> Change:
    return lambda item: item.update(RestartCount=count)


def started(when: str) -> Change:
    return lambda item: item["State"].update(StartedAt=when)


def state(**values: Any) -> Change:
    return lambda item: item["State"].update(values)


def test_a_loop_is_what_the_engine_counted() -> None:
    assert code(web("restart-loop-running", restarts(2))) == "restart-loop"
    assert code(web("restart-loop-running", restarts(1))) == "app-not-ready"
    assert code(web("restart-loop-running", restarts(1), restarts(2))) == "restart-loop"
    report = analyze(web("restart-loop-running", restarts(1), restarts(2)))
    assert report.cause is not None
    assert report.cause.confidence == "certain"


def test_one_that_has_run_for_long_is_in_no_loop() -> None:
    assert code(web("restart-loop-running", started("2020-01-01T00:00:00Z"))) == "app-not-listening"
    assert analyze(web("restart-loop-works", started("2020-01-01T00:00:00Z"))).findings == ()


def test_another_container_of_the_same_name_is_in_no_loop() -> None:
    after: Change = lambda item: item.update(Id="f" * 64, RestartCount=9)  # noqa: E731 - two fields at once
    assert code(web("restart-loop-running", lambda item: None, after)) != "restart-loop"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"ExitCode": 0}, "has to stay in the foreground"),
        ({"ExitCode": 137, "OOMKilled": True}, "out of memory"),
        ({"ExitCode": 127}, "could not be found"),
        ({"ExitCode": 139}, "is signal 11"),
    ],
)
def test_what_the_exit_code_says(values: dict[str, Any], said: str) -> None:
    cause = analyze(web("restart-loop", state(**values))).cause
    assert cause is not None
    assert said in " ".join(cause.remedy)
    assert f"exit code {values['ExitCode']}" in cause.summary


def test_the_exit_code_of_one_that_runs_is_not_its_last() -> None:
    cause = analyze(recorded("restart-loop-running")).cause
    assert cause is not None
    assert "exit code" not in str((cause.summary, cause.evidence))


def test_where_containers_are_not_known_the_loop_stays_possible() -> None:
    report = analyze(without_key(recorded("restart-loop"), "containers"))
    assert report.cause is None
    assert "restart-loop" in report.alternatives


def test_a_start_is_told_by_health_and_age() -> None:
    healthy: Change = lambda item: item["State"].update(Health={"Status": "healthy"})  # noqa: E731
    assert code(web("app-not-ready", healthy)) == "app-not-listening"
    assert code(web("app-not-ready", started("2020-01-01T00:00:00Z"))) == "app-not-ready"
    assert code(web("app-not-ready-unchecked", started("2020-01-01T00:00:00Z"))) == "app-not-listening"
    assert code(web("app-not-ready-unchecked", started("2099-01-01T00:00:00Z"))) == "app-not-listening"


def test_a_port_that_nobody_says_it_serves_is_not_awaited() -> None:
    def unsaid(item: dict[str, Any]) -> None:
        item["Config"]["ExposedPorts"], item["NetworkSettings"]["Ports"] = {}, {}

    assert code(web("app-not-ready-unchecked", unsaid)) != "app-not-ready"


def test_a_socket_that_came_meanwhile_is_proof() -> None:
    whole = web("app-not-ready-unchecked", started("2020-01-01T00:00:00Z"))
    ready = {each.host: each for each in recorded("app-ready").after}
    key = "ns/web/sockets"
    after = tuple(
        replace(each, outputs={**each.outputs, key: ready[each.host].outputs[key]}) if key in each.outputs else each
        for each in whole.after
    )
    cause = analyze(replace(whole, after=after)).cause
    assert cause is not None
    assert (cause.code, cause.confidence) == ("app-not-ready", "certain")


def test_how_long_ago_comes_from_the_evidence() -> None:
    cause = analyze(web("app-not-listening", lambda item: None)).cause
    assert cause is not None
    assert any("started 1 s before the probe" in each for each in cause.evidence)


def test_how_one_ended_that_runs_at_both_moments() -> None:
    """Inspect tells no exit code of one that runs; the engine's events may."""
    report = analyze(web("restart-loop-running", lambda item: item.update(LastExitCode=127)))
    assert report.cause is not None
    assert "exit code 127" in report.cause.summary
    assert "could not be found" in report.cause.remedies[0].advice
    silent = analyze(recorded("restart-loop-running"))
    assert silent.cause is not None
    assert "exit code" not in silent.cause.summary
