"""By which elements of named sets and maps a packet meets a rule: what an administrator has to look for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netprobe.state.issues import dict_of
from netprobe.state.nft_index import Element
from netprobe.state.nft_run import may_meet
from netprobe.state.nft_show import show
from netprobe.state.nft_value import Absent
from netprobe.state.nft_values import evaluate, type_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from netprobe.state.nft_value import Context


def elements_met(expressions: Sequence[Any], at: Context) -> Iterator[tuple[str, str]]:
    """The name of each named set that the packet is in by these expressions, and the element as nft writes it."""
    for expression in expressions:
        for data, key in _look_ups(expression):
            try:
                value = evaluate(key, at)
            except RecursionError:
                continue
            if at.table is None or isinstance(value, Absent):
                continue
            is_map = "match" not in expression
            found = at.table.look_up(data, value, type_of(key), at, is_map=is_map, met=may_meet)
            if isinstance(found, Element):
                yield data.removeprefix("@"), show(found.key)


def _look_ups(expression: Any) -> Iterator[tuple[str, Any]]:
    """The named set, and what is looked up in it."""
    if not isinstance(expression, dict):
        return
    match, vmap = dict_of(expression, "match"), dict_of(expression, "vmap")
    for data, key in ((match.get("right"), match.get("left")), (vmap.get("data"), vmap.get("key"))):
        if isinstance(data, str) and data.startswith("@") and match.get("op") != "!=":
            yield data, key
