"""Packets to which a capture gives no time (a pcapng Simple Packet Block has none, a broken clock says 1970): they stand where the file has them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from netprobe.decode.table import PacketTable

_NO_CLOCK_NS = 86_400_000_000_000  # the first day of Unix time: no capture is that old


def timed(table: PacketTable) -> PacketTable:
    """Give packets without a time that of the packet before them in the file (of the next one, at its beginning); the same table where all have one, or none has."""
    times = table.packets.time_ns
    known = times >= _NO_CLOCK_NS
    if known.all() or not known.any():
        return table
    rows = np.arange(len(times))
    last = np.maximum.accumulate(np.where(known, rows, -1))
    first = int(np.flatnonzero(known)[0])
    return replace(table, packets=replace(table.packets, time_ns=times[np.where(last < 0, first, last)]))
