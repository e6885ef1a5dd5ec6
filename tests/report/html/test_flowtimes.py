from __future__ import annotations

from dataclasses import replace

import numpy as np

from netprobe.flowtable.blocks import unpacked
from netprobe.report.flows.table import FAILED, WORKED
from netprobe.report.html.flowtimes import BINS, HIGH, MOST_LANES, WIDE, timeline
from tests.flowtable.rows import every, several


def test_few_have_a_line_each() -> None:
    table = replace(several(10), connection=None)
    made = timeline(table, every(table), np.full(10, FAILED))
    assert made is not None
    assert len(made.lanes) == 10
    assert not made.bars
    assert all(0 <= bar.x <= bar.x + bar.width <= WIDE and bar.css == "fails" for bar in made.lanes)
    assert made.marks[0] == "0"
    assert made.marks[-1] == made.lasted


def test_of_many_it_is_counted_how_many_began() -> None:
    count = 20 * MOST_LANES
    table = replace(several(count), connection=None)
    what = np.where(np.arange(count) % 10 == 0, FAILED, WORKED)
    made = timeline(table, every(table), what)
    assert made is not None
    assert not made.lanes
    assert all(bar.y >= 0 and bar.y + bar.height <= HIGH + 0.2 and bar.x < WIDE for bar in made.bars)
    assert {bar.css for bar in made.bars if bar.y >= made.axis} == {"fails"}
    assert {bar.css for bar in made.bars if bar.y < made.axis} == {"works"}
    assert count / BINS <= made.most <= count
    assert made.most_failed <= made.most


def test_without_times_there_is_none() -> None:
    table = replace(several(10), connection=None)
    unpacked(table.rows)["first_ns"] = unpacked(table.rows)["last_ns"] = 0
    assert timeline(table, every(table), np.full(10, WORKED)) is None
    assert timeline(table, every(table)[:0], np.full(0, WORKED)) is None
