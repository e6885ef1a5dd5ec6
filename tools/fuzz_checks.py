"""What holds of any bytes that are given as a capture file. `make fuzz` and the tests call it with many.

Nothing is raised but netprobe's own faults; packets and flows do not depend on how the file is cut into parts, nor on who reads it, numpy or machine
code, one process or several; no packet is outside of the file; what is said of flows is a line each.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from netprobe.compiled import machine
from netprobe.compiled.decode import decode_compiled
from netprobe.compiled.track import CompiledTracker
from netprobe.compiled.walk import CompiledWalker
from netprobe.decode.decoder import COLUMNS, decode
from netprobe.errors import NetprobeError
from netprobe.evidence.lanes import Lanes
from netprobe.evidence.packets import Packets
from netprobe.evidence.stream.partition import partitions
from netprobe.evidence.stream.stream import open_stream
from netprobe.evidence.stream.whole import read
from netprobe.evidence.walker import PLAIN, ChainWalker
from netprobe.flows.build import build
from netprobe.flowtable.blocks import unpacked
from netprobe.flowtable.options import options
from netprobe.flowtable.partial import Selection, again, merged, shared, wanted
from netprobe.flowtable.track import Tracker
from netprobe.report.flows import csv
from netprobe.tabulate import tabulate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netprobe.decode.table import PacketTable
    from netprobe.evidence.model import CapturePoint, Evidence
    from netprobe.evidence.walker import RecordWalker
    from netprobe.flowtable.columns import FlowRows
    from netprobe.flowtable.options import TrackOptions
    from netprobe.flowtable.partial import Selected


_IN_MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - a name of nobody else's, in memory


class Finding(Exception):
    """Something does not hold."""


def check(data: bytes) -> bool:
    """Hold everything against these bytes; returns whether they were a capture.

    Raises:
        Finding: something does not hold.
        Exception: whatever else the program let out.
    """
    try:
        evidence = read(data, name="capture")
    except NetprobeError as fault:
        hold(str(fault).isprintable(), "a message that a terminal would obey")
        return False
    inside(evidence)
    with tempfile.NamedTemporaryFile(dir=_IN_MEMORY, prefix="capture") as file:
        file.write(data)
        file.flush()
        for walker in walkers():
            for chunk_bytes in (64, 1 << 20):
                streamed(file.name, evidence, chunk_bytes, walker)
        flows(file.name, evidence)
    table = decode(evidence.packets, evidence.points)
    if machine.usable():
        same(table, decode_compiled(evidence.packets, evidence.points))
    build(table)
    return True


def inside(evidence: Evidence) -> None:
    """Every packet is in the buffer, and of a point that there is."""
    packets = evidence.packets
    hold(bool((packets.offset >= 0).all() and (packets.caplen >= 0).all()), "a packet before the buffer")
    hold(bool((packets.offset + packets.caplen <= len(packets.data)).all()), "a packet behind the buffer")
    hold(bool((packets.point >= 0).all() and (packets.point < len(evidence.points)).all()), "a packet of no point")


def walkers() -> list[RecordWalker]:
    """All that find records in a file."""
    plain = [PLAIN, ChainWalker(Lanes(size=128, look=64, few=1))]
    return [*plain, CompiledWalker()] if machine.usable() else plain


def streamed(file: str, whole: Evidence, chunk_bytes: int, walker: RecordWalker) -> None:
    """A file that is read in parts has the packets, points and limits that it has as a whole."""
    packets, row = whole.packets, 0
    stream = open_stream([file], {}, chunk_bytes=chunk_bytes, walker=walker)
    for chunk in stream.chunks():
        for name in ("caplen", "origlen", "time_ns", "point", "frame"):
            expected = getattr(packets, name)[row : row + len(chunk)]
            hold(np.array_equal(getattr(chunk, name), expected), f"{name} in a part of {chunk_bytes} bytes")
        hold(all(chunk.raw(n) == packets.raw(row + n) for n in range(len(chunk))), "bytes of a packet in a part")
        row += len(chunk)
    hold(row == len(packets), f"{row} packets in parts of {chunk_bytes} bytes, {len(packets)} as a whole")
    hold(len(stream.points) == len(whole.points), "points of the parts")
    hold(len(stream.limits) == len(whole.limits), f"limits of the parts: {stream.limits}, {whole.limits}")


def flows(file: str, whole: Evidence) -> None:
    """The flows of a file do not depend on how it is cut, on who tracks them, nor on how many do; and all that is said of them can be printed."""
    for merge in (False, True):
        rows = tracked(Tracker(options(merge=merge)), [whole.packets], whole.points)
        parts = [alone(whole.packets, row) for row in range(len(whole.packets))]
        hold(alike(rows, tracked(Tracker(options(merge=merge)), parts, whole.points)), "flows of single packets")
        if machine.usable():
            for given in ([whole.packets], parts):
                hold(
                    alike(rows, tracked(CompiledTracker(options(merge=merge)), given, whole.points)), "flows, compiled"
                )
        hold(alike(rows, pieced(file, options(merge=merge))), "flows of pieces")
    table = tabulate([file], {})
    printed = b"".join(csv.write(table, np.arange(len(table))))
    hold(printed.decode().replace("\n", "").isprintable(), "a byte that a terminal would obey")
    hold(printed.count(b"\n") == len(table) + 1, "a line a row")


def alone(packets: Packets, row: int) -> Packets:
    """One packet, in the same buffer."""
    columns = {
        name: getattr(packets, name)[row : row + 1]
        for name in ("offset", "caplen", "origlen", "time_ns", "point", "frame")
    }
    return Packets(data=packets.data, **columns)


def tracked(tracker: Tracker | CompiledTracker, parts: Sequence[Packets], points: Sequence[CapturePoint]) -> FlowRows:
    """The flows of packets that are given part by part."""
    for packets in parts:
        tracker.take(packets, points)
    return unpacked(tracker.finish())


def pieced(file: str, track: TrackOptions) -> FlowRows:
    """The flows of a file that is tracked in pieces, as by the workers of a cluster."""
    planned = partitions([file], {}, 3, chunk_bytes=64)
    partials = []
    for part in planned.parts:
        tracker = Tracker(track)
        for packets in part.chunks():
            tracker.take(packets, planned.points)
        partials.append(tracker.partial())
    keys = shared(partials)
    chosen: list[Selected] = []
    for part, partial in zip(planned.parts, partials, strict=True):
        selection = Selection(keys, wanted(partial, keys))
        for packets in part.chunks():
            selection.take(packets, planned.points)
        chosen += selection.selected()
    before = np.cumsum([0, *(partial.packets for partial in partials)])[:-1].tolist()
    return merged(partials, [again(Tracker(track), keys, [*zip(before, chosen, strict=True)], planned.points)])


def alike(one: FlowRows, other: FlowRows) -> bool:
    """Whether two tables are the same in every byte."""
    return one.tobytes() == other.tobytes()


def same(one: PacketTable, other: PacketTable) -> None:
    """Both tables have the same columns."""
    for _, _, names in COLUMNS:
        for name in names:
            mine, its = getattr(one, name), getattr(other, name)
            rows = np.flatnonzero(mine != its)
            hold(not len(rows), f"{name} differs: {[(int(row), mine[row], its[row]) for row in rows[:1]]}")


def hold(true: bool, otherwise: str) -> None:
    """Raise where it is not so."""
    if not true:
        raise Finding(otherwise)
