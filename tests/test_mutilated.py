"""Evidence with parts missing: the verdict stays, or becomes undetermined; never another cause, never "works" for "fails"."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from netprobe.pipeline import analyze
from netprobe.report.json import to_json
from netprobe_lab.stable import stable
from tests.mutilation import NAMES, assert_not_another, evidence, expected, headers_alone, only, without_output, works

pytestmark = pytest.mark.usefixtures("parsed_once")

SEEDS = range(20)
RULESETS = ("iptables", "iptables-legacy", "ip6tables", "nft")
FAILING = [name for name in NAMES if not works(name)]


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


@pytest.mark.parametrize("name", FAILING)
def test_without_any_one_output_of_a_host(name: str) -> None:
    """Each command in turn, at both moments and at the second alone."""
    whole = evidence(name)
    for host, key in sorted({(state.host, key) for state in whole.before for key in state.outputs}):
        before, after = (
            tuple(
                without_output(each, key.__eq__, failed=True) if each.host == host else each
                for each in states
            )
            for states in (whole.before, whole.after)
        )  # fmt: skip
        assert_not_another(name, analyze(replace(whole, before=before, after=after)))
        assert_not_another(name, analyze(replace(whole, after=after)))
