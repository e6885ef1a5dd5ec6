"""``netprobe flows``: the files to :func:`netprobe.tabulate.tabulate`, the rows asked for to stdout or a file."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from netprobe.commands.flowsform import format_of
from netprobe.commands.flowspage import chosen_words, page_file, write_page
from netprobe.commands.memory import keep_freed
from netprobe.commands.outcome import say
from netprobe.commands.output import OutputFile, pour
from netprobe.commands.outputfolder import OutputFolder
from netprobe.commands.points import named_points
from netprobe.commands.progress import Progress
from netprobe.commands.show import terminal_columns, wants_colour
from netprobe.commands.stdin import ctrl_c_is_the_writers
from netprobe.errors import EXIT_WORKS, UsageFault
from netprobe.evidence.files import STDIN
from netprobe.report.escape import visible
from netprobe.report.flows.outputs import TABLE
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from netprobe.evidence.model import Limit
    from netprobe.flowtable.choose import RowChoice
    from netprobe.flowtable.table import FlowTable

PART_ROWS = 1 << 18  # of one file of a folder
MOST_ON_A_TERMINAL = 200  # lines, where nobody said how many
MOST_LIMITS = 10
_EVERY_S = 0.2
_SWITCH_S = 0.0005  # how long who reads waits for who tracks to give Python's lock, and the other way round: a tenth of the usual


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowsAsked:
    """The options of ``netprobe flows``, by the names that they have there.

    Attributes:
        form: ``--format``; None: as ``output`` ends, else a table.
        idle: in s.
        state: an evidence file whose hosts' state is taken; None: that of the files themselves.
    """

    files: tuple[str, ...]
    points: tuple[str, ...] = ()
    where: str | None = None
    match: str | None = None
    failed: bool = False
    sort: str | None = None
    top: int | None = None
    show: int | None = None
    merge: bool = False
    idle: float | None = None
    verdict: bool = True
    form: str | None = None
    output: str | None = None
    force: bool = False
    cluster: str | None = None
    state: str | None = None
    html: str | None = None


def run(asked: FlowsAsked) -> int:
    """Print the flows of the files, and return 0: which of them failed is in the table.

    Raises:
        UsageFault: nothing to read, an option that cannot be read, a column that there is not, or a file that may not be written.
        EvidenceFault: a file cannot be read.
        EnvironmentFault: a package or tshark is missing, or the output cannot be written.
    """
    named = named_points(asked.points, asked.files)
    inputs = (*asked.files, *named)
    _check(asked, inputs)
    to = _output(asked)
    if to is not None:
        to.check(inputs)
    page = page_file(asked.html, force=asked.force, output=asked.output, inputs=inputs)
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
        tell = _told(progress, "for the page")
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


def _check(asked: FlowsAsked, inputs: Sequence[str]) -> None:
    """Refuse what does not go together, before anything is read.

    Raises:
        UsageFault: it does not.
    """
    from netprobe.flowtable.options import options

    if not inputs:
        raise UsageFault("flows: no file given", "give captures of tcpdump and Wireshark, or files of netprobe --save")
    needs = "--failed" if asked.failed else "--state" if asked.state is not None else ""
    if needs and not asked.verdict:
        raise UsageFault(f"{needs} and --no-verdict do not go together", "leave out one of them")
    options(idle_s=asked.idle)
    twice = "--match" if asked.match is not None else "--show" if asked.show is not None else ""
    if twice and not all(Path(file).is_file() for file in inputs if Path(file).exists() or file == STDIN):
        raise UsageFault(f"{twice} reads the packets twice, which a pipe does not allow", "save them to a file first")
    others = (asked.where, asked.match, asked.sort, asked.top, asked.output, asked.html, asked.failed or None)
    if asked.show is not None and (asked.form not in (None, TABLE) or any(each is not None for each in others)):
        raise UsageFault(
            "--show decodes one connection for people: it goes with no choice of flows, --format, -o or --html",
            "leave them out",
        )


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
            progress=_told(progress),
            judging=_told_judging(progress),
            say=_remark,
        )


def _matching(asked: FlowsAsked, inputs: Sequence[str]) -> dict[str, NDArray[np.int64]] | None:
    """By file, the numbers of the frames that ``--match`` takes; None where that is not asked."""
    if asked.match is None:
        return None
    from netprobe.commands.match import check_filter, frames_of

    check_filter(asked.match)
    with Progress(quiet=False) as progress:
        return {file: frames_of(file, asked.match, _told(progress, f"tshark in {file}"), _remark) for file in inputs}


def _remark(text: str) -> None:
    say(visible(f"netprobe: {text}"))


def _of_frames(
    table: FlowTable, inputs: Sequence[str], named: Mapping[str, str], frames: Mapping[str, NDArray[np.int64]]
) -> NDArray[np.int64]:
    """The rows of the connections that these frames are of, all points: a second look at the packets."""
    import numpy as np

    from netprobe.secondpass import rows_of_frames

    with Progress(quiet=False) as progress:
        rows = rows_of_frames(table, inputs, named, frames, _told(progress))
    return rows if table.connection is None else np.flatnonzero(np.isin(table.connection, table.connection[rows]))


def _show(table: FlowTable, asked: FlowsAsked, inputs: Sequence[str], named: Mapping[str, str]) -> int:
    from netprobe.commands.showflow import show_flow

    with Progress(quiet=False) as progress:
        return show_flow(table, asked.show or 0, inputs, named, _told(progress))


def _told(
    progress: Progress, what: str = "", how_far: Callable[[int, int | None, float], str] | None = None
) -> Callable[[int, int | None], None]:
    """Return what tells how far reading is (or something else), with the rate and the time left, a few times a second."""
    before = f"{what}: " if what else ""
    begun = last = time.monotonic()
    say_how_far = how_far or reading

    def tell(done: int, size: int | None) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _EVERY_S:
            last = now
            progress(before + say_how_far(done, size, now - begun))

    return tell


def _told_judging(progress: Progress) -> Callable[[int, int | None], None]:
    """Return what tells how far verdicts are; their time begins when it is called first."""
    tell: Callable[[int, int | None], None] | None = None

    def tell_from_now(done: int, size: int | None) -> None:
        nonlocal tell
        if tell is None:
            progress("joins and judges flows")
            tell = _told(progress, how_far=judging)
        tell(done, size)

    return tell_from_now


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
    return f"reads {_how_far(done, size)}, {told}, {_left(done, size, rate)}"


def judging(done: int, size: int | None, seconds: float) -> str:
    """Return how far verdicts are: ``joins and judges flows: 42%, 350,000/s, 1 s left``.

    Args:
        done: flows that are done.
        size: all of them.
        seconds: how long that took.
    """
    rate, every = done / max(seconds, 1e-3), size or 1
    return f"joins and judges flows: {_how_far(done, every)}, {rate:,.0f}/s, {_left(done, every, rate)}"


def _how_far(done: int, size: int) -> str:
    return f"{min(done / size, 1):.0%}"


def _left(done: int, size: int, rate: float) -> str:
    minutes, rest = divmod(round(max(size - done, 0) / max(rate, 1.0)), 60)
    return f"{f'{minutes} min ' if minutes else ''}{rest} s left"


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
        pour([printed(document, columns=columns, colour=wants_colour()).encode(_encoding(), "backslashreplace")])
        return
    pieces = _pieces(table, rows, form, to)
    if to is None:
        pour(pieces)
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
