"""A click group with commands that are listed without being imported."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Mapping


class LazyGroup(click.Group):
    """A group that knows some commands by module, attribute and one line of help; they are imported when they are run."""

    def __init__(self, *args: Any, lazy: Mapping[str, tuple[str, str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lazy = lazy
        for name, (_, _, help_line) in lazy.items():
            self.add_command(click.Command(name, short_help=help_line))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that is to run, and import it if it is a lazy one."""
        name, command, rest = super().resolve_command(ctx, args)
        if name is not None and name in self._lazy:
            module, attribute, _ = self._lazy[name]
            command = getattr(importlib.import_module(module), attribute)
        return name, command, rest
