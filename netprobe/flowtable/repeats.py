"""Packets that a capture holds more than once, told as the packets go by: what ``flows/copies.py`` says of a whole capture.

A packet is held against the last equal one of the 32,768 packets before it: by places in the capture, not by times, so that clocks of several
hosts in one file do not matter and nothing depends on how the file is read. Where nothing in the two tells that they are one (no IPv4
identification, the same TTL and link addresses), the second is a copy if most packets that this pair of ends sent so far were there twice.
Equal datagrams, more than four in a row, are a sender that repeats itself: the first of them count again then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netprobe.decode.table import Kind
from netprobe.flows.copies import ELSEWHERE_NS, MOST_ALIKE, between
from netprobe.flowtable.segments import begins, ranks, running_sum
from netprobe.values import dataclass

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from netprobe.decode.chunk import Ints, Mask
    from netprobe.decode.table import PacketTable
    from netprobe.flowtable.index import Numbered

    Words = NDArray[np.uint64]

WINDOW = 1 << 15
_SIGHT = np.dtype(
    [
        ("identity", "u8"), ("place", "i8"), ("time", "i8"), ("eth_src", "i8"), ("eth_dst", "i8"), ("ttl", "i2"), ("told", "?"),
        ("numbered", "?"), ("udp", "?"), ("chain", "i8"), ("dropped", "i8"),
    ]
)  # fmt: skip
"""A packet as it is held against others. ``chain``: equal ones in a row up to it; ``dropped``: how many of them were copies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeats:
    """What is held twice of a chunk.

    Attributes:
        copy: bool (n,), packets that are copies.
        back: int64 (n,), how many copies of each packet count after all (each as this packet does).
    """

    copy: Mask
    back: Ints


class CopyFinder:
    """The last packets, and how often each key's were there twice."""

    def __init__(self) -> None:
        self._before = np.zeros(0, _SIGHT)
        self._seen = np.zeros(0, np.int64)  # by key number: packets
        self._again = np.zeros(0, np.int64)  # of them such as repeat an earlier one

    def take(
        self, table: PacketTable, rows: Ints, identity: Words, places: Ints, found: Numbered, known: int
    ) -> Repeats | None:
        """Tell copies among the next packets.

        Args:
            table: the packet table.
            rows: rows of it, in file order.
            identity: uint64, :func:`~netprobe.flows.copies.contents` of each, begun with the mix of its key.
            places: the place of each in the capture.
            found: the number of each row's key.
            known: how many keys there are.

        Returns:
            None where there are none.
        """
        self._reserve(known)
        sights = np.empty(len(self._before) + len(rows), _SIGHT)
        old = len(self._before)
        whole = np.dtype((np.void, _SIGHT.itemsize))  # numpy copies structures field by field
        sights.view(whole)[:old] = self._before.view(whole)
        _put_sights(sights[old:], table, rows, identity, places)
        ordered = np.sort(sights["identity"])
        twice = ordered[1:][ordered[1:] == ordered[:-1]]
        out = self._told(sights, old, twice, found) if len(twice) else None
        self._seen[found.distinct] += found.counts
        last = sights[np.searchsorted(sights["place"], places[-1] + 1 - WINDOW) :]
        self._before = last.view(whole).copy().view(_SIGHT)
        return out

    def _reserve(self, count: int) -> None:
        if count > len(self._seen):
            more = np.zeros(max(count, len(self._seen) * 3 // 2) - len(self._seen), np.int64)
            self._seen, self._again = np.append(self._seen, more), np.append(self._again, more)

    def _told(self, sights: NDArray[np.void], old: int, twice: NDArray[np.uint64], found: Numbered) -> Repeats | None:
        identity = sights["identity"]
        at = np.minimum(np.searchsorted(twice, identity), len(twice) - 1)
        which = np.flatnonzero(twice[at] == identity)
        which = which[np.argsort(identity[which], kind="stable")]
        pairs = _Pairs(sights, which)
        new = which >= old
        if not (pairs.linked & new).any():
            return None
        chain, starts = pairs.chains()
        again = pairs.again & new
        likely = self._most_twice(which - old, again, found)
        copy = again & (pairs.told | likely) & ~(sights["udp"][which] & (chain > MOST_ALIKE))
        before = sights["dropped"][which]
        counted = np.where(new, copy, np.diff(before, prepend=0))
        counted[starts] = before[starts]
        dropped = running_sum(counted, starts)
        sights["chain"][which], sights["dropped"][which] = chain, dropped
        out = Repeats(copy=np.zeros(len(sights) - old, np.bool_), back=np.zeros(len(sights) - old, np.int64))
        out.copy[which[copy] - old] = True
        ends = new & sights["udp"][which] & (chain == MOST_ALIKE + 1)
        out.back[which[ends] - old] = dropped[ends]
        return out

    def _most_twice(self, place: Ints, again: Mask, found: Numbered) -> Mask:
        """Whether most different packets of a key were there more than once, up to each repeat."""
        out = np.zeros(len(place), np.bool_)
        events = np.flatnonzero(again)
        if not len(events):
            return out
        number = found.number
        order = np.lexsort((np.arange(len(number)), number))
        seen = np.empty(len(number), np.int64)
        seen[order] = ranks(number[order]) + 1
        events = events[np.lexsort((place[events], number[place[events]]))]
        key = number[place[events]]
        repeats = self._again[key] + ranks(key) + 1
        out[events] = 2 * repeats > self._seen[key] + seen[place[events]] - repeats
        starts = begins(key)
        self._again[key[starts]] += np.diff(starts, append=len(key))
        return out


class _Pairs:
    """Packets ordered by identity, each held against the one before it."""

    def __init__(self, sights: NDArray[np.void], which: Ints) -> None:
        one, two = sights[which[:-1]], sights[which[1:]]
        apart = np.abs(two["time"] - one["time"])
        elsewhere = np.zeros(len(one), np.bool_)
        for name in ("ttl", "eth_src", "eth_dst"):
            elsewhere |= one[name] != two[name]
        linked = (one["identity"] == two["identity"]) & (two["place"] - one["place"] <= WINDOW)
        self.which, self._sights = which, sights
        self.linked = np.append(False, linked)
        self._near = np.append(False, linked & (apart < ELSEWHERE_NS))
        self.again = np.append(False, linked & (apart < between(elsewhere, two["told"])))
        self.told = np.append(False, elsewhere) | sights["numbered"][which]

    def chains(self) -> tuple[Ints, Ints]:
        """How many equals in a row end at each, and where rows begin."""
        starts = np.flatnonzero(~self._near)
        counts = np.ones(len(self.which), np.int64)
        known = self._sights["chain"][self.which[starts]]
        counts[starts] = np.maximum(known, 1)
        return running_sum(counts, starts), starts


def _put_sights(sights: NDArray[np.void], table: PacketTable, rows: Ints, identity: Words, places: Ints) -> None:
    sights["place"], sights["identity"], sights["time"] = places, identity, table.packets.time_ns[rows]
    for name in ("eth_src", "eth_dst", "ttl"):
        sights[name] = getattr(table, name)[rows]
    sights["numbered"] = table.ip_id[rows] > 0
    sights["told"] = sights["numbered"] | (table.tsval[rows] > 0)
    sights["udp"] = table.kind[rows] == Kind.UDP
    sights["chain"], sights["dropped"] = 0, 0
