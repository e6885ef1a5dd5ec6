"""Evidence with parts missing: the verdict stays, or becomes undetermined; never another cause, never "works" for "fails"."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from netprobe.forward import PredictedOutcome, question
from netprobe.pipeline import analyze
from netprobe.report.json import to_json
from netprobe.state.build import build_world
from netprobe_lab.stable import stable
from tests.mutilation import (
    NAMES,
    assert_not_another,
    evidence,
    expected,
    headers_alone,
    one_failed,
    only,
    without_output,
    works,
)

if TYPE_CHECKING:
    from netprobe.evidence.model import Evidence
    from netprobe.forward import Prediction

pytestmark = pytest.mark.usefixtures("shared")

SEEDS = range(20)
RULESETS = ("iptables", "iptables-legacy", "ip6tables", "nft")
FAILING = [name for name in NAMES if not works(name)]


@pytest.mark.few_captures
@pytest.mark.parametrize("name", NAMES)
def test_losing_a_tenth_of_the_packets(name: str) -> None:
    whole = evidence(name)
    count = len(whole.packets)
    if not count:
        pytest.skip("nothing was sent")
    for seed in SEEDS:
        keep = np.ones(count, np.bool_)
        keep[np.random.default_rng(seed).choice(count, max(1, round(count / 10)), replace=False)] = False
        assert_not_another(name, analyze(replace(whole, packets=only(whole.packets, keep))))


@pytest.mark.parametrize("name", NAMES)
def test_packets_cut_to_their_headers_change_nothing(name: str) -> None:
    assert stable(to_json(analyze(headers_alone(evidence(name))))) == expected(name)


@pytest.mark.parametrize("name", NAMES)
def test_without_host_state(name: str) -> None:
    assert_not_another(name, analyze(evidence(name).without_state()))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("failed", [False, True], ids=["never-asked", "failed"])
def test_without_the_rulesets(name: str, failed: bool) -> None:
    whole = evidence(name)
    before, after = (
        tuple(without_output(each, lambda key: key.rpartition("/")[2] in RULESETS, failed=failed) for each in states)
        for states in (whole.before, whole.after)
    )
    assert_not_another(name, analyze(replace(whole, before=before, after=after)))


def predicted(whole: Evidence) -> Prediction | None:
    return question.predict_probe(whole.probe, build_world(whole).before)


def failing(whole: Evidence, host: str, key: str) -> Evidence:
    before = (one_failed(each, key) if each.host == host else each for each in whole.before)
    return replace(whole, before=tuple(before))


@pytest.mark.few_captures
@pytest.mark.parametrize("name", NAMES)
def test_a_prediction_is_the_same_or_unknown_without_any_one_output(name: str) -> None:
    """A command that failed is unknown: never taken for an empty answer. What decides on the way leaves it unknown."""
    whole = evidence(name)
    told = predicted(whole)
    if told is None or told.outcome is PredictedOutcome.UNKNOWN:
        pytest.skip("nothing is predicted")
    rules = ("nft", "ip6tables" if whole.probe and ":" in (whole.probe.dialled or "") else "iptables")
    passed = {each.place for each in told.steps if each.stage == "routing" and each.place.container is None}
    for host, key in sorted({(state.host, key) for state in whole.before for key in state.outputs}):
        got = predicted(failing(whole, host, key))
        if got is None or got.outcome is PredictedOutcome.UNKNOWN:
            continue
        assert (got.outcome, got.arrives) == (told.outcome, told.arrives), key
        assert [each.label for each in got.obstacles[:1]] == [each.label for each in told.obstacles[:1]], key
        if told.outcome is PredictedOutcome.WORKS:
            assert not (key in rules and any(each.host == host for each in passed)), key


@pytest.mark.few_captures
@pytest.mark.parametrize("name", FAILING)
def test_without_any_one_output_of_a_host(name: str) -> None:
    """Each command in turn, at both moments and at the second alone."""
    whole = evidence(name)
    for host, key in sorted({(state.host, key) for state in whole.before for key in state.outputs}):
        before, after = (
            tuple(one_failed(each, key) if each.host == host else each for each in states)
            for states in (whole.before, whole.after)
        )  # fmt: skip
        assert_not_another(name, analyze(replace(whole, before=before, after=after)))
        if after != whole.after:  # else it was asked once, and this is the whole again
            assert_not_another(name, analyze(replace(whole, after=after)))
