"""A capture tracked in partitions, each by itself, and put together exactly.

Theory: what becomes of a packet depends on the packets of its own key alone, and on its place in the capture. So flows whose key is in one partition
are what they would be in the whole capture, and the keys that several partitions hold are tracked once more, all their packets in order:

1. each partition is tracked alone (``Tracker.partial``, or the compiled one's), and its rows are finished there;
2. :func:`shared` tells which keys several partitions hold: of each key 64 bits, so that two keys may be taken for one, and both are tracked once more;
3. each partition that has any (:func:`wanted`) is read again for the packets of those keys (:class:`Selection`), of which only the places between a
   key's first and last packet are decoded;
4. :func:`again` tracks these packets in order: all, or each shard of the keys by itself, so that several processes can;
5. :func:`merged` puts the rows together, and joins ICMP errors to the flows that they quote.

The partitions follow one another in the order of the capture, and number their capture points alike.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from netprobe.decode.decoder import decode
from netprobe.decode.table import PacketTable
from netprobe.evidence.packets import Packets
from netprobe.flowtable.columns import FLOW
from netprobe.flowtable.errors import QuotedErrors, attach
from netprobe.flowtable.finish import settled, sort
from netprobe.flowtable.index import mix
from netprobe.flowtable.keyed import Keyed
from netprobe.flowtable.keys import error_words, pack, taken
from netprobe.flowtable.state import put
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

    Mixes = NDArray[np.uint64]

PIECE = 1 << 16
_COLUMNS = ("offset", "caplen", "origlen", "time_ns", "point", "frame")


@dataclass(frozen=True, slots=True, kw_only=True)
class Partial:
    """What one partition of a capture tells by itself.

    Attributes:
        rows: its flows, finished but for the errors.
        keys: uint64 (n,), of each row's key 64 bits.
        held: uint64 (k,), of each of its keys, those of ICMP errors too.
        span: int64 (2, k), where in the partition the first and the last packet of each of those stand.
        errors: the ICMP errors in it; folded: whether equal ones are one row.
        packets: how many packets it has.
    """

    rows: FlowRows
    keys: Mixes
    held: Mixes
    span: Ints
    errors: ErrorRows
    folded: bool
    packets: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Selected:
    """Packets of some keys of one partition, in file order, and where in the partition they stand."""

    packets: Packets
    places: Ints


def partial_of(rows: FlowRows, states: States, words: Words, span: Ints, errors: QuotedErrors, packets: int) -> Partial:
    """Return what a tracker hands over of a partition.

    Args:
        rows: tracked rows; changed in place.
        states: what was known beside them.
        words: uint64 (6, k), all its keys.
        span: as in :class:`Partial`.
        errors: its ICMP errors.
        packets: how many it has.
    """
    rows = settled(rows, states)
    return Partial(
        rows=rows, keys=mix(pack(rows)), held=mix(words), span=span, errors=errors.rows(), folded=errors.folded, packets=packets
    )  # fmt: skip


def shared(partials: Sequence[Partial]) -> Mixes:
    """The keys that more than one partition holds, in order."""
    held = np.sort(np.concatenate([np.zeros(0, np.uint64), *(part.held for part in partials)]))
    return np.unique(held[1:][held[1:] == held[:-1]])


def wanted(partial: Partial, keys: Mixes) -> Ints:
    """Where in a partition packets of some keys may stand: int64 (2, m), disjoint runs in order, from and up to (inclusive)."""
    span = partial.span[:, _among(partial.held, keys)]
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
        shards: into how many shares of the keys they are sorted.
    """

    def __init__(self, keys: Mixes, places: Ints, shards: int = 1) -> None:
        self._keys, self._places = keys, places
        self._at = 0
        self._parts: tuple[list[Selected], ...] = tuple([] for _ in range(shards))

    @property
    def done(self) -> bool:
        """Whether nothing more is wanted of the partition."""
        return not self._places.size or self._at > int(self._places[1, -1])

    def take(self, packets: Packets, points: Sequence[CapturePoint]) -> None:
        """Choose among the next packets of the partition."""
        for first in range(0, len(packets), PIECE):
            self._choose(_picked(packets, slice(first, first + PIECE)), points)

    def selected(self) -> tuple[Selected, ...]:
        """Return what was chosen, a shard each."""
        return tuple(_one(parts) for parts in self._parts)

    def _choose(self, packets: Packets, points: Sequence[CapturePoint]) -> None:
        places = self._at + np.arange(len(packets))
        self._at += len(packets)
        which = np.flatnonzero(_within(places, self._places))
        if not len(which):
            return
        table = decode(_picked(packets, which), points, tunnels=True)
        rows, mixed = _rows_of(table, self._keys)
        for number, parts in enumerate(self._parts):
            mine = which[np.unique(_carriers(table)[rows[mixed % np.uint64(len(self._parts)) == number]])]
            if len(mine):
                parts.append(Selected(packets=_copied(_picked(packets, mine)), places=places[mine]))


def _one(parts: Sequence[Selected]) -> Selected:
    data = b"".join(part.packets.data for part in parts)
    sizes = [len(part.packets.data) for part in parts]
    starts = np.repeat(np.cumsum(sizes, dtype=np.int64) - sizes, [len(part.packets) for part in parts])
    columns = {name: _joined([getattr(part.packets, name) for part in parts]) for name in _COLUMNS}
    columns["offset"] = columns["offset"].astype(np.int64) + starts.astype(np.int64)
    places = _joined([part.places for part in parts])
    return Selected(packets=Packets(data=data, **columns), places=places.astype(np.int64))


