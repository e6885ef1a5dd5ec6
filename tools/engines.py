"""`make test-engines`: a lab with Docker Engine 28, of Debian sid: the truth table over TCP, the tour, and what that engine does otherwise.

The root file system is built once, by debootstrap (minutes), and kept beside the lab's images.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace

import click

from netprobe.errors import NetprobeError
from netprobe_lab.commands import run_table
from netprobe_lab.engine import engine_version
from netprobe_lab.experiments import EXPERIMENTS
from netprobe_lab.layout import OVERRIDE, SERVER2, Lab, this_lab
from netprobe_lab.lifecycle import down, up
from netprobe_lab.runner import run_and_print
from netprobe_lab.tour.command import judged, other_than_declared
from netprobe_lab.tour.model import Seen

SUITE, MAJOR = "sid", "28"


def say(text: str) -> None:
    """Tell what is going on, on stderr."""
    click.echo(f"test-engines: {text}", err=True)


def tested(lab: Lab) -> bool:
    """Run it all; return whether everything is as declared.

    A sid that has moved on to another engine is told, and tested by the table alone.
    """
    version = engine_version(lab, SERVER2) or "unknown"
    say(f"Docker Engine {version}")
    own = [each for each in EXPERIMENTS if each.engine == version.partition(".")[0]]
    if not own:
        say(f"no experiment is for this engine; those of Engine {MAJOR} are left out")
    agreed = run_table(lab, ("tcp",), say)
    toured = _toured(lab, version)
    return not any(each.disagreements for each in run_and_print(lab, own)) and agreed and toured


def _toured(lab: Lab, version: str) -> bool:
    """Carry the tour out; print how each claim is judged, and return whether that is as declared."""
    rulings = [each for _, found in judged(lab, Seen()) for each in found]
    for each in rulings:
        click.echo(f"tour: {each.claim.name}: {each.ruling}")
    wrong = other_than_declared(rulings, version)
    for line in wrong:
        click.echo(f"not as declared: {line}", err=True)
    return not wrong


def main() -> int:
    """Bring a lab of its own up, test, take it down; return the exit code."""
    lab = replace(this_lab(), id=f"{this_lab().id[:11]}e")
    os.environ[OVERRIDE] = lab.id
    os.environ["NETPROBE_HOSTS"] = str(lab.hosts_file)
    try:
        up(lab, lambda step: say(f"lab: {step} …"), suite=SUITE)
        try:
            return 0 if tested(lab) else 1
        finally:
            down(lab, lambda _: None)
    except NetprobeError as fault:
        say(f"{fault.message} ({fault.hint})")
        return fault.exit_code


if __name__ == "__main__":
    sys.exit(main())
