"""Sets and maps of nftables: which element a value meets. Read once, when first asked: hashed, and sorted by interval.

A set of a million elements takes about a second once and some hundred bytes an element; a look-up in it takes microseconds. Elements
that are not understood make a look-up that finds nothing else unknown, never empty.

Source: nft(8), "SETS", "MAPS"; libnftables-json(5), "SET", "MAP"; net/netfilter/nft_set_hash.c, nft_set_rbtree.c, nft_set_pipapo.c.
"""

from __future__ import annotations

from bisect import bisect_right
from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from netprobe.state import nft_types as t
from netprobe.state.issues import dict_of, int_of
from netprobe.state.nft_value import Absent, Bits, NotTold, Span
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from netprobe.state.nft_types import DataType
    from netprobe.state.nft_value import Scalar, Value

Interval = tuple[int, int]
Part = int | str | Interval
_SOON = 10  # seconds: an element that expires so soon may be gone when the packet comes
_MOST_SCANNED = 20_000  # elements that are looked at one by one
_STATEFUL = frozenset({"limit", "quota", "ct count"})


class Nothing(Enum):
    """No element is met."""

    NOTHING = "nothing"


NOTHING: Final = Nothing.NOTHING


@dataclass(frozen=True, slots=True)
class Element:
    """An element that is met.

    Attributes:
        key: as the JSON has it. data: of a map, the JSON of what it leads to.
        doubt: why it may not hold all the same, ``""`` for none.
    """

    key: Any
    data: Any = None
    doubt: str = ""


Found = Element | Nothing | NotTold


class Elements:
    """What a set or a map holds, for values of some types."""

    def __init__(self, items: Any, *, is_map: bool, kinds: DataType | tuple[DataType, ...]) -> None:
        """Take the JSON's elements; nothing is read yet. What is no list of them is one that is not understood."""
        self._items: Sequence[Any] = items if isinstance(items, list) else () if items is None else (None,)
        self._is_map = is_map
        self._kinds = kinds

    def find(self, value: Value) -> Found:
        """Look a value up."""
        index = self._index
        if isinstance(value, Absent):
            return NOTHING
        found = index.find(value)
        if found is None:
            if index.any is not None:
                return index.any
            return NotTold("an element that is not understood") if index.strange else NOTHING
        return found

    @cached_property
    def _index(self) -> _Index:
        index = _Index() if isinstance(self._kinds, t.DataType) else _ConcatIndex()
        for item in self._items:
            self._add(index, item)
        index.close()
        return index

    def _add(self, index: _Index, item: Any) -> None:
        key, data = item, None
        if self._is_map:
            if not isinstance(item, list) or len(item) != 2:
                index.strange = True
                return
            key, data = item
        doubt = ""
        if isinstance(key, dict) and "elem" in key:
            body = dict_of(key, "elem")
            key, doubt = body.get("val"), _doubt(body)
        element = Element(key, data, doubt)
        if key == "*":
            index.any = element
            return
        part = self._part(key)
        if part is None:
            index.strange = True
        else:
            index.add(part, element)

    def _part(self, key: Any) -> Part | tuple[Part, ...] | None:
        if isinstance(self._kinds, t.DataType):
            return part(key, self._kinds)
        concat = key.get("concat") if isinstance(key, dict) else None
        if not isinstance(concat, list) or len(concat) != len(self._kinds):
            return None
        found = tuple(part(each, kind) for each, kind in zip(concat, self._kinds, strict=True))
        return None if None in found else found  # type: ignore[return-value]  # None is not among them


def _doubt(body: dict[str, Any]) -> str:
    expires = int_of(body, "expires")
    if expires is not None and expires < _SOON:
        return "an element that expires"
    return "an element with a limit" if _STATEFUL & body.keys() else ""


def part(value: Any, kind: DataType) -> Part | None:
    """One part of an element's key: a value, or an interval; None when it is not understood."""
    if isinstance(value, dict) and value.keys() & {"prefix", "range"}:
        return interval(value, kind)
    return t.constant(value, kind)


def interval(value: dict[str, Any], kind: DataType) -> Interval | None:
    """``{"prefix": …}`` or ``{"range": [..]}`` as its first and last value."""
    body = value.get("prefix")
    if isinstance(body, dict):
        base, length = t.constant(body.get("addr"), kind), int_of(body, "len")
        if not isinstance(base, int) or length is None or not 0 <= length <= kind.bits:
            return None
        host = (1 << (kind.bits - length)) - 1
        return base & ~host, base | host
    limits = value.get("range")
    if not isinstance(limits, list) or len(limits) != 2:
        return None
    low, high = (t.constant(each, kind) for each in limits)
    if not isinstance(low, int) or not isinstance(high, int):
        return None
    return (low, high) if low <= high else None  # nft 1.0.6 lists `tcp sport < 9 tcp dport > 5` as `tcp dport != 9-5`


