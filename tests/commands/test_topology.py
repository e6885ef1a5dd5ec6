"""``netprobe topology`` of saved files, and what cannot be asked."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from netprobe.cli import run
from tests.contract import assert_valid

if TYPE_CHECKING:
    from collections.abc import Sequence

CAPTURES = Path(__file__).parent.parent.parent / "captures"
FILE = str(CAPTURES / "docker-user-drop.pcapng")
EVERY = sorted(CAPTURES.glob("*.pcapng"))


def test_a_file_is_shown_as_a_tree(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["topology", FILE]) == 0
    assert "└─ demo  nginx" in capsys.readouterr().out


def test_only_one_host(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["topology", FILE, "--host", "server1", "--json"]) == 0
    value = json.loads(capsys.readouterr().out)
    assert_valid("topology", value)
    assert [each["name"] for each in value["hosts"]] == ["server1"]


def test_a_name_says_the_form_and_a_file_that_is_there_stays(tmp_path: Path) -> None:
    file = tmp_path / "net.svg"
    assert run(["topology", FILE, "-o", str(file)]) == 0
    picture = file.read_text()
    assert ET.fromstring(picture).tag.endswith("svg")  # noqa: S314 - our own
    assert run(["topology", FILE, "-o", str(file)]) == 2
    assert file.read_text() == picture


@pytest.mark.parametrize("file", EVERY[::10], ids=lambda file: file.stem)
def test_every_form_of_every_kind_of_evidence(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for form in ("tree", "mermaid", "svg"):
        assert run(["topology", str(file), "--format", form, "--all"]) == 0
        out = capsys.readouterr().out
        assert form != "svg" or ET.fromstring(out).get("role") == "img"  # noqa: S314 - our own


def test_a_plain_capture_has_the_point_that_it_is_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "uplink.pcap"
    header = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    file.write_bytes(header + struct.pack("<IIII", 1, 0, 60, 60) + bytes(60))
    assert run(["topology", str(file)]) == 0
    assert capsys.readouterr().out == "captures\n└─ uplink  captured\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([FILE, "--host", "server9"], "did you mean server"),
        ([FILE, "--hosts", "lab"], "--hosts has no meaning with a file"),
        ([FILE, "-o", FILE], "is an input"),
        (["/nowhere.pcapng"], "/nowhere.pcapng"),
    ],
)
def test_what_cannot_be_asked(arguments: Sequence[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["topology", *arguments]) in {2, 3}
    assert said in capsys.readouterr().err
