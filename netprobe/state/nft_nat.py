"""What a translating statement of nftables makes of a packet: ``dnat``, ``snat``, ``masquerade``, ``redirect``, ``tproxy``, with maps and ranges.

Source: nft(8), "NAT STATEMENTS"; libnftables-json(5), "NETWORK ADDRESS TRANSLATION"; net/netfilter/nft_nat.c, nf_nat_core.c.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netprobe.state import nft_types as t
from netprobe.state.address import ip
from netprobe.state.nft_index import NOTHING, Element, Interval
from netprobe.state.nft_sets import interval
from netprobe.state.nft_value import ABSENT, Absent, NotTold, version_of
from netprobe.state.nft_values import evaluate, type_of
from netprobe.values import dataclass

if TYPE_CHECKING:
    from netprobe.state.nft_index import Found
    from netprobe.state.nft_tables import Met
    from netprobe.state.nft_value import Context
    from netprobe.state.packet import PacketTuple

KINDS = ("dnat", "snat", "masquerade", "redirect")


@dataclass(frozen=True, slots=True, kw_only=True)
class Translation:
    """What becomes of one end.

    Attributes:
        kind: ``dnat`` ``snat`` ``masquerade`` ``redirect``, or ``tproxy``, which translates nothing: a local socket takes the packet.
        address: the new address, ``""`` for one that the kernel chooses (an interface's own), or the same.
        port: the new port, None for the same.
        port_known: False where the kernel chooses one of several ports.
    """

    kind: str
    address: str = ""
    port: int | None = None
    port_known: bool = True


def translate(kind: str, body: Any, at: Context, met: Met) -> Translation | NotTold | Absent:
    """Evaluate one statement; absent where a map has nothing for the packet: the rule is left there."""
    body = body if isinstance(body, dict) else {}
    version = version_of(at.packet)
    if version is None:
        return NotTold("the packet's addresses")
    family = {"ip": 4, "ip6": 6}.get(str(body.get("family") or ""), version)
    if family != version:
        return NotTold("a translation to the other IP version")
    address_type = t.V4 if version == 4 else t.V6
    found = _end(body.get("addr"), (address_type, t.PORT), at, met)
    port = _end(body.get("port"), (t.PORT,), at, met)
    if isinstance(found, NotTold | Absent):
        return found
    if isinstance(port, NotTold | Absent):
        return port
    both = [*found, *port, None, None]
    return _of_ends(kind, both[0] if found else None, both[1 if found else 0], at.packet, body)


def _of_ends(
    kind: str, address: Interval | None, port: Interval | None, packet: PacketTuple, body: dict[str, Any]
) -> Translation | NotTold:
    text = ""
    if address is not None:
        number = _one_address(address, kind, packet, body)
        if isinstance(number, NotTold):
            return number
        text = t.shown(number, t.V6 if version_of(packet) == 6 else t.V4)
    if port is None:
        return Translation(kind=kind, address=text)
    low, high = port
    if low != high:
        dialled = packet.dport if kind in {"dnat", "redirect"} else None
        kept = dialled is not None and low <= dialled <= high and "random" not in str(body.get("flags"))
        if kind in {"dnat", "redirect"} and not kept:
            return NotTold("which of several ports is taken")
        return Translation(kind=kind, address=text, port=dialled, port_known=kept)
    return Translation(kind=kind, address=text, port=low)


def _one_address(address: Interval, kind: str, packet: PacketTuple, body: dict[str, Any]) -> int | NotTold:
    low, high = address
    if low == high:
        return low
    if "netmap" not in str(body.get("flags")) and body.get("type_flags") != "prefix":
        return NotTold("which of several addresses is taken")
    old = ip((packet.src if kind == "snat" else packet.dst) or "")
    host = low ^ high
    return NotTold("the packet's address") if old is None else low & ~host | int(old) & host


def _end(value: Any, kinds: tuple[t.DataType, ...], at: Context, met: Met) -> list[Interval] | NotTold | Absent:
    """An address (and port), or a port: first and last of each part; empty where none is given."""
    if value is None:
        return []
    if isinstance(value, dict) and isinstance(value.get("map"), dict):
        found = mapped(value["map"], at, met)
        if not isinstance(found, Element):
            return found if isinstance(found, NotTold) else ABSENT
        value = found.data
    parts = value["concat"] if isinstance(value, dict) and isinstance(value.get("concat"), list) else [value]
    ends = []
    for each, kind in zip(parts, kinds, strict=False):
        one = _interval(each, kind, at)
        if one is None:
            return NotTold("a translation that is not understood")
        ends.append(one)
    return ends if len(parts) <= len(kinds) else NotTold("a translation that is not understood")


def _interval(value: Any, kind: t.DataType, at: Context) -> Interval | None:
    if isinstance(value, dict):
        if value.keys() & {"range", "prefix"}:
            return interval(value, kind)
        found = evaluate(value, at)
        return (found, found) if isinstance(found, int) else None
    one = t.constant(value, kind)
    return (one, one) if isinstance(one, int) else None


def mapped(body: dict[str, Any], at: Context, met: Met) -> Found:
    """The element of a map that the packet meets."""
    key = evaluate(body.get("key"), at)
    if isinstance(key, Absent):
        return NOTHING
    if at.table is None:
        return NotTold("what a map holds")
    return at.table.look_up(body.get("data"), key, type_of(body.get("key")), at, is_map=True, met=met)
