"""What an nftables expression (libnftables-json(5)) yields for a packet: a number, a text, or that it is not there or not told.

Source: nft(8), "EXPRESSIONS"; net/netfilter/nft_bitwise.c.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netprobe.state import nft_types as t
from netprobe.state.issues import int_of, text_of
from netprobe.state.nft_fields import PAYLOAD_TYPES, chunk, exthdr, payload, tcp_option
from netprobe.state.nft_meta import CT_TYPES, META_TYPES, ct, fib, meta, socket
from netprobe.state.nft_value import ABSENT, Absent, Bits, Context, NotTold, Scalar, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from netprobe.state.nft_types import DataType


def evaluate(expression: Any, at: Context) -> Value:
    """Evaluate one expression."""
    if isinstance(expression, int) and not isinstance(expression, bool):
        return expression
    if not isinstance(expression, dict) or len(expression) != 1:
        return NotTold("an expression that is not understood")
    ((name, body),) = expression.items()
    found = _EVALUATE.get(name)
    if found is not None and isinstance(body, dict):
        return found(body, at)
    if name in _BINARY and isinstance(body, list) and len(body) >= 2:
        return _binary(name, body, at)
    if name == "concat" and isinstance(body, list):
        return _concat(body, at)
    return NotTold(_PHRASES.get(name, f"'{name}'"))


def type_of(expression: Any) -> DataType | tuple[DataType, ...]:
    """The type of what an expression yields; a plain number's where it is not known."""
    if not isinstance(expression, dict) or len(expression) != 1:
        return t.INTEGER
    ((name, body),) = expression.items()
    if name == "concat" and isinstance(body, list):
        return tuple(_scalar_type(each) for each in body)
    if name in _BINARY and isinstance(body, list) and body:
        return _scalar_type(body[0])
    if not isinstance(body, dict):
        return t.INTEGER
    if name == "payload":
        length = int_of(body, "len")
        if "base" in body:
            return t.bits(length if length is not None and 0 < length <= 1024 else 128)
        return PAYLOAD_TYPES.get((text_of(body, "protocol"), text_of(body, "field")), t.INTEGER)
    if name == "meta":
        return META_TYPES.get(text_of(body, "key"), t.INTEGER)
    if name == "ct":
        return CT_TYPES.get(text_of(body, "key"), t.INTEGER)
    if name == "fib":
        return t.FIB_TYPE if text_of(body, "result") == "type" else t.IFNAME
    return t.BOOLEAN if name in _EXISTS and "field" not in body else t.INTEGER


def _scalar_type(expression: Any) -> DataType:
    found = type_of(expression)
    return found if isinstance(found, t.DataType) else t.INTEGER


def _concat(parts: list[Any], at: Context) -> Value:
    found = tuple(evaluate(each, at) for each in parts)
    if any(each is ABSENT for each in found):
        return ABSENT
    return tuple(each if not isinstance(each, tuple) else NotTold("a list in a list") for each in found)


def _binary(name: str, parts: list[Any], at: Context) -> Scalar:
    kind = _scalar_type(parts[0])
    total = _operand(parts[0], kind, at)
    for part in parts[1:]:
        total = _combine(name, total, _operand(part, kind, at))
    return total


def _operand(part: Any, kind: DataType, at: Context) -> Scalar:
    if isinstance(part, dict) and part.keys().isdisjoint({"prefix", "|"}):
        found = evaluate(part, at)
        return found if not isinstance(found, tuple) else NotTold("a list in a sum")
    if isinstance(part, dict) and "|" in part and not all(isinstance(each, str | int) for each in part["|"] or ()):
        found = evaluate(part, at)
        return found if not isinstance(found, tuple) else NotTold("a list in a sum")
    value = t.constant(part, kind)
    return value if value is not None else NotTold("a constant that is not understood")


def _combine(name: str, one: Scalar, other: Scalar) -> Scalar:
    for each in (one, other):
        if isinstance(each, NotTold | Absent | str):
            return NotTold("a text") if isinstance(each, str) else _masked(name, one, other, each)
    if name in {"<<", ">>"}:
        return _shift(name, one, other)
    first, second = _bits(one), _bits(other)
    if first is None or second is None:
        return NotTold("a number that is known in part")
    return _whole(_BITWISE[name](first, second))


def _masked(name: str, one: Scalar, other: Scalar, unknown: NotTold | Absent) -> Scalar:
    """``unknown & 0`` is 0; all bits of an unknown number are unknown."""
    if isinstance(unknown, Absent):
        return unknown
    known = other if unknown is one else one
    return 0 if name == "&" and known == 0 else unknown


def _shift(name: str, one: Scalar, other: Scalar) -> Scalar:
    if not isinstance(one, int) or not isinstance(other, int) or not 0 <= other < 128:
        return NotTold("a number that is known in part")
    return (one << other) & 0xFFFFFFFF if name == "<<" else one >> other


_ALL = (1 << 2048) - 1


def _bits(value: Scalar) -> Bits | None:
    if isinstance(value, int):
        return Bits(value, _ALL) if value >= 0 else None
    return value if isinstance(value, Bits) else None


def _whole(value: Bits) -> Scalar:
    return value.value if value.known == _ALL else value


_BITWISE: Mapping[str, Callable[[Bits, Bits], Bits]] = {
    "&": lambda a, b: Bits(a.value & b.value, (a.known & b.known) | (a.known & ~a.value) | (b.known & ~b.value)),
    "|": lambda a, b: Bits(a.value | b.value, (a.known & b.known) | (a.known & a.value) | (b.known & b.value)),
    "^": lambda a, b: Bits(a.value ^ b.value, a.known & b.known),
}
_BINARY = frozenset({*_BITWISE, "<<", ">>"})
_EXISTS = frozenset({"exthdr", "tcp option", "ip option", "sctp chunk", "dccp option"})
_EVALUATE: Mapping[str, Callable[[dict[str, Any], Context], Value]] = {
    "payload": payload,
    "meta": meta,
    "ct": ct,
    "fib": fib,
    "socket": socket,
    "exthdr": exthdr,
    "ip option": exthdr,
    "tcp option": tcp_option,
    "sctp chunk": chunk,
    "dccp option": chunk,
}
_PHRASES = {
    "numgen": "a random or counted number",
    "jhash": "a hash",
    "symhash": "a hash",
    "osf": "which system the packet looks to be from",
    "rt": "the packet's route",
    "ipsec": "the packet's IPsec state",
    "tunnel": "the packet's tunnel",
    "xt": "an extension of iptables that nft does not show",
}
