"""What to do about a cause: commands that can be run as they stand, and advice for people. Rendered here alone."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable

Argv = tuple[str, ...]

_ADVICE = "# "  # a line that begins with it is no command: a shell takes it for a comment
_SAFE = re.compile(r"[\w@%+=:,./!-]+", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Remedy:
    """One step.

    Attributes:
        host: inventory name of the host on which it is done.
        commands: argv each, in order; they can be run there as they stand, as root, without a shell.
        advice: for people: what the commands open, cut, or keep only until when; without commands, what a person has to do. ``""`` for nothing.
    """

    host: str
    commands: tuple[Argv, ...] = ()
    advice: str = ""

    def __post_init__(self) -> None:
        """A member of an enum (:class:`~netprobe.model.rule.Program`) among the words is the word that it stands for."""
        object.__setattr__(self, "commands", tuple(tuple(str(word) for word in argv) for argv in self.commands))

    @property
    def lines(self) -> tuple[str, ...]:
        """The step as lines of a shell: the commands, quoted where they need it, and the advice behind ``# ``."""
        # One line, whatever a name in it holds: the next would be a command.
        said = (f"{_ADVICE}{' '.join(self.advice.split())}",) if self.advice else ()
        return (*map(shell_line, self.commands), *said)


def run(host: str, *argv: str, advice: str = "") -> Remedy:
    """One command."""
    return Remedy(host=host, commands=(argv,), advice=advice)


def advise(host: str, advice: str) -> Remedy:
    """What no command does."""
    return Remedy(host=host, advice=advice)


def lines(remedies: Iterable[Remedy]) -> tuple[str, ...]:
    """All steps as lines of a shell, in order."""
    return tuple(line for remedy in remedies for line in remedy.lines)


def shell_line(argv: Argv) -> str:
    """Return a command as one line for a POSIX shell; a lone ``!`` (iptables) needs no quotes and reads better without."""
    return " ".join(word if _plain(word) else shlex.quote(word) for word in argv)


def _plain(word: str) -> bool:
    return word == "!" or ("!" not in word and _SAFE.fullmatch(word) is not None)
