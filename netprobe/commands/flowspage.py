"""``flows --html FILE``: the flows that were asked for as one page that needs nothing else, written whole or not at all."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from netprobe.commands.outcome import say
from netprobe.commands.output import page_to
from netprobe.commands.show import refuse_page
from netprobe.errors import EvidenceFault, UsageFault
from netprobe.evidence.files import shown
from netprobe.report.escape import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from netprobe.commands.output import OutputFile
    from netprobe.flowtable.choose import RowChoice
    from netprobe.flowtable.table import FlowTable
    from netprobe.model.ladder import FlowLadder

    Progress = Callable[[int, int | None], object]

_PIPE = "The packets came through a pipe, and only once: there is no ladder. Of captures in files there would be."


def page_file(
    path: str | None, *, force: bool, output: str | None, form: str | None, inputs: Sequence[str]
) -> OutputFile | None:
    """Find out before the work whether the page may be written; None: nobody asked for one.

    Raises:
        UsageFault, EnvironmentFault: it may not, or cannot.
    """
    if path is None:
        return None
    if output is not None and os.path.realpath(output) == os.path.realpath(path):
        raise UsageFault("-o and --html name one file", "give each a name of its own")
    refuse_page(path, format=form is not None and output is None)
    to = page_to(path, force=force)
    if to is not None:
        to.check(inputs)
    return to


def write_page(
    to: OutputFile,
    table: FlowTable,
    choice: RowChoice,
    chosen: Sequence[str],
    inputs: Sequence[str],
    named: Mapping[str, str],
    *,
    top: int | None,
    progress: Progress,
) -> None:
    """Write the page, and say so.

    Args:
        to: its file.
        table: the flows.
        choice: which of them, and in which order.
        chosen: the same in words.
        inputs: the captures, which are read again for the ladders of what failed.
        named: their points' names.
        top: how many lines; None: all.
        progress: called now and then with how many bytes were read, and of how many.

    Raises:
        EnvironmentFault: it cannot be written.
    """
    from netprobe.flowtable.choose import rows_of
    from netprobe.report.flows.table import one_a_connection
    from netprobe.report.html.flows import PageOfFlows, flows_page, to_be_told

    rows = one_a_connection(table, rows_of(table, replace(choice, top=None)))[:top]
    ladders, untold = _ladders(table, to_be_told(table, rows).tolist(), inputs, named, progress)
    asked = PageOfFlows(files=tuple(map(shown, inputs)), chosen=chosen, ladders=ladders, untold=untold)
    to.write([flows_page(table, rows, asked).encode("utf-8", "backslashreplace")])
    if not to.is_stdout:
        say(f"netprobe: page written to {visible(to.path)}")


def _ladders(
    table: FlowTable, numbers: Sequence[int], inputs: Sequence[str], named: Mapping[str, str], progress: Progress
) -> tuple[Mapping[int, FlowLadder], str]:
    """The ladders of these connections; or why there are none."""
    if not numbers:
        return {}, ""
    if not all(Path(each).is_file() for each in inputs):
        return {}, _PIPE
    from netprobe.ladders import ladders_of

    try:
        found = ladders_of(table, numbers, inputs, named, progress)
    except EvidenceFault as fault:  # it was there, or a cluster's workers have it
        return {}, f"There is no ladder: {fault}."
    if len(found) < len(numbers):
        return found, ""
    return found, ""


def chosen_words(
    *, where: str | None, match: str | None, failed: bool, sort: str | None, top: int | None, others: Sequence[str] = ()
) -> list[str]:
    """Return in words which flows were asked for."""
    words = ["those that failed"] if failed else []
    words += [f"where {where}"] if where is not None else []
    words += [f"with a packet that {match} takes"] if match is not None else []
    words += list(others)
    words += [f"sorted by {sort}"] if sort is not None else []
    if top is not None:
        words.append(f"the first {top:,}" if sort is not None else f"the {top:,} with the most bytes")
    return words
