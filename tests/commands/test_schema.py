from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import netprobe.commands.replay
from netprobe.cli import run
from netprobe.report.schema import NAMES, schema
from tests.contract import assert_valid

CAPTURES = Path(__file__).parents[2] / "captures"


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Any:
    """Run a command line: its exit code, and the JSON that it printed."""

    def call(*arguments: str) -> tuple[int, Any]:
        status = run(arguments)
        return status, json.loads(capsys.readouterr().out)

    return call


@pytest.mark.parametrize("name", NAMES)
def test_one_schema(name: str, said: Any) -> None:
    assert said("schema", name) == said("schema", name, "--json") == (0, schema(name))


def test_all_schemas(said: Any) -> None:
    assert said("schema") == (0, {name: schema(name) for name in NAMES})


def test_an_unknown_name_says_which_there_are_or_the_nearest(said: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["schema", "reports"]) == 2
    assert "did you mean report?" in capsys.readouterr().err
    assert run(["schema", "zzz"]) == 2
    assert "report, error, flows, hosts, topology, ps, diff, causes" in capsys.readouterr().err
    status, value = said("schema", "reports", "--json")
    assert (status, value["exit"]) == (2, 2)
    assert_valid("error", value)


def test_what_causes_prints_is_valid(said: Any) -> None:
    assert_valid("causes", said("causes", "--json")[1])
    assert_valid("causes", said("causes", "no-route", "--json")[1])


def test_several_saved_files_are_valid_together(said: Any) -> None:
    status, value = said("replay", str(CAPTURES / "demo.pcapng"), str(CAPTURES / "no-route.pcapng"), "--json")
    assert (status, len(value)) == (1, 2)
    assert_valid("report", value)


@pytest.mark.parametrize(
    ("arguments", "exit_code"),
    [
        (["explain", "--json"], 2),
        (["explain", "web:99999", "--json"], 2),
        (["replay", "/nonexistent", "--json"], 2),
        (["hosts", "--hosts", "/nonexistent", "--json"], 2),
        (["causes", "nothing", "--json"], 2),
        (["nonsense", "--json"], 2),
    ],
)
def test_errors_are_valid(arguments: list[str], exit_code: int, said: Any) -> None:
    status, value = said(*arguments)
    assert (status, value["exit"]) == (exit_code, exit_code)
    assert_valid("error", value)


@pytest.mark.parametrize(("fault", "exit_code"), [(RuntimeError("broken"), 70), (KeyboardInterrupt(), 130)])
def test_errors_of_netprobe_itself_and_interrupts_are_valid(
    fault: BaseException, exit_code: int, said: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(**_: object) -> int:
        raise fault

    monkeypatch.setattr(netprobe.commands.replay, "run", breaks)
    status, value = said("replay", "x.pcapng", "--json")
    assert (status, value["exit"]) == (exit_code, exit_code)
    assert_valid("error", value)
