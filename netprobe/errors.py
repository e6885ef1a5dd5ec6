"""The two errors that answer "whose fault": the asker's (exit 2) or the environment's (exit 4).

A fault of the connection under test is never an exception: it is a report.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

EXIT_WORKS = 0
EXIT_FAILS = 1
EXIT_USAGE = 2
EXIT_UNDETERMINED = 3
EXIT_ENVIRONMENT = 4

NEAR = 0.6
"""How like a known name a name must be to be taken for it (``difflib.SequenceMatcher.ratio``)."""
DOUBT = 0.2
"""How much less like it another name may be to be named beside the nearest one."""
LONGEST_NAME = 200
"""Characters: what is longer is no slip of the pen, and comparing takes time by the square."""


class NetprobeError(Exception):
    """One line that says what is wrong, and one that says what to do about it.

    Attributes:
        message: one line, no trailing full stop, safe to print after escaping.
        hint: what to do about it; may be empty.
        exit_code: the process exit code of this kind of error.
    """

    exit_code = EXIT_ENVIRONMENT

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageFault(NetprobeError):
    """The question cannot be asked like this: bad target, unknown or ambiguous name, port out of range (exit 2)."""

    exit_code = EXIT_USAGE


class EnvironmentFault(NetprobeError):
    """The environment does not allow it: no root, a missing tool, an unreachable host or engine (exit 4)."""

    exit_code = EXIT_ENVIRONMENT


class EvidenceFault(NetprobeError):
    """A saved file is not what it claims to be: foreign, empty, or unreadable (exit 2: another file is needed)."""

    exit_code = EXIT_USAGE


def close_to(name: str, known: Iterable[str], *, most: int = 3) -> list[str]:
    """Return those of the known names that are most like one that is not known, nearest first.

    A name that has it as one of its words (``dns`` in ``dns-errors``) is like it, whatever else it holds.
    """
    import difflib  # here: an error alone needs it
    import re

    names = {each.casefold(): each for each in reversed(list(known))}
    wanted = name.casefold()
    if not wanted or len(wanted) > LONGEST_NAME:
        return []
    close = difflib.get_close_matches(wanted, names, n=most, cutoff=NEAR)
    if close:  # what is a letter away leaves no doubt about what is farther
        best = difflib.SequenceMatcher(a=close[0], b=wanted).ratio()
        close = [each for each in close if difflib.SequenceMatcher(a=each, b=wanted).ratio() > best - DOUBT]
    parts = [each for each in reversed(names) if wanted in re.split(r"[-_./@]", each)]
    return [names[each] for each in dict.fromkeys((*close, *parts))][:most]


def did_you_mean(name: str, known: Iterable[str], *, most: int = 3) -> str:
    """Return ``did you mean web or db?``, of :func:`close_to`; ``""``: nothing is."""
    near = close_to(name, known, most=most)
    return f"did you mean {' or '.join(near)}?" if near else ""
