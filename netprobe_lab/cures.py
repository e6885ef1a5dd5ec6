"""Carrying a report's remedy out on the lab's hosts, and asking again: it must work then, or fail by the first of what ``after`` predicted."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from netprobe_lab.ask import explain
from netprobe_lab.errors import LabError
from netprobe_lab.layout import SERVERS
from netprobe_lab.run import last_line
from netprobe_lab.steps import carry_out, container_addresses, on_host

if TYPE_CHECKING:
    from pathlib import Path

    from netprobe_lab.experiments.model import Experiment
    from netprobe_lab.layout import Lab


class Cured(StrEnum):
    """How a cure ended."""

    LIVE = "cured live"  # by the report's own commands
    BY_STEPS = "cured by the experiment's own steps"  # they do what the report's advice says
    NEXT = "the next obstacle, as predicted"
    NOTHING = "advice only"
    NOT = "not cured"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cure:
    """What was done, and how it ended.

    Attributes:
        carried_out: HOST and command of each, as lines.
        why: where it is not cured: the command that failed, or what netprobe said then.
        report: the answer to the question asked again, None where nothing was carried out.
    """

    how: Cured
    carried_out: tuple[str, ...] = ()
    why: str = ""
    report: dict[str, Any] | None = None


def cure(lab: Lab, experiment: Experiment, report: dict[str, Any], evidence: Path) -> Cure:
    """Carry out the remedy of a report that fails, and ask again; ``evidence`` is the file that the second answer is saved in.

    Raises:
        LabError: netprobe gave no report, or one of the experiment's own steps failed.
    """
    remedies = (report.get("cause") or {}).get("remedies") or []
    commands = any(step["run"] for step in remedies)
    if not commands and not experiment.cure and not experiment.asked_then:
        return Cure(how=Cured.NOTHING, why="; ".join(step["text"] for step in remedies))
    done, failed = _carried_out(lab, experiment, remedies)
    if failed:
        return Cure(how=Cured.NOT, carried_out=done, why=failed)
    addresses: dict[str, str] = {}
    for machine in SERVERS:
        addresses |= container_addresses(lab, machine.name)
    words = experiment.asked_then or experiment.explain
    again = explain(lab, tuple(word.format_map(addresses) for word in words), evidence, experiment.unlisted).report
    return _judged(experiment, report, again, done)


def _carried_out(lab: Lab, experiment: Experiment, remedies: list[dict[str, Any]]) -> tuple[tuple[str, ...], str]:
    """Do all of it; return what was done, and the complaint of the first command that failed."""
    done: list[str] = []
    waiting = bool(experiment.cure)
    for step in remedies:
        if waiting and not step["run"]:
            done += _by_hand(lab, experiment)
            waiting = False
        for argv in step["run"]:
            result = on_host(lab, step["host"], argv, check=False)
            done.append(f"{step['host']}: {' '.join(argv)}")
            if result.returncode != 0:
                return tuple(done), f"{done[-1]}: {last_line(result.stderr or result.stdout)}"
    if waiting:
        done += _by_hand(lab, experiment)
    return tuple(done), ""


def _by_hand(lab: Lab, experiment: Experiment) -> list[str]:
    for step in experiment.cure:
        carry_out(lab, step)
    return [f"by hand: {step}" for step in experiment.cure]


def _judged(experiment: Experiment, report: dict[str, Any], again: dict[str, Any], done: tuple[str, ...]) -> Cure:
    own = bool(experiment.cure or experiment.asked_then)
    if again["verdict"] == "works":
        return Cure(how=Cured.BY_STEPS if own else Cured.LIVE, carried_out=done, report=again)
    then = (again.get("cause") or {}).get("code")
    after = [each["code"] for each in report.get("after") or ()]
    if again["verdict"] == "fails" and after[:1] == [then]:
        return Cure(how=Cured.NEXT, carried_out=done, report=again)
    told = f"after said {after or report.get('after')}"
    return Cure(
        how=Cured.NOT, carried_out=done, why=f"{again['verdict']}, {then}: {again['why']} ({told})", report=again
    )


def remedy_must_cure(found: Cure) -> None:
    """Raise LabError where a remedy did not do what it promised."""
    if found.how is Cured.NOT:
        raise LabError(f"the remedy did not cure it: {found.why}", "; ".join(found.carried_out))
