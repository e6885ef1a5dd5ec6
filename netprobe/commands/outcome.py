"""How a run ends: its exit code, and one line on stderr (with ``--json``: one JSON value on stdout) when there is no report."""

from __future__ import annotations

import errno
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from netprobe.errors import (
    EXIT_ENVIRONMENT,
    EXIT_FAILS,
    EXIT_UNDETERMINED,
    EXIT_USAGE,
    EXIT_WORKS,
    EnvironmentFault,
    NetprobeError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

EXIT_INTERRUPTED = 130  # 128 + SIGINT, as shells have it
EXIT_INTERNAL = 70  # EX_SOFTWARE of sysexits.h
STDOUT_HINT = "look where stdout goes"
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_WORST_FIRST = (EXIT_ENVIRONMENT, EXIT_FAILS, EXIT_UNDETERMINED, EXIT_WORKS)


class StdoutFault(EnvironmentFault):
    """What was to be said cannot be written: stderr is all that is left, with ``--json`` too."""


def worst(codes: Iterable[int]) -> int:
    """Return the exit code of several reports together (the worst, in the order 4, 1, 3, 0)."""
    return min(codes, key=_WORST_FIRST.index)


def guarded(call: Callable[[], int], *, as_json: bool) -> int:
    """Run ``call`` and return its exit code; say in one line why there is no report when there is none."""
    try:
        return call()
    except StdoutFault as fault:
        return _end(fault.exit_code, fault.message, fault.hint, as_json=False)
    except NetprobeError as fault:
        return _end(fault.exit_code, fault.message, fault.hint, as_json=as_json)
    except click.UsageError as error:
        return _usage(error, as_json=as_json)
    except click.ClickException as error:
        return _end(EXIT_USAGE, error.format_message(), "", as_json=as_json)
    except (KeyboardInterrupt, click.Abort):
        return _end(EXIT_INTERRUPTED, "interrupted", "", as_json=as_json)
    except BrokenPipeError:
        forget_stdout()
        return EXIT_WORKS
    except Exception as error:
        status = _unexpected(error, as_json=as_json)
        if status == EXIT_INTERNAL and os.environ.get("NETPROBE_DEBUG"):
            raise
        return status


def _unexpected(error: Exception, *, as_json: bool) -> int:
    """Say what an error was that nobody expected, and return the exit code."""
    if _of_an_interrupt(error):
        return _end(EXIT_INTERRUPTED, "interrupted", "", as_json=as_json)
    if isinstance(error, OSError) and error.errno in _NO_ROOM:  # what click itself prints: help, a version
        forget_stdout()
        return _end(EXIT_ENVIRONMENT, f"it cannot be written: {error.strerror}", STDOUT_HINT, as_json=False)
    if os.environ.get("NETPROBE_DEBUG"):
        return EXIT_INTERNAL
    return _end(
        EXIT_INTERNAL,
        f"internal error, {type(error).__name__}: {error}",
        "this is a bug: please report it, with what NETPROBE_DEBUG=1 prints",
        as_json=as_json,
    )


def _of_an_interrupt(error: BaseException | None) -> bool:
    """Whether a Ctrl-C became this on its way: where a class is made, Python up to 3.11 turns whatever is raised into a RuntimeError (type_new_set_names)."""
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return True
        error = error.__cause__ or error.__context__
    return False


def put(text: str) -> None:
    """Write to stdout; a reader that went away (``| head``) is no fault, and does not change the exit code."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        forget_stdout()
    except OSError as error:
        forget_stdout()
        raise StdoutFault(f"the report cannot be written: {error.strerror}", STDOUT_HINT) from error


def say(text: str) -> None:
    """Write one line to stderr, if it can be read there: else the exit code has to do."""
    with suppress(OSError):
        sys.stderr.write(text + "\n")
        sys.stderr.flush()


def forget_stdout() -> None:
    """Point stdout at nothing, so that the interpreter's last flush does not complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _usage(error: click.UsageError, *, as_json: bool) -> int:
    if isinstance(error, click.exceptions.NoArgsIsHelpError) and not as_json:
        say(error.format_message())
        return EXIT_USAGE
    from netprobe.commands.mistakes import mistake

    return _end(EXIT_USAGE, *mistake(error), as_json=as_json)


def _short(text: str, limit: int = 600) -> str:
    """A line that a person can read, although a name in it may be endless."""
    return text if len(text) <= limit else f"{text[:limit]}…"


def _end(exit_code: int, message: str, hint: str, *, as_json: bool) -> int:
    # Imported here: a run that ends well does not need them.
    from netprobe.report.escape import visible
    from netprobe.report.json import dumps, failure

    message, hint = (_short(" ".join(text.split())) for text in (message, hint))
    if as_json:
        try:
            put(dumps(failure(exit_code, message, hint)) + "\n")
        except StdoutFault as fault:
            say(f"netprobe: {visible(fault.message)}: {visible(message)}")
        return exit_code
    say(f"netprobe: {visible(message)}")
    if hint:
        say(f"  {visible(hint)}")
    return exit_code
