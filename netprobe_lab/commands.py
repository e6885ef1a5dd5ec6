"""What `lab run` does: one experiment, several, or the whole truth table."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, cast

import click

from netprobe_lab.engine import engine_version
from netprobe_lab.errors import LabError
from netprobe_lab.experiments import EXPERIMENTS
from netprobe_lab.layout import SERVER2
from netprobe_lab.lifecycle import is_up
from netprobe_lab.run import require_root
from netprobe_lab.runner import run_and_print
from netprobe_lab.table import measure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from netprobe_lab.experiments.model import Experiment, Protocol
    from netprobe_lab.layout import Lab


def chosen(patterns: Iterable[str]) -> list[Experiment]:
    """Return the experiments whose names match any of the patterns, each once, in the order of the list.

    Raises:
        LabError: a pattern matches none.
    """
    wanted = list(patterns)
    for pattern in wanted:
        if not any(fnmatchcase(experiment.name, pattern) for experiment in EXPERIMENTS):
            raise LabError(f"no experiment is called {pattern!r}", "netprobe lab list")
    return [one for one in EXPERIMENTS if any(fnmatchcase(one.name, pattern) for pattern in wanted)]


def fitting(lab: Lab, experiments: Iterable[Experiment]) -> list[Experiment]:
    """Return those of the experiments that the engines of this lab (which is up) are right for.

    Raises:
        LabError: none of them is.
    """
    version = (engine_version(lab, SERVER2) or "").partition(".")[0]
    wanted = list(experiments)
    found = [one for one in wanted if one.engine in {"", version}]
    if wanted and not found:
        needed = sorted({one.engine for one in wanted})
        raise LabError(
            f"this lab runs Docker Engine {version}, not {', '.join(needed)}", "netprobe lab up --engine sid"
        )
    return found


def require_up(lab: Lab) -> None:
    """Raise LabError unless the whole lab is up."""
    require_root()
    if not is_up(lab):
        raise LabError("the lab is not up", "netprobe lab up")


def run_named(lab: Lab, patterns: Iterable[str]) -> bool:
    """Run the chosen experiments; return whether netprobe says what they declare."""
    experiments = chosen(patterns)
    require_up(lab)
    return run_and_print(lab, fitting(lab, experiments))


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
