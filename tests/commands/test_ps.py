from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from netprobe.cli import run
from tests.contract import assert_valid

if TYPE_CHECKING:
    from collections.abc import Sequence

CAPTURES = Path(__file__).parent.parent.parent / "captures"
FILE = str(CAPTURES / "docker-user-drop.pcapng")


def test_a_saved_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["ps", FILE]) == 0
    assert "no  server1 → demo@server2: filter/DOCKER-USER #1 on server2" in capsys.readouterr().out


def test_one_host_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["ps", FILE, "--host", "server2", "--json"]) == 0
    value = json.loads(capsys.readouterr().out)
    assert_valid("ps", value)
    assert [(each["source"], each["reach"]) for each in value["reach"]] == [
        ("server2", "direct"),
        ("demo@server2", "self"),
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([FILE, "--host", "server9"], "did you mean server"),
        ([FILE, "--hosts", "lab"], "--hosts has no meaning with a file"),
        (["/nowhere.pcapng"], "/nowhere.pcapng"),
    ],
)
def test_what_cannot_be_asked(arguments: Sequence[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["ps", *arguments]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("file", sorted(CAPTURES.glob("*.pcapng"))[3::25], ids=lambda file: file.stem)
def test_every_kind_of_evidence(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["ps", str(file), "--all", "--json"]) == 0
    assert_valid("ps", json.loads(capsys.readouterr().out))
