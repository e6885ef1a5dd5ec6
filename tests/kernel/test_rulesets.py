"""A part of `make kernel-test`: random rulesets on a real router, each predicted and then asked for real."""

from __future__ import annotations

import os
import shutil
import time

import pytest

from tests.kernel.arena import Arena, left_over
from tests.kernel.generate import HIDDEN_KINDS
from tests.kernel.held import Bench
from tests.kernel.many import HIDDEN, run, shown
from tests.kernel.regressions import REGRESSIONS

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not all(map(shutil.which, ("ip", "nft", "iptables-restore", "iptables-legacy-restore"))),
    reason="needs root, nft and iptables",
)
RULESETS = 60
SECONDS = 25.0


@pytest.mark.parametrize("part", ["a", "b"])
def test_no_prediction_is_contradicted(part: str) -> None:
    found = run(0, [f"test-{part}-{at}" for at in range(RULESETS)], [], time.monotonic() + SECONDS)
    wrong = [each for each in found.results if each.contradiction]
    assert not wrong, shown(wrong)
    assert sum(each.undetermined for each in found.valid) < len(found.valid) / 4
    assert any(each.dropped for each in found.valid)
    assert any(not each.dropped for each in found.valid)
    assert not left_over()


def test_what_no_listing_decides_is_named() -> None:
    found = run(0, [f"test{HIDDEN}{at}" for at in range(HIDDEN_KINDS)], [], time.monotonic() + SECONDS)
    wrong = [each for each in found.results if each.contradiction]
    assert not wrong, shown(wrong)
    told = [each for each in found.valid if each.undetermined and not each.tie]
    assert [each.ruleset.seed for each in told if not each.doubt_named] == []
    assert len(told) > HIDDEN_KINDS / 6


def test_what_once_contradicted_does_not_any_more() -> None:
    with Arena(ident=f"{os.getpid()}-r") as arena, Bench(arena) as bench:
        results = [bench.hold(each) for each in REGRESSIONS]
    wrong = [each for each in results if each.contradiction]
    assert not wrong, shown(wrong)
    assert not [each.invalid for each in results if each.invalid]
    assert not [each.ruleset.seed for each in results if each.undetermined]
    assert not [each.fault for each in results if each.fault]
