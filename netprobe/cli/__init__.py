"""The command line: parse, call, print, exit code. Only click and the standard library are imported before a command runs.

* ``asking``, ``captures``, ``network``, ``reference``  the commands and their options, by what they look at
* ``annotating``  the one that writes what was found out into a capture
* ``options``  options that several of them share
"""

from __future__ import annotations

import os
from itertools import pairwise
from typing import TYPE_CHECKING

import click

from netprobe import __version__
from netprobe.cli.annotating import annotate
from netprobe.cli.asking import explain
from netprobe.cli.captures import diff, flows, replay
from netprobe.cli.network import hosts, ps, topology
from netprobe.cli.reference import causes, completion, man, schema
from netprobe.commands.lazy import Lazy, LazyGroup
from netprobe.commands.outcome import guarded

if TYPE_CHECKING:
    from collections.abc import Sequence

EXIT_CODES = """\b
Exit codes:
  0   it works
  1   it fails, and the cause is named
  2   usage error, or an unknown name
  3   undetermined
  4   the environment does not allow it (no root, no tool, host unreachable)
  70  a bug of netprobe (NETPROBE_DEBUG=1 prints a traceback to report)
  130 interrupted
"""

LAB = Lazy(
    module="netprobe_lab.cli",
    attribute="lab",
    help_line="Two real Docker hosts on this machine to try things in.",
    more="A package of its own, netprobe-lab: `netprobe lab --help` has its commands.",
    how_to_get="it is a package of its own, netprobe-lab: in a clone of netprobe, sudo make install-lab (or, in a virtual environment, pip install ./netprobe_lab)",
)


@click.group(
    cls=LazyGroup,
    lazy={"lab": LAB},
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=EXIT_CODES,
)
@click.version_option(__version__, message="netprobe %(version)s")
def cli() -> None:
    """Why does a container connection work, or why does it fail? Proved with packets."""


for _command in (explain, replay, diff, flows, annotate, causes, schema, hosts, topology, ps, completion, man):
    cli.add_command(_command)


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code. No expected fault gets out of here as a traceback."""
    if instruction := os.environ.get("_NETPROBE_COMPLETE"):
        from netprobe.cli.completion import complete

        return complete(instruction, cli)
    arguments = list(arguments)
    options = arguments[: arguments.index("--")] if "--" in arguments else arguments
    return guarded(lambda: _call(arguments), as_json=_wants_json(options))


def _wants_json(options: Sequence[str]) -> bool:
    """Whether stdout is one JSON value, also where the command line cannot be read."""
    return "--json" in options or "--format=json" in options or ("--format", "json") in pairwise(options)


def _call(arguments: list[str]) -> int:
    # Not cli.main(): that answers Ctrl-C and a closed pipe in its own way, with another exit code.
    try:
        with cli.make_context("netprobe", arguments) as context:
            status = cli.invoke(context)
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.UsageError as error:
        from netprobe.commands.mistakes import of_command

        raise of_command(error, cli, arguments) from None
    return status if isinstance(status, int) else 0
