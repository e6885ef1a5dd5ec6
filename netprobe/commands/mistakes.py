"""A command line that cannot be read: what is wrong with it, and what may have been meant."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

from netprobe.errors import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_OF_A_LETTER = 3
"""Long options that are named for a short one that there is not."""
_COMMAND = re.compile(r"No such command '(?P<name>.*)'", re.DOTALL)
_CHOICE = re.compile(r"'(?P<name>.*)' is not one of '", re.DOTALL)
_NUMBER = re.compile(r"is not a valid (?P<kind>float|integer)(?: range)?")
_EXTRA = "Got unexpected extra argument"


def mistake(error: click.UsageError) -> tuple[str, str]:
    """Return a message, and a hint: the nearest option, command or value where there is one, how the command is used, and where to read on."""
    context = error.ctx
    more = f"see {context.command_path if context is not None else 'netprobe'} --help"
    message, near = _message(error), ""
    if context is not None:
        near = did_you_mean(*_meant(error, context)) or _instead(error, context)
    return message, f"{near} ({more})" if near else more


def of_command(error: click.UsageError, cli: click.Group, arguments: Sequence[str]) -> click.UsageError:
    """Return a mistake with the command that it was made in, where click does not say it (an option without its value)."""
    if error.ctx is None:
        context = click.Context(cli, info_name="netprobe", **cli.context_settings)
        for word in arguments:
            if not isinstance(context.command, click.Group):
                break
            if context.command.get_command(context, word) is not None:
                _, command, _ = context.command.resolve_command(context, [word])  # imports what is known by name alone
                context = click.Context(command or context.command, info_name=word, parent=context)
        error.ctx = context
    return error


def _message(error: click.UsageError) -> str:
    """Click's own words, without its suggestion."""
    plain = isinstance(error, click.NoSuchOption) or _COMMAND.match(error.message)
    text = (error.message if plain else error.format_message()).rstrip(".")
    text = _NUMBER.sub(lambda found: "is not a number" if found["kind"] == "float" else "is not a whole number", text)
    return text[:1].lower() + text[1:]


def _instead(error: click.UsageError, context: click.Context) -> str:
    """What to write instead, where no name is near: the option that has this value or this letter, or the order of the arguments."""
    params = context.command.get_params(context)
    if isinstance(error, click.NoSuchOption):
        word = error.option_name.lstrip("-")
        if len(word) == 1:
            long = [option for each in params for option in each.opts if option.startswith(f"--{word}")]
            return f"did you mean {' or '.join(long)}?" if 0 < len(long) <= MOST_OF_A_LETTER else ""
        having = [each for each in params if word in getattr(each.type, "choices", ())]
        return f"did you mean {max(having[0].opts, key=len)} {word}?" if having else ""
    missing = isinstance(error, click.MissingParameter) and isinstance(error.param, click.Argument)
    if missing or error.message.startswith(_EXTRA):
        return f"{context.command_path} {' '.join(context.command.collect_usage_pieces(context))}"
    return ""


def _meant(error: click.UsageError, context: click.Context) -> tuple[str, list[str]]:
    """What was written, and what could have stood there."""
    if isinstance(error, click.NoSuchOption):
        options = [word for each in context.command.get_params(context) for word in (*each.opts, *each.secondary_opts)]
        return error.option_name, [each for each in options if each.startswith("--")]
    found = _COMMAND.match(error.message)
    if found is not None and isinstance(context.command, click.Group):
        options = [option for each in context.command.get_params(context) for option in each.opts]
        return found["name"], [*context.command.list_commands(context), *options]
    found = _CHOICE.match(error.message)
    if found is not None and isinstance(error, click.BadParameter) and error.param is not None:
        return found["name"], [str(each) for each in getattr(error.param.type, "choices", ())]
    return "", []
