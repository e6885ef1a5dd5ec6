"""Rows of a large flow table in a third of their memory, or less: blocks in which what is alike in all rows is kept once.

A row is words of 32 bits. Of most words all rows of a block have the same (counts of what is rare, the upper halves of times and addresses, what was
not there): those are kept once, the others column by column. So a column is read without the rows that it is of, and rows are put together again
exactly where somebody asks for some.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

import numpy as np

from netprobe.flowtable.columns import FLOW
from netprobe.flowtable.state import put
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TypeAlias

    from numpy.typing import NDArray

    from netprobe.flowtable.columns import FlowRows

    Ints = NDArray[np.int64]
    TableRows: TypeAlias = "FlowRows | RowBlocks"
    Words = NDArray[np.uint32]

BLOCK_BITS = 12
BLOCK = 1 << BLOCK_BITS
"""Rows of a block: with their states they fit a processor's cache."""

_WORD = 4
_ONE = np.uint32(1)
_WIDTHS = (np.uint8, np.uint16, np.uint32)
_MOST = np.array([0xFF, 0xFFFF], np.uint32)
_FEW = 8
_AT_ONCE = 256  # rows that are turned into columns, or back, at a time


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedBlock:
    """Some rows of one dtype, whose size is a number of words.

    Attributes:
        count: how many rows.
        first: uint32 (w,), the first row's words: those of all where they are alike.
        which: of each width (1, 2, 4 bytes) the words that differ and fit it: int64 (k,).
        words: of each width these, (k, n), one more than they are: -1 is what stands for nothing.
        place: int64 (w,), where each word that differs stands if ``words`` are put behind one another; -1 for those that are alike.
    """

    count: int
    first: Words
    which: tuple[Ints, ...]
    words: tuple[NDArray[np.unsignedinteger[Any]], ...]
    place: Ints

    def __len__(self) -> int:
        return self.count

    def rows(self, dtype: np.dtype[Any], at: Ints | slice = slice(None)) -> NDArray[np.void]:
        """Put rows together again: all, or those asked for."""
        run = isinstance(at, slice)
        numbers = np.arange(self.count)[at]
        out = np.empty((len(numbers), len(self.first)), np.uint32)
        for begin in range(0, len(numbers), _AT_ONCE):
            some = numbers[begin : begin + _AT_ONCE]
            turned = np.empty((len(self.first), len(some)), np.uint32)
            turned[:] = self.first[:, None]
            for which, words in zip(self.which, self.words, strict=True):
                held = words[:, some[0] : some[-1] + 1] if run else words.take(some, axis=1)
                turned[which] = held - _ONE
            out[begin : begin + len(some)] = turned.T
        return out.view(dtype).ravel()

    def some(self, dtype: np.dtype[Any], at: Ints) -> NDArray[np.void]:
        """The rows asked for; of many of them all are put together first, which takes less time."""
        return self.rows(dtype).take(at) if _FEW * len(at) > self.count else self.rows(dtype, at)

    def write(self, out: NDArray[Any], offset: int) -> None:
        """Write one field into ``out``, (n, …): it begins at that byte of a row."""
        size = out.itemsize * int(np.prod(out.shape[1:], dtype=np.int64))
        begin, end = offset // _WORD, -(-(offset + size) // _WORD)
        room = np.empty((len(out), end - begin), np.uint32)
        for column, place in enumerate(self.place[begin:end].tolist()):
            room[:, column] = self.first[begin + column] if place < 0 else self._word(place)
        held = room.view(np.uint8)[:, offset - begin * _WORD :][:, :size]
        out[:] = np.ascontiguousarray(held).view(out.dtype).reshape(out.shape)

    def _word(self, place: int) -> Words:
        for words in self.words:
            if place < len(words):
                return np.asarray(words[place] - _ONE, np.uint32)
            place -= len(words)
        raise IndexError(place)

    @property
    def nbytes(self) -> int:
        """How much memory they take."""
        return self.first.nbytes + self.place.nbytes + sum(each.nbytes for each in (*self.which, *self.words))


def packed(rows: NDArray[np.void]) -> PackedBlock:
    """Pack some rows, at least one, of a dtype whose size is a number of words."""
    words = np.ascontiguousarray(rows).view(np.uint32).reshape(len(rows), -1)
    first, most = words[0].copy(), np.zeros(words.shape[1], np.uint32)
    differs = np.zeros(words.shape[1], np.uint32)
    for begin in range(0, len(words), _AT_ONCE):
        some = words[begin : begin + _AT_ONCE]
        differs |= np.bitwise_or.reduce(some ^ first, axis=0)
        np.maximum(most, np.max(some + _ONE, axis=0), out=most)
    width = np.where(differs == 0, -1, np.searchsorted(_MOST, most))
    which = tuple(np.flatnonzero(width == each) for each in range(len(_WIDTHS)))
    place = np.full(len(first), -1, np.int64)
    order = np.concatenate(which)
    place[order] = np.arange(len(order))
    kept = tuple((words.T[each] + _ONE).astype(dtype) for each, dtype in zip(which, _WIDTHS, strict=True))
    return PackedBlock(count=len(rows), first=first, which=which, words=kept, place=place)


