from __future__ import annotations

import json
from pathlib import Path

import pytest

from netprobe.causes.catalogue import CAUSES, TRAFFIC
from netprobe.cli import run
from netprobe.commands.causes import examples
from netprobe_lab.record import examples_of

CAPTURES = Path(__file__).parents[2] / "captures"
CODES = [cause.code for cause in CAUSES]
EVERY = [*CODES, *(cause.code for cause in TRAFFIC)]


def test_the_catalogue(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["causes"]) == 0
    said = capsys.readouterr().out
    assert [code for code in EVERY if f"  {code} " not in said] == []


@pytest.mark.parametrize("code", CODES)
def test_each_is_explained_with_an_example(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["causes", code]) == 0
    said = capsys.readouterr().out
    for heading in ("what it is", "why it happens", "evidence", "remedy", "source"):
        assert heading in said
    assert f"(captures/{examples()[code]['capture']}.pcapng)" in said


@pytest.mark.parametrize("code", [cause.code for cause in TRAFFIC])
def test_what_packets_alone_show_is_explained_without_one(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["causes", code]) == 0
    assert "captures/" not in capsys.readouterr().out


def test_examples_are_what_the_captures_say() -> None:
    assert examples() == examples_of(CAPTURES), "python -m netprobe_lab.record writes them anew"


def test_the_example_is_the_experiment_called_after_the_cause() -> None:
    named = {code for code in CODES if (CAPTURES / f"{code}.pcapng").is_file()}
    assert len(named) > 40
    assert {code for code in named if examples()[code]["capture"] != code} == set()


def test_a_part_of_a_code_finds_what_has_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["causes", "arp"]) == 2
    assert "did you mean arp-blocked or stale-arp?" in capsys.readouterr().err
    assert run(["causes", "dokcer-user-drop"]) == 2
    assert "did you mean docker-user-drop" in capsys.readouterr().err


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["causes", "--json"]) == 0
    assert [each["code"] for each in json.loads(capsys.readouterr().out)] == sorted(EVERY)
    assert run(["causes", "no-route", "--json"]) == 0
    one = json.loads(capsys.readouterr().out)
    assert set(one) == {"code", "note", "summary", "what_it_is", "why_it_happens", "evidence", "remedy", "source"}


def test_an_unknown_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["causes", "docker-user-dorp"]) == 2
    assert "docker-user-drop" in capsys.readouterr().err
