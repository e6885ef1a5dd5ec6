"""Carrying a report's remedy out on the lab's hosts, and asking again: it must work then, or fail by the first of what ``after`` predicted.

:data:`PROMISED` says of every code how its remedy is proved; :func:`measure` holds it against the lab.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from netprobe.causes.catalogue import CAUSES
from netprobe_lab.ask import explain
from netprobe_lab.errors import LabError
from netprobe_lab.experiments import EXPERIMENTS
from netprobe_lab.experiments.model import Firewall
from netprobe_lab.layout import SERVERS
from netprobe_lab.run import last_line
from netprobe_lab.runner import ask, make_situation, situation
from netprobe_lab.steps import carry_out, clean, container_addresses, on_host

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from netprobe_lab.experiments.model import Experiment
    from netprobe_lab.layout import Lab

# What the kernel learnt of the broken way (a neighbour that failed, an error for a route) it keeps for some seconds.
_ASKED_AT_MOST = 3
_ANOTHER_WAY = "or by hand:"
_NO_PROGRAM = 127  # nsenter's, as a shell's


class Cured(StrEnum):
    """How a cure ended."""

    LIVE = "cured live"  # by the report's own commands
    BY_STEPS = "cured by the experiment's own steps"  # they do what the report's advice says
    NEXT = "the next obstacle, as predicted"
    NOTHING = "nothing to carry out"
    NOT = "not cured"


class Promise(StrEnum):
    """How the remedy of a code is proved."""

    LIVE = "cured live"
    BY_STEPS = "by the experiment's own steps"
    ADVICE = "advice only"
    NOT_HERE = "not possible in the lab"
    NOTE = "a note without a fault"


#: Codes whose remedy is advice that a person follows: the experiment's ``cure`` and ``asked_then`` do what it says.
BY_STEPS: Final = frozenset({
    "name-unknown", "name-without-address", "dns-8888-fallback", "dns-upstream-dead", "link-env-stale", "dns-client-cache", "netns-port-clash",
    "publish-loopback-only", "port-not-published", "port-closed", "host-service-loopback", "v6-localhost-reset", "app-bound-loopback",
    "app-not-listening", "hairpin-missing", "macvlan-no-parent", "macvlan-mac-filter", "macvlan-isolated-l3", "upstream-drop",
    "raw-direct-drop", "app-not-ready", "app-silent", "tls-handshake-failed", "http-status", "not-http", "restart-loop", "localhost-is-the-container", "beyond-this-host",
})  # fmt: skip
#: Codes whose cure lies outside the machine or in the application, and that no step of an experiment can stand for: with the reason.
ADVICE: Final[dict[str, str]] = {}
#: Codes whose cure the lab cannot show: with the reason.
NOT_HERE: Final[dict[str, str]] = {
    "tls-certificate": "netprobe's own probe takes every certificate, and says what clients think of it: only another client's connection fails by it",
    "conntrack-full": "nf_conntrack_max is the whole machine's: the lab neither fills the table nor raises the limit",
}


def promised(code: str) -> Promise:
    """Return how a code's remedy is proved."""
    cause = next(each for each in CAUSES if each.code == code)
    if code in NOT_HERE:
        return Promise.NOT_HERE
    if code in ADVICE:
        return Promise.ADVICE
    if code in BY_STEPS:
        return Promise.BY_STEPS
    return Promise.NOTE if cause.note and not cause.explains else Promise.LIVE


def representatives(engine: str = "") -> dict[str, Experiment]:
    """Return code -> the experiment that shows its remedy: that of the same name, else the first that fails by it; none where none can be made.

    ``engine``: the major version of the lab's engines; what needs another is left out.
    """
    found: dict[str, Experiment] = {}
    for code in (each.code for each in CAUSES):
        fails = [each for each in EXPERIMENTS if each.expected.cause == code and each.expected.verdict == "fails"]
        made = [each for each in fails if not (each.edits or each.recorded) and each.engine in {"", engine}]
        if made:
            found[code] = min(
                made, key=lambda each: ((code in BY_STEPS) is not bool(each.cure or each.asked_then), each.name != code)
            )
    return found


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
    """Carry out the remedy of a report that fails (or what its findings advise, where it works), and ask again; ``evidence`` is the file that the last answer is saved in.

    Raises:
        LabError: netprobe gave no report, or one of the experiment's own steps failed.
    """
    remedies = _remedies(report)
    commands = any(step["run"] for step in remedies)
    if not commands and not experiment.cure and not experiment.asked_then:
        return Cure(how=Cured.NOTHING, why="; ".join(step["text"] for step in remedies))
    done, failed = _carried_out(lab, experiment, remedies)
    if failed:
        return Cure(how=Cured.NOT, carried_out=done, why=failed)
    found = Cure(how=Cured.NOT, carried_out=done)
    for _ in range(_ASKED_AT_MOST):
        found = _judged(experiment, report, _ask_again(lab, experiment, evidence), done)
        if found.how is not Cured.NOT:
            break
    return found


def _remedies(report: dict[str, Any]) -> list[dict[str, Any]]:
    """The steps that the cause's remedy has; where it works, those of its findings."""
    blamed = report["findings"] if report.get("verdict") == "works" else [report.get("cause") or {}]
    return [step for each in blamed for step in each.get("remedies") or ()]


def _ask_again(lab: Lab, experiment: Experiment, evidence: Path) -> dict[str, Any]:
    addresses: dict[str, str] = {}
    for machine in SERVERS:
        addresses |= container_addresses(lab, machine.name)
    words = experiment.asked_then or experiment.explain
    evidence.unlink(missing_ok=True)
    return explain(lab, tuple(word.format_map(addresses) for word in words), evidence, experiment.unlisted).report


