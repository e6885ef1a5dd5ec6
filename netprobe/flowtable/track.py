"""The flow tracker in numpy: a chunk of packets at a time becomes changes to the rows of the flow table.

Theory: packets get the number of their key (``index.py``), copies are left out (``repeats.py``), and the rest is ordered by key and place in the
file. There it is told where flows begin (``begins.py``). Ordered by flow and sender, everything that a flow is asked for is arithmetic on runs:
sums, first and last ones, running maxima, each carried on from the flow's row. No Python object a packet, and none a flow.

Rules that both trackers follow (the compiled one does the same a packet at a time; all depend on the order of packets in the file alone):

- *Copies*: as ``repeats.py`` says; they change ``copies`` and nothing else.
- *Silence* is the time of a packet less that of the one before it with the same key, whatever the flow.
- *Lives*: at a SYN without ACK, of side s and number q, another connection begins: where no such SYN was in the flow yet, if the number of the side's
  last segment, or what the other side acknowledged last, is more than ``lives.NEAR`` behind q (modulo 2^32); where q is the number of the side's first
  SYN, if it was silent for long (``AGAIN_NS``) and the connection was over or it was silent for very long (``LIFE_NS``); where it is another number,
  unless it crosses the other side's SYN (no other flag was seen, and the last SYN is of the other side).
- *Sequence numbers*: as ``sequence.py`` says: unwrapped, each against the segment before it.
- *Handshake*: ``opener`` is the sender of the first SYN, or the receiver of the first SYN-ACK if that came first. ``syn_ns``: its last SYN before
  the SYN-ACK, ``syn_ack_ns``: the other side's first SYN-ACK, ``ack_ns``: the opener's first segment behind that with ACK, without SYN and RST.
- *History*: as ``letters.py`` says. *Head*: as ``heads.py`` says. *DNS and TLS*: ``columns.py``, ``said.py``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netprobe.decode.decoder import decode
from netprobe.evidence.packets import Packets
from netprobe.flowtable import errors as icmp
from netprobe.flowtable.batch import Batch
from netprobe.flowtable.begins import Ordered, begin
from netprobe.flowtable.columns import absent
from netprobe.flowtable.count import count, opening
from netprobe.flowtable.finish import finished
from netprobe.flowtable.index import KeyIndex
from netprobe.flowtable.keyed import Keyed
from netprobe.flowtable.keys import unpack
from netprobe.flowtable.partial import partial_of
from netprobe.flowtable.repeats import CopyFinder
from netprobe.flowtable.segments import begins
from netprobe.flowtable.state import put, unknown
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from netprobe.decode.chunk import Ints, Mask
    from netprobe.decode.table import PacketTable
    from netprobe.evidence.model import CapturePoint
    from netprobe.flowtable.columns import FlowRows
    from netprobe.flowtable.options import TrackOptions
    from netprobe.flowtable.partial import Partial
    from netprobe.flowtable.repeats import Repeats
    from netprobe.flowtable.state import States

PIECE = 1 << 16
"""Packets that are decoded and tracked at a time."""

_PLACE_BITS = 20  # a packet's place in a piece, below the number of its key or flow


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """Packets of flows without copies, ordered by key and file order: which taken packet each is, and its key."""

    at: Ints
    key: Ints


class Tracker:
    """Flows of the packets that it is given, in file order."""

    def __init__(self, options: TrackOptions) -> None:
        self._options, self._packets = options, 0
        self._index, self._sightings, self._errors = KeyIndex(), CopyFinder(), icmp.QuotedErrors()
        self._flows, self._states, self._count = absent(0), unknown(0), 0
        self._current = np.full(0, -1, np.int64)  # by key number: the row of its last flow
        self._quiet_from = np.zeros(0, np.int64)  # and the time of its last packet
        self._span = np.zeros((2, 0), np.int64)  # and the places of its first and its last packet, copies too

    def take(self, packets: Packets, points: Sequence[CapturePoint]) -> None:
        """Decode and track the next packets of a capture.

        Args:
            packets: any number, in file order.
            points: the capture points that are known by now.
        """
        for keyed in decoded(packets, points):
            self.add(keyed)

    def add(self, keyed: Keyed, places: Ints | None = None) -> None:
        """Track the next packets.

        Args:
            keyed: the packets.
            places: where in the capture each stands, where some between them are left out.
        """
        table, chosen = keyed.table, keyed.chosen
        places = self._packets - 1 + np.cumsum(table.tunnel < 0) if places is None else places
        self._packets = int(places[-1]) + 1 if len(places) else self._packets
        if not len(chosen.rows):
            return
        known = self._index.count
        found, places = self._index.find(chosen.words, keyed.grouped), places[chosen.rows]
        self._reserve()
        self._note_places(found.number, places, known)
        repeats = self._sightings.take(table, chosen.rows, keyed.identity, places, found, self._index.count)
        keep = ~chosen.error if repeats is None else ~(chosen.error | repeats.copy)
        failed = chosen.error if repeats is None else chosen.error & ~repeats.copy
        if failed.any():
            self._errors.add(icmp.read(table, chosen.rows[failed]))
        before = self._current.copy() if repeats is not None else self._current
        kept = _ordered(found.number, keep)
        of_packet = (
            self._track(table, chosen.rows[kept.at], chosen.side[kept.at], kept.key) if len(kept.at) else kept.at
        )
        if repeats is not None:
            self._correct(table, chosen.rows, chosen.side, repeats, _rows_at(found.number, kept, of_packet, before))

    def finish(self) -> FlowRows:
        """Return the flow table's rows; the tracker cannot be used any more."""
        return finished(self._flows[: self._count], self._states[: self._count], self._errors.rows())

    def partial(self) -> Partial:
        """Return what was tracked as one partition's part of a larger capture; the tracker cannot be used any more."""
        keys = np.arange(self._index.count)
        rows, states = self._flows[: self._count], self._states[: self._count]
        return partial_of(rows, states, self._index.words(keys), self._span[:, keys], self._errors, self._packets)

    def _reserve(self) -> None:
        """Have room for all keys."""
        missing = self._index.count - len(self._current)
        if missing > 0:
            more = max(missing, len(self._current) // 2)
            self._current = np.append(self._current, np.full(more, -1, np.int64))
            self._quiet_from = np.append(self._quiet_from, np.zeros(more, np.int64))
            self._span = np.append(self._span, np.zeros((2, more), np.int64), axis=1)

    def _note_places(self, number: Ints, places: Ints, known: int) -> None:
        self._span[1, number] = places  # the last one of each stays
        new = np.flatnonzero(number >= known)[::-1]
        self._span[0, number[new]] = places[new]

    def _track(self, table: PacketTable, rows: Ints, side: Ints, key: Ints) -> Ints:
        """Track packets in order. Returns the row of each one's flow."""
        starts = begins(key)
        began = self._begin(table, rows, side, key, starts)
        first = began.copy()
        first[starts] = True
        life = np.cumsum(first) - 1
        leads = np.flatnonzero(first)
        fresh, whose = began[leads], key[leads]
        number = self._current[whose]
        new = np.flatnonzero(fresh)
        number[new[np.argsort(rows[leads[new]])]] = self._count + np.arange(len(new))  # in file order
        self._grow(int(fresh.sum()))
        self._current[whose] = number
        self._quiet_from[key[starts]] = table.packets.time_ns[rows[np.append(starts[1:], len(key)) - 1]]
        flows, states = self._flows.take(number), self._states.take(number)
        if len(new):
            opened = self._opened(table, rows[leads[new]], side[leads[new]], whose[new])
            put(flows, new, opened[0])
            put(states, new, opened[1])
        segment = life << 1 | side
        order = np.sort(segment << _PLACE_BITS | np.arange(len(segment)))
        place = order & ((1 << _PLACE_BITS) - 1)
        count(Batch.of(table, rows[place], place, order >> _PLACE_BITS, flows, states))
        put(self._flows, number, flows)
        put(self._states, number, states)
        of_packet: Ints = number[life]
        return of_packet

    def _begin(self, table: PacketTable, rows: Ints, side: Ints, key: Ints, starts: Ints) -> Mask:
        row = self._current[key[starts]]
        known = row >= 0
        states, acked = unknown(len(row)), np.full((len(row), 2), -1, np.int64)
        put(states, np.flatnonzero(known), self._states.take(row[known]))
        acked[known] = self._flows["acked"][row[known]]
        ordered = Ordered(
            time=table.packets.time_ns[rows], side=side, flags=table.tcp_flags[rows].astype(np.int64), seq=table.seq[rows],
            ack=table.ack[rows], kind=table.kind[rows], starts=starts, known=known, quiet_from=self._quiet_from[key[starts]],
            state=states, acked=acked,
        )  # fmt: skip
        return begin(ordered, self._options)

    def _opened(self, table: PacketTable, rows: Ints, side: Ints, key: Ints) -> tuple[FlowRows, States]:
        """Rows of new flows, by their keys and their first packets."""
        flows, states = absent(len(key)), unknown(len(key))
        unpack(self._index.words(key), flows)
        opening(table, rows, side, flows, states)
        return flows, states

    def _grow(self, by: int) -> None:
        self._count += by
        if self._count > len(self._flows):
            size = max(self._count, len(self._flows) + len(self._flows) // 2)
            self._flows.resize(size, refcheck=False)  # in place where it can be: a copy would be there beside it
            self._states.resize(size, refcheck=False)

    def _correct(self, table: PacketTable, rows: Ints, side: Ints, repeats: Repeats, row: Ints) -> None:
        """Count copies; and copies that turned out to be none, as what they are."""
        copies = np.flatnonzero(repeats.copy & (row >= 0))
        np.add.at(self._flows["copies"], (row[copies], side[copies]), 1)
        again = np.flatnonzero((repeats.back > 0) & (row >= 0))
        where, back = (row[again], side[again]), repeats.back[again]
        np.add.at(self._flows["copies"], where, (-back).astype(np.int32))
        np.add.at(self._flows["packets"], where, back)
        np.add.at(self._flows["bytes"], where, back * table.packets.origlen[rows[again]])
        np.add.at(self._flows["payload"], where, back * np.maximum(table.payload_len[rows[again]], 0))


def decoded(packets: Packets, points: Sequence[CapturePoint]) -> Iterator[Keyed]:
    """Decode packets as :meth:`Tracker.add` takes them: so many at a time, and those inside of them, too."""
    for first in range(0, len(packets), PIECE):
        yield Keyed.of(decode(_part(packets, slice(first, first + PIECE)), points, tunnels=True))


def _part(packets: Packets, which: slice) -> Packets:
    return Packets(
        data=packets.data, offset=packets.offset[which], caplen=packets.caplen[which], origlen=packets.origlen[which],
        time_ns=packets.time_ns[which], point=packets.point[which], frame=packets.frame[which],
    )  # fmt: skip


def _ordered(number: Ints, keep: Mask) -> _Kept:
    """The packets to be kept, by key and file order."""
    at = np.flatnonzero(keep)
    order = np.sort(number[at] << _PLACE_BITS | at)
    return _Kept(at=order & ((1 << _PLACE_BITS) - 1), key=order >> _PLACE_BITS)


def _rows_at(number: Ints, kept: _Kept, row: Ints, before: Ints) -> Ints:
    """The row of the flow that each packet's key was in then, whether the packet was kept or not; -1 none."""
    place = np.arange(len(number))
    at = np.searchsorted(kept.key << _PLACE_BITS | kept.at, number << _PLACE_BITS | place, side="right") - 1
    there = at >= 0
    there[there] = kept.key[at[there]] == number[there]
    out = before[number]
    out[there] = row[at[there]]
    return out