def again(
    tracker: Tracker, keys: Mixes, selected: Sequence[tuple[int, Selected]], points: Sequence[CapturePoint], *,
    shard: int = 0, shards: int = 1,
) -> Partial:  # fmt: skip
    """Track the packets of the :func:`shared` keys, or of a shard of these, in order.

    Args:
        tracker: a new one.
        keys: the keys, all of them.
        selected: of each partition in the order of the capture, how many packets stand before it, and those of the shard.
        points: the capture points.
        shard: which share of the keys.
        shards: of how many.
    """
    keys = keys[keys % np.uint64(shards) == shard]
    for before, some in selected:
        for first in range(0, len(some.packets), PIECE):
            piece = slice(first, first + PIECE)
            table = decode(_picked(some.packets, piece), points, tunnels=True)
            mine, _ = _rows_of(table, keys)
            tracker.add(Keyed.of(_some(table, mine)), before + some.places[piece][_carriers(table)[mine]])
    return tracker.partial()


class GrowingTable:
    """The flow table of a whole capture. Partitions that are given as they come are put into place meanwhile, and their own memory is free again.

    Attributes:
        origin: int64 (n,), of each row of the table where it stood among the rows of the partitions, one behind the other; -1 where it is none of
            those, or ICMP errors were noted in it. Known at the end.
    """

    def __init__(self) -> None:
        self.origin: Ints = np.zeros(0, np.int64)
        self._rows, self._count = np.empty(0, FLOW), 0
        self._partials: list[Partial] = []

    def add(self, partial: Partial) -> None:
        """Take the next partition, in the order of the capture. Nothing of what it was received in is kept."""
        self._append(partial.rows)
        kept = replace(partial, rows=np.empty(0, FLOW), keys=partial.keys.copy(), held=partial.held.copy())
        self._partials.append(replace(kept, span=partial.span.copy(), errors=partial.errors.copy()))

    @property
    def partials(self) -> Sequence[Partial]:
        """Those that were added, without their rows."""
        return self._partials

    def finish(self, more: Sequence[Partial] = ()) -> FlowRows:
        """Return the rows, in order.

        Args:
            more: the :func:`shared` keys of the partitions, tracked :func:`again`: every shard.
        """
        keys, errors = shared(self._partials), QuotedErrors()
        for partial in self._partials:
            errors.add(partial.errors[~_among(mix(error_words(partial.errors["point"])), keys)], folded=partial.folded)
        origin = np.arange(self._count)
        if len(keys):
            own = ~_among(np.concatenate([partial.keys for partial in self._partials]), keys)
            self._keep(own)
            origin = origin[own]
        for partial in more:
            errors.add(partial.errors, folded=partial.folded)
            self._append(partial.rows)
        rows = self._rows[: self._count]
        self.origin = np.append(origin, np.full(self._count - len(origin), -1))[sort(rows)]
        attach(rows, errors.rows())
        self.origin[rows["errors"] > 0] = -1
        return rows

    def _append(self, rows: FlowRows) -> None:
        count = self._count + len(rows)
        if count > len(self._rows):
            self._rows.resize(count, refcheck=False)  # the system moves its pages
        put(self._rows, slice(self._count, count), np.ascontiguousarray(rows))
        self._count = count

    def _keep(self, which: Mask) -> None:
        """Keep some rows: from each piece of the table to its front, so that there is no second one."""
        count, self._count = self._count, 0
        for start in range(0, count, PIECE):
            stop = min(start + PIECE, count)
            self._append(self._rows.take(start + np.flatnonzero(which[start:stop])))


def merged(partials: Sequence[Partial], more: Sequence[Partial]) -> FlowRows:
    """Return the flow table of the whole capture.

    Args:
        partials: of all partitions, in the order of the capture.
        more: their :func:`shared` keys, tracked :func:`again`: every shard.
    """
    whole = GrowingTable()
    for partial in partials:
        whole.add(partial)
    return whole.finish(more)


def _among(mixed: Mixes, keys: Mixes) -> Mask:
    """Which are among some keys, which are in order."""
    if not len(keys):
        return np.zeros(len(mixed), np.bool_)
    return np.asarray(keys[np.minimum(np.searchsorted(keys, mixed), len(keys) - 1)] == mixed, np.bool_)


def _rows_of(table: PacketTable, keys: Mixes) -> tuple[Ints, Mixes]:
    """The rows whose packets are of some keys, and these: of a packet and those inside of it not all need to be."""
    chosen = taken(table)
    mixed = mix(chosen.words)
    mine = _among(mixed, keys)
    return chosen.rows[mine], mixed[mine]


def _carriers(table: PacketTable) -> Ints:
    """Of each row the number of the captured packet that it is, or is inside of."""
    return np.cumsum(table.tunnel < 0) - 1


def _some(table: PacketTable, rows: Ints) -> PacketTable:
    columns = {name: getattr(table, name)[rows] for name in PacketTable.__slots__ if name != "packets"}
    return PacketTable(packets=_picked(table.packets, rows), **columns)


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