def _carried_out(lab: Lab, experiment: Experiment, remedies: list[dict[str, Any]]) -> tuple[tuple[str, ...], str]:
    """Do all of it, and what does the same in another way only where the first way's program is not there, or does not run; return what was done, and the complaint of the first command that failed."""
    done: list[str] = []
    runs = any(isinstance(step, Firewall) for step in (*experiment.set_up, *experiment.break_))
    waiting = bool(experiment.cure)
    without = False  # the program that the step before is for
    for number, step in enumerate(remedies):
        if step["text"].startswith(_ANOTHER_WAY) and not without:
            continue
        without = False
        if waiting and not step["run"]:
            done += _by_hand(lab, experiment)
            waiting = False
        if step["run"] and _has_substitute(remedies, number) and not runs:
            done.append(f"{step['host']}: {step['run'][0][0]} does not run there: by hand, then")
            without = True
            continue
        for argv in step["run"]:
            result = on_host(lab, step["host"], argv, check=False)
            done.append(f"{step['host']}: {' '.join(argv)}")
            if result.returncode == _NO_PROGRAM and _has_substitute(remedies, number):
                done[-1] += f" (no {argv[0]} there: by hand, then)"
                without = True
                break
            if result.returncode != 0:
                return tuple(done), f"{done[-1]}: {last_line(result.stderr or result.stdout)}"
    if waiting:
        done += _by_hand(lab, experiment)
    return tuple(done), ""


def _has_substitute(remedies: list[dict[str, Any]], number: int) -> bool:
    """Whether the next step does by hand what this one has another program do."""
    return number + 1 < len(remedies) and str(remedies[number + 1]["text"]).startswith(_ANOTHER_WAY)


def _by_hand(lab: Lab, experiment: Experiment) -> list[str]:
    for step in experiment.cure:
        carry_out(lab, step)
    return [f"by hand: {step}" for step in experiment.cure]


def _judged(experiment: Experiment, report: dict[str, Any], again: dict[str, Any], done: tuple[str, ...]) -> Cure:
    own = bool(experiment.cure or experiment.asked_then)
    left = _noted(report) & _noted(again)
    if again["verdict"] == "works" and not left:
        return Cure(how=Cured.BY_STEPS if own else Cured.LIVE, carried_out=done, report=again)
    then = (again.get("cause") or {}).get("code")
    after = [each["code"] for each in report.get("after") or ()]
    if again["verdict"] == "fails" and after[:1] == [then]:
        return Cure(how=Cured.NEXT, carried_out=done, report=again)
    told = f"still noted: {', '.join(sorted(left))}" if left else f"after said {after or report.get('after')}"
    return Cure(
        how=Cured.NOT, carried_out=done, why=f"{again['verdict']}, {then}: {again['why']} ({told})", report=again
    )


def _noted(report: dict[str, Any]) -> set[str]:
    """The codes that a remedy should do away with where the connection works anyway."""
    return {each["code"] for each in report["findings"]} if report.get("verdict") == "works" else set()


def tried(lab: Lab, experiment: Experiment, directory: Path) -> Cure:
    """Make an experiment's situation, ask, carry the remedy out, ask again.

    Raises:
        LabError: the lab failed, or netprobe says something else than what is declared.
    """
    make_situation(lab, situation(experiment))
    outcome = ask(lab, experiment, directory / f"{experiment.name}.pcapng")
    if outcome.disagreements:
        raise LabError(f"{experiment.name} is not as declared: {'; '.join(outcome.disagreements)}")
    return cure(lab, experiment, outcome.answer.report, directory / f"{experiment.name}-again.pcapng")


def cure_and_print(lab: Lab, experiments: Iterable[Experiment], say: Callable[[str], None]) -> dict[str, Cure]:
    """Try each experiment's remedy, and say what was done and how it ended; the lab is clean afterwards. Return name -> how.

    Raises:
        LabError: as :func:`tried` does.
    """
    found: dict[str, Cure] = {}
    try:
        with tempfile.TemporaryDirectory(prefix="netprobe-") as directory:
            for experiment in experiments:
                result = found[experiment.name] = tried(lab, experiment, Path(directory))
                say(f"{experiment.name}: {result.how}" + (f": {result.why}" if result.why else ""))
                for line in result.carried_out:
                    say(f"    {line}")
    finally:
        clean(lab)
    return found


def measure(lab: Lab, engine: str, say: Callable[[str], None]) -> bool:
    """Try one experiment's remedy of each code, print the shares, and return whether none failed and each is proved as promised."""
    chosen = representatives(engine)
    found = cure_and_print(lab, chosen.values(), say)
    how = {code: found[experiment.name].how for code, experiment in chosen.items()}
    wrong = [code for code in how if not kept(code, how[code])]
    counted = Counter(promised(each.code) for each in CAUSES)
    say(", ".join(f"{counted[each]} {each}" for each in Promise) + f" ({len(CAUSES)} codes; tried: {len(how)})")
    for code, reason in (*ADVICE.items(), *NOT_HERE.items()):
        say(f"    {code}: {promised(code)}: {reason}")
    for code in wrong:
        say(f"    NOT AS PROMISED: {code}: {how[code]}, promised: {promised(code)}")
    return not wrong


def kept(code: str, how: Cured) -> bool:
    """Whether a cure ended as :func:`promised`."""
    ends = {Promise.LIVE: {Cured.LIVE, Cured.NEXT}, Promise.BY_STEPS: {Cured.BY_STEPS}, Promise.ADVICE: {Cured.NOTHING}}
    return how in ends.get(promised(code), set())
