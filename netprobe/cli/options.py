"""Options that several commands share."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

#: What a report is printed as beside text for people: option -> help. Each has its printer in :data:`netprobe.commands.show.PRINTERS`.
OUTPUTS: dict[str, str] = {"json": "Print one JSON value on stdout instead of text."}


def output_options(command: Callable[..., int]) -> Callable[..., int]:
    """Give a command an option for each of :data:`OUTPUTS`."""
    for name, text in OUTPUTS.items():
        command = click.option(f"--{name}", "output", flag_value=name, help=text)(command)
    return command


_OF_ITSELF = {"cause_codes", "schemas"}
"""Words that netprobe brings along."""


def completed_by(words: str) -> Callable[[click.Context, click.Parameter, str], list[str]]:
    """Return what completes a word by the function of that name in :mod:`netprobe.commands.offered`; the inventory is what ``--hosts`` said so far."""

    def complete(context: click.Context, parameter: click.Parameter, typed: str) -> list[str]:
        from netprobe.commands import offered as known

        del parameter
        offered = getattr(known, words)
        every = offered() if words in _OF_ITSELF else offered(context.params.get("hosts"))
        return sorted({each for each in every if each.startswith(typed)})

    return complete


def continued_by(words: str) -> Callable[[click.Context, click.Parameter, str], list[str]]:
    """Return what completes a value of several words by the function of that name in :mod:`netprobe.commands.offered`, which is given what is typed so far."""

    def complete(context: click.Context, parameter: click.Parameter, typed: str) -> list[str]:
        from netprobe.commands import offered as known

        del context, parameter
        return sorted(getattr(known, words)(typed))

    return complete


json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON value on stdout instead of text.")
hosts_option = click.option(
    "--hosts",
    type=click.Path(readable=False),
    metavar="FILE",
    help="The inventory of hosts (TOML); `lab`: that of the running lab.  [default: $NETPROBE_HOSTS, else ~/.config/netprobe/hosts.toml, else this machine alone]",
)
html_option = click.option(
    "--html",
    type=click.Path(readable=False),
    metavar="FILE",
    help="Write the report to FILE, a new one, as a page for browsers that needs nothing else: to send, or to print; -: to stdout, in place of the report.",
)
quiet_option = click.option("-q", "--quiet", is_flag=True, help="Print one line: the verdict and why.")
verbose_option = click.option(
    "-v",
    "--verbose",
    is_flag=True,
    help="Say on stderr what is done, when, and on which host: commands, files, capture points, the probe.",
)
_NETWORK_OPTIONS = (
    click.argument("file", required=False, type=click.Path(readable=False)),
    click.option(
        "--host",
        "only",
        multiple=True,
        metavar="NAME",
        shell_complete=completed_by("host_names"),
        help="Only this host; may be given several times.",
    ),
    hosts_option,
    click.option(
        "--timeout",
        type=click.FloatRange(0.5, 120),
        default=30.0,
        show_default=True,
        metavar="S",
        help="Seconds that anything started on a host may live at most.",
    ),
    verbose_option,
)


def network_options(command: Callable[..., int]) -> Callable[..., int]:
    """Give a command what says whose network is looked at: that of live hosts, or of a file."""
    for option in reversed(_NETWORK_OPTIONS):
        command = option(command)
    return command


def lang_option(*packages: Path) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return what gives a command the option for the language in which it prints. ``packages``: folders of packages whose texts that are, beside netprobe's."""

    def given(command: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(command)
        def in_that_language(*arguments: Any, lang: str, **options: Any) -> Any:
            from netprobe.commands.language import in_language

            with in_language(lang, *packages):
                return command(*arguments, **options)

        text = "The language of labels and headings; sentences about a connection stay English, and so does JSON."
        choice = click.Choice(["en", "zh"])
        return click.option("--lang", type=choice, default="en", show_default=True, help=text)(in_that_language)

    return given


deep_option = click.option(
    "--deep", is_flag=True, help="Dissect the packets shown, with the application layer by tshark."
)
