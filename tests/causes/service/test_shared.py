"""Shared namespaces: what the order of starts, the exit code and the image's ports decide, on the recorded evidence."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from netprobe.evidence.stream.whole import read
from netprobe.pipeline import analyze

if TYPE_CHECKING:
    from collections.abc import Callable

    from netprobe.evidence.model import Evidence
    from netprobe.evidence.state import HostState

CAPTURES = Path(__file__).parents[3] / "captures"


def said(evidence: Evidence) -> tuple[str, str | None]:
    report = analyze(evidence)
    return report.verdict.value, report.cause.code if report.cause else None


def with_container(name: str, container: str, change: Callable[[dict[str, Any]], None]) -> Evidence:
    """The evidence with what the engine said of one container changed, at both moments."""
    whole = read((CAPTURES / f"{name}.pcapng").read_bytes())

    def changed(state: HostState) -> HostState:
        output = state.outputs.get("containers")
        if output is None:
            return state
        items = json.loads(output.stdout)
        for item in items:
            if item["Name"] == f"/{container}":
                change(item)
        return replace(state, outputs={**state.outputs, "containers": replace(output, stdout=json.dumps(items))})

    return replace(whole, before=tuple(map(changed, whole.before)), after=tuple(map(changed, whole.after)))


def started_later(item: dict[str, Any]) -> None:
    item["State"]["StartedAt"] = "2099-01-01T00:00:00Z"


def ended_well(item: dict[str, Any]) -> None:
    item["State"]["ExitCode"] = 0


def exposes_nothing(item: dict[str, Any]) -> None:
    item["Config"]["ExposedPorts"] = {}


@pytest.mark.parametrize("name", ["owner-restarted", "owner-restarted-source"])
def test_who_was_started_last(name: str) -> None:
    assert said(with_container(name, "side", lambda _: None)) == ("fails", "netns-owner-restarted")
    assert said(with_container(name, "side", started_later))[1] != "netns-owner-restarted"


def test_a_container_that_ended_well_is_stopped() -> None:
    assert said(with_container("netns-port-clash", "api", ended_well)) == ("fails", "container-stopped")


def test_a_container_that_serves_no_such_port_is_stopped() -> None:
    assert said(with_container("netns-port-clash", "api", exposes_nothing)) == ("fails", "container-stopped")


def test_a_container_that_wants_no_port_shares_the_answer() -> None:
    """Asking for a client by name in the server's namespace: the server answers, and that is meant."""
    assert said(with_container("netns-port-clash-running", "api", exposes_nothing)) == ("works", None)
