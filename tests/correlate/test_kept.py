"""Columns that are made again where memory is short: the joins are the same."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

import flows_made
import numpy as np

from netprobe.correlate import sights, talks
from netprobe.correlate.join import join
from netprobe.correlate.joined import Joined
from netprobe.correlate.judge import Judged, judge
from netprobe.correlate.kept import KeptColumns
from netprobe.flowtable.blocks import RowBlocks

if TYPE_CHECKING:
    import pytest
    from numpy.typing import NDArray


def test_what_was_asked_for_last_is_kept() -> None:
    asked: list[str] = []

    def column(name: str) -> None:
        columns.get(name, lambda: make(name))

    def make(name: str) -> NDArray[np.int64]:
        asked.append(name)
        return np.zeros(10, np.int64)

    columns = KeptColumns(200)
    for name in "abacab":
        column(name)
    assert asked == ["a", "b", "c", "b"]
    assert columns._held == 160


def test_one_that_is_larger_than_all_is_given_still() -> None:
    columns = KeptColumns(8)
    assert columns.get("a", lambda: np.arange(5)).tolist() == [0, 1, 2, 3, 4]


def test_packed_rows_and_little_memory_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    case = flows_made.made(9000, clock_ns=3_000_000_000)
    plain = join(case.rows, case.points)
    told = judge(case.rows, plain, case.points)
    monkeypatch.setattr(sights.Sights.__init__, "__defaults__", (None, 100_000))
    monkeypatch.setattr(talks, "KEPT_BYTES", 100_000)
    rows = RowBlocks.of(case.rows)
    again = join(rows, case.points)
    for kind, one, other in ((Joined, plain, again), (Judged, told, judge(rows, again, case.points))):
        for each in fields(kind):
            assert np.array_equal(getattr(one, each.name), getattr(other, each.name)), each.name
