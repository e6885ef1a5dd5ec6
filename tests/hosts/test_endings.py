"""How a container ended that runs again, by the Engine's events (samples: Engine 20.10, shortened)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from netprobe.hosts.endings import ended_just_now, last_exit_code, parameters

WEB: dict[str, Any] = {
    "Id": "9c1b",
    "RestartCount": 2,
    "State": {"Status": "running", "StartedAt": "2026-11-29T23:47:00.123456789Z"},
}


def died(code: object) -> str:
    return json.dumps({"status": "die", "id": "9c1b", "Actor": {"ID": "9c1b", "Attributes": {"exitCode": code}}})


def test_only_one_that_was_started_again_less_than_a_minute_ago_is_asked_for() -> None:
    fresh = {"Status": "Up 5 seconds"}
    assert ended_just_now(fresh, WEB)
    assert ended_just_now({"Status": "Up Less than a second (health: starting)"}, WEB)
    assert not ended_just_now({"Status": "Up 2 hours"}, WEB)
    assert not ended_just_now(fresh, {**WEB, "RestartCount": 0})
    assert not ended_just_now(fresh, {**WEB, "State": {"Status": "restarting"}})


def test_what_is_asked_for_has_passed() -> None:
    asked = parameters(WEB)
    assert asked is not None
    assert asked["until"] == "1795996020.123456"  # at its start, on the Engine's own clock: nothing is waited for
    assert float(asked["until"]) - float(asked["since"]) == pytest.approx(120)
    assert json.loads(asked["filters"]) == {"type": ["container"], "event": ["die"], "container": ["9c1b"]}


@pytest.mark.parametrize("started", ["", "soon", "0001-01-01T00:00:00Z", None])
def test_without_a_start_nothing_is_asked(started: object) -> None:
    assert parameters({**WEB, "State": {"StartedAt": started}}) is None


def test_the_last_end_counts() -> None:
    assert last_exit_code(f"{died('1')}\n{died('137')}\n") == 137


@pytest.mark.parametrize(
    "body", ["", "[]", "nothing", died("-1"), died("3000000000"), died(3), died(None), died("٣"), "[" * 100_000]
)
def test_what_tells_no_exit_code_is_unknown(body: str) -> None:
    assert last_exit_code(body) is None
