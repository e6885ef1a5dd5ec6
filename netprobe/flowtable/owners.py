"""Whose packets: which row of a finished flow table a packet belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netprobe.flowtable.index import mix
from netprobe.flowtable.keys import pack, taken

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from netprobe.decode.table import PacketTable
    from netprobe.flowtable.blocks import TableRows


class PacketOwners:
    """Some rows of a flow table, to be asked for their packets."""

    def __init__(self, rows: TableRows, numbers: NDArray[np.int64]) -> None:
        """Keep the rows asked for.

        Args:
            rows: the flow table's, finished.
            numbers: int64, which of them.
        """
        words = pack(rows[numbers])
        self._mixed, group = np.unique(mix(words), return_inverse=True)
        order = np.lexsort((rows["first_ns"][numbers], group))
        self._group, self._first = group[order], rows["first_ns"][numbers[order]]
        self._number, self._words = numbers[order], words[:, order]

    def of(self, table: PacketTable) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Find the owners of packets.

        Returns:
            Rows of the packet table, in file order, and of each the number of its flow: the last one of the same ends that had begun then, else
            the first. Packets of other flows, and of none, are left out.
        """
        chosen = taken(table)
        mixed = mix(chosen.words)
        group = np.searchsorted(self._mixed, mixed)
        found = np.flatnonzero(group < len(self._mixed))
        found = found[self._mixed[group[found]] == mixed[found]]
        if not len(found):
            return found, found
        place = self._last_begun(group[found], table.packets.time_ns[chosen.rows[found]])
        same = (self._words[:, place] == chosen.words[:, found]).all(axis=0)
        return chosen.rows[found[same]], self._number[place[same]]

    def _last_begun(self, group: NDArray[np.int64], time_ns: NDArray[np.int64]) -> NDArray[np.int64]:
        """Merge packets and flows by group and time, a flow before the packets of its own time: the flow before each packet is its own."""
        count = len(self._group)
        begun = np.append(self._first, time_ns)
        packet = np.arange(len(begun)) >= count
        order = np.lexsort((packet, begun, np.append(self._group, group)))
        before = np.cumsum(~packet[order]) - 1
        place = np.empty(len(begun), np.int64)
        place[order] = before
        first = np.searchsorted(self._group, group)
        return np.maximum(place[count:], first)
