"""Numbers for keys: every different key gets one, and keeps it. Keys of many packets are looked up at once.

Theory: packets of one chunk are grouped by a 64-bit mix of their keys (one sort), and each group is looked up once, in a hash table with open
addressing (Knuth, TAOCP 3, section 6.4): all groups probe in step, those that found or got a place leave. Keys are compared whole: two keys with
one mix are two keys.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from netprobe.values import dataclass

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from netprobe.decode.chunk import Ints

    Words = NDArray[np.uint64]

WORDS = 6
_FIRST_SIZE = 1 << 12
MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # 2^64 divided by the golden ratio, as in splitmix64
SHIFT = np.uint64(29)


class Grouped(NamedTuple):
    """Keys, equal ones together: a mix of each; an order in which equal ones stand together; where in it others begin."""

    mixed: NDArray[np.uint64]
    order: Ints
    new: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbered:
    """Numbers of keys.

    Attributes:
        number: int64 (n,), a number for each packet's key.
        mixed: uint64 (n,), a mix of each packet's key.
        distinct: int64 (g,), the different numbers among them.
        counts: int64 (g,), how many packets have each.
    """

    number: Ints
    mixed: NDArray[np.uint64]
    distinct: Ints
    counts: Ints


class KeyIndex:
    """Keys of six 64-bit words each, numbered from 0 in no particular order."""

    def __init__(self) -> None:
        self.count = 0
        self._words: Words = np.zeros((WORDS, _FIRST_SIZE), np.uint64)
        self._table = np.full(2 * _FIRST_SIZE, -1, np.int64)

    def find(self, words: Words, grouped: Grouped | None = None) -> Numbered:
        """Number the keys of packets; new ones get new numbers.

        Args:
            words: uint64 (6, n).
            grouped: :func:`grouping` of them; None: that is done here.
        """
        mixed, order, new = grouped or grouping(words)
        leaders = np.flatnonzero(new)
        first = order[leaders]
        self._reserve(self.count + len(first))
        distinct = self._numbers(words[:, first], mixed[first], put=True)
        counts = np.diff(leaders, append=len(order))
        number = np.empty(len(order), np.int64)
        number[order] = np.repeat(distinct, counts)
        return Numbered(number=number, mixed=mixed, distinct=distinct, counts=counts)

    def look_up(self, words: Words) -> Ints:
        """Return the numbers of packets' keys, -1 for those that have none."""
        mixed, order, new = grouping(words)
        leaders = np.flatnonzero(new)
        first = order[leaders]
        out = np.empty(len(order), np.int64)
        out[order] = np.repeat(
            self._numbers(words[:, first], mixed[first], put=False), np.diff(leaders, append=len(order))
        )
        return out

    def words(self, numbers: Ints) -> Words:
        """The keys of some numbers, uint64 (6, n)."""
        return self._words[:, numbers]

    def _numbers(self, words: Words, mixed: NDArray[np.uint64], *, put: bool) -> Ints:
        """Numbers of keys that are all different; new ones are put into the table, or have none."""
        out = np.full(len(mixed), -1, np.int64)
        todo, slot = np.arange(len(mixed)), self._slots(mixed)
        while len(todo):
            there = self._table[slot]
            same = there >= 0
            for word in range(WORDS):
                same[same] = self._words[word, there[same]] == words[word, todo[same]]
            out[todo[same]] = there[same]
            on = ~same
            if put:
                placed = self._place(np.flatnonzero(there < 0), slot, todo, words)
                out[todo[placed >= 0]] = placed[placed >= 0]
                on &= placed < 0
            else:
                on &= there >= 0
            todo, slot = todo[on], (slot[on] + 1) & (len(self._table) - 1)
        return out

    def _place(self, empty: Ints, slot: Ints, todo: Ints, words: Words) -> Ints:
        """Put new keys into empty places. Returns their numbers, -1 for those that have none: of two for one place the last one gets it."""
        placed = np.full(len(slot), -1, np.int64)
        self._table[slot[empty]] = empty
        won = empty[self._table[slot[empty]] == empty]
        numbers = self.count + np.arange(len(won))
        self._table[slot[won]] = numbers
        self._words[:, numbers] = words[:, todo[won]]
        self.count += len(won)
        placed[won] = numbers
        return placed

    def _slots(self, mixed: NDArray[np.uint64]) -> Ints:
        return (mixed & np.uint64(len(self._table) - 1)).astype(np.int64)

    def _reserve(self, count: int) -> None:
        """Have room for so many keys, and a table at most half full."""
        if count > self._words.shape[1]:
            larger = np.zeros((WORDS, max(count, self._words.shape[1] * 3 // 2)), np.uint64)
            larger[:, : self.count] = self._words[:, : self.count]
            self._words = larger
        if 2 * count > len(self._table):
            size = 1 << (4 * count - 1).bit_length()
            self._table = np.full(size, -1, np.int64)
            self._fill()

    def _fill(self) -> None:
        todo = np.arange(self.count)
        slot = self._slots(mix(self._words[:, : self.count]))
        while len(todo):
            empty = self._table[slot] < 0
            self._table[slot[empty]] = todo[empty]
            on = self._table[slot] != todo
            todo, slot = todo[on], (slot[on] + 1) & (len(self._table) - 1)


def mix(words: Words) -> NDArray[np.uint64]:
    """One number of 64 bits for each key."""
    out: NDArray[np.uint64] = np.zeros(words.shape[1], np.uint64)
    for word in words:
        out ^= word
        out *= MULTIPLIER
        out ^= out >> SHIFT
    return out


def grouping(words: Words) -> Grouped:
    """Put equal keys together, of words uint64 (6, n)."""
    mixed = mix(words)
    order: NDArray[Any] = np.argsort(mixed)
    ordered = mixed[order]
    new = np.ones(len(order), np.bool_)
    new[1:] = ordered[1:] != ordered[:-1]
    if not _differ(words, order, ~new).any():
        return Grouped(mixed, order, new)
    order = np.lexsort(words)
    new = _differ(words, order, np.ones(len(order), np.bool_))
    new[0] = True
    return Grouped(mixed, order, new)


def _differ(words: Words, order: Ints, which: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Where a key in an order is another than the one before it, of those asked for."""
    out = np.zeros(len(order), np.bool_)
    after = np.flatnonzero(which[1:]) + 1
    one, two = order[after - 1], order[after]
    for word in words:
        out[after] |= word[one] != word[two]
    return out
