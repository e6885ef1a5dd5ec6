"""The `netprobe lab` commands: parse, call, print."""

from __future__ import annotations

import click


@click.group()
def lab() -> None:
    """A lab of two real Docker hosts, server1 and server2, and an outside host, on this machine."""


def _say(text: str) -> None:
    click.echo(text, err=True)


@lab.command("up")
@click.option("--ssh", is_flag=True, help="Also start an sshd on each server, for netprobe in `lab shell desk`.")
@click.option(
    "--engine",
    "suite",
    metavar="SUITE",
    help="Run the Docker Engine of this Debian release (sid, trixie) in place of the machine's; needs debootstrap.",
)
def up_command(ssh: bool, suite: str | None) -> None:
    """Bring the lab up (idempotent; needs root)."""
    from netprobe_lab.layout import this_lab
    from netprobe_lab.lifecycle import up

    here = this_lab()
    changed = up(here, lambda step: _say(f"lab: {step} …"), ssh=ssh, suite=suite)
    _say(f"lab {here.id} is up" if changed else f"lab {here.id} was up already")


@lab.command("down")
@click.option("--purge", is_flag=True, help="Remove the cache of built images as well.")
def down_command(purge: bool) -> None:
    """Take the lab down, or what is left of it (needs root)."""
    from netprobe_lab import images
    from netprobe_lab.layout import this_lab
    from netprobe_lab.lifecycle import down

    here = this_lab()
    down(here, lambda step: _say(f"lab: {step} …"))
    if purge:
        images.purge()
    _say(f"lab {here.id} is down")


@lab.command(
    "shell",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    short_help="Open a root shell on HOST of the lab, or run COMMAND there.",
)
@click.argument("host")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
def shell_command(host: str, command: tuple[str, ...]) -> None:
    """Open a root shell on HOST of the lab (server1, server2, outside), or run COMMAND there."""
    from netprobe_lab.layout import this_lab
    from netprobe_lab.shell import replace_by_shell

    replace_by_shell(this_lab(), host, command[1:] if command[:1] == ("--",) else command)


@lab.command("status")
@click.pass_context
def status_command(context: click.Context) -> None:
    """Show the hosts of the lab; exit 0 when all of it is up, else 1."""
    from netprobe_lab.layout import this_lab
    from netprobe_lab.status import print_status

    context.exit(0 if print_status(this_lab()) else 1)


@lab.command("list")
def list_command() -> None:
    """List the experiments and what netprobe must say about each."""
    from netprobe_lab.experiments import EXPERIMENTS

    width = max(len(experiment.name) for experiment in EXPERIMENTS)
    for experiment in EXPERIMENTS:
        click.echo(f"{experiment.name:{width}}  {experiment.title}  [{experiment.expected}]")
    click.echo(f"{'truth-table':{width}}  the whole truth table, measured now, as Markdown (--proto)")


@lab.command("run", short_help="Run EXPERIMENTs and hold the answers against what they declare.")
@click.argument("experiments", nargs=-1, required=True, metavar="EXPERIMENT...")
@click.option(
    "--proto", "protocols", multiple=True, type=click.Choice(["tcp", "http", "udp", "icmp"]), default=("tcp",),
    show_default=True, help="For truth-table: the protocol; may be repeated.",
)  # fmt: skip
@click.pass_context
def run_command(context: click.Context, experiments: tuple[str, ...], protocols: tuple[str, ...]) -> None:
    """Run EXPERIMENTs in the lab (their containers replace all that are there); exit 0 if netprobe says what is declared.

    `truth-table` runs all its cells over one protocol and prints the table. Names may hold * and ?.
    """
    from netprobe_lab.commands import run_named, run_table
    from netprobe_lab.layout import this_lab

    if "truth-table" in experiments:
        agreed = run_table(this_lab(), protocols, _say)
    else:
        agreed = run_named(this_lab(), experiments)
    context.exit(0 if agreed else 1)