class _Index:
    """Elements with one part: exact ones hashed, intervals sorted, names by the length of their prefix."""

    def __init__(self) -> None:
        self.exact: dict[Any, Element] = {}
        self.ranges: list[tuple[int, int, Element]] = []
        self.prefixes: dict[str, Element] = {}
        self.any: Element | None = None
        self.strange = False
        self._lows: list[int] = []
        self._highs: list[int] = []

    def add(self, part: Any, element: Element) -> None:
        """Take one element in."""
        if isinstance(part, tuple):
            self.ranges.append((*part, element))
        elif isinstance(part, str) and part.endswith("*"):
            self.prefixes[part[:-1]] = element
        else:
            self.exact[part] = element

    def close(self) -> None:
        """All are in."""
        self.ranges.sort(key=lambda each: each[:2])
        self._lows = [each[0] for each in self.ranges]

    def find(self, value: Value) -> Found | None:
        """The element; None where there is none."""
        if isinstance(value, int | str):
            return self.exact.get(value) or self._wider(value)
        return self._partly(value)

    def _wider(self, value: int | str) -> Element | None:
        if isinstance(value, str):
            if not self.prefixes:
                return None
            starts = (value[:length] for length in range(len(value), -1, -1))
            return next((self.prefixes[each] for each in starts if each in self.prefixes), None)
        at = bisect_right(self._lows, value) - 1
        for number in range(at, max(-1, at - 2), -1):  # the kernel's do not overlap
            low, high, element = self.ranges[number]
            if low <= value <= high:
                return element
        return None

    def _partly(self, value: Value) -> Found | None:
        """A value that is not told, or in part: no element may be met by it, or one surely, else it is not told."""
        if self.size > _MOST_SCANNED or self.strange:
            return why_of(value)
        answers = [(may_be(value, each), element) for each, element in self._parts()]
        if not any(answer is not False for answer, _ in answers):
            return None
        sure = [element for answer, element in answers if answer]
        return sure[0] if sure else why_of(value)

    @property
    def size(self) -> int:
        """How many elements there are, about."""
        return len(self.exact) + len(self.ranges) + len(self.prefixes)

    def _parts(self) -> Iterator[tuple[Any, Element]]:
        yield from self.exact.items()
        for low, high, element in self.ranges:
            yield (low, high), element
        for start, element in self.prefixes.items():
            yield f"{start}*", element


class _ConcatIndex(_Index):
    """Elements with several parts: hashed by those that are exact or a network, and of the same lengths; then one by one (tuple space search)."""

    def __init__(self) -> None:
        super().__init__()
        self.shapes: dict[tuple[int, ...], dict[Any, list[tuple[Any, Element]]]] = {}
        self.ranged = 0

    def add(self, part: Any, element: Element) -> None:
        """Take one element in."""
        shape = tuple(_host_bits(each) for each in part)
        if not any(shape):
            self.exact[part] = element
            return
        self.ranged += 1
        key = tuple(_first(each) >> bits for each, bits in zip(part, shape, strict=True) if bits > 0)
        exact = tuple(each for each, bits in zip(part, shape, strict=True) if bits == 0)
        self.shapes.setdefault(shape, {}).setdefault((key, exact), []).append((part, element))

    @property
    def size(self) -> int:
        """How many elements there are."""
        return len(self.exact) + self.ranged

    def find(self, value: Value) -> Found | None:
        """The element; not told where several that differ are met."""
        if not isinstance(value, tuple):
            return NotTold("a value of several parts") if not isinstance(value, NotTold) else value
        if not all(isinstance(each, int | str) for each in value):
            return self._partly(value)
        met = [self.exact[value]] if value in self.exact else []
        for shape, groups in self.shapes.items():
            if len(shape) != len(value):
                continue
            near = groups.get(_hashed(value, shape), ())
            if len(near) > _MOST_SCANNED:
                return NotTold("a set of very many ranges")
            met += [element for parts, element in near if may_be(value, parts)]
        if len(met) > 1 and any(each.data != met[0].data for each in met):
            return NotTold("which of several elements is met first")
        return met[0] if met else None

    def _parts(self) -> Iterator[tuple[Any, Element]]:
        yield from self.exact.items()
        for groups in self.shapes.values():
            for each in groups.values():
                yield from each


_ONE_BY_ONE = -1


def _host_bits(part: Part) -> int:
    """0 for an exact part; for a network the bits that are free; else it is looked at one by one."""
    if isinstance(part, str):
        return _ONE_BY_ONE if part.endswith("*") else 0
    if isinstance(part, int):
        return 0
    low, high = part
    size = high - low + 1
    return size.bit_length() - 1 if size > 1 and size & (size - 1) == 0 and low % size == 0 else _ONE_BY_ONE


def _first(part: Part) -> int:
    return part[0] if isinstance(part, tuple) else 0


def _hashed(value: tuple[Any, ...], shape: tuple[int, ...]) -> Any:
    pairs = tuple(zip(value, shape, strict=True))
    key = tuple(each >> bits if isinstance(each, int) else each for each, bits in pairs if bits > 0)
    return key, tuple(each for each, bits in pairs if bits == 0)


def may_be(value: Value, part: Any) -> bool | None:
    """Whether a value is a part (an exact value, an interval, the begin of a name); None where it is not told."""
    if isinstance(value, tuple):
        if not isinstance(part, tuple) or len(part) != len(value):
            return False
        answers = [_is(one, each) for one, each in zip(value, part, strict=True)]
        return False if False in answers else None if None in answers else True
    return _is(value, part)


def _is(value: Scalar, part: Any) -> bool | None:
    if isinstance(value, Absent):
        return False
    if isinstance(value, NotTold):
        return None
    if isinstance(value, str) or isinstance(part, str):
        if not (isinstance(value, str) and isinstance(part, str)):
            return None
        return value.startswith(part[:-1]) if part.endswith("*") else value == part
    low, high = part if isinstance(part, tuple) else (part, part)
    if isinstance(value, Bits):
        return False if low == high and (low ^ value.value) & value.known else None
    least, most = (value.low, value.high) if isinstance(value, Span) else (value, value)
    if low <= least and most <= high:
        return True
    return False if most < low or high < least else None


def why_of(value: Value) -> NotTold:
    """What of a value is not told."""
    parts = value if isinstance(value, tuple) else (value,)
    return next((each for each in parts if isinstance(each, NotTold)), NotTold("a number that is known in part"))
