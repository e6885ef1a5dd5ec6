"""Which element of a set a value meets: exact ones hashed, intervals sorted, names by the length of their prefix, several parts by their shape.

Source: net/netfilter/nft_set_hash.c, nft_set_rbtree.c, nft_set_pipapo.c.
"""

from __future__ import annotations

from bisect import bisect_right
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from netprobe.state.nft_value import Absent, Bits, Bounds, NotTold
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netprobe.state.nft_value import Scalar, Value

Interval = tuple[int, int]
Part = int | str | Interval
_MOST_SCANNED = 20_000  # elements that are looked at one by one


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


class Index:
    """Elements with one part: exact ones hashed, intervals sorted, names by the length of their prefix."""

    def __init__(self) -> None:
        self.exact: dict[Any, Element | str] = {}  # a plain one as the text that it is: of a million few are met
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
            found = self.exact.get(value)
            return _element(found) if found is not None else self._wider(value)
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
        if isinstance(value, NotTold):
            return value if self.size else None
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
        yield from ((part, _element(each)) for part, each in self.exact.items())
        for low, high, element in self.ranges:
            yield (low, high), element
        for start, element in self.prefixes.items():
            yield f"{start}*", element


def _element(found: Element | str) -> Element:
    return Element(found) if isinstance(found, str) else found


class ConcatIndex(Index):
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
        met = [_element(self.exact[value])] if value in self.exact else []
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
        yield from ((part, _element(each)) for part, each in self.exact.items())
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
    least, most = (value.low, value.high) if isinstance(value, Bounds) else (value, value)
    if low <= least and most <= high:
        return True
    return False if most < low or high < least else None


def why_of(value: Value) -> NotTold:
    """What of a value is not told."""
    parts = value if isinstance(value, tuple) else (value,)
    return next((each for each in parts if isinstance(each, NotTold)), NotTold("a number that is known in part"))
