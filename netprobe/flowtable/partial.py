"""A capture tracked in partitions, each by itself, and put together exactly.

Theory: what becomes of a packet depends on the packets of its own key alone, and on its place in the capture. So flows whose key is in one partition
are what they would be in the whole capture, and the keys that several partitions hold are tracked once more, all their packets in order:

1. each partition is tracked alone (``Tracker.partial``, or the compiled one's);
2. :func:`shared` tells which keys several partitions hold;
3. each partition that has any (:func:`wanted`) is read again for the packets of those keys (:class:`Selection`), of which only the places between a
   key's first and last packet are decoded;
4. :func:`merged` tracks these packets in order, and adds the rest.

The partitions follow one another in the order of the capture, and number their capture points alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from netprobe.decode.decoder import decode
from netprobe.decode.table import PacketTable
from netprobe.evidence.packets import Packets
from netprobe.flowtable.errors import QuotedErrors
from netprobe.flowtable.finish import finished
from netprobe.flowtable.index import KeyIndex
from netprobe.flowtable.keys import error_words, pack, taken
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from netprobe.decode.chunk import Ints, Mask
    from netprobe.evidence.model import CapturePoint
    from netprobe.flowtable.columns import FlowRows
    from netprobe.flowtable.errors import ErrorRows
    from netprobe.flowtable.index import Words
    from netprobe.flowtable.state import States
    from netprobe.flowtable.track import Tracker


PIECE = 1 << 16
_COLUMNS = ("offset", "caplen", "origlen", "time_ns", "point", "frame")


@dataclass(frozen=True, slots=True, kw_only=True)
class Partial:
    """What one partition of a capture tells by itself.

    Attributes:
        rows, states: its flows, unfinished, and what is known beside.
        words: uint64 (6, k), its keys (``keys.py``), those of ICMP errors too.
        span: int64 (2, k), where in the partition each key's first and last packet stand.
        errors: the ICMP errors in it; folded: whether equal ones are one row.
        packets: how many packets it has.
    """

    rows: FlowRows
    states: States
    words: Words
    span: Ints
    errors: ErrorRows
    folded: bool
    packets: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Selected:
    """Packets of some keys of one partition, in file order, and where in the partition they stand."""

    packets: Packets
    places: Ints


def shared(partials: Sequence[Partial]) -> Words:
    """The keys that more than one partition holds."""
    index = KeyIndex()
    numbers = [index.find(part.words).number for part in partials if part.words.size]
    counts = np.bincount(np.concatenate(numbers), minlength=index.count) if numbers else np.zeros(0, np.int64)
    return index.words(np.flatnonzero(counts > 1))


def wanted(partial: Partial, keys: Words) -> Ints:
    """Where in a partition packets of some keys may stand: int64 (2, m), disjoint runs in order, from and up to (inclusive)."""
    span = partial.span[:, _index(keys).look_up(partial.words) >= 0]
    span = span[:, np.argsort(span[0], kind="stable")]
    if not span.size:
        return span
    reach = np.maximum.accumulate(span[1])
    begins = np.flatnonzero(np.append(True, span[0, 1:] > reach[:-1] + 1))
    return np.stack([span[0, begins], reach[np.append(begins[1:], span.shape[1]) - 1]])


class Selection:
    """Takes the packets of some keys out of a partition that is read once more.

    Args:
        keys: the keys.
        places: :func:`wanted` of the partition.
    """

    def __init__(self, keys: Words, places: Ints) -> None:
        self._index, self._places = _index(keys), places
        self._at = 0
        self._parts: list[Selected] = []

    @property
    def done(self) -> bool:
        """Whether nothing more is wanted of the partition."""
        return not self._places.size or self._at > int(self._places[1, -1])

    def take(self, packets: Packets, points: Sequence[CapturePoint]) -> None:
        """Choose among the next packets of the partition."""
        for first in range(0, len(packets), PIECE):
            self._choose(_picked(packets, slice(first, first + PIECE)), points)

    def selected(self) -> Selected:
        """Return what was chosen."""
        data = b"".join(part.packets.data for part in self._parts)
        sizes = [len(part.packets.data) for part in self._parts]
        starts = np.repeat(np.cumsum(sizes, dtype=np.int64) - sizes, [len(part.packets) for part in self._parts])
        columns = {name: _joined([getattr(part.packets, name) for part in self._parts]) for name in _COLUMNS}
        columns["offset"] = columns["offset"].astype(np.int64) + starts.astype(np.int64)
        places = _joined([part.places for part in self._parts])
        return Selected(packets=Packets(data=data, **columns), places=places.astype(np.int64))

    def _choose(self, packets: Packets, points: Sequence[CapturePoint]) -> None:
        places = self._at + np.arange(len(packets))
        self._at += len(packets)
        which = np.flatnonzero(_within(places, self._places))
        if not len(which):
            return
        table = decode(_picked(packets, which), points, tunnels=True)
        which = which[np.unique(_carriers(table)[_rows_of(table, self._index)])]
        if len(which):
            self._parts.append(Selected(packets=_copied(_picked(packets, which)), places=places[which]))


def merged(
    tracker: Tracker, partials: Sequence[Partial], selected: Sequence[Selected], points: Sequence[CapturePoint]
) -> FlowRows:
    """Return the flow table of the whole capture.

    Args:
        tracker: a new one.
        partials: of all partitions, in the order of the capture.
        selected: of each of them, the packets of the :func:`shared` keys.
        points: the capture points.
    """
    keys, before, errors = _index(shared(partials)), 0, QuotedErrors()
    rows, states = [], []
    for partial, some in zip(partials, selected, strict=True):
        for first in range(0, len(some.packets), PIECE):
            piece = slice(first, first + PIECE)
            table = decode(_picked(some.packets, piece), points, tunnels=True)
            mine = _rows_of(table, keys)
            tracker.add(_some(table, mine), before + some.places[piece][_carriers(table)[mine]])
        before += partial.packets
        alone = np.flatnonzero(keys.look_up(pack(partial.rows)) < 0)
        rows.append(partial.rows.take(alone))
        states.append(partial.states.take(alone))
        errors.add(partial.errors[keys.look_up(error_words(partial.errors["point"])) < 0], folded=partial.folded)
    again = tracker.partial()
    errors.add(again.errors, folded=again.folded)
    return finished(np.concatenate([*rows, again.rows]), np.concatenate([*states, again.states]), errors.rows())


def _rows_of(table: PacketTable, keys: KeyIndex) -> Ints:
    """The rows whose packets are of some keys: of a packet and those inside of it not all need to be."""
    chosen = taken(table)
    return chosen.rows[keys.look_up(chosen.words) >= 0]


def _carriers(table: PacketTable) -> Ints:
    """Of each row the number of the captured packet that it is, or is inside of."""
    return np.cumsum(table.tunnel < 0) - 1


def _some(table: PacketTable, rows: Ints) -> PacketTable:
    columns = {name: getattr(table, name)[rows] for name in PacketTable.__slots__ if name != "packets"}
    return PacketTable(packets=_picked(table.packets, rows), **columns)


def _index(keys: Words) -> KeyIndex:
    index = KeyIndex()
    if keys.size:
        index.find(keys)
    return index


def _within(places: Ints, runs: Ints) -> Mask:
    """Which places are in some runs."""
    if not runs.size:
        return np.zeros(len(places), np.bool_)
    run = np.searchsorted(runs[0], places, side="right") - 1
    return np.asarray((run >= 0) & (places <= runs[1, run]), np.bool_)


def _picked(packets: Packets, which: Ints | slice) -> Packets:
    return Packets(data=packets.data, **{name: getattr(packets, name)[which] for name in _COLUMNS})


def _copied(packets: Packets) -> Packets:
    """The same packets with a buffer of their own."""
    sizes = packets.caplen
    starts = np.cumsum(sizes) - sizes
    at = np.arange(int(sizes.sum())) + np.repeat(packets.offset - starts, sizes)
    columns = {name: getattr(packets, name) for name in _COLUMNS}
    return Packets(data=np.frombuffer(packets.data, np.uint8)[at].tobytes(), **{**columns, "offset": starts})


def _joined(columns: list[NDArray[Any]]) -> NDArray[Any]:
    return np.concatenate(columns) if columns else np.zeros(0, np.int64)
