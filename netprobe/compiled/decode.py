"""The packet table by compiled code: what :func:`netprobe.decode.decoder.decode` gives, column by column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from netprobe.compiled import machine
from netprobe.compiled import row as c
from netprobe.decode.decoder import COLUMNS, linktypes
from netprobe.decode.table import PacketTable
from netprobe.decode.tunnels import MOST_DEPTH
from netprobe.evidence.packets import Packets

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from netprobe.evidence.model import CapturePoint

_ROWS = 1 << 12
"""Packets decoded at a time: their numbers stay in the processor's cache."""


def decode_compiled(packets: Packets, points: Sequence[CapturePoint], *, tunnels: bool = False) -> PacketTable:
    """Decode all packets. Never raises on any bytes.

    Args:
        packets: the buffer and its rows.
        points: the capture points, for their link types.
        tunnels: packets inside of others get rows of their own, too.

    Raises:
        machine.NotUsable: there is no compiled code.
    """
    parts: dict[str, list[NDArray[Any]]] = {name: [np.zeros(0, dtype)] for dtype, _, names in COLUMNS for name in names}
    rows = [Packets.none()]
    for run, block, owner in _blocks(packets, points, tunnels):
        for place, name in enumerate(c.NAMES):
            parts[name].append(block[:, place].astype(parts[name][0].dtype))
        if tunnels:
            rows.append(_rows(packets, run.start + owner, block))
    columns = {name: np.concatenate(each) for name, each in parts.items()}
    return PacketTable(packets=_joined(packets, rows) if tunnels else packets, **columns)


def _blocks(
    packets: Packets, points: Sequence[CapturePoint], tunnels: bool
) -> Iterator[tuple[slice, NDArray[np.int64], NDArray[np.int64]]]:
    """Some packets after the other: which, their rows (to be used before the next ones are asked for), and the packet of each row."""
    kernel = machine.kernels()["packets"]
    data, template = np.frombuffer(packets.data, np.uint8), np.array(c.TEMPLATE, np.int64)
    block = np.empty((_ROWS * (1 + MOST_DEPTH) + 1 if tunnels else _ROWS, len(template)), np.int64)
    owner = np.empty(len(block), np.int64)
    links = linktypes(packets, points)
    for first in range(0, len(packets), _ROWS):
        run = slice(first, first + _ROWS)
        given = (each[run] for each in (packets.offset, packets.caplen, packets.origlen, links))
        count = kernel(data, *given, template, int(tunnels), block, owner)
        yield run, block[:count], owner[:count]


def _rows(packets: Packets, owner: NDArray[np.int64], block: NDArray[np.int64]) -> Packets:
    """Where the frames of some rows are."""
    at, cap, wire = (block[:, place] for place in (c.FRAME_AT, c.FRAME_CAP, c.FRAME_WIRE))
    outer = at < 0
    return Packets(
        data=packets.data,
        offset=np.where(outer, packets.offset[owner], at),
        caplen=np.where(outer, packets.caplen[owner], cap - at),
        origlen=np.where(outer, packets.origlen[owner], wire - at),
        time_ns=packets.time_ns[owner],
        point=packets.point[owner],
        frame=packets.frame[owner],
    )


def _joined(packets: Packets, parts: Sequence[Packets]) -> Packets:
    if sum(len(part) for part in parts) == len(packets):
        return packets
    names = ("offset", "caplen", "origlen", "time_ns", "point", "frame")
    return Packets(
        data=packets.data, **{name: np.concatenate([getattr(each, name) for each in parts]) for name in names}
    )
