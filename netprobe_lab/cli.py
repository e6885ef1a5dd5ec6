"""The `netprobe lab` commands: parse, call, print."""

from __future__ import annotations

from pathlib import Path

import click

from netprobe.cli.options import lang_option

SHELL_EXAMPLES = """\b
Examples:
  netprobe lab shell server2
  netprobe lab shell server2 'docker ps | grep demo'
  netprobe lab shell server2 docker run -d --name demo -p 80:80 nginx
  netprobe lab shell server1 netprobe explain demo:80 --from server1
"""


def _machines(context: click.Context, parameter: click.Parameter, typed: str) -> list[str]:
    """Complete a host of the lab."""
    from netprobe_lab.layout import MACHINES

    del context, parameter
    return [each.name for each in MACHINES if each.name.startswith(typed)]


def _experiments(context: click.Context, parameter: click.Parameter, typed: str) -> list[str]:
    """Complete an experiment or a group of them."""
    from netprobe_lab.experiments import EXPERIMENTS, GROUPS

    del context, parameter
    every = (*(group.name for group in GROUPS), *(each.name for each in EXPERIMENTS), "truth-table")
    return sorted(each for each in every if each.startswith(typed))


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
    short_help="Open a root shell on HOST of the lab, or run something there.",
    epilog=SHELL_EXAMPLES,
)
@click.argument("host", shell_complete=_machines)
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="['LINE' | WORD...]")
def shell_command(host: str, command: tuple[str, ...]) -> None:
    """Open a root shell on HOST of the lab (server1, server2, router, outside, desk), or run something there.

    One argument is a line for the shell there, several are a command and its arguments. docker, iptables and the like mean
    that host; netprobe is on the PATH, and its inventory is the lab.
    """
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


@lab.command("list", short_help="List the experiments, by group.")
@click.argument("patterns", nargs=-1, metavar="[PATTERN...]", shell_complete=_experiments)
@click.option("--groups", "groups_only", is_flag=True, help="Only the groups, and how many experiments each has.")
def list_command(patterns: tuple[str, ...], groups_only: bool) -> None:
    """List the experiments, by group, and what netprobe must say about each.

    PATTERN is a group, or a name or a part of one; it may hold * and ?.
    """
    from netprobe_lab.commands import show_list

    show_list(patterns, groups_only=groups_only)


@lab.command("run", short_help="Run EXPERIMENTs and hold the answers against what they declare.")
@click.argument("experiments", nargs=-1, required=True, metavar="EXPERIMENT...", shell_complete=_experiments)
@click.option(
    "--proto", "protocols", multiple=True, type=click.Choice(["tcp", "http", "udp", "icmp"]), default=("tcp",),
    show_default=True, help="For truth-table: the protocol; may be repeated.",
)  # fmt: skip
@click.option("--keep", is_flag=True, help="Leave the last experiment as it is, to look at it and to ask again.")
@click.option("--cure", is_flag=True, help="Carry each report's remedy out on the hosts that it names, and ask again.")
@click.pass_context
def run_command(
    context: click.Context, experiments: tuple[str, ...], protocols: tuple[str, ...], keep: bool, cure: bool
) -> None:
    """Run EXPERIMENTs in the lab, and hold netprobe's answers against what they declare.

    First all containers and networks of the lab are removed and its hosts' rules and routes put back: it is said which.
    EXPERIMENT is a name, which may hold * and ?, a group (`lab list --groups`), or `truth-table`, which runs all its cells over
    one protocol and prints the table. Exit code: 0 as declared (and cured), 1 not, 2 no such experiment, 4 one could not be run.
    """
    from netprobe.errors import UsageFault
    from netprobe_lab.commands import cure_named, run_named
    from netprobe_lab.layout import this_lab

    if cure and keep:
        raise UsageFault("--keep and --cure do not go together: what is cured is removed", "leave out one of them")
    if cure:
        context.exit(cure_named(this_lab(), experiments, _say))
    context.exit(run_named(this_lab(), experiments, protocols, _say, keep=keep))


@lab.command("cures", short_help="Carry out the remedy of one experiment of each cause.")
@click.pass_context
def cures_command(context: click.Context) -> None:
    """Carry out the remedy of one experiment of each cause, ask again, and count how the remedies of all codes are proved.

    Exit code: 0 when every one cures, or leads to the next obstacle that was predicted; 1 when one does not.
    """
    from netprobe_lab.commands import cure_all
    from netprobe_lab.layout import this_lab

    context.exit(cure_all(this_lab(), _say))


@lab.command("tour", short_help="A tutorial of Docker networking, carried out: each claim judged by packets.")
@click.option(
    "--save",
    type=click.Path(readable=False),
    metavar="DIR",
    help="Keep the evidence of every question in DIR, a new folder.",
)
@click.option(
    "--html",
    type=click.Path(readable=False),
    metavar="FILE",
    help="Write all of it to FILE, a new one, as a page for browsers that needs nothing else.",
)
@click.option("--force", is_flag=True, help="Let --html overwrite a file that exists.")
@lang_option(Path(__file__).parent)
@click.pass_context
def tour_command(context: click.Context, save: str | None, html: str | None, force: bool) -> None:
    """Carry out a well-known tutorial on Docker networking in the lab, and judge each of its claims by what the packets show.

    Each step: the tutorial's commands, what is done here, the packets, and whether the claim holds. It ends with the table of all claims and
    the truth table. First all containers and networks of the lab are removed, and at the end again. Exit code: 0 when every claim is judged
    as is known for the lab's engine, 1 when one is not, 4 when a step could not be carried out.
    """
    from netprobe_lab.layout import this_lab
    from netprobe_lab.tour.command import run

    context.exit(run(this_lab(), _say, save=save, html=html, force=force))
