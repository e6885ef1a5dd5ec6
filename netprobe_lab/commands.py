"""What `lab list` and `lab run` do: show the experiments; run one, several, or the whole truth table."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, cast

import click

from netprobe.commands.outcome import worst
from netprobe.errors import EXIT_ENVIRONMENT, EXIT_FAILS, EXIT_WORKS, UsageFault
from netprobe.report.escape import visible
from netprobe_lab import experiments as declared
from netprobe_lab.cures import Cured, cure_and_print
from netprobe_lab.cures import measure as measure_cures
from netprobe_lab.engine import engine_version
from netprobe_lab.errors import LabError
from netprobe_lab.firewalls import missing
from netprobe_lab.layout import SERVER2, SERVERS
from netprobe_lab.lifecycle import is_up
from netprobe_lab.run import require_root
from netprobe_lab.runner import Outcome, run_and_print
from netprobe_lab.steps import present
from netprobe_lab.table import measure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from netprobe_lab.experiments import Group
    from netprobe_lab.experiments.model import Experiment, Protocol
    from netprobe_lab.layout import Lab

TABLE = "truth-table"


def chosen(patterns: Iterable[str]) -> list[Experiment]:
    """Return the experiments that the patterns mean (names, wildcards, groups), each once, in the order of the list.

    Raises:
        UsageFault: a pattern means none.
    """
    return [each for group in declared.chosen(patterns) for each in group.experiments]


def show_list(patterns: Sequence[str], *, groups_only: bool) -> None:
    """Print the experiments, by group, and what netprobe must say about each; with patterns, those that they mean.

    Raises:
        UsageFault: a pattern means none.
    """
    wanted = [pattern for pattern in patterns if pattern != TABLE]
    found = declared.chosen(wanted, parts=True) if wanted or not patterns else []
    if not patterns:
        found = list(declared.GROUPS)
    width = max((len(each.name) for group in found for each in group.experiments), default=len(TABLE))
    for group in found:
        _show_group(group, width, groups_only=groups_only)
    if not wanted:
        click.echo(f"{TABLE:{width + 2}}  the whole truth table, measured now, as Markdown (--proto)")


def _show_group(group: Group, width: int, *, groups_only: bool) -> None:
    number = len(group.experiments)
    if groups_only:
        click.echo(f"{group.name:18} {number:3}  {group.title}")
        return
    click.echo(f"{group.name}: {group.title}")
    for each in group.experiments:
        click.echo(f"  {each.name:{width}}  {each.title}  [{each.expected}]")


def fitting(lab: Lab, experiments: Iterable[Experiment]) -> list[Experiment]:
    """Return those of the experiments that the engines of this lab (which is up) are right for, and whose firewall programs are installed.

    Raises:
        LabError: none of them is.
    """
    version = (engine_version(lab, SERVER2) or "").partition(".")[0]
    wanted = list(experiments)
    right = [one for one in wanted if one.engine in {"", version} and not one.recorded]
    found = [one for one in right if not missing(one)]
    if right and not found:
        lacking = sorted({command for one in right for command in missing(one)})
        raise LabError(f"not installed: {', '.join(lacking)}", "apt-get install ufw firewalld fail2ban")
    if wanted and not found:
        if all(one.recorded for one in wanted):
            raise LabError("these are recorded runs, which no lab makes", "netprobe replay captures/NAME.pcapng")
        needed = sorted({one.engine for one in wanted if not one.recorded})
        raise LabError(
            f"this lab runs Docker Engine {version}, not {', '.join(needed)}", "netprobe lab up --engine sid"
        )
    return found


def require_up(lab: Lab) -> None:
    """Raise LabError unless the whole lab is up."""
    require_root()
    if not is_up(lab):
        raise LabError("the lab is not up", "netprobe lab up")


def cure_named(lab: Lab, patterns: Sequence[str], progress: Callable[[str], None]) -> int:
    """Run the chosen experiments that fail, carry their remedies out, and ask again; return the exit code: 1 where one is not cured.

    Raises:
        UsageFault: there is no such experiment, or none that fails.
        LabError: the lab is not up, or an experiment is not as declared.
    """
    wanted = [
        each for each in chosen(patterns) if each.expected.verdict == "fails" and not (each.edits or each.recorded)
    ]
    if not wanted:
        raise UsageFault("--cure has nothing to cure: none of these experiments fails live", "netprobe lab list")
    require_up(lab)
    suited = fitting(lab, wanted)
    announce(lab, progress)
    found = cure_and_print(lab, suited, progress)
    return EXIT_FAILS if any(each.how is Cured.NOT for each in found.values()) else EXIT_WORKS


def cure_all(lab: Lab, progress: Callable[[str], None]) -> int:
    """Carry out the remedy of one experiment of each cause; return the exit code. Raises LabError as :func:`cure_named` does."""
    require_up(lab)
    announce(lab, progress)
    version = (engine_version(lab, SERVER2) or "").partition(".")[0]
    return EXIT_WORKS if measure_cures(lab, version, progress) else EXIT_FAILS


def run_named(
    lab: Lab, patterns: Sequence[str], protocols: Iterable[str], progress: Callable[[str], None], *, keep: bool
) -> int:
    """Run the chosen experiments, the truth table among them; return the exit code.

    That is 0 when netprobe says what they declare, 1 when not, 4 when one could not be run.

    Raises:
        UsageFault: there is no such experiment, or nothing to keep.
        LabError: the lab is not up, or none of the experiments is for its engine.
    """
    names = [pattern for pattern in patterns if pattern != TABLE]
    experiments = chosen(names)
    if keep and not experiments:
        raise UsageFault(f"--keep has nothing to keep: {TABLE} ends with a clean lab", "leave --keep out")
    require_up(lab)
    suited = fitting(lab, experiments)
    for each in experiments:
        if each not in suited:
            why = f"for Docker Engine {each.engine} (lab up --engine sid)"
            progress(f"lab: {each.name} is left out: it is {'a recorded run' if each.recorded else why}")
    announce(lab, progress)
    codes = []
    if TABLE in patterns:
        codes.append(EXIT_WORKS if run_table(lab, protocols, progress) else EXIT_FAILS)
    if suited:
        codes.append(_run_experiments(lab, suited, progress, keep=keep))
    return worst(codes)


def _run_experiments(lab: Lab, experiments: list[Experiment], progress: Callable[[str], None], *, keep: bool) -> int:
    broken: list[str] = []

    def could_not(experiment: Experiment, fault: LabError) -> None:
        broken.append(experiment.name)
        progress(f"lab: {experiment.name} could not be run: {visible(fault.message)}")

    results = run_and_print(lab, experiments, could_not, keep=keep)
    if keep and results:
        progress(_kept(results[-1]))
    if len(experiments) > 1 or broken:
        disagreeing = [each.experiment.name for each in results if each.disagreements]
        progress(_sum_up(len(results) - len(disagreeing), disagreeing, broken))
    if broken:
        return EXIT_ENVIRONMENT
    return EXIT_FAILS if any(each.disagreements for each in results) else EXIT_WORKS


def _sum_up(good: int, disagreeing: list[str], broken: list[str]) -> str:
    words = [f"{good} as declared"]
    words += [f"not as declared: {', '.join(disagreeing)}"] if disagreeing else []
    words += [f"could not be run: {', '.join(broken)}"] if broken else []
    return f"lab: {'; '.join(words)}"


def _kept(outcome: Outcome) -> str:
    again = shlex.join(("netprobe", "explain", *outcome.arguments, "--hosts", "lab"))
    return (
        f"lab: {outcome.experiment.name} is kept as it is. Ask again: {again}\n"
        "     look: netprobe lab shell server2; the next lab run removes it"
    )


def announce(lab: Lab, progress: Callable[[str], None]) -> None:
    """Say what a run is about to remove."""
    for machine in SERVERS:
        containers, networks = present(lab, machine)
        what = [f"containers {', '.join(containers)}"] if containers else []
        what += [f"networks {', '.join(networks)}"] if networks else []
        if what:
            progress(f"lab: removing from {machine.name}: {'; '.join(what)}")
    progress("lab: links, routes, firewall rules and settings of all hosts go back to what they were at lab up")


def run_table(lab: Lab, protocols: Iterable[str], progress: Callable[[str], None]) -> bool:
    """Measure and print the truth table over each protocol; return whether it is as declared."""
    require_up(lab)
    agreed = True
    for protocol in protocols:
        table, wrong = measure(lab, cast("Protocol", protocol), progress)
        click.echo(table + "\n")
        for line in wrong:
            click.echo(f"not as declared: {line}", err=True)
        agreed = agreed and not wrong
    return agreed
