"""The manual page netprobe(1), out of the commands' own help: roff, as man(7) has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from netprobe import RELEASE_DATE, __version__

if TYPE_CHECKING:
    from collections.abc import Iterator

_MORE = (".PP", "Some commands have others for what they find; they stand there.")
_FILES = (
    ("~/.config/netprobe/hosts.toml", "The inventory of hosts, where neither --hosts nor NETPROBE_HOSTS names one."),
)
_ENVIRONMENT = (
    ("NETPROBE_HOSTS", "The inventory of hosts: a file, or lab."),
    ("NO_COLOR, FORCE_COLOR", "No colour on a terminal; colour and folding into a pipe, too."),
    ("DOCKER_HOST, DOCKER_CONTEXT", "The engine of this machine, as the docker command has it."),
    ("NETPROBE_DEBUG", "A traceback where netprobe itself fails."),
)


def manual(cli: click.Group) -> str:
    """Return the page: every command with all of its options."""
    context = top(cli)
    lines = [
        r".\" made by: netprobe man",
        f'.TH NETPROBE 1 "{RELEASE_DATE}" "netprobe {__version__}" "User Commands"',
        ".SH NAME",
        r"netprobe \- why a container connection works, or why it fails, proved with packets",
        ".SH SYNOPSIS",
    ]
    commands = list(each_command(cli, context))
    for each, inner in commands:
        lines += [f".B {_text(inner.command_path)}", _text(" ".join(each.collect_usage_pieces(inner))), ".br"]
    lines += [".SH DESCRIPTION", _text(cli.help or ""), ".SH OPTIONS", *_options(cli, context)]
    lines.append(".SH COMMANDS")
    for each, inner in commands:
        lines += [f".SS {_text(inner.command_path)}", *_paragraphs(each.help or ""), *_options(each, inner)]
        lines += _literal(each.epilog or "")
    lines += [".SH EXIT STATUS", *_literal((cli.epilog or "").replace("Exit codes:\n", "")), *_MORE]
    for title, entries in (("FILES", _FILES), ("ENVIRONMENT", _ENVIRONMENT)):
        lines.append(f".SH {title}")
        for name, words in entries:
            lines += [".TP", f".B {_text(name)}", _text(words)]
    lines += [".SH SEE ALSO", ".BR tcpdump (8),", ".BR tshark (1),", ".BR ip (8),", ".BR nft (8),", ".BR iptables (8)"]
    return "\n".join(lines) + "\n"


def top(cli: click.Group) -> click.Context:
    """Return the context that commands are described in: as when they are run."""
    return click.Context(cli, info_name="netprobe", **cli.context_settings)


def each_command(group: click.Group, context: click.Context) -> Iterator[tuple[click.Command, click.Context]]:
    """Yield the commands of a group, each with a context of its own; what another package brings stands there by its name."""
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is not None and not command.hidden:
            yield command, click.Context(command, info_name=name, parent=context)


def _options(command: click.Command, context: click.Context) -> Iterator[str]:
    for each in command.get_params(context):
        record = each.get_help_record(context)
        if record is not None and record[1]:
            yield from (".TP", f".B {_text(record[0])}", _text(record[1]))


def _paragraphs(text: str) -> Iterator[str]:
    for number, each in enumerate(text.replace("\b", "").strip().split("\n\n")):
        if number:
            yield ".PP"
        yield _text(" ".join(each.split()))


def _literal(text: str) -> Iterator[str]:
    """Lines that stay as they are: examples, exit codes."""
    lines = text.replace("\b", "").strip("\n").splitlines()
    if not lines:
        return
    yield from (".PP", ".nf")
    yield from (_text(each) if each.strip() else "" for each in lines)
    yield ".fi"


def _text(text: str) -> str:
    """Return text that roff does not obey; what is no ASCII by its number (groff_char(7))."""
    quoted = (
        " ".join(text.split("\n")).replace("\\", r"\e").replace("-", r"\-").replace("'", r"\(aq").replace("`", r"\(ga")
    )
    quoted = "".join(each if each.isascii() else rf"\[u{ord(each):04X}]" for each in quoted)
    return rf"\&{quoted}" if quoted.startswith((".", "'")) else quoted
