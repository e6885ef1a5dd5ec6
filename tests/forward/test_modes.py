"""How a walk goes on: by what the state tells, or every way."""

from __future__ import annotations

from functools import partial

import pytest

from netprobe.evidence.model import Place
from netprobe.forward.model import Barrier, Obstacle, Stopped, UnknownHere
from netprobe.forward.modes import Exploring, Predicting

HERE = Place(host="h")
WALL = Obstacle(barrier=Barrier.NO_ROUTE, place=HERE, label="routing")


def test_a_prediction_stops_at_an_obstacle_and_never_guesses() -> None:
    mode = Predicting()
    with pytest.raises(Stopped):
        mode.meet(WALL)
    with pytest.raises(UnknownHere, match="not read"):
        mode.unknown(UnknownHere("not read"))
    with pytest.raises(UnknownHere, match="who knows"):
        mode.choose((), lambda: ("left", "right"), "who knows")
    assert mode.choose(("left",), lambda: ("right",), "") == "left"
    Predicting(past=frozenset({(HERE, "routing")})).meet(WALL)


def ways(*forks: tuple[tuple[str, ...], tuple[str, ...]]) -> dict[tuple[str, ...], bool]:
    """Every way through some forks of (known, others), and whether it is sure."""
    found: dict[tuple[str, ...], bool] = {}
    scripts: list[tuple[int, ...]] = [()]
    while scripts:
        mode = Exploring(scripts.pop(0))
        taken = tuple(mode.choose(known, partial(tuple, others), "") for known, others in forks)
        found[taken] = mode.sure
        scripts += mode.open
    return found


def test_exploring_takes_every_way_and_knows_which_the_state_speaks_for() -> None:
    assert ways((("a",), ("a", "b"))) == {("a",): True, ("b",): False}
    assert ways(((), ("a", "b")), (("c",), ("d",))) == {
        ("a", "c"): True,
        ("b", "c"): True,
        ("a", "d"): False,
        ("b", "d"): False,
    }


def test_exploring_passes_obstacles_and_ends_where_there_is_no_way() -> None:
    mode = Exploring()
    mode.meet(WALL)
    mode.unknown(UnknownHere("not read"))
    with pytest.raises(UnknownHere, match="nowhere"):
        mode.choose((), tuple, "nowhere")


def test_a_way_that_the_state_speaks_against_heeds_no_rules() -> None:
    mode = Exploring((1,))
    assert mode.choose(("by rule",), lambda: ("otherwise",), "") == "otherwise"
    assert not mode.heeds_rules
