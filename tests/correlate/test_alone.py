"""What was said of rows before they were joined is what is said of them without: on captures of the lab, and on many made flows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import flows_made
import numpy as np
import pytest

from netprobe.correlate import ways
from netprobe.correlate.alone import still_alone, together
from netprobe.correlate.join import join
from netprobe.correlate.judge import Judged, judge, judge_alone
from netprobe.evidence.model import Limit, LimitKind
from netprobe.evidence.stream.whole import read
from netprobe.flowtable.options import options
from netprobe.flowtable.track import Tracker

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netprobe.correlate.alone import ToldAlone
    from netprobe.evidence.model import CapturePoint
    from netprobe.flowtable.columns import FlowRows

CAPTURES = Path(__file__).parent.parent.parent / "captures"
SOME = sorted(CAPTURES.glob("*.pcapng"))[::9]
LOST = Limit(kind=LimitKind.HOST, subject="a", why="gone")


def in_pieces(rows: FlowRows, points: Sequence[CapturePoint], pieces: int = 3) -> ToldAlone:
    """As workers say it: of rows without the errors, some at a time."""
    bare = rows.copy()
    for name, nothing in (("errors", 0), ("error_ns", -1), ("error_type", -1), ("error_code", -1)):
        bare[name] = nothing
    told = together([judge_alone(part, points) for part in np.array_split(bare, pieces)])
    return told.at(np.where(rows["errors"] > 0, -1, np.arange(len(rows))))


def assert_same(one: Judged, other: Judged) -> None:
    for name in ("path", "verdict", "reason", "ended"):
        assert np.array_equal(getattr(one, name), getattr(other, name)), name


@pytest.mark.parametrize("file", SOME, ids=lambda file: file.stem)
def test_a_capture_is_judged_as_without(file: Path) -> None:
    evidence = read(file.read_bytes())
    tracker = Tracker(options())
    tracker.take(evidence.packets, evidence.points)
    rows = tracker.finish()
    joined, told = join(rows, evidence.points), in_pieces(rows, evidence.points)
    for limits in ((), (LOST,)):
        without = judge(rows, joined, evidence.points, limits)
        assert_same(judge(rows, joined, evidence.points, limits, alone=told), without)


@pytest.mark.parametrize("most", [ways.MOST_SIGNATURES, 20])
def test_many_flows_are_judged_as_without(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    monkeypatch.setattr(ways, "MOST_SIGNATURES", most)
    made = flows_made.made(4000, seed=3)
    joined, told = join(made.rows, made.points), in_pieces(made.rows, made.points)
    assert 50 < still_alone(joined, told).sum() < len(joined) - 50
    assert_same(judge(made.rows, joined, made.points, alone=told), judge(made.rows, joined, made.points))


def test_nothing_is_taken_of_rows_that_are_not_known_or_belong_to_others() -> None:
    made = flows_made.made(2000, seed=3)
    joined, told = join(made.rows, made.points), in_pieces(made.rows, made.points)
    wrong = replace(told, path=told.path + 1, reason=told.reason + 1)
    nothing = replace(wrong, known=np.zeros(len(made.rows), np.bool_))
    assert_same(judge(made.rows, joined, made.points, alone=nothing), judge(made.rows, joined, made.points))
    alone = still_alone(joined, wrong)
    taken, without = judge(made.rows, joined, made.points, alone=wrong), judge(made.rows, joined, made.points)
    assert np.array_equal(taken.path != without.path, alone)
    linked = np.concatenate([np.flatnonzero(each >= 0) for each in (joined.inner_of, joined.outer_of, joined.stray_of)])
    assert len(linked)
    assert not alone[linked].any()


def test_rows_in_another_order() -> None:
    made = flows_made.made(300, seed=3)
    told = judge_alone(made.rows, made.points)
    moved = told.at(np.array([5, -1, 2]))
    assert moved.known.tolist() == [True, False, True]
    assert moved.reason[[0, 2]].tolist() == told.reason[[5, 2]].tolist()
    assert together([]).at(np.array([-1])).known.tolist() == [False]
