"""``netprobe flows``: the files to :func:`netprobe.tabulate.tabulate`, the rows asked for to stdout or a file."""

from __future__ import annotations

import sys
import time
from importlib.util import find_spec
from pathlib import PurePath
from typing import TYPE_CHECKING

from netprobe.commands.outcome import say
from netprobe.commands.output import OutputFile, pour
from netprobe.commands.points import named_points
from netprobe.commands.progress import Progress
from netprobe.commands.show import let_stdout_take_anything, terminal_columns, wants_colour
from netprobe.commands.stdin import ctrl_c_is_the_writers
from netprobe.errors import EXIT_WORKS, EnvironmentFault, UsageFault
from netprobe.report.escape import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from netprobe.evidence.model import Limit
    from netprobe.flowtable.choose import Choice
    from netprobe.flowtable.table import FlowTable

TABLE = "table"
MOST_ON_A_TERMINAL = 200  # lines, where nobody said how many
MOST_LIMITS = 10
_EVERY_S = 0.2


def run(
    *,
    files: Sequence[str],
    points: Sequence[str],
    where: str | None,
    sort: str | None,
    top: int | None,
    form: str | None,
    output: str | None,
    force: bool,
) -> int:
    """Print the flows of the files, and return 0: which of them failed is in the table.

    Raises:
        UsageFault: nothing to read, an option that cannot be read, a column that there is not, or a file that may not be written.
        EvidenceFault: a file cannot be read.
        EnvironmentFault: a package is missing, or the output cannot be written.
    """
    named = named_points(points, files)
    inputs = tuple(dict.fromkeys((*files, *named)))
    if not inputs:
        raise UsageFault("flows: no file given", "give captures of tcpdump and Wireshark, or files of netprobe --save")
    to = OutputFile(path=output, force=force) if output is not None else None
    form = _format(form, output)
    if to is not None:
        to.check(inputs)
    choice = _choice(where, sort, top)
    table = _read(files, named)
    _say_limits(table.limits)
    from netprobe.flowtable.choose import rows_of

    _print(table, rows_of(table, choice), form, to, top=top)
    return EXIT_WORKS


def _format(form: str | None, output: str | None) -> str:
    """Return the format, once it is known that it can be written.

    Raises:
        UsageFault: it is nothing for a terminal.
        EnvironmentFault: its package is not installed.
    """
    from netprobe.report.flows.outputs import OUTPUTS

    ending = PurePath(output or "").suffix.removeprefix(".")
    form = form or (ending if ending in OUTPUTS else TABLE)
    if form == TABLE:
        return form
    chosen = OUTPUTS[form]
    if chosen.binary and output is None and sys.stdout.isatty():
        raise UsageFault(f"--format {form} is nothing for a terminal", f"write it to a file: -o flows.{form}")
    if chosen.package and find_spec(chosen.package) is None:
        raise EnvironmentFault(
            f"--format {form}: {chosen.package} is not installed", f"pip install 'netprobe[{chosen.package}]'"
        )
    return form


def _choice(where: str | None, sort: str | None, top: int | None) -> Choice:
    """What is asked for; a mistake in it is said before a large file is read."""
    from netprobe.flowtable.choose import Choice, sort_of
    from netprobe.flowtable.fields import NAMES
    from netprobe.flowtable.where.parse import parse

    if where is not None:
        parse(where, NAMES)
    return Choice(where=where, sort=sort_of(sort), top=top)


def _read(files: Sequence[str], named: dict[str, str]) -> FlowTable:
    from netprobe.tabulate import tabulate

    with Progress(quiet=False) as progress, ctrl_c_is_the_writers({*files, *named}):
        return tabulate(files, named, _told(progress))


def _told(progress: Progress) -> Callable[[int, int | None], None]:
    """Return what tells how far reading is, with the rate and the time left, a few times a second."""
    begun = last = time.monotonic()

    def tell(done: int, size: int | None) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _EVERY_S:
            last = now
            progress(reading(done, size, now - begun))

    return tell


def reading(done: int, size: int | None, seconds: float) -> str:
    """Return how far reading is: ``reads 42 %, 210 MB/s, 3 s left``.

    Args:
        done: bytes read.
        size: bytes to read; None for a pipe.
        seconds: how long that took.
    """
    from netprobe.report.flows.table import amount

    rate = done / max(seconds, 1e-3)
    told = f"{amount(int(rate))}/s"
    if not size:
        return f"reads {amount(done)}, {told}"
    left = max(size - done, 0) / max(rate, 1.0)
    minutes, rest = divmod(round(left), 60)
    return f"reads {min(done / size, 1):.0%}, {told}, {f'{minutes} min ' if minutes else ''}{rest} s left"


def _say_limits(limits: Sequence[Limit]) -> None:
    """Say on stderr what could not be read; the formats for programs have it as well, where they have a place for it."""
    for limit in limits[:MOST_LIMITS]:
        say(visible(f"netprobe: {limit.subject}: {limit.why}"))
    if len(limits) > MOST_LIMITS:
        say(f"netprobe: … and {len(limits) - MOST_LIMITS} more of that kind")


def _print(table: FlowTable, rows: NDArray[np.int64], form: str, to: OutputFile | None, *, top: int | None) -> None:
    columns = terminal_columns() if to is None else None
    if form == TABLE and columns is not None:
        from netprobe.report.flows.table import lay_out
        from netprobe.report.text import printed

        let_stdout_take_anything()
        document = lay_out(table, rows, columns=columns, most=None if top else MOST_ON_A_TERMINAL)
        pour([printed(document, columns=columns, colour=wants_colour()).encode("utf-8", "backslashreplace")])
        return
    pieces = _pieces(table, rows, form)
    if to is None:
        pour(pieces)
    else:
        to.write(pieces)


def _pieces(table: FlowTable, rows: NDArray[np.int64], form: str) -> Iterator[bytes]:
    if form == TABLE:
        from netprobe.report.flows.table import plain

        encoding = (sys.stdout.encoding if sys.stdout else None) or "utf-8"
        return (each.encode(encoding, "backslashreplace") for each in plain(table, rows))
    from netprobe.report.flows.outputs import OUTPUTS

    return OUTPUTS[form].load()(table, rows)
