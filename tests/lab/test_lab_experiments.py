"""Every experiment, live: netprobe says about each connection what its declaration says, and the remedy that it names cures it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from netprobe_lab.ask import print_report
from netprobe_lab.commands import fitting
from netprobe_lab.cures import Cure, Cured, cure, kept, promised, representatives
from netprobe_lab.engine import engine_version
from netprobe_lab.errors import LabError
from netprobe_lab.experiments import EXPERIMENTS
from netprobe_lab.experiments.sources import SOURCES
from netprobe_lab.firewalls import missing
from netprobe_lab.layout import SERVER2
from netprobe_lab.lifecycle import up
from netprobe_lab.runner import ask, grouped, make_situation, situation
from netprobe_lab.steps import clean
from tests.proved import LIVE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from netprobe_lab.experiments.model import Experiment
    from netprobe_lab.layout import Lab
    from netprobe_lab.runner import Outcome


# Experiments of one situation follow each other and share its set-up; with labs side by side they stay in one of them (tests/scheduling.py).
# What needs Debian 12's own engine is left out where the machine has another.
IN_ORDER = [each for group in grouped(LIVE) for each in group]
# One of each cause that the lab can make: what is built by hand in the saved evidence cannot be cured on the hosts.
WITH_A_CAUSE = list(representatives("20").values())
# And each that rebuilds a public bug report.
_REPORTED = {name for each in SOURCES for name in each.asked} - {each.name for each in WITH_A_CAUSE}
REPORTED = [each for each in IN_ORDER if each.name in _REPORTED]


@pytest.fixture(scope="module")
def stage(lab: Lab) -> Iterator[Stage]:
    yield Stage(lab)
    clean(lab)


class Stage:
    """Makes an experiment's situation, unless it is there from the one before; what was asked in it need not be asked again."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.now: object = None
        self.asked: dict[str, Outcome] = {}

    def play(self, experiment: Experiment, evidence: Path) -> Outcome:
        wanted = situation(experiment)
        if self.now != wanted:
            self._changed()
            make_situation(self.lab, wanted)
            self.now = wanted
        outcome = self.asked[experiment.name] = ask(self.lab, experiment, evidence)
        if outcome.disagreements:
            print_report(evidence)  # the failure is told with its first lines
        return outcome

    def cured(self, experiment: Experiment, folder: Path) -> Cure:
        """Have the report's remedy carried out; nothing of the situation can be relied on afterwards."""
        known = self.asked.get(experiment.name) if self.now == situation(experiment) else None
        outcome = known or self.play(experiment, folder / "evidence.pcapng")
        self._changed()
        return cure(self.lab, experiment, outcome.answer.report, folder / "again.pcapng")

    def _changed(self) -> None:
        self.now = None
        self.asked.clear()


def needs_what_is_not_here(lab: Lab, experiment: Experiment) -> None:
    version = engine_version(lab, SERVER2) or ""
    if experiment.engine not in {"", version.partition(".")[0]}:
        pytest.skip(f"needs Docker Engine {experiment.engine}, this is {version}")
    if missing(experiment):
        pytest.skip(f"not installed: {', '.join(missing(experiment))}")


@pytest.mark.parametrize("experiment", IN_ORDER, ids=lambda experiment: experiment.name)
def test_netprobe_says_what_is_declared(stage: Stage, experiment: Experiment, tmp_path: Path) -> None:
    needs_what_is_not_here(stage.lab, experiment)
    outcome = stage.play(experiment, tmp_path / "evidence.pcapng")
    if outcome.disagreements:
        pytest.fail("\n".join([*outcome.disagreements, *outcome.answer.report["unknowns"]]), pytrace=False)


@pytest.mark.parametrize("experiment", WITH_A_CAUSE, ids=lambda experiment: experiment.name)
def test_its_remedy_cures_it(
    stage: Stage, experiment: Experiment, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    needs_what_is_not_here(stage.lab, experiment)
    found = stage.cured(experiment, tmp_path)
    record_property("cured", found.how.value)
    code = experiment.expected.cause or ""
    assert kept(code, found.how), f"{found.how}, promised: {promised(code)}: {found.why}\n" + "\n".join(
        found.carried_out
    )


@pytest.mark.whole
@pytest.mark.parametrize("experiment", REPORTED, ids=lambda experiment: experiment.name)
def test_its_remedy_cures_what_was_reported(stage: Stage, experiment: Experiment, tmp_path: Path) -> None:
    """The cause of another experiment is known to be curable; whether it is here, too, is the report's own question."""
    needs_what_is_not_here(stage.lab, experiment)
    found = stage.cured(experiment, tmp_path)
    by_hand = experiment.cure or experiment.asked_then
    wanted = {Cured.BY_STEPS} if by_hand else {Cured.LIVE, Cured.NEXT}
    assert found.how in wanted, f"{found.how}: {found.why}\n" + "\n".join(found.carried_out)


def test_what_needs_another_engine_is_left_out(lab: Lab) -> None:
    ordinary, other = next(each for each in EXPERIMENTS if not each.engine), replace(EXPERIMENTS[0], engine="9999")
    assert fitting(lab, [other, ordinary]) == [ordinary]
    with pytest.raises(LabError, match="not 9999"):
        fitting(lab, [other])


def test_a_lab_that_is_up_keeps_its_engines(lab: Lab) -> None:
    assert not up(lab, lambda _: None)
    with pytest.raises(LabError, match="is up with the engine of the machine"):
        up(lab, lambda _: None, suite="sid")
