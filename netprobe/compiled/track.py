"""The tracker as machine code: packets to flows, a packet at a time. The same rows as :class:`netprobe.flowtable.track.Tracker`, bit for bit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netprobe.compiled import arrays, machine
from netprobe.compiled.arena import FlowArena
from netprobe.compiled.arrays import KEY
from netprobe.compiled.row import TEMPLATE
from netprobe.decode.decoder import linktypes
from netprobe.decode.table import Kind
from netprobe.decode.tunnels import MOST_DEPTH
from netprobe.flowtable.columns import absent
from netprobe.flowtable.errors import ERROR, QuotedErrors
from netprobe.flowtable.finish import finished, finished_blocks
from netprobe.flowtable.index import WORDS
from netprobe.flowtable.partial import partial_of
from netprobe.flowtable.repeats import WINDOW
from netprobe.flowtable.state import unknown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netprobe.evidence.model import CapturePoint
    from netprobe.evidence.packets import Packets
    from netprobe.flowtable.blocks import TableRows
    from netprobe.flowtable.columns import FlowRows
    from netprobe.flowtable.options import TrackOptions
    from netprobe.flowtable.partial import Partial
    from netprobe.flowtable.state import States

PACKED = 1 << 16
"""Flows: a table of more is packed (:mod:`netprobe.flowtable.blocks`)."""
_FIRST, _MORE = 1 << 14, 1 << 16
_SLOTS = 1 << 12


class CompiledTracker:
    """Tracks flows over any number of chunks. Memory grows with the flows, not with the packets.

    Raises:
        machine.NotUsable: there is no compiled code.
    """

    def __init__(self, options: TrackOptions) -> None:
        self._track, self._refill = machine.kernels()["track"], machine.kernels()["refill"]
        self._arena = FlowArena()
        self._keys, self._errors, self._kept = np.empty(_FIRST, KEY), np.empty(_FIRST, ERROR), QuotedErrors()
        self._slots = np.zeros(_SLOTS, np.uint64)
        self._ring, self._heads = (
            np.empty(WINDOW * (1 + MOST_DEPTH), arrays.SIGHT),
            np.full(arrays.BUCKETS, arrays.NOWHERE),
        )
        self._idle = np.array([options.idle(kind) for kind in Kind], np.int64)
        self._numbers = np.zeros(arrays.NUMBERS, np.int64)
        self._numbers[arrays.LONGEST_NOW], self._numbers[arrays.MERGE] = arrays.LONGEST, options.merge
        self._numbers[arrays.ROOM] = self._arena.room
        template = np.array(TEMPLATE, np.int64)
        self._template = template, template.copy()
        self._unknown = absent(1), unknown(1), np.zeros(WORDS, np.uint64)

    def take(self, packets: Packets, points: Sequence[CapturePoint]) -> None:
        """Decode and track one more chunk.

        Args:
            packets: packets in file order.
            points: the capture points that are known by now, for their link types.
        """
        given = (
            *(np.frombuffer(packets.data, np.uint8), packets.offset, packets.caplen, packets.origlen, packets.time_ns),
            *(packets.frame, packets.point, linktypes(packets, points)),
        )
        done = 0
        while done < len(packets):
            flows = self._arena.rows, self._arena.states, self._arena.places, self._arena.touched
            store = *flows, self._keys, self._errors, self._slots, self._ring, self._heads
            done = self._track(*given, done, *self._template, *store, *self._unknown, self._idle, self._numbers)
            self._make_room()

    def finish(self) -> TableRows:
        """Return the flow table's rows, of more than :data:`PACKED` in blocks; the tracker cannot be used any more."""
        flows, errors = int(self._numbers[arrays.FLOWS]), self._kept.rows()
        self._keys, self._slots = self._keys[:0].copy(), self._slots[:0].copy()  # a sixth of all its memory
        if flows > PACKED or not self._arena.whole:
            return finished_blocks(self._arena, flows, errors)
        return finished(*self._flows(flows), errors)

    def _flows(self, count: int) -> tuple[FlowRows, States]:
        """All rows and states, by the flows' numbers."""
        if self._arena.whole:
            return self._arena.rows[:count], self._arena.states[:count]
        return self._arena.take(np.arange(count))

    def partial(self) -> Partial:
        """Return what was tracked as one partition's part of a larger capture; the tracker cannot be used any more."""
        flows, keys = (int(self._numbers[place]) for place in (arrays.FLOWS, arrays.KEYS))
        known, packets = self._keys[:keys], int(self._numbers[arrays.PACKETS])
        words, span = np.ascontiguousarray(known["words"].T), np.stack([known["first"], known["last"]])
        return partial_of(*self._flows(flows), words, span, self._kept, packets)

    def _make_room(self) -> None:
        numbers = self._numbers
        self._kept.add(self._errors[: numbers[arrays.ERRORS]].copy())
        numbers[arrays.ERRORS] = 0
        if numbers[arrays.KEYS] == len(self._keys):
            self._keys.resize(_more(len(self._keys)), refcheck=False)
        if numbers[arrays.WANTED]:
            block, packets, flows = (int(numbers[each]) for each in (arrays.WANTED, arrays.PACKETS, arrays.FLOWS))
            self._arena.fetch(block - 1, packets, flows)
            numbers[arrays.WANTED] = 0
        if numbers[arrays.FLOWS] == numbers[arrays.ROOM]:
            self._arena.grow(int(numbers[arrays.PACKETS]))
            numbers[arrays.ROOM] = self._arena.room
        if arrays.LOAD * numbers[arrays.KEYS] >= len(self._slots):
            self._hash_anew(2 * len(self._slots))
        while numbers[arrays.CROWDED]:
            numbers[arrays.SEED] += 1
            numbers[arrays.LONGEST_NOW] *= 2
            self._hash_anew(len(self._slots))

    def _hash_anew(self, size: int) -> None:
        numbers = self._numbers
        self._slots = np.zeros(size, np.uint64)
        keys, seed, longest = (int(numbers[place]) for place in (arrays.KEYS, arrays.SEED, arrays.LONGEST_NOW))
        numbers[arrays.CROWDED] = 0 if self._refill(self._keys, keys, self._slots, seed, longest) else 1


def _more(count: int) -> int:
    """Half as many again, and no more than 2^16 more: what is not used yet costs memory, and growing costs little (the system moves pages)."""
    return count + min(count // 2, _MORE)
