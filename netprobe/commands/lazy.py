"""A click group with commands that are listed without being imported, also those of other distributions."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import click

from netprobe.errors import EnvironmentFault
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Lazy:
    """A command by name.

    Attributes:
        module, attribute: where it is.
        help_line: one line about it.
        more: where to read on.
        how_to_get: what to do where its package is not installed.
    """

    module: str
    attribute: str
    help_line: str
    more: str
    how_to_get: str


class LazyGroup(click.Group):
    """A group that knows some commands by name only; they are imported when they are run."""

    def __init__(self, *args: Any, lazy: Mapping[str, Lazy], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lazy = lazy
        for name, each in lazy.items():
            self.add_command(click.Command(name, short_help=each.help_line, help=f"{each.help_line}\n\n{each.more}"))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that is to run, and import it if it is a lazy one.

        Raises:
            EnvironmentFault: the package that has it is not installed.
        """
        name, command, rest = super().resolve_command(ctx, args)
        if name is not None and name in self._lazy:
            command = _imported(name, self._lazy[name])
        return name, command, rest


def _imported(name: str, lazy: Lazy) -> click.Command:
    package = lazy.module.partition(".")[0]
    try:
        module = importlib.import_module(lazy.module)
    except ModuleNotFoundError as error:
        if error.name != package:
            raise
        raise EnvironmentFault(f"{name}: {package} is not installed", lazy.how_to_get) from None
    command: click.Command = getattr(module, lazy.attribute)
    return command
