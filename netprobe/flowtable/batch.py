"""A chunk of packets in the order in which flows are counted: by flow, then by who sent them, then as they stand in the file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from netprobe.flowtable.segments import begins
from netprobe.values import dataclass

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from netprobe.decode.chunk import Ints, Mask
    from netprobe.decode.table import PacketTable
    from netprobe.flowtable.columns import FlowRows
    from netprobe.flowtable.state import States


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Packets, and the rows of their flows.

    Attributes:
        table: the packet table.
        rows: int64 (n,), rows of it.
        place: int64 (n,), where each stands among all packets of the chunk ordered by flow and file order: of one flow's packets the earlier
            one has the smaller place.
        segment: int64 (n,), twice the flow's number in the chunk, plus who sent it.
        starts: int64 (s,), where each segment begins; life, side: int64 (s,), its flow's number in the chunk, and the side.
        flows: the rows of the chunk's flows, changed in place; states: what is known beside.
    """

    table: PacketTable
    rows: Ints
    place: Ints
    segment: Ints
    starts: Ints
    life: Ints
    side: Ints
    flows: FlowRows
    states: States

    @classmethod
    def of(cls, table: PacketTable, rows: Ints, place: Ints, segment: Ints, flows: FlowRows, states: States) -> Batch:
        """A batch of packets that are in order."""
        starts = begins(segment)
        each = segment[starts]
        return cls(
            table=table, rows=rows, place=place, segment=segment, starts=starts, life=each >> 1, side=each & 1, flows=flows, states=states
        )  # fmt: skip

    def pick(self, which: Mask) -> Batch:
        """Some of the packets."""
        if which.all():
            return self
        return Batch.of(self.table, self.rows[which], self.place[which], self.segment[which], self.flows, self.states)

    def __len__(self) -> int:
        return len(self.rows)

    def column(self, name: str) -> NDArray[Any]:
        """A column of the packet table, or of the packets' own."""
        table = self.table
        values: NDArray[Any] = getattr(table.packets if name in ("time_ns", "origlen", "frame") else table, name)
        return values[self.rows]

    @property
    def ends(self) -> Ints:
        """Where each segment ends: the place of its last packet."""
        return np.append(self.starts[1:], len(self.rows)) - 1

    @property
    def number(self) -> Ints:
        """Of each packet, which of the chunk's segments it is in, from 0."""
        return np.repeat(np.arange(len(self.starts)), np.diff(self.starts, append=len(self.rows)))
