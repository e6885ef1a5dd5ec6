"""The JSON, held against its schema."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from netprobe.evidence.model import Limit, LimitKind
from netprobe.evidence.stream.whole import read
from netprobe.report.json import dumps
from netprobe.report.topology.json import to_json
from netprobe.topology.build import build, of_evidence
from tests.contract import assert_valid
from tests.topology.hostile import NAMES, hostile_world

CAPTURES = Path(__file__).parent.parent.parent.parent / "captures"


@pytest.mark.parametrize("file", sorted(CAPTURES.glob("*.pcapng"))[::30], ids=lambda file: file.stem)
def test_it_is_as_its_schema_says(file: Path) -> None:
    evidence = read(file.read_bytes())
    for each in (evidence, evidence.without_state()):
        assert_valid("topology", json.loads(dumps(to_json(of_evidence(each)))))


@pytest.mark.parametrize("name", NAMES)
def test_names_are_whole_and_printed_in_ascii(name: str) -> None:
    text = dumps(to_json(build(hostile_world(name))))
    assert text.isascii()
    assert_valid("topology", value := json.loads(text))
    assert value["hosts"][0]["containers"][0]["name"] == name


def test_what_is_not_known_is_null() -> None:
    limits = [Limit(kind=LimitKind.HOST, subject="far", why="no route to host")]
    value = to_json(build({}, limits=limits))
    assert_valid("topology", json.loads(dumps(value)))
    (far,) = value["hosts"]
    assert (far["known"], far["containers"], far["unknown"]) == (False, None, ["no route to host"])
