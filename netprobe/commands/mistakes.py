"""A command line that cannot be read: what is wrong with it, and what may have been meant."""

from __future__ import annotations

import re

import click

from netprobe.errors import did_you_mean

_COMMAND = re.compile(r"No such command '(?P<name>.*)'", re.DOTALL)
_CHOICE = re.compile(r"'(?P<name>.*)' is not one of '", re.DOTALL)


def mistake(error: click.UsageError) -> tuple[str, str]:
    """Return a message, and a hint: the nearest option, command or value where there is one, and where to read on."""
    context = error.ctx
    more = f"see {context.command_path if context is not None else 'netprobe'} --help"
    message, near = _message(error), ""
    if context is not None:
        near = did_you_mean(*_meant(error, context))
    return message, f"{near} ({more})" if near else more


def _message(error: click.UsageError) -> str:
    """Click's own words, without its suggestion."""
    plain = isinstance(error, click.NoSuchOption) or _COMMAND.match(error.message)
    text = (error.message if plain else error.format_message()).rstrip(".")
    return text[:1].lower() + text[1:]


def _meant(error: click.UsageError, context: click.Context) -> tuple[str, list[str]]:
    """What was written, and what could have stood there."""
    if isinstance(error, click.NoSuchOption):
        options = [word for each in context.command.get_params(context) for word in (*each.opts, *each.secondary_opts)]
        return error.option_name, [each for each in options if each.startswith("--")]
    found = _COMMAND.match(error.message)
    if found is not None and isinstance(context.command, click.Group):
        return found["name"], context.command.list_commands(context)
    found = _CHOICE.match(error.message)
    if found is not None and isinstance(error, click.BadParameter) and error.param is not None:
        return found["name"], [str(each) for each in getattr(error.param.type, "choices", ())]
    return "", []
