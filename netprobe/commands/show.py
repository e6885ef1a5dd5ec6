"""Reports onto stdout: for people, as plain text or a terminal's, or by one of the printers."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from netprobe.commands.outcome import put
from netprobe.commands.output import A_FILE_CALLED_SO, STDOUT, file_or_stdout
from netprobe.errors import EXIT_FAILS, EXIT_UNDETERMINED, EXIT_WORKS, UsageFault

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from netprobe.model.report import Report

WIDEST = 1000
"""Cells: what $COLUMNS says is taken no further. A line is laid out cell by cell."""
EXIT_OF = {"works": EXIT_WORKS, "fails": EXIT_FAILS, "undetermined": EXIT_UNDETERMINED}
"""By verdict: its text, as a command is read before there is a report."""


def exit_code(report: Report) -> int:
    """Return the exit code of one report; a failure without a named cause has not been determined."""
    code = EXIT_OF[report.verdict.value]
    return EXIT_UNDETERMINED if code == EXIT_FAILS and report.cause is None else code


def _json(reports: Sequence[Report]) -> str:
    """Return one report as an object, several as an array."""
    from netprobe.report.json import dumps, to_json

    values = [to_json(report) for report in reports]
    return dumps(values[0] if len(values) == 1 else values) + "\n"


#: By the option of the command line that asks for it (``netprobe.cli.options.OUTPUTS``): one or more reports to the whole of stdout.
PRINTERS: dict[str, Callable[[Sequence[Report]], str]] = {"json": _json}


def show(reports: Sequence[Report], output: str) -> None:
    """Print reports by one of :data:`PRINTERS`."""
    put(PRINTERS[output](reports))


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
    return min(shutil.get_terminal_size().columns, WIDEST)


def wants_colour() -> bool:
    """Return whether colour is welcome (https://no-color.org: any value that is not empty forbids it)."""
    return not os.environ.get("NO_COLOR")


def refuse_deep(*, deep: bool, output: str | None) -> None:
    """Raise a UsageFault for ``--deep`` with what programs read: that never depends on whether tshark is installed."""
    if deep and output is not None:
        raise UsageFault(
            f"--deep and --{output} do not go together",
            f"--{output} never depends on tshark: leave out one of them",
        )


def refuse_quiet(*, quiet: bool, verbose: bool, deep: bool, output: str | None) -> None:
    """Raise a UsageFault for ``-q`` beside what asks for more than one line."""
    beside = {"-v": verbose, "--deep": deep, f"--{output}": output is not None}
    for option, given in beside.items():
        if quiet and given:
            raise UsageFault(f"-q and {option} do not go together", "leave out one of them: -q prints one line")


def refuse_force(*, force: bool, files: Mapping[str, str | None]) -> None:
    """Raise a UsageFault for ``--force`` without a file that it would let overwrite. ``files``: by the options that name them."""
    if force and all(file_or_stdout(file) is None for file in files.values()):
        wanted = " or ".join(f"{option} FILE" for option in files)
        raise UsageFault(
            f"--force without {' or '.join(files)} has nothing to overwrite", f"give {wanted}, or leave --force out"
        )


def refuse_stdout(option: str, file: str | None) -> None:
    """Raise a UsageFault where a file's bytes would go into the report: ``-``, ``/dev/stdout``, or the file that stdout goes to."""
    if file is None:
        return
    if file == STDOUT:
        raise UsageFault(f"{option}: stdout ({file}) is where the report goes", A_FILE_CALLED_SO)
    try:
        own, there = os.fstat(sys.stdout.fileno()), Path(file).stat()
    except (OSError, ValueError):  # no such file yet, or a stdout without a descriptor
        return
    if os.path.samestat(own, there) and not os.path.samestat(own, Path(os.devnull).stat()):
        raise UsageFault(f"{option}: {file} is where the report goes", "give it another name")


def refuse_page(html: str | None, **beside: bool) -> None:
    """Raise a UsageFault where a page cannot go where ``--html`` says: ``-`` puts it onto stdout in place of the report.

    Args:
        html: the name behind ``--html``.
        beside: options that ask for something on stdout, too, and whether each was given.
    """
    if html != STDOUT:
        refuse_stdout("--html", html)
        return
    for name, given in beside.items():
        if given:
            option = f"-{name}" if len(name) == 1 else f"--{name}"
            raise UsageFault(
                f"--html {STDOUT} and {option} do not go together: both are for stdout",
                "leave out one of them, or give the page a file",
            )


def refuse_one_file(save: str | None, html: str | None) -> None:
    """Raise a UsageFault where evidence and page would go into one file."""
    if save is not None and html is not None and os.path.realpath(save) == os.path.realpath(html):
        raise UsageFault("--save and --html name one file", "give each a name of its own")


def let_stdout_take_anything() -> None:
    """Have a locale without "→" or "µ" get an escape in their place instead of a traceback."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")
