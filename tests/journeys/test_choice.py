from __future__ import annotations

import numpy as np
import pytest

from netprobe.flows.expression import Moment
from netprobe.journeys.choice import Choice, at, numbered


def listed(*each: str) -> list[int]:
    """Each connection by what it is: i(nner), a(nswer), s(ilent), n(ames), or nothing of that."""
    masks = {
        word: np.array([word[0] in one for one in each], np.bool_) for word in ("inner", "answers", "silent", "names")
    }
    found: list[int] = Choice(**masks).listed().tolist()
    return found


@pytest.mark.parametrize(
    ("each", "chosen"),
    [
        ((), []),
        (("i",), [0]),  # the only one is the one
        (("", "i", "a"), [0]),
        (("", "is"), [0, 1]),  # nobody answered it: it may be what is looked for
        (("", "as"), [0]),
        (("n", "n", "ns"), [0, 1, 2]),
        (("n", "", "ns"), [1, 2]),
        (("n", "i"), [0]),
        (("n", "is"), [1]),
    ],
)
def test_what_is_listed(each: tuple[str, ...], chosen: list[int]) -> None:
    assert listed(*each) == chosen


def test_what_is_not_listed_is_numbered_behind() -> None:
    assert numbered(np.array([1, 3]), 5).tolist() == [1, 3, 0, 2, 4]


@pytest.mark.parametrize(
    ("begun", "last", "meant"),
    [
        ([12_450, 12_449, 12_599, 12_600], [20_000] * 4, [0, 2]),  # rounded, or cut off
        ([0, 13_000], [12_500, 14_000], [0]),  # under way
        ([0], [12_499], []),
    ],
)
def test_a_moment(begun: list[int], last: list[int], meant: list[int]) -> None:
    moment = Moment(at_ns=12_500, unit_ns=100)
    assert at(moment, np.array(begun), np.array(last)).tolist() == meant