def field(name: str) -> tuple[np.dtype[Any], int]:
    """A column's dtype and where it begins in a row, in bytes."""
    fields: Any = FLOW.fields
    dtype, offset = fields[name][:2]
    return dtype, offset


class RowBlocks:
    """A finished flow table's rows, packed. It is read as the structured array is: ``rows["first_ns"]`` is a column, ``rows[numbers]`` some rows.

    Each column that is asked for is made anew: who reads one often keeps it.
    """

    def __init__(self) -> None:
        self._blocks: list[PackedBlock] = []
        self._count = 0

    @classmethod
    def of(cls, rows: FlowRows) -> RowBlocks:
        """Pack a table."""
        made = cls()
        for begin in range(0, len(rows), BLOCK):
            made.add(rows[begin : begin + BLOCK])
        return made

    def add(self, rows: FlowRows) -> None:
        """Take the next rows: :data:`BLOCK` of them, and fewer only at the end.

        Raises:
            ValueError: the rows before were fewer, or these are more.
        """
        if self._count % BLOCK or not 0 < len(rows) <= BLOCK:
            raise ValueError(f"{len(rows)} rows behind {self._count} are no block")
        self._blocks.append(packed(rows))
        self._count += len(rows)

    def replace(self, block: int, rows: FlowRows) -> None:
        """Let a block have other rows, as many as it had."""
        self._blocks[block] = packed(rows)

    def __len__(self) -> int:
        return self._count

    @property
    def nbytes(self) -> int:
        """How much memory they take."""
        return sum(each.nbytes for each in self._blocks)

    @overload
    def __getitem__(self, wanted: str) -> NDArray[Any]: ...
    @overload
    def __getitem__(self, wanted: int | np.integer[Any]) -> np.void: ...
    @overload
    def __getitem__(self, wanted: NDArray[Any] | slice) -> FlowRows: ...
    def __getitem__(self, wanted: str | int | np.integer[Any] | NDArray[Any] | slice) -> Any:
        """A column by its name; else a row, or rows in the order asked for."""
        if isinstance(wanted, str):
            return self.column(wanted)
        if isinstance(wanted, slice):
            return self._run(*wanted.indices(self._count))
        if isinstance(wanted, np.ndarray):
            return self.take(np.flatnonzero(wanted) if wanted.dtype == np.bool_ else wanted)
        return self.take(np.array([wanted], np.int64))[0]

    def column(self, name: str, side: int = -1) -> NDArray[Any]:
        """A column, (n, …); of one side where it has two and one is asked for."""
        dtype, offset = field(name)
        shape = dtype.shape if side < 0 else dtype.shape[1:]
        out = np.empty((self._count, *shape), dtype.base)
        for begin, block in self._each():
            block.write(out[begin : begin + len(block)], offset + max(side, 0) * dtype.base.itemsize)
        return out

    def take(self, numbers: NDArray[Any]) -> FlowRows:
        """Rows by their numbers, in that order."""
        numbers = np.where(numbers < 0, numbers + self._count, numbers).astype(np.int64)
        out, of = np.empty(len(numbers), FLOW), numbers >> BLOCK_BITS
        for block in np.unique(of).tolist():
            at = np.flatnonzero(of == block)
            put(out, at, self._blocks[block].some(FLOW, numbers[at] & (BLOCK - 1)))
        return out

    def _run(self, start: int, stop: int, step: int) -> FlowRows:
        if step != 1:
            return self.take(np.arange(start, stop, step))
        out = np.empty(max(stop - start, 0), FLOW)
        for begin, block in self._each():
            low, high = max(start, begin), min(stop, begin + len(block))
            if low < high:
                put(out, slice(low - start, high - start), block.rows(FLOW, slice(low - begin, high - begin)))
        return out

    def _each(self) -> Iterator[tuple[int, PackedBlock]]:
        begin = 0
        for block in self._blocks:
            yield begin, block
            begin += len(block)


def unpacked(rows: TableRows) -> FlowRows:
    """All rows as one array."""
    return rows[:] if isinstance(rows, RowBlocks) else rows
