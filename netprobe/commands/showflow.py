"""``--show N``: the packets of one connection, layer by layer."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from netprobe.commands.outcome import put
from netprobe.commands.show import let_stdout_take_anything, terminal_columns, wants_colour
from netprobe.errors import EXIT_WORKS, UsageFault
from netprobe.report.document import Document, Paragraph, line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from netprobe.evidence.model import CapturePoint
    from netprobe.flowtable.table import FlowTable
    from netprobe.report.deep import DeepFrame
    from netprobe.secondpass import FlowPacket

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
    from netprobe.secondpass import packets_of

    shown = rows[:MOST_POINTS]
    packets = packets_of(table, shown, files, points, MOST_PACKETS, progress)
    frames = [
        frame for each in packets for frame in _of_packet(each, table.points[int(table.rows["point"][each.flow])])
    ]
    every = int(table.rows["packets"][rows].sum())
    return frames, f"… and {every - len(packets)} packets more" if every > len(packets) else ""


def _of_packet(packet: FlowPacket, point: CapturePoint) -> Iterator[DeepFrame]:
    """The packet, and the one that it carries, of a flow inside of a tunnel."""
    from netprobe.report.deep import DeepFrame

    whole = DeepFrame(
        point=f"{point.name} ({packet.file})" if packet.file else point.name,
        frame=packet.frame,
        linktype=point.linktype,
        time_ns=packet.time_ns,
        origlen=packet.origlen,
        raw=packet.raw,
    )
    yield whole
    if packet.inner is not None:
        inner = packet.inner
        yield replace(
            whole,
            point=f"{whole.point}, inside of {inner.tunnel}",
            linktype=inner.linktype,
            origlen=inner.origlen,
            raw=inner.raw,
        )
