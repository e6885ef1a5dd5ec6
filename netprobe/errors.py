"""The two errors that answer "whose fault": the asker's (exit 2) or the environment's (exit 4).

A fault of the connection under test is never an exception: it is a report.
"""

from __future__ import annotations

EXIT_WORKS = 0
EXIT_FAILS = 1
EXIT_USAGE = 2
EXIT_UNDETERMINED = 3
EXIT_ENVIRONMENT = 4


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
