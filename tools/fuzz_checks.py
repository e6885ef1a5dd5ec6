"""What holds of any bytes that are given as a capture file. `make fuzz` and the tests call it with many.

Nothing is raised but netprobe's own faults; what is read does not depend on how it is cut into parts, nor on which decoder reads it; no packet is
outside of the file, and no more memory is asked for than the file's size explains.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from netprobe.compiled import machine
from netprobe.compiled.decode import decode_compiled
from netprobe.decode.decoder import COLUMNS, decode
from netprobe.errors import NetprobeError
from netprobe.evidence.reader import read
from netprobe.evidence.stream.stream import open_stream
from netprobe.flows.build import build

if TYPE_CHECKING:
    from netprobe.decode.table import PacketTable
    from netprobe.evidence.model import Evidence


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
    for chunk_bytes in (64, 1 << 20):
        streamed(data, evidence, chunk_bytes)
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


def streamed(data: bytes, whole: Evidence, chunk_bytes: int) -> None:
    """A file that is read in parts has the packets, points and limits that it has as a whole."""
    packets = whole.packets
    with tempfile.NamedTemporaryFile(dir=_IN_MEMORY, prefix="capture") as file:
        file.write(data)
        file.flush()
        stream = open_stream([file.name], {}, chunk_bytes=chunk_bytes)
        row = 0
        for chunk in stream.chunks():
            for name in ("caplen", "origlen", "time_ns", "point", "frame"):
                expected = getattr(packets, name)[row : row + len(chunk)]
                hold(np.array_equal(getattr(chunk, name), expected), f"{name} in a part of {chunk_bytes} bytes")
            hold(all(chunk.raw(n) == packets.raw(row + n) for n in range(len(chunk))), "bytes of a packet in a part")
            row += len(chunk)
    hold(row == len(packets), f"{row} packets in parts of {chunk_bytes} bytes, {len(packets)} as a whole")
    hold(len(stream.points) == len(whole.points), "points of the parts")
    hold(len(stream.limits) == len(whole.limits), f"limits of the parts: {stream.limits}, {whole.limits}")


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
