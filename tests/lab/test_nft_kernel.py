from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.lab.nft_kernel import REFUSED, Router, compare, rulesets

if TYPE_CHECKING:
    from collections.abc import Iterator

_FEW, _MANY = 50, 600  # rulesets


@pytest.fixture(scope="module", params=["request", "answer"])
def router(possible: None, request: pytest.FixtureRequest) -> Iterator[Router]:
    """``answer``: both ways are walked, and counted."""
    made = Router(answers=request.param == "answer")
    yield made
    made.close()


@pytest.mark.parametrize("count", [_FEW, pytest.param(_MANY, marks=pytest.mark.whole)])
def test_the_walk_meets_the_rules_that_the_kernel_counts(router: Router, count: int) -> None:
    """Random rulesets, a real packet each: every counter of the router is as the walk says, and next to none is unknown."""
    made = rulesets(count, count, answered=router.answers)
    compared = [found for each in made if (found := compare(router, *each)) is not None]
    wrong = [each for each in compared if not each.agrees]
    assert not wrong, wrong[0]
    assert len(compared) > count // 2, REFUSED
    assert sum(bool(each.unknown) for each in compared) <= max(1, len(compared) * 3 // 100)
    assert sum(bool(each.perhaps) for each in compared) < len(compared) // 10
    assert sum(len(each.met) for each in compared) > 3 * len(compared)
