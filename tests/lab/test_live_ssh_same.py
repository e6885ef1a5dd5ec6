"""The mission's experiments that need ssh, from `desk`: netprobe says the same there as on the hosts themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from netprobe_lab.experiments import EXPERIMENTS
from netprobe_lab.lifecycle import up
from netprobe_lab.runner import ask, grouped, make_situation, situation
from netprobe_lab.steps import clean
from tests.lab.test_live_ssh import left_behind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from netprobe_lab.experiments.model import Experiment
    from netprobe_lab.layout import Lab

# Experiments 6 (with the whole truth table, over every protocol) and 10.
IN_ORDER = [each for group in grouped(each for each in EXPERIMENTS if {6, 10} & set(each.numbers)) for each in group]


@pytest.fixture(scope="module")
def desk(lab: Lab) -> Iterator[Lab]:
    up(lab, lambda _: None, ssh=True)
    yield lab
    clean(lab)


@pytest.fixture(scope="module")
def made() -> dict[str, object]:
    return {}


@pytest.mark.whole
@pytest.mark.parametrize("experiment", IN_ORDER, ids=lambda experiment: experiment.name)
def test_the_same_over_ssh(desk: Lab, made: dict[str, object], experiment: Experiment, tmp_path: Path) -> None:
    wanted = situation(experiment)
    if made.get("now") != wanted:
        made["now"] = None
        make_situation(desk, wanted)
        made["now"] = wanted
    assert ask(desk, experiment, tmp_path / "evidence.pcapng", over_ssh=True).disagreements == ()
    assert left_behind(desk) == []
