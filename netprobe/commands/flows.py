"""``netprobe flows``: the files to :func:`netprobe.tabulate.tabulate`, the rows asked for to stdout or a file."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from netprobe.commands.flowsasked import check
from netprobe.commands.flowsform import format_of
from netprobe.commands.flowspage import chosen_words, page_file, write_page
from netprobe.commands.flowsprogress import told, told_judging
from netprobe.commands.outcome import say
from netprobe.commands.output import OutputFile, file_or_stdout, pour
from netprobe.commands.outputfolder import OutputFolder
from netprobe.commands.points import named_points
from netprobe.commands.progress import Progress
from netprobe.commands.show import terminal_columns, wants_colour
from netprobe.commands.stdin import ctrl_c_is_the_writers
from netprobe.errors import EXIT_WORKS
from netprobe.evidence.memory import keep_freed
from netprobe.report.escape import visible
from netprobe.report.flows.outputs import TABLE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from netprobe.commands.flowsasked import FlowsAsked
    from netprobe.evidence.model import Limit
    from netprobe.flowtable.choose import RowChoice
    from netprobe.flowtable.table import FlowTable

PART_ROWS = 1 << 18  # of one file of a folder
MOST_ON_A_TERMINAL = 200  # lines, where nobody said how many
MOST_LIMITS = 10
_THEM = "the flows"  # what is written, for messages
_SWITCH_S = 0.0005  # how long who reads waits for who tracks to give Python's lock, and the other way round: a tenth of the usual


def run(asked: FlowsAsked) -> int:
    """Print the flows of the files, and return 0: which of them failed is in the table.

    Raises:
        UsageFault: nothing to read, an option that cannot be read, a column that there is not, or a file that may not be written.
        EvidenceFault: a file cannot be read.
        EnvironmentFault: a package or tshark is missing, or the output cannot be written.
    """
    named = named_points(asked.points, asked.files)
    inputs = (*asked.files, *named)
    check(asked, inputs)
    asked = replace(asked, output=file_or_stdout(asked.output))
    to = _output(asked)
    if to is not None:
        to.check(inputs)
    page = page_file(asked.html, force=asked.force, output=asked.output, form=asked.form, inputs=inputs)
    form = format_of(asked.form, asked.output)
    choice = _choice(asked, form)
    frames = _matching(asked, inputs)
    table = _read(asked, inputs, named)
    _say_limits(table.limits)
    if asked.show is not None:
        return _show(table, asked, inputs, named)
    from netprobe.flowtable.choose import rows_of
    from netprobe.report.flows.table import one_a_connection

    if frames is not None:
        choice = replace(choice, among=_of_frames(table, inputs, named, frames))
    rows = rows_of(table, choice)
    if form == TABLE:
        rows = one_a_connection(table, rows)[: asked.top]
    if not len(rows):
        _say_nothing_to_show(table, asked.where)
    if page is not None:
        _write_page(page, table, choice, asked, inputs, named)
    if to is not None or page is None or not page.is_stdout:
        _print(table, rows, form, to, top=asked.top)
    return EXIT_WORKS


def _write_page(
    to: OutputFile,
    table: FlowTable,
    choice: RowChoice,
    asked: FlowsAsked,
    inputs: Sequence[str],
    named: Mapping[str, str],
) -> None:
    others = {
        "one flow for all packets of the same ends": asked.merge,
        f"state of {asked.state}": asked.state is not None,
    }
    chosen = chosen_words(
        where=asked.where,
        match=asked.match,
        failed=asked.failed,
        sort=asked.sort,
        top=asked.top,
        others=[words for words, so in others.items() if so],
    )
    with Progress(quiet=False) as progress:
        tell = told(progress, "for the page")
        write_page(to, table, choice, chosen, inputs, named, top=asked.top, progress=tell)


def _say_nothing_to_show(table: FlowTable, where: str | None) -> None:
    from netprobe.flowtable.fields import FIELDS
    from netprobe.flowtable.where.never import never

    _remark(_nothing_to_show(table))
    if where is not None and len(table):
        for line in never(where, {field.name: partial(field.of, table) for field in FIELDS}):
            _remark(line)


def _nothing_to_show(table: FlowTable) -> str:
    """Why there is no line, in the words of the table: connections, and flows where points were not joined."""
    if not len(table):
        return "no flow: no TCP, UDP or SCTP packet and no ICMP echo was found"
    if table.connection is None:
        return f"none of {len(table)} flows is what was asked for"
    return f"none of {int(table.connection.max()) + 1} connections is what was asked for"


def _output(asked: FlowsAsked) -> OutputFile | OutputFolder | None:
    """Where the flows go; None: stdout. A name that ends with / is a folder of Parquet files."""
    if asked.output is None:
        return None
    if asked.output.endswith("/"):
        return OutputFolder(path=asked.output)
    return OutputFile(path=asked.output, force=asked.force)


def compile_now() -> int:
    """Make the machine code for this processor, say where it is kept, and return 0.

    Raises:
        EnvironmentFault: numba is missing, or there is no folder for it.
    """
    from netprobe.compiled.build import compile_all

    with Progress(quiet=False) as progress:
        progress("compiles (some ten seconds)")
        file = compile_all()
    _remark(f"compiled: {file}")
    return EXIT_WORKS


def _choice(asked: FlowsAsked, form: str) -> RowChoice:
    """What is asked for; a mistake in it is said before a large file is read. A table takes the top of its lines, which are connections."""
    from netprobe.flowtable.choose import BIGGEST, RowChoice, sort_of
    from netprobe.flowtable.fields import NAMES
    from netprobe.flowtable.where.parse import parse

    if asked.where is not None:
        parse(asked.where, NAMES)
    sort = sort_of(asked.sort) or (BIGGEST if asked.top is not None else ())
    return RowChoice(where=asked.where, failed=asked.failed, sort=sort, top=None if form == TABLE else asked.top)


def _read(asked: FlowsAsked, inputs: Sequence[str], named: Mapping[str, str]) -> FlowTable:
    from netprobe.flowtable.options import options
    from netprobe.tabulate import state_of, tabulate

    keep_freed()
    sys.setswitchinterval(_SWITCH_S)
    track = options(merge=asked.merge, idle_s=asked.idle)
    hosts = None if asked.state is None else state_of(asked.state)
    with Progress(quiet=False) as progress, ctrl_c_is_the_writers(inputs):
        return tabulate(
            inputs,
            named,
            options=track,
            verdicts=asked.verdict,
            cluster=asked.cluster,
            hosts=hosts,
            progress=told(progress),
            judging=told_judging(progress),
            say=_remark,
        )


def _matching(asked: FlowsAsked, inputs: Sequence[str]) -> dict[str, NDArray[np.int64]] | None:
    """By file, the numbers of the frames that ``--match`` takes; None where that is not asked."""
    if asked.match is None:
        return None
    from netprobe.commands.match import check_filter, frames_of

    check_filter(asked.match)
    with Progress(quiet=False) as progress:
        return {file: frames_of(file, asked.match, told(progress, f"tshark in {file}"), _remark) for file in inputs}


def _remark(text: str) -> None:
    say(visible(f"netprobe: {text}"))


def _of_frames(
    table: FlowTable, inputs: Sequence[str], named: Mapping[str, str], frames: Mapping[str, NDArray[np.int64]]
) -> NDArray[np.int64]:
    """The rows of the connections that these frames are of, all points: a second look at the packets."""
    import numpy as np

    from netprobe.secondpass import rows_of_frames

    with Progress(quiet=False) as progress:
        rows = rows_of_frames(table, inputs, named, frames, told(progress))
    return rows if table.connection is None else np.flatnonzero(np.isin(table.connection, table.connection[rows]))


def _show(table: FlowTable, asked: FlowsAsked, inputs: Sequence[str], named: Mapping[str, str]) -> int:
    from netprobe.commands.showflow import show_flow

    with Progress(quiet=False) as progress:
        return show_flow(table, asked.show or 0, inputs, named, told(progress))


def _say_limits(limits: Sequence[Limit]) -> None:
    """Say on stderr what could not be read; the formats for programs have it as well, where they have a place for it."""
    for limit in limits[:MOST_LIMITS]:
        _remark(f"{limit.subject}: {limit.why}")
    if len(limits) > MOST_LIMITS:
        say(f"netprobe: … and {len(limits) - MOST_LIMITS} more of that kind")


def _print(
    table: FlowTable, rows: NDArray[np.int64], form: str, to: OutputFile | OutputFolder | None, *, top: int | None
) -> None:
    if isinstance(to, OutputFolder):
        starts = range(0, max(len(rows), 1), PART_ROWS)  # no flow: one file, which has the columns
        to.write((_pieces(table, rows[start : start + PART_ROWS], form, to) for start in starts), form)
        return
    columns = terminal_columns() if to is None else None
    if form == TABLE and columns is not None:
        from netprobe.report.flows.table import lay_out
        from netprobe.report.text import printed

        document = lay_out(table, rows, columns=columns, most=None if top else MOST_ON_A_TERMINAL)
        pour([printed(document, columns=columns, colour=wants_colour()).encode(_encoding(), "backslashreplace")], _THEM)
        return
    pieces = _pieces(table, rows, form, to)
    if to is None:
        pour(pieces, _THEM)
    else:
        to.write(pieces)


def _pieces(
    table: FlowTable, rows: NDArray[np.int64], form: str, to: OutputFile | OutputFolder | None
) -> Iterator[bytes]:
    if form == TABLE:
        from netprobe.report.flows.table import plain

        encoding = _encoding() if to is None else "utf-8"
        return (each.encode(encoding, "backslashreplace") for each in plain(table, rows))
    from netprobe.report.flows.outputs import writer_of

    return writer_of(form, None if to is None else to.path)(table, rows)


def _encoding() -> str:
    """What stdout takes: a locale without "⇒" gets an escape in its place."""
    return (sys.stdout.encoding if sys.stdout else None) or "utf-8"
