from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from netprobe.evidence.model import CapturePoint
from netprobe.flowtable.choose import RowChoice, rows_of
from netprobe.report.flows.table import FAILED, UNSURE, WORKED
from netprobe.report.html.flowlines import cut, lines, one_of_each, shown_first
from tests.flowtable.rows import every, several


def keys(rows: tuple[str, ...], place: int) -> list[int]:
    found = [re.findall(r'data-k="([^"]*)"', each)[0].split(",")[place] for each in rows]
    return [int(each) if each else -1 for each in found]


@pytest.mark.parametrize(
    ("title", "column"), [("client", "client,client_port"), ("bytes", "bytes"), ("rtt", "rtt"), ("proto", "proto")]
)
def test_a_column_sorts_as_the_command_does(title: str, column: str) -> None:
    table = replace(several(200), connection=None)
    made = lines(table, every(table), {})
    place = next(number for number, each in enumerate(made.columns) if each.title == title)
    ours = keys(made.rows, place)
    order = sorted(range(len(ours)), key=lambda row: (ours[row] < 0, ours[row]))
    assert order == rows_of(table, RowChoice(sort=tuple(column.split(",")))).tolist()


def test_a_name_is_escaped_and_a_long_one_cut() -> None:
    points = (CapturePoint(name="<b>&\u202e" + "x" * 4096, interface="eth0"),)
    table = replace(several(3, points=points), connection=None)
    text = "".join(lines(table, every(table), {}).rows)
    assert "<b>" not in text
    assert r"&lt;b&gt;&amp;\u202e" in text
    assert len(text) < 3000
    assert cut("short") == "short"


def test_what_failed_stays_where_there_is_no_room() -> None:
    what = np.array([WORKED, FAILED, WORKED, UNSURE, FAILED])
    assert shown_first(what, 5).tolist() == [0, 1, 2, 3, 4]
    assert shown_first(what, 3).tolist() == [0, 1, 4]
    assert shown_first(what, 1).tolist() == [1]


def test_of_each_kind_there_are_about_as_many() -> None:
    kinds = np.array([7, 7, 7, 7, 2, 7, 9, 9])
    assert one_of_each(kinds, 3).tolist() == [0, 4, 6]
    assert one_of_each(kinds, 5).tolist() == [0, 1, 4, 6, 7]
    assert one_of_each(kinds, 9).tolist() == list(range(8))
