"""The command outputs of one host at one moment, each parsed once.

Where the text after the probe is the same as before, both moments share the parsed value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from netprobe.state.issues import Issues, ParseIssue
from netprobe.state.parsed import understood

if TYPE_CHECKING:
    from netprobe.evidence.state import CommandOutput


T = TypeVar("T")
Parser = Callable[[str, Issues], T]


class Outputs:
    """The command outputs of one host at one moment, and what was parsed of them."""

    def __init__(self, outputs: Mapping[str, CommandOutput], earlier: Outputs | None = None) -> None:
        self.outputs = outputs
        self.earlier = earlier
        self._parsed: dict[str, tuple[Any, tuple[ParseIssue, ...]]] = {}

    def parse(self, key: str, parser: Parser[T]) -> T | None:
        """The parsed output; None when it was not asked, failed, or could not be read at all."""
        output = self.outputs.get(key)
        if output is None or not output.ok:
            return None
        if self.earlier is not None and self.earlier.outputs.get(key) == output:
            return self.earlier.parse(key, parser)
        if key not in self._parsed:
            self._parsed[key] = understood(parser, key, output.stdout)
        value: T | None = self._parsed[key][0]
        return value

    def asked(self, key: str) -> bool:
        """Whether it was asked for, in vain or not: evidence of an older version lacks what that did not ask for."""
        return key in self.outputs

    def issues(self) -> tuple[ParseIssue, ...]:
        """What was not understood of all that was parsed so far."""
        earlier = self.earlier.issues() if self.earlier else ()
        own = tuple(issue for _, issues in self._parsed.values() for issue in issues)
        return tuple(dict.fromkeys((*earlier, *own)))
