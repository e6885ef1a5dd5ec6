"""Reports onto stdout: JSON, plain text, or a terminal's."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING

from netprobe.commands.outcome import put
from netprobe.errors import EXIT_FAILS, EXIT_UNDETERMINED, EXIT_WORKS, UsageFault

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netprobe.model.report import Report

EXIT_OF = {"works": EXIT_WORKS, "fails": EXIT_FAILS, "undetermined": EXIT_UNDETERMINED}
"""By verdict: its text, as a command is read before there is a report."""


def exit_code(report: Report) -> int:
    """Return the exit code of one report; a failure without a named cause has not been determined."""
    code = EXIT_OF[report.verdict.value]
    return EXIT_UNDETERMINED if code == EXIT_FAILS and report.cause is None else code


def show_json(reports: Sequence[Report]) -> None:
    """Print one report as an object, several as an array."""
    from netprobe.report.json import dumps, to_json

    values = [to_json(report) for report in reports]
    put(dumps(values[0] if len(values) == 1 else values) + "\n")


def show_text(report: Report) -> None:
    """Print one report for people: folded and coloured on a terminal, plain into a pipe."""
    from netprobe.report.text import render

    let_stdout_take_anything()
    put(render(report, columns=terminal_columns(), colour=wants_colour()))


def terminal_columns() -> int | None:
    """Return how wide to fold, None to leave every line whole (a pipe, a dumb terminal)."""
    forced = bool(os.environ.get("FORCE_COLOR"))
    if not forced and (not sys.stdout.isatty() or os.environ.get("TERM") == "dumb"):
        return None
    return shutil.get_terminal_size().columns


def wants_colour() -> bool:
    """Return whether colour is welcome (https://no-color.org: any value that is not empty forbids it)."""
    return not os.environ.get("NO_COLOR")


def refuse_deep_json(*, deep: bool, as_json: bool) -> None:
    """Raise a UsageFault for ``--deep --json``: the JSON never depends on whether tshark is installed."""
    if deep and as_json:
        raise UsageFault(
            "--deep and --json do not go together", "the JSON never depends on tshark: leave out one of them"
        )


def let_stdout_take_anything() -> None:
    """Have a locale without "→" or "µ" get an escape in their place instead of a traceback."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")
