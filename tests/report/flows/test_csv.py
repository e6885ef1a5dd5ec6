from __future__ import annotations

import csv
import io
import re

import pandas as pd
import pytest

from netprobe.evidence.model import CapturePoint
from netprobe.flowtable.fields import NAMES
from netprobe.report.flows import csv as flows_csv
from netprobe.report.flows.frame import frame
from tests.flowtable.rows import every, several

HOSTILE = 'a,b"c\n\x1b[31m\u202e=1\udcff\x00ü'


def read(text: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.decode(), newline=""), strict=True))


def test_every_row_and_column_as_pandas_has_them() -> None:
    table = several(flows_csv.ROWS + 5)
    rows = read(b"".join(flows_csv.write(table, every(table))))
    wanted = frame(table, every(table))
    assert [*rows[0]] == list(NAMES) == list(wanted.columns)
    for name in (
        "flow",
        "client",
        "server",
        "client_port",
        "proto",
        "point",
        "history",
        "bytes",
        "server_payload",
        "vlan",
    ):
        texts = ["" if pd.isna(each) else str(each) for each in wanted[name].tolist()]
        assert [row[name] for row in rows] == texts, name
    assert [row["first"] for row in rows] == [f"{each.isoformat().split('+')[0]}Z" for each in wanted["first"]]
    assert [float(row["duration"]) for row in rows] == wanted["duration"].tolist()
    assert {row["guessed"] for row in rows} == {"true", "false"}


def test_a_hostile_name_stays_in_its_cell_and_reaches_no_terminal() -> None:
    table = several(3, points=(CapturePoint(name=HOSTILE, interface="x"),))
    text = b"".join(flows_csv.write(table, every(table)))
    assert {row["point"] for row in read(text)} == {'a,b"c\\x0a\\x1b[31m\\u202e=1\\udcff\\x00ü'}
    assert not {*text} & {0, 27, 13}
    assert text.count(b"\n") == 4


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("=1+1", "\\x3d1+1"),
        ("+1", "\\x2b1"),
        ("-1", "\\x2d1"),
        ("@SUM(A1)", "\\x40SUM(A1)"),
        ("\uff1d1", "\\uff1d1"),
        (" =1", " \\x3d1"),
        ("\t=1", "\\x09=1"),
        ("\r=1", "\\x0d=1"),
        ('a";=1', 'a";\\x3d1'),
        ("a, -1", "a, \\x2d1"),
        ("server-1/eth0@if5", "server-1/eth0@if5"),
        ("a=b+c", "a=b+c"),
        ("'=1", "'\\x3d1"),
    ],
)
def test_no_name_is_a_formula_and_others_stay(name: str, cell: str) -> None:
    table = several(2, points=(CapturePoint(name=name, interface="x"),))
    text = b"".join(flows_csv.write(table, every(table)))
    assert {row["point"] for row in read(text)} == {cell}
    assert {*pd.read_csv(io.BytesIO(text))["point"]} == {cell}
    assert not any(
        re.match(r"\s*[=+@-]", part) for line in text.decode().splitlines() for part in re.split("[;,|]", line)
    )


def test_no_flows_leave_the_head() -> None:
    table = several(0)
    assert b"".join(flows_csv.write(table, every(table))).decode() == ",".join(NAMES) + "\n"


@pytest.mark.parametrize("order", [[2, 0], [1]])
def test_the_rows_asked_for_in_their_order(order: list[int]) -> None:
    table = several(3)
    rows = read(b"".join(flows_csv.write(table, every(table)[order])))
    assert [int(row["flow"]) - 1 for row in rows] == order
