"""``--show N``: the packets of one connection, layer by layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netprobe.commands.outcome import put
from netprobe.commands.show import let_stdout_take_anything, terminal_columns, wants_colour
from netprobe.errors import EXIT_WORKS, UsageFault
from netprobe.report.document import Document, Paragraph, line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from netprobe.flowtable.table import FlowTable
    from netprobe.report.deep import DeepFrame

MOST_PACKETS = 40  # of a connection, at each point
MOST_POINTS = 3  # the first ones that saw it


def show_flow(
    table: FlowTable,
    number: int,
    files: Sequence[str],
    points: Mapping[str, str],
    progress: Callable[[int, int | None], object],
) -> int:
    """Print one line on the connection and its packets in depth, by scapy and tshark, and return 0.

    Raises:
        UsageFault: there is none of that number.
        EvidenceFault: a file can no longer be read.
    """
    from netprobe.commands.tshark import application_layers
    from netprobe.report.deep import lay_out
    from netprobe.report.flows.table import lay_out as as_table
    from netprobe.report.text import printed

    rows = _rows(table, number)
    frames, left = _frames(table, rows, files, points, progress)
    application, note = application_layers(frames)
    deep = lay_out(frames, application, note)
    head = as_table(table, rows[:1], columns=terminal_columns())
    rest = ((Paragraph(content=line(left)),),) if left else ()
    let_stdout_take_anything()
    document = Document(sections=(*head.sections, *deep.sections, *rest))
    put(printed(document, columns=terminal_columns(), colour=wants_colour()))
    return EXIT_WORKS


def _rows(table: FlowTable, number: int) -> NDArray[np.int64]:
    """The rows of a connection, in order of their first packets."""
    of = np.arange(len(table)) if table.connection is None else table.connection
    rows = np.flatnonzero(of == number - 1)
    if not len(rows):
        count = int(of.max()) + 1 if len(of) else 0
        raise UsageFault(f"--show: there is no connection {number}", f"they are numbered from 1 to {count}")
    return rows


def _frames(
    table: FlowTable,
    rows: NDArray[np.int64],
    files: Sequence[str],
    points: Mapping[str, str],
    progress: Callable[[int, int | None], object],
) -> tuple[list[DeepFrame], str]:
    """The packets to show, and what to say of those that are not."""
    from netprobe.report.deep import DeepFrame
    from netprobe.secondpass import packets_of

    shown = rows[:MOST_POINTS]
    packets = packets_of(table, shown, files, points, MOST_PACKETS, progress)
    frames = []
    for each in packets:
        point = table.points[int(table.rows["point"][each.flow])]
        frames.append(
            DeepFrame(
                point=point.name,
                frame=each.frame,
                linktype=point.linktype,
                time_ns=each.time_ns,
                origlen=each.origlen,
                raw=each.raw,
            )
        )
    every = int(table.rows["packets"][rows].sum())
    return frames, f"… and {every - len(frames)} packets more" if every > len(frames) else ""
