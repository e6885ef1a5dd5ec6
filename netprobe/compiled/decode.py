"""The packet table by compiled code: what :func:`netprobe.decode.decoder.decode` gives, column by column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from netprobe.compiled import machine
from netprobe.compiled.row import NAMES, TEMPLATE
from netprobe.decode.decoder import COLUMNS, linktypes
from netprobe.decode.table import PacketTable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from netprobe.evidence.model import CapturePoint
    from netprobe.evidence.packets import Packets

_ROWS = 1 << 12
"""Rows decoded at a time: their numbers stay in the processor's cache."""


def decode_compiled(packets: Packets, points: Sequence[CapturePoint]) -> PacketTable:
    """Decode all packets. Never raises on any bytes.

    Raises:
        machine.NotUsable: there is no compiled code.
    """
    kernel = machine.kernels()["packets"]
    count = len(packets)
    columns: dict[str, NDArray[Any]] = {name: np.empty(count, dtype) for dtype, _, names in COLUMNS for name in names}
    data = np.frombuffer(packets.data, np.uint8)
    template = np.array(TEMPLATE, np.int64)
    block = np.empty((_ROWS, len(template)), np.int64)
    links = linktypes(packets, points)
    for first in range(0, count, _ROWS):
        run = slice(first, min(first + _ROWS, count))
        rows = block[: run.stop - first]
        kernel(data, *(each[run] for each in (packets.offset, packets.caplen, packets.origlen, links)), template, rows)
        for place, name in enumerate(NAMES):
            columns[name][run] = rows[:, place].astype(columns[name].dtype)
    return PacketTable(packets=packets, **columns)
