"""Whether a comparison of nftables (``match`` of libnftables-json(5)) holds for a packet: True, False, or why that is not told.

Source: nft(8), "EXPRESSIONS"; net/netfilter/nft_cmp.c, nft_range.c, nft_lookup.c; nftables src/netlink_linearize.c.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netprobe.state import nft_types as t
from netprobe.state.issues import text_of
from netprobe.state.nft_index import Element, may_be, why_of
from netprobe.state.nft_sets import interval
from netprobe.state.nft_value import ABSENT, Absent, Bits, Bounds, Context, NotTold, Value
from netprobe.state.nft_values import evaluate, type_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from netprobe.state.nft_tables import Met

Answer = bool | NotTold
_STATUS = {"ct": {"key": "status"}}
_FLAGS = (t.CT_STATE, t.CT_STATUS, t.TCP_FLAG)
_NOT_UNDERSTOOD = NotTold("a comparison that is not understood")


def compare(body: dict[str, Any], at: Context, met: Met) -> Answer:
    """Whether a ``match`` holds; False where the packet has no such thing, whatever the operator."""
    left, right, op = _single(body.get("left")), _single(body.get("right")), text_of(body, "op")
    value = evaluate(left, at)
    if value is ABSENT:
        return False
    kind = type_of(left)
    if isinstance(right, bool) and isinstance(value, str):  # a route or an interface: exists, missing
        return (bool(value) is right) is (op != "!=")
    if left == _STATUS and op not in {"in", "!"} and _within(right, value, kind, at, met) is True:
        return NotTold(
            "what conntrack notes of nat besides"
        )  # IPS_SRC_NAT_DONE, IPS_DST_NAT_DONE: all bits are compared
    if op == "!=":
        found = _within(right, value, kind, at, met)
        return found if isinstance(found, NotTold) else not found
    if op in {"in", "!"} and kind in _FLAGS and not _is_set(right):
        return _has_flags(right, value, kind, wanted=op == "in")
    if op in {"==", "in", ""}:
        return _within(right, value, kind, at, met)
    ordered = _ORDERED.get(op)
    return _order(ordered, right, value, kind, at) if ordered is not None else _NOT_UNDERSTOOD


def _single(side: Any) -> Any:
    """A list of one part, as nft 1.1 writes a fib expression and what it is held against: the part."""
    parts = side.get("concat") if isinstance(side, dict) else None
    return parts[0] if isinstance(parts, list) and len(parts) == 1 else side


def _is_set(right: Any) -> bool:
    return (isinstance(right, dict) and "set" in right) or (isinstance(right, str) and right.startswith("@"))


def _within(right: Any, value: Value, kind: Any, at: Context, met: Met) -> Answer:
    """Whether a value is what stands on the right: a constant, an interval, an element of a set."""
    if _is_set(right):
        if at.table is None:
            return NotTold("what a set holds")
        found = at.table.look_up(right, value, kind, at, is_map=False, met=met)
        if isinstance(found, Element):
            return True
        return found if isinstance(found, NotTold) else False
    if isinstance(kind, tuple):
        return _parts(right, value, kind)
    if isinstance(right, list) and kind not in _FLAGS:  # as old versions write sets
        return _any_of(right, value, kind)
    return _is(_part(right, kind, at), value)


def _parts(right: Any, value: Value, kinds: tuple[t.DataType, ...]) -> Answer:
    parts = right.get("concat") if isinstance(right, dict) else None
    if not isinstance(parts, list) or len(parts) != len(kinds):
        return _NOT_UNDERSTOOD
    found = tuple(_constant(each, kind) for each, kind in zip(parts, kinds, strict=True))
    return _NOT_UNDERSTOOD if None in found else _is(found, value)


def _any_of(right: list[Any], value: Value, kind: t.DataType) -> Answer:
    answers = [_is(_constant(each, kind), value) for each in right]
    if True in answers:
        return True
    return next((each for each in answers if isinstance(each, NotTold)), False)


def _is(part: Any, value: Value) -> Answer:
    if part is None or isinstance(part, NotTold | Absent):
        return part if isinstance(part, NotTold) else False if part is ABSENT else _NOT_UNDERSTOOD
    if isinstance(part, Bounds | Bits):
        return NotTold("a number that is known in part")
    answer = may_be(value, part)
    return why_of(value) if answer is None else answer


def _constant(right: Any, kind: t.DataType) -> Any:
    if isinstance(right, dict) and right.keys() & {"prefix", "range"}:
        return interval(right, kind)
    return t.constant(right, kind)


def _part(right: Any, kind: t.DataType, at: Context) -> Any:
    """The right side: a constant, or an expression of its own."""
    found = _constant(right, kind)
    if found is not None or not isinstance(right, dict):
        return found
    value = evaluate(right, at)
    return _NOT_UNDERSTOOD if isinstance(value, tuple) else value


def _has_flags(right: Any, value: Value, kind: Any, *, wanted: bool) -> Answer:
    """Whether one of the flags is set (``in``), or none is (``!``)."""
    mask = t.constant(right, kind)
    if not isinstance(mask, int) or not isinstance(value, int):
        return why_of(value) if isinstance(mask, int) else _NOT_UNDERSTOOD
    return bool(value & mask) is wanted


def _order(ordered: Callable[[int, int], bool], right: Any, value: Value, kind: Any, at: Context) -> Answer:
    limit = None if isinstance(kind, tuple) else _part(right, kind, at)
    if isinstance(limit, NotTold):
        return limit
    if not isinstance(limit, int):
        return _NOT_UNDERSTOOD
    if not isinstance(value, int | Bounds):
        return why_of(value) if not isinstance(value, str) else _NOT_UNDERSTOOD
    ends = (value.low, value.high) if isinstance(value, Bounds) else (value,)
    answers = {ordered(each, limit) for each in ends}
    return answers.pop() if len(answers) == 1 else NotTold("a number that is known in part")


_ORDERED: Mapping[str, Callable[[int, int], bool]] = {
    "<": lambda one, other: one < other,
    ">": lambda one, other: one > other,
    "<=": lambda one, other: one <= other,
    ">=": lambda one, other: one >= other,
}
