from __future__ import annotations

import json
from dataclasses import replace

import pytest

from netprobe.cli.options import OUTPUTS
from netprobe.commands.show import PRINTERS, exit_code, refuse_deep, show, terminal_columns, wants_colour
from netprobe.errors import UsageFault
from netprobe.model.report import Verdict
from tests.report.examples import FAILS, WORKS


def test_exit_codes() -> None:
    assert exit_code(WORKS) == 0
    assert exit_code(FAILS) == 1
    assert exit_code(replace(FAILS, verdict=Verdict.UNDETERMINED, cause=None)) == 3


def test_a_failure_without_a_cause_is_not_determined() -> None:
    assert exit_code(replace(FAILS, cause=None)) == 3


def test_one_report_is_an_object_and_several_are_an_array(capsys: pytest.CaptureFixture[str]) -> None:
    show([WORKS], "json")
    assert json.loads(capsys.readouterr().out)["verdict"] == "works"
    show([WORKS, FAILS], "json")
    assert [value["verdict"] for value in json.loads(capsys.readouterr().out)] == ["works", "fails"]


def test_deep_and_json_do_not_go_together() -> None:
    with pytest.raises(UsageFault):
        refuse_deep(deep=True, output="json")
    refuse_deep(deep=True, output=None)
    refuse_deep(deep=False, output="json")


def test_a_pipe_is_not_folded_unless_colour_is_forced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    assert terminal_columns() is None
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "77")
    assert terminal_columns() == 77


def test_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert not wants_colour()
    monkeypatch.setenv("NO_COLOR", "")
    assert wants_colour()


def test_every_output_has_its_option_and_its_printer() -> None:
    assert OUTPUTS.keys() == PRINTERS.keys()


def test_an_endless_line_is_not_laid_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "99999999")
    assert terminal_columns() == 1000
