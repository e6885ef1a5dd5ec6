"""Captures of one place, one after the other (``tcpdump -C``, dumpcap's ring buffer), given together: the second is no other point of the way.

Two points that a connection passes both see its packets, a moment apart. What one file has of it wholly behind what the other has, and without any
packet that is in both, is how it went on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.decode.table import Kind
from netprobe.journeys.same import same_ends
from netprobe.journeys.tokens import DIGEST_BYTES

if TYPE_CHECKING:
    from collections.abc import Hashable

    import numpy as np
    from numpy.typing import NDArray

    from netprobe.decode.table import PacketTable
    from netprobe.flows.model import Flow

_LOOKED_AT = 4096  # packets of each flow


def goes_on(table: PacketTable, one: Flow, other: Flow, *, forward: bool) -> bool:
    """Whether a flow of another point than ``one`` holds what came after that, in one direction."""
    mine, theirs = (flow.forward if forward else flow.reverse for flow in (one, other))
    if (
        one.point == other.point
        or one.vlan != other.vlan
        or not same_ends(one, other)
        or not (len(mine) and len(theirs))
    ):
        return False
    times = table.packets.time_ns
    if int(times[theirs[0]]) <= int(times[mine[-1]]):
        return False
    return not _packets(table, mine[-_LOOKED_AT:]) & _packets(table, theirs[:_LOOKED_AT])


def _packets(table: PacketTable, rows: NDArray[np.int64]) -> set[Hashable]:
    """What tells each packet from the others of its flow, and from itself sent again."""
    return {_identity(table, row) for row in rows.tolist()}


def _identity(table: PacketTable, row: int) -> Hashable:
    numbers = int(table.seq[row]), int(table.payload_len[row]), int(table.ip_id[row])
    if table.kind[row] == Kind.TCP:
        return *numbers, int(table.ack[row]), int(table.tcp_flags[row]), int(table.tsval[row])
    return *numbers, table.payload(row)[:DIGEST_BYTES]
