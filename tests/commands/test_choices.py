from __future__ import annotations

import json
from typing import TYPE_CHECKING

from netprobe.cli import run
from tests.live.test_nearby import ANSWER, inventory, listening

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

ENGINE = ANSWER.replace(
    b'"State"', b'"Ports": [{"IP": "0.0.0.0", "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"}], "State"'
)


def test_what_can_be_explained_is_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "docker.sock"
    file = inventory(tmp_path, str(path))
    with listening(path, ENGINE):
        assert run(["explain", "--hosts", file]) == 2
        listed = capsys.readouterr()
        assert run(["explain", "--hosts", file, "--json", "--from", "far"]) == 2
    assert listed.out == ""
    assert "demo       local  running" in listed.err
    assert "far: its engine is on another machine, and is not asked" in listed.err
    assert "netprobe: explain: no TARGET given" in listed.err
    assert f"netprobe explain demo:80 --hosts {file}\n" in listed.err
    value = json.loads(capsys.readouterr().out)
    assert value["exit"] == 2
    assert f"netprobe explain demo:80 --from far --hosts {file}" in value["hint"]


def test_without_an_engine_it_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", "--hosts", inventory(tmp_path, str(tmp_path / "none"))]) == 2
    said = capsys.readouterr().err
    assert "no container is known here" in said
    assert "for example: netprobe explain web:80" in said
