"""The sets and maps of one nftables table, and what of them the packet path itself writes.

What a rule adds to a set (or deletes) while packets pass is in no listing: where the packet may meet such a rule, the set's answer is
not told.
"""

from __future__ import annotations

from dataclasses import field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from netprobe.state.nft_index import NOTHING, Element, Found
from netprobe.state.nft_sets import Elements
from netprobe.state.nft_value import NotTold
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from netprobe.state.nft_types import DataType
    from netprobe.state.nft_value import Context, Value
    from netprobe.state.packet import PacketTuple

    Met = Callable[["Writer", Context], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """A rule that writes a set: ``add`` ``update`` ``delete``; ``expressions``: what it asks before that."""

    op: str
    expressions: tuple[Any, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class NftSet:
    """A named set or map.

    Attributes:
        family, table, name: where it stands.
        is_map: its elements lead to something.
        items: its elements, as the JSON has them.
        writers: the rules that write it.
    """

    family: str
    table: str
    name: str
    is_map: bool = False
    items: Any = None
    writers: tuple[Writer, ...] = ()

    def elements(self, kinds: DataType | tuple[DataType, ...]) -> Elements:
        """Its elements, for values of these types; read once."""
        key = kinds if isinstance(kinds, tuple) else (kinds,)
        if key not in self._read:
            self._read[key] = Elements(self.items, is_map=self.is_map, kinds=kinds)
        return self._read[key]

    @cached_property
    def _read(self) -> dict[Any, Elements]:
        return {}


@dataclass(frozen=True, kw_only=True, eq=False)
class SetTable:
    """The sets and maps of a table by name; ``anonymous``: those that stand in rules, by the identity of their JSON."""

    sets: dict[str, NftSet] = field(default_factory=dict)
    anonymous: dict[int, Elements] = field(default_factory=dict)

    @cached_property
    def unwritten(self) -> SetTable:
        """The same, as if no packet ever wrote them."""
        return SetTable(
            sets={name: replace(each, writers=()) for name, each in self.sets.items()}, anonymous=self.anonymous
        )

    def look_up(self, data: Any, value: Value, kinds: Any, at: Context, *, is_map: bool, met: Met) -> Found:
        """Look a value up in a named set (``"@name"``) or in elements that stand in the rule (``{"set": [..]}``, a list).

        Args:
            data: which.
            value: what for.
            kinds: the types of its parts.
            at: the packet.
            is_map: it leads to something.
            met: whether a packet may meet a rule that writes the set.
        """
        if isinstance(data, str):
            return self._named(data.removeprefix("@"), value, kinds, at, met)
        items = data.get("set") if isinstance(data, dict) else data
        key = id(items)
        if key not in self.anonymous:
            self.anonymous[key] = Elements(items, is_map=is_map, kinds=kinds)
        return sure(self.anonymous[key].find(value))

    def _named(self, name: str, value: Value, kinds: Any, at: Context, met: Met) -> Found:
        found = self.sets.get(name)
        if found is None:
            return NotTold(f"set {name}, which is not listed")
        element = sure(found.elements(kinds).find(value))
        changing = {"delete"} if isinstance(element, Element) else {"add", "update"} if element is NOTHING else set()
        for writer in found.writers:
            if writer.op in changing and any(met(writer, each) for each in _moments(at)):
                return NotTold(f"what packets themselves write into set {name}")
        return element


def sure(found: Found) -> Found:
    """An element that may be gone, or has a limit, is not told."""
    return NotTold(found.doubt) if isinstance(found, Element) and found.doubt else found


def _moments(at: Context) -> Iterator[Context]:
    """The packet at other hooks, before its destination was translated and behind, as far as that is the same everywhere."""
    packet = replace(
        at.packet, in_if=None, out_if=None, ctstate=None, src_type=None, dst_type=None, mark=None, ctmark=None
    )
    yield replace(at, packet=packet, hook="")
    if packet.orig_dst is not None:
        yield replace(at, packet=_dialled(packet), hook="")


def _dialled(packet: PacketTuple) -> PacketTuple:
    return replace(packet, dst=packet.orig_dst, dport=packet.orig_dport)
