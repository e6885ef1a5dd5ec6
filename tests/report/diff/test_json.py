"""A comparison as JSON, held against its schema."""

from __future__ import annotations

import json
from typing import Any

import pytest

from netprobe.report.diff.json import to_json
from netprobe.report.json import dumps
from tests.contract import validator
from tests.diff.test_compare import compared


def made(good: str, bad: str) -> Any:
    return json.loads(dumps(to_json(compared(good, bad), ("good.pcapng", "bad.pcapng"))))


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("demo", "docker-user-drop"),
        ("demo", "container-stopped"),
        ("demo", "demo"),
        ("dns-user-network", "dns-default-bridge"),
    ],
)
def test_it_is_what_its_schema_says(good: str, bad: str) -> None:
    assert list(validator("diff").iter_errors(made(good, bad))) == []


def test_the_two_part_at_one_point_and_one_line_decides() -> None:
    value = made("demo", "docker-user-drop")
    assert (value["outcome"], value["parting"]["kind"], value["parting"]["common"]) == (
        "differs",
        "point",
        "server2/eth0",
    )
    assert [each["point"] for each in value["points"] if each["parts"]] == ["server2/docker0"]
    (line,) = value["decides"]
    assert (line["host"], line["kind"], line["good"], line["bad"]) == (
        "server2",
        "rule",
        None,
        "-A DOCKER-USER -s 192.168.3.0/24 -j DROP",
    )
