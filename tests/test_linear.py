"""Twice as many packets take twice the work, whatever they are: counted in lines that run, as clocks tell little on a busy machine."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest
from bench_shapes import SHAPES, captures, explained

if TYPE_CHECKING:
    from types import FrameType

FEW, TIMES = 48, 4


def lines(shape: str, count: int, points: int) -> int:
    """How many lines of Python a replay takes."""
    files, ran, before = captures(shape, count, points), 0, sys.gettrace()

    def trace(_: FrameType, event: str, __: Any) -> Any:
        nonlocal ran
        ran += event == "line"
        return trace

    sys.settrace(trace)
    try:
        explained(files)
    finally:
        sys.settrace(before)
    return ran


@pytest.fixture(scope="module", autouse=True)
def _imported() -> None:
    """What is imported or made at the first use counts for nobody."""
    explained(captures("datagrams", 2))
    explained(captures("conversations", 1, 2))


@pytest.mark.parametrize("points", [1, 2])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_work_grows_as_the_packets_do(shape: str, points: int) -> None:
    assert lines(shape, TIMES * FEW, points) <= 1.25 * TIMES * lines(shape, FEW, points)
