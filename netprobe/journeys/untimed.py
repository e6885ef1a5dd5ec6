"""Packets to which a capture gives no time (a pcapng Simple Packet Block has none, a broken clock says 1970): they stand where the file has them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from netprobe.decode.table import PacketTable
    from netprobe.evidence.packets import Packets

_NO_CLOCK_NS = 86_400_000_000_000  # the first day of Unix time: no capture is that old


def timed(table: PacketTable) -> PacketTable:
    """Give packets without a time that of the packet before them in the file (of the next one, at its beginning); the same table where all have one, or none has."""
    packets = Timing().put(table.packets)
    return table if packets is table.packets else replace(table, packets=packets)


class Timing:
    """The same for packets that come a chunk at a time."""

    def __init__(self) -> None:
        self._last: int | None = None

    def put(self, packets: Packets) -> Packets:
        """Return the next packets; at the beginning only a chunk's own packets tell."""
        times = packets.time_ns
        known = times >= _NO_CLOCK_NS
        if known.all():
            self._last = int(times[-1]) if len(times) else self._last
            return packets
        if self._last is None and not known.any():
            return packets
        last = np.maximum.accumulate(np.where(known, np.arange(len(times)), -1))
        before = self._last if self._last is not None else int(times[known.argmax()])
        filled = np.where(last < 0, before, times[last])
        self._last = int(filled[-1])
        return replace(packets, time_ns=filled)
