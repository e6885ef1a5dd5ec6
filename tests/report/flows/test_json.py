from __future__ import annotations

import json

import jsonschema
import pytest

from netprobe.evidence.model import CapturePoint, Limit, LimitKind
from netprobe.flowtable.fields import NAMES
from netprobe.flowtable.table import FlowTable
from netprobe.report.flows import json as flows_json
from netprobe.report.flows.csv import write as write_csv
from netprobe.report.schema import schema
from tests.flowtable.rows import every, several
from tests.report.flows.test_csv import HOSTILE, read


@pytest.mark.parametrize("count", [0, 1, 2, flows_json.ROWS, flows_json.ROWS + 3])
def test_one_value_as_its_schema_says(count: int) -> None:
    table = several(count)
    value = json.loads(b"".join(flows_json.write(table, every(table))))
    jsonschema.validate(value, schema("flows"))
    assert [*value] == ["schema", "points", "limits", "flows"]
    assert len(value["flows"]) == count
    assert all([*row] == list(NAMES) for row in value["flows"])


def test_a_row_of_another_kind_is_against_the_schema() -> None:
    table = several(2)
    value = json.loads(b"".join(flows_json.write(table, every(table))))
    for name, wrong in (("bytes", "7"), ("bytes", None), ("client", 7), ("proto", None), ("guessed", 1)):
        changed = {**value, "flows": [{**value["flows"][0], name: wrong}]}
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(changed, schema("flows"))


def test_a_time_before_1970_is_none_and_as_the_schema_says() -> None:
    table = several(2)
    table.rows["first_ns"][0], table.rows["last_ns"][0] = -7, -2
    value = json.loads(b"".join(flows_json.write(table, every(table))))
    jsonschema.validate(value, schema("flows"))
    assert (value["flows"][0]["first"], value["flows"][0]["duration"]) == (None, None)


def test_lines_are_the_rows() -> None:
    table = several(flows_json.ROWS + 3)
    lines = b"".join(flows_json.write_lines(table, every(table))).splitlines()
    assert [json.loads(line) for line in lines] == json.loads(b"".join(flows_json.write(table, every(table))))["flows"]
    assert b"".join(flows_json.write_lines(several(0), every(several(0)))) == b""


def test_values_are_those_of_csv() -> None:
    table = several(50)
    rows = json.loads(b"".join(flows_json.write(table, every(table))))["flows"]
    for row, texts in zip(rows, read(b"".join(write_csv(table, every(table)))), strict=True):
        for name, value in row.items():
            text = (
                {None: "", True: "true", False: "false"}.get(value, value)
                if not isinstance(value, int | float) or (value in (True, False) and isinstance(value, bool))
                else value
            )
            assert (float(texts[name]) == text) if isinstance(text, int | float) else texts[name] == text


def test_names_and_limits_from_captures_are_pure_ascii_without_controls() -> None:
    made = several(2, points=(CapturePoint(name=HOSTILE, interface="x"),))
    limits = (Limit(kind=LimitKind.FILE, subject=HOSTILE, why="cut\x7f"),)
    table = FlowTable(rows=made.rows, points=made.points, limits=limits)
    text = b"".join(flows_json.write(table, every(table)))
    assert text.isascii()
    assert not {*text} & {*range(10), *range(11, 32), 127}
    value = json.loads(text)
    assert value["flows"][0]["point"] == value["points"][0]["name"] == value["limits"][0]["subject"] == HOSTILE
