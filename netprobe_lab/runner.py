"""Running experiments in the lab: clean, set up, break, ask, compare. Experiments of one situation share its set-up."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netprobe_lab.ask import Answer, explain, print_report, replay
from netprobe_lab.compare import disagreements
from netprobe_lab.edit import edit
from netprobe_lab.errors import LabError
from netprobe_lab.layout import SERVERS, Lab
from netprobe_lab.lifecycle import is_up
from netprobe_lab.settled import wait_until_settled
from netprobe_lab.steps import carry_out, clean, container_addresses

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from netprobe_lab.experiments.model import Experiment, Step

_TOSSED_AT_MOST = 16  # one in 65536 runs, of two that are equally likely, never meets the other
_ASKED_AT_MOST = 3  # the kernel gives up on a neighbour after 3 s (neigh/default/mcast_solicit)
Situation = tuple[tuple["Step", ...], tuple["Step", ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One experiment's result: what netprobe was asked and said, and where that is not what was declared."""

    experiment: Experiment
    arguments: tuple[str, ...]
    answer: Answer
    evidence: Path
    disagreements: tuple[str, ...]


def situation(experiment: Experiment) -> Situation:
    """Return what an experiment's surroundings are made of."""
    return experiment.set_up, experiment.break_


def grouped(experiments: Iterable[Experiment]) -> list[list[Experiment]]:
    """Group experiments by situation, in the order of first appearance."""
    groups: dict[Situation, list[Experiment]] = {}
    for experiment in experiments:
        groups.setdefault(situation(experiment), []).append(experiment)
    return list(groups.values())


def make_situation(lab: Lab, wanted: Situation) -> None:
    """Clean the lab, set up, wait until the hosts have found each other and the containers, and break."""
    set_up, break_ = wanted
    clean(lab)
    for step in set_up:
        carry_out(lab, step)
    wait_until_settled(lab)
    for step in break_:
        carry_out(lab, step)


def ask(lab: Lab, experiment: Experiment, evidence: Path, *, over_ssh: bool = False) -> Outcome:
    """Let netprobe (``over_ssh``: on `desk`) explain the connection of an experiment whose situation is there, and compare.

    Where chance decides what it meets, it is asked until that is what the experiment is about.
    """
    addresses: dict[str, str] = {}
    for machine in SERVERS:
        addresses |= container_addresses(lab, machine.name)
    arguments = tuple(word.format_map(addresses) for word in experiment.explain)
    for _ in range(1 if experiment.chance is None else _TOSSED_AT_MOST):
        answer = _explained(lab, experiment, arguments, evidence, over_ssh=over_ssh)
        if experiment.edits:
            edit(evidence, experiment.edits)
            answer = replay(evidence)
        found = disagreements(answer.report, experiment.expected, addresses)
        if not found or experiment.chance is None or disagreements(answer.report, experiment.chance, addresses):
            break
    return Outcome(
        experiment=experiment, arguments=arguments, answer=answer, evidence=evidence, disagreements=tuple(found)
    )


def _explained(
    lab: Lab, experiment: Experiment, arguments: tuple[str, ...], evidence: Path, *, over_ssh: bool
) -> Answer:
    """Ask, and again where the answer is that not all could be seen: a machine that is busy makes this slower, not wrong."""
    for _ in range(_ASKED_AT_MOST):
        answer = explain(lab, arguments, evidence, experiment.unlisted, over_ssh=over_ssh)
        if not _in_vain(answer.report):
            break
    return answer


def _in_vain(report: dict[str, Any]) -> bool:
    """Whether nothing was determined for one of the reasons that pass.

    The sniffers were too slow, and lost packets; a host, or its engine, did not answer in time; or the kernel was still resolving the next hop for the question before, and refuses without
    sending anything.
    """
    if report["verdict"] != "undetermined":
        return False
    passing = ("the kernel dropped", "connection to it broke during the run", "timed out")
    lost = any(each in said for said in report["unknowns"] for each in passing)
    return lost or (not report["hops"] and "EHOSTUNREACH" in report["why"])


def outcomes(
    lab: Lab,
    experiments: Iterable[Experiment],
    directory: Path,
    could_not: Callable[[Experiment, LabError], None] | None = None,
    *,
    keep: bool = False,
) -> Iterator[Outcome]:
    """Run experiments, one situation after the other; the evidence of each is saved as NAME.pcapng.

    Args:
        lab: it is up.
        experiments: which.
        directory: where the evidence goes.
        could_not: told of each experiment that could not be run, while the lab is up; the others are run. None: that ends the run.
        keep: leave the last situation as it is; else the lab is clean afterwards.

    Raises:
        LabError: the lab failed, or netprobe gave no report.
    """
    try:
        for group in grouped(experiments):
            yield from _of_situation(lab, group, directory, could_not)
    finally:
        if not keep:
            clean(lab)


def _of_situation(
    lab: Lab, group: list[Experiment], directory: Path, could_not: Callable[[Experiment, LabError], None] | None
) -> Iterator[Outcome]:
    """Run experiments that share a situation. Raises as :func:`outcomes` does."""
    try:
        make_situation(lab, situation(group[0]))
    except LabError as fault:
        _pass_over(lab, group, fault, could_not)
        return
    for experiment in group:
        try:
            outcome = ask(lab, experiment, directory / f"{experiment.name}.pcapng")
        except LabError as fault:
            _pass_over(lab, [experiment], fault, could_not)
        else:
            yield outcome


def _pass_over(
    lab: Lab, experiments: list[Experiment], fault: LabError, could_not: Callable[[Experiment, LabError], None] | None
) -> None:
    if could_not is None or not is_up(lab):
        raise fault
    for experiment in experiments:
        could_not(experiment, fault)


def run_and_print(
    lab: Lab,
    experiments: list[Experiment],
    could_not: Callable[[Experiment, LabError], None] | None = None,
    *,
    keep: bool = False,
) -> list[Outcome]:
    """Run experiments as :func:`outcomes` does, and print each report and whether it is as declared."""
    results = []
    with tempfile.TemporaryDirectory(prefix="netprobe-") as directory:
        for outcome in outcomes(lab, experiments, Path(directory), could_not, keep=keep):
            print(f"── {outcome.experiment.name}: {outcome.experiment.title}", flush=True)
            print_report(outcome.evidence)
            for line in outcome.disagreements:
                print(f"   not as declared: {line}")
            print("   as declared" if not outcome.disagreements else "", flush=True)
            results.append(outcome)
    return results
