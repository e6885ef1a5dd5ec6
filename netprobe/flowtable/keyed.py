"""What is made of a chunk's packets before they are tracked: nothing of it needs the packets before, so it can be done while those are tracked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.flows.copies import contents
from netprobe.flowtable.index import grouping
from netprobe.flowtable.keys import taken
from netprobe.values import dataclass

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from netprobe.decode.table import PacketTable
    from netprobe.flowtable.index import Grouped
    from netprobe.flowtable.keys import KeyedPackets


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyed:
    """Packets and their keys.

    Attributes:
        table: the packets.
        chosen: those that count, and their keys.
        grouped: the keys, equal ones together.
        identity: uint64, of each of these what two sightings of one packet have in common.
    """

    table: PacketTable
    chosen: KeyedPackets
    grouped: Grouped
    identity: NDArray[np.uint64]

    @classmethod
    def of(cls, table: PacketTable) -> Keyed:
        """Do it for a table of at most 2^20 packets."""
        chosen = taken(table)
        grouped = grouping(chosen.words)
        identity = contents(table, chosen.rows, grouped.mixed)
        return cls(table=table, chosen=chosen, grouped=grouped, identity=identity)
