"""Where the compiled tracker has its flows' rows and states: in blocks, of which those that no packet touched for long are packed away.

A flow keeps its number. Its block's place in the arrays is looked up, and a block that is packed is put back when a packet of one of its flows comes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netprobe.flowtable.blocks import BLOCK, BLOCK_BITS, field, packed
from netprobe.flowtable.columns import FLOW
from netprobe.flowtable.state import STATE, put
from netprobe.values import dataclass

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from netprobe.flowtable.blocks import PackedBlock
    from netprobe.flowtable.columns import FlowRows
    from netprobe.flowtable.state import States

    Ints = NDArray[np.int64]

FIRST = 4
"""Blocks that there is room for at first."""
KEPT = 32
"""Blocks that are never packed: 100 MB."""
_MORE = 16  # blocks: what is not used yet costs memory, and growing costs little (the system moves pages)
_PATIENCE = 1 << 18  # packets without one of a block, until it may be packed: at first
_PACKED_AT_ONCE = 8
_BACK_BITS, _BACK = 16, 16  # more than one block put back for so many packets, and some, takes longer than it is worth


@dataclass(frozen=True, slots=True, kw_only=True)
class _Away:
    """A block that has no place."""

    rows: PackedBlock
    states: PackedBlock


class FlowArena:
    """Rows and states of flows, by their numbers.

    Attributes:
        rows: FLOW (m,), states: STATE (m,): of the blocks that have a place, where that says.
        places: int64 (b,), where each block stands, in blocks; -1 it is packed.
        touched: int64 (b,), how many packets there were when one of it came last.
    """

    def __init__(self) -> None:
        self.rows, self.states = np.empty(FIRST * BLOCK, FLOW), np.empty(FIRST * BLOCK, STATE)
        self.places, self.touched = np.arange(FIRST), np.zeros(FIRST, np.int64)
        self._free: list[int] = []
        self._away: dict[int, _Away] = {}
        self._patience, self._back, self._since = _PATIENCE, 0, 0

    @property
    def room(self) -> int:
        """How many flows there is room for."""
        return len(self.places) << BLOCK_BITS

    @property
    def whole(self) -> bool:
        """Whether all flows are where their numbers say: nothing was packed yet."""
        return bool((self.places == np.arange(len(self.places))).all())

    def grow(self, packets: int) -> None:
        """Have room for more flows: there is none left.

        Args:
            packets: how many there were.
        """
        if not self._free:
            self._pack(packets, len(self.places))
        if self._free:
            slots = [self._free.pop()]
        else:
            before = len(self.rows) >> BLOCK_BITS
            self._extend(min(max(before // 2, 1), _MORE))
            slots = list(range(before, len(self.rows) >> BLOCK_BITS))
        self.places = np.append(self.places, slots)
        self.touched = np.append(self.touched, np.full(len(slots), packets))

    def fetch(self, block: int, packets: int, flows: int) -> None:
        """Give a block that is packed a place again.

        Args:
            block: its number.
            packets: how many there were.
            flows: how many there are.
        """
        if not self._free:
            self._pack(packets, flows >> BLOCK_BITS)
        if not self._free:
            self._free.append(len(self.rows) >> BLOCK_BITS)
            self._extend(1)
        slot, away = self._free.pop(), self._away.pop(block)
        at = slice(slot << BLOCK_BITS, (slot + 1) << BLOCK_BITS)
        put(self.rows, at, away.rows.rows(FLOW))
        put(self.states, at, away.states.rows(STATE))
        self.places[block] = slot
        self._back += 1
        if self._back > _BACK + (packets - self._since >> _BACK_BITS):
            self._patience, self._back, self._since = 2 * self._patience, 0, packets

    def take(self, numbers: Ints) -> tuple[FlowRows, States]:
        """Return rows and states of flows, in that order."""
        rows, states = np.empty(len(numbers), FLOW), np.empty(len(numbers), STATE)
        of, within = numbers >> BLOCK_BITS, numbers & (BLOCK - 1)
        place = self.places[of]
        here = np.flatnonzero(place >= 0)
        at = place[here] << BLOCK_BITS | within[here]
        put(rows, here, self.rows.take(at))
        put(states, here, self.states.take(at))
        for block in np.unique(of[place < 0]).tolist():
            some, away = np.flatnonzero(of == block), self._away[block]
            put(rows, some, away.rows.some(FLOW, within[some]))
            put(states, some, away.states.some(STATE, within[some]))
        return rows, states

    def first_ns(self, count: int) -> Ints:
        """When each of the first ``count`` flows began."""
        out, offset = np.empty(len(self.places) << BLOCK_BITS, np.int64), field("first_ns")[1]
        for block, place in enumerate(self.places.tolist()):
            part = out[block << BLOCK_BITS : (block + 1) << BLOCK_BITS]
            if place < 0:
                self._away[block].rows.write(part, offset)
            else:
                part[:] = self.rows["first_ns"][place << BLOCK_BITS : (place + 1) << BLOCK_BITS]
        return out[:count]

    def drop(self, block: int) -> None:
        """Forget a block that is packed: nobody asks for it any more."""
        self._away.pop(block, None)

    def _extend(self, blocks: int) -> None:
        for each in (self.rows, self.states):
            each.resize(len(each) + blocks * BLOCK, refcheck=False)

    def _pack(self, packets: int, full: int) -> None:
        """Pack some blocks that were not touched for longest, if any are idle: of the first ``full`` ones, to which no flow is added."""
        if len(self.rows) < KEPT << BLOCK_BITS:
            return
        idle = np.flatnonzero((self.places[:full] >= 0) & (self.touched[:full] < packets - self._patience))
        for block in idle[np.argsort(self.touched[idle], kind="stable")][:_PACKED_AT_ONCE].tolist():
            slot = int(self.places[block])
            at = slice(slot << BLOCK_BITS, (slot + 1) << BLOCK_BITS)
            self._away[block] = _Away(rows=packed(self.rows[at]), states=packed(self.states[at]))
            self.places[block] = -1
            self._free.append(slot)
