"""Whether an nftables expression (libnftables-json(5)) lets a packet on, as far as the packet is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netprobe.state.address import covers, ip
from netprobe.state.issues import dict_of, text_of, texts_of
from netprobe.state.packet import any_of, invert

if TYPE_CHECKING:
    from netprobe.state.packet import PacketTuple

_NAMES = {"ipv6-icmp": "icmpv6"}  # as /etc/protocols has it, and as nft names the header


def holds(expression: dict[str, Any], packet: PacketTuple) -> bool | None:
    """Whether one expression lets the packet on: statements do, a match when it matches."""
    if "match" not in expression:
        return None if expression.keys() & {"xt", "vmap", "limit", "lookup"} else True
    body = dict_of(expression, "match")
    op = text_of(body, "op")
    if _impossible(dict_of(dict_of(body, "left"), "payload"), packet):
        return False
    read = value_of(dict_of(body, "left"), packet)
    if read is None or op not in {"==", "!=", "in"}:
        return None
    answer = _equals(body.get("right"), read)
    return invert(answer) if op == "!=" else answer


def _impossible(payload: dict[str, Any], packet: PacketTuple) -> bool:
    """The packet has no such header: nft then adds a test for it that fails, whatever the operator."""
    protocol = text_of(payload, "protocol")
    if protocol in {"tcp", "udp", "icmp", "icmpv6", "sctp"}:
        return packet.carried is not None and protocol != packet.carried
    return other_version(protocol, packet)


def other_version(family: str, packet: PacketTuple) -> bool:
    """Whether a packet of the other IP version never comes to such a table, nor has such a header."""
    address = ip(packet.dst or packet.src or "")
    return address is not None and {"ip": 4, "ip6": 6}.get(family, address.version) != address.version


def value_of(left: dict[str, Any], packet: PacketTuple) -> str | int | None:
    """What the packet has where an expression looks: an address, a port, an interface …; None where that is not told."""
    payload, meta, ct = dict_of(left, "payload"), dict_of(left, "meta"), dict_of(left, "ct")
    fib = dict_of(left, "fib")
    if fib:
        kinds = {"daddr": packet.dst_type, "saddr": packet.src_type}
        kind = kinds.get(" ".join(fib_flags(fib))) if text_of(fib, "result") == "type" else None
        return kind.lower() if kind else None
    if payload:
        protocol, name = text_of(payload, "protocol"), text_of(payload, "field")
        values: dict[tuple[str, str], str | int | None] = {
            ("ip", "saddr"): packet.src,
            ("ip", "daddr"): packet.dst,
            ("ip6", "saddr"): packet.src,
            ("ip6", "daddr"): packet.dst,
            ("ip", "protocol"): packet.proto,
            ("ip6", "nexthdr"): packet.carried,
        }
        if protocol in {"tcp", "udp", "th"} and name in {"sport", "dport"}:
            return packet.sport if name == "sport" else packet.dport
        return values.get((protocol, name))
    if meta:
        by_key = {"iifname": packet.in_if, "oifname": packet.out_if, "iif": packet.in_if, "oif": packet.out_if}
        return {**by_key, "l4proto": packet.carried}.get(text_of(meta, "key"))
    if text_of(ct, "key") == "state" and packet.ctstate is not None:
        return packet.ctstate.lower()
    return None


def _equals(right: Any, value: str | int) -> bool | None:
    if isinstance(right, list):
        return any_of(_equals(each, value) for each in right)
    if isinstance(right, dict):
        return _equals_compound(right, value)
    if isinstance(right, bool) or not isinstance(right, str | int):
        return None
    if isinstance(right, str) and right.startswith("@"):
        return None
    if isinstance(value, int):
        return right == value if isinstance(right, int) else None
    if not isinstance(right, str):
        return None
    if right.endswith("*"):
        return value.startswith(right[:-1])
    if ip(value) is not None and ip(right) is not None:
        return ip(value) == ip(right)
    return _NAMES.get(right, right) == value


def _equals_compound(right: dict[str, Any], value: str | int) -> bool | None:
    if "set" in right:
        return _equals(right["set"], value)
    body = right.get("prefix")
    if isinstance(body, dict):
        return covers(f"{body.get('addr')}/{body.get('len')}", str(value))
    limits = right.get("range")
    if isinstance(limits, list) and len(limits) == 2 and isinstance(value, int):
        low, high = limits
        return low <= value <= high if isinstance(low, int) and isinstance(high, int) else None
    return None


def fib_flags(fib: dict[str, Any]) -> tuple[str, ...]:
    """What a fib expression looks up: a word, or a list of them, as the version writes it."""
    return (text_of(fib, "flags"),) if isinstance(fib.get("flags"), str) else texts_of(fib, "flags")
