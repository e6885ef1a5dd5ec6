"""Sets and maps of nftables: which element a value meets. Read once, when first asked: hashed, and sorted by interval.

A set of a million elements takes about a second once and some hundred bytes an element; a look-up in it takes microseconds. Elements
that are not understood make a look-up that finds nothing else unknown, never empty.

Source: nft(8), "SETS", "MAPS"; libnftables-json(5), "SET", "MAP"; net/netfilter/nft_set_hash.c, nft_set_rbtree.c, nft_set_pipapo.c.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from netprobe.state import nft_types as t
from netprobe.state.issues import dict_of, int_of
from netprobe.state.nft_index import NOTHING, ConcatIndex, Element, Found, Index, Interval, Part
from netprobe.state.nft_value import Absent, NotTold

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from netprobe.state.nft_types import DataType
    from netprobe.state.nft_value import Value

_MOST_KEPT = 64  # answers
_SOON = 10  # seconds: an element that expires so soon may be gone when the packet comes
_STATEFUL = frozenset({"limit", "quota", "ct count"})


class Elements:
    """What a set or a map holds, for values of some types."""

    def __init__(self, items: Any, *, is_map: bool, kinds: DataType | tuple[DataType, ...]) -> None:
        """Take the JSON's elements; nothing is read yet. What is no list of them is one that is not understood."""
        self._items: Sequence[Any] = items if isinstance(items, list) else () if items is None else (None,)
        self._is_map = is_map
        self._kinds = kinds
        self._found: dict[Value, Found] = {}

    def find(self, value: Value) -> Found:
        """Look a value up: once, however many rules ask for the same."""
        found = self._found.get(value)
        if found is None:
            if len(self._found) >= _MOST_KEPT:
                self._found.clear()
            found = self._found[value] = self._find(value)
        return found

    def _find(self, value: Value) -> Found:
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
    def _index(self) -> Index:
        index = Index() if isinstance(self._kinds, t.DataType) else ConcatIndex()
        kind = self._kinds
        rest = (
            self._items
            if self._is_map or not isinstance(kind, t.DataType) or not kind.bits
            else _plain(index, self._items, kind)
        )
        for item in rest:
            self._add(index, item)
        index.close()
        return index

    def _add(self, index: Index, item: Any) -> None:
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


def _plain(index: Index, items: Sequence[Any], kind: DataType) -> Iterator[Any]:
    """Take in the elements that are one value, as nearly all are; yield the others."""
    exact = index.exact
    for item in items:
        value = t.constant(item, kind) if type(item) is str else None
        if isinstance(value, int):
            exact[value] = item
        else:
            yield item


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
