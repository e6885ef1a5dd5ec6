"""A flow table's rows as the rules of a join read them: contiguous columns, times on one clock."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from netprobe.correlate.kept import MOST_BYTES, KeptColumns
from netprobe.correlate.neighbours import most_at_a_place
from netprobe.decode.table import Kind
from netprobe.flowtable.blocks import RowBlocks
from netprobe.journeys.tokens import MANY, NO_CLOCK, STOPPED_NS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from netprobe.flowtable.blocks import TableRows

    Index = NDArray[np.int64]
    Mask = NDArray[np.bool_]

_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # 2^64 divided by the golden ratio, as in splitmix64

_FOUR = 4


def mixed(columns: Iterable[NDArray[Any]]) -> NDArray[np.uint64]:
    """A 64-bit hash of equally long integer columns: equal rows have equal ones, and who relies on it compares the fields."""
    out: NDArray[np.uint64] | None = None
    for column in columns:
        value = column if column.dtype == np.uint64 else column.astype(np.int64).view(np.uint64)
        out = value * _MULTIPLIER if out is None else (out ^ value) * _MULTIPLIER
        out ^= out >> np.uint64(29)
    return np.zeros(0, np.uint64) if out is None else out


class Sights:
    """Columns of n rows, each made when it is asked for. Of a side: 0 the client, 1 the server.

    ``shift_ns`` is subtracted from every time: what is on another clock. ``most``: how many bytes of columns are kept.
    """

    def __init__(self, rows: TableRows, shift_ns: NDArray[np.int64] | None = None, most: int = MOST_BYTES) -> None:
        self.rows = rows
        self.shift_ns = np.zeros(len(rows), np.int64) if shift_ns is None else shift_ns
        self._kept = KeptColumns(most)

    def __len__(self) -> int:
        return len(self.rows)

    def column(self, name: str, side: int = -1) -> NDArray[Any]:
        """One column, contiguous; of one side where it has two."""
        return self._kept.get((name, side), lambda: self._read(name, side))

    def _read(self, name: str, side: int) -> NDArray[Any]:
        if isinstance(self.rows, RowBlocks):
            return self.rows.column(name, side)
        return np.ascontiguousarray(self.rows[name] if side < 0 else self.rows[name][:, side])

    def head(self, name: str, side: int) -> NDArray[Any]:
        """A column of the packet by which a side is found at other points."""
        return self.column(f"head_{name}", side)

    def head_ns(self, side: int) -> Index:
        """When that packet was seen."""
        return self._shifted("head_ns", side)

    @property
    def first_ns(self) -> Index:
        """When the first packet was seen."""
        return self._shifted("first_ns", -1)

    @property
    def last_ns(self) -> Index:
        """When the last packet was seen."""
        return self._shifted("last_ns", -1)

    def _shifted(self, name: str, side: int) -> Index:
        return self._kept.get((name, side, "shifted"), lambda: self._read(name, side) - self.shift_ns)

    def when(self, side: int) -> Index:
        """The place of each row in the order of :meth:`head_ns`, or, for -1, of :attr:`first_ns`; of equal times the first row's first."""
        return self._kept.get(("when", side), lambda: self._order(side))

    def _order(self, side: int) -> Index:
        times = self.first_ns if side < 0 else self.head_ns(side)
        out = np.empty(len(self), np.int64)
        out[np.argsort(times, kind="stable")] = np.arange(len(self))
        return out

    @cached_property
    def kind(self) -> NDArray[np.uint8]:
        """:class:`Kind`."""
        return self.column("kind")

    @cached_property
    def tcp(self) -> Mask:
        """Whether it is TCP."""
        return np.asarray(self.kind == int(Kind.TCP))

    @property
    def place(self) -> NDArray[np.uint64]:
        """A number for each point, VLAN and tunnel: where a row was seen. Tunnels, whose numbers are long, by their place among those there are."""
        return self._kept.get("place", self._places)

    def _places(self) -> NDArray[np.uint64]:
        point, vlan = (self.column(name).astype(np.uint64) for name in ("point", "vlan"))
        out = (point << np.uint64(40)) | ((vlan & np.uint64(0xFFFF)) << np.uint64(24))
        tunnel = self.column("tunnel")
        if (tunnel != tunnel[:1]).any():
            out |= np.unique(tunnel, return_inverse=True)[1].ravel().astype(np.uint64) & np.uint64(0xFFFFFF)
        return np.asarray(out)

    def other_tunnel(self, one: Index, two: Index) -> Mask:
        """Whether both rows are inside of tunnels, and not of one: networks of their own, which may use the same addresses."""
        tunnel = self.column("tunnel")
        return np.asarray((tunnel[one] >= 0) & (tunnel[two] >= 0) & (tunnel[one] != tunnel[two]))

    def sent(self, side: int) -> Mask:
        """Whether a side sent anything."""
        return np.asarray(self.column("packets", side) > 0)

    @property
    def isn(self) -> Index:
        """The client's initial sequence number where its SYN was seen; -1."""
        return self._kept.get("isn", lambda: self._number("syns", 0))

    @property
    def reply_isn(self) -> Index:
        """The server's where its SYN-ACK was seen; -1."""
        return self._kept.get("reply_isn", lambda: self._number("syn_acks", 1))

    def _number(self, sent: str, side: int) -> Index:
        return np.where(self.tcp & (self.column(sent, side) > 0), self.column("isn", side), -1)

    @cached_property
    def asks(self) -> Mask:
        """Whether a row holds the question of what it is: a SYN, a datagram, an echo request."""
        return np.where(self.tcp, self.isn >= 0, self.sent(0))

    @cached_property
    def first_side(self) -> Index:
        """The side whose packet stands for the row: the client's, where that sent any."""
        return np.where(self.sent(0), 0, 1)

    def standing(self, name: str) -> NDArray[Any]:
        """A column of the packet that stands for each row."""
        return np.where(self.sent(0), self.head(name, 0), self.head(name, 1))

    def clocked(self, side: int) -> Mask:
        """Whether the sender's own clock (TSval) is in a side's packet, and goes."""
        return self._kept.get(("clocked", side), lambda: self._clocked(side))

    def _clocked(self, side: int) -> Mask:
        tsval = self.head("tsval", side)
        out = np.asarray(self.tcp & ~np.isin(tsval, NO_CLOCK))
        out[out] = ~_stopped(tsval[out], self.column("point")[out], self.head("ns", side)[out])
        return out

    @cached_property
    def common(self) -> Mask:
        """Whether many at one point begin with the row's initial sequence number: then it tells nobody."""
        out = np.zeros(len(self), np.bool_)
        row = np.flatnonzero(self.isn >= 0)
        out[row] = most_at_a_place(mixed([self.isn[row]]), self.column("point")[row], MANY) > MANY
        return out

    def mark(self, side: int) -> Index:
        """What else tells a segment from one with the same numbers: TSval, or without one the IP id (below 0, so that none is the other)."""
        return np.where(self.clocked(side), self.head("tsval", side), -2 - self.head("ip_id", side).astype(np.int64))

    def end(self, side: int) -> NDArray[np.uint64]:
        """A hash of a side's endpoint."""
        return self._kept.get(("end", side), lambda: mixed(self._ends(side)))

    def _ends(self, side: int) -> Iterable[NDArray[Any]]:
        return (self.column("version"), *(self.column(name, side) for name in ("hi", "lo", "port")))

    def same_address(self, one: Index, side: int, two: Index, other: int) -> Mask:
        """Whether one row's side has the address of another row's side."""
        out = self.column("lo", side)[one] == self.column("lo", other)[two]
        if self._six:
            out &= self.column("version")[one] == self.column("version")[two]
            out &= self.column("hi", side)[one] == self.column("hi", other)[two]
        return np.asarray(out)

    @cached_property
    def _six(self) -> bool:
        """Whether any address is an IPv6 one: else the lower halves are all that there is."""
        return bool((self.column("version") != _FOUR).any())

    def same_end(self, one: Index, side: int, two: Index, other: int) -> Mask:
        """Whether one row's side is the endpoint of another row's side."""
        port = self.column("port", side)[one] == self.column("port", other)[two]
        return np.asarray(self.same_address(one, side, two, other) & port)

    def same_ends(self, one: Index, two: Index) -> Mask:
        """Whether neither end was rewritten, nor who is the client."""
        return np.asarray(self.same_end(one, 0, two, 0) & self.same_end(one, 1, two, 1))

    def turned_ends(self, one: Index, two: Index) -> Mask:
        """Whether the client of the one is the server of the other, and the other way round."""
        return np.asarray(self.same_end(one, 0, two, 1) & self.same_end(one, 1, two, 0))


def _stopped(tsval: Index, point: Index, time_ns: Index) -> Mask:
    """Whether each TSval is one that many packets of one point have over more than :data:`STOPPED_NS`: no clock."""
    out = most_at_a_place(mixed([tsval]), point, MANY) > MANY
    some = np.flatnonzero(out)
    order = some[np.lexsort((time_ns[some], point[some], tsval[some]))]
    new = np.ones(len(order), np.bool_)
    new[1:] = (tsval[order][1:] != tsval[order][:-1]) | (point[order][1:] != point[order][:-1])
    begins = np.flatnonzero(new)
    last = np.append(begins[1:], len(order)) - 1 if len(begins) else begins
    still = time_ns[order[last]] - time_ns[order[begins]] > STOPPED_NS
    return np.asarray(out & np.isin(tsval, tsval[order[begins[still]]]))
