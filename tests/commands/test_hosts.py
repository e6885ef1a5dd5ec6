from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

import netprobe.live.survey
from netprobe.cli import run
from netprobe.survey.model import HostFacts, Survey

if TYPE_CHECKING:
    from pathlib import Path

GOOD = HostFacts(name="local", reach="local", root=True, interfaces=())
GONE = HostFacts(name="gone", reach="netns:/run/netns/gone", fault="no such host", hint="is it up?")


def found(monkeypatch: pytest.MonkeyPatch, *hosts: HostFacts) -> None:
    monkeypatch.setattr(netprobe.live.survey, "survey", lambda *_: Survey(hosts=hosts))


def test_the_exit_code_says_whether_every_host_is_usable(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found(monkeypatch, GOOD)
    assert run(["hosts"]) == 0
    assert "all usable" in capsys.readouterr().out
    found(monkeypatch, GOOD, GONE)
    assert run(["hosts"]) == 4
    assert "not usable: gone" in capsys.readouterr().out


def test_json_is_one_value_also_where_a_host_is_not_usable(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found(monkeypatch, GOOD, GONE)
    assert run(["hosts", "--json"]) == 4
    value = json.loads(capsys.readouterr().out)
    assert value["schema"] == "netprobe/hosts/1"
    assert [each["name"] for each in value["hosts"]] == ["local", "gone"]


def test_a_bad_inventory_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "hosts.toml"
    file.write_text("[hosts.a]\nreach = 'local'\n[hosts.a]\nreach = 'local'\n")
    assert run(["hosts", "--hosts", str(file)]) == 2
    assert "the host a is there twice" in capsys.readouterr().err.splitlines()[0]
    assert run(["hosts", "--hosts", str(file), "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["schema"] == "netprobe/error/1"


@pytest.mark.parametrize("seconds", ["0", "-1", "121", "x"])
def test_the_bound_is_bounded(seconds: str) -> None:
    assert run(["hosts", "--timeout", seconds]) == 2
