"""What nftables' ``meta``, ``ct`` and ``fib`` expressions read: of the packet beside its headers, its connection, the routing tables.

Source: nft(8), "META EXPRESSIONS", "CONNTRACK EXPRESSIONS", "FIB EXPRESSIONS"; net/netfilter/nft_meta.c, nft_ct.c, nft_fib.c.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netprobe.state import nft_types as t
from netprobe.state.address import ip
from netprobe.state.issues import text_of, texts_of
from netprobe.state.nft_fields import EPHEMERAL, address, is_absent, length_of, protocol_of
from netprobe.state.nft_value import ABSENT, Context, NotTold, Scalar, known
from netprobe.state.packet import KERNEL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from netprobe.state.nft_types import DataType
    from netprobe.state.packet import PacketTuple


def meta(body: dict[str, Any], at: Context) -> Scalar:
    """What the kernel knows of a packet beside its bytes."""
    key, packet = text_of(body, "key"), at.packet
    if key in {"l4proto", "nfproto", "protocol"}:
        if key == "l4proto":
            return protocol_of(packet)
        numbers = {0: 3, 4: 2, 6: 10} if key == "nfproto" else t.ETHERTYPES
        return NotTold("the packet's protocol") if at.version is None else numbers[at.version]
    if key in {"iifname", "oifname", "iif", "oif"}:
        return _known_text(packet.in_if if key.startswith("i") else packet.out_if, "an interface of the packet")
    if key in {"iiftype", "oiftype", "iifkind", "oifkind"}:
        return _link_fact(key, at)
    if key in {"ibrname", "obrname"}:
        port = at.facts.link((packet.in_if if key == "ibrname" else packet.out_if) or "")
        return port.master if port is not None and port.master else NotTold("the bridge")
    if key == "mark":
        return known(packet.mark, "the packet's mark")
    if key == "length":
        return length_of(packet)
    if key == "pkttype":
        return _pkttype(at)
    if key in {"skuid", "skgid"}:
        return _socket_owner(key, at)
    return NotTold(_META_PHRASES.get(key, f"meta {key}"))


def _known_text(value: str | None, what: str) -> Scalar:
    return NotTold(what) if value is None else value


def _link_fact(key: str, at: Context) -> Scalar:
    name = at.packet.in_if if key.startswith("i") else at.packet.out_if
    if name == "":
        return ABSENT
    link = at.facts.link(name) if name else None
    if key.endswith("kind") and link is not None and not link.loopback:
        return link.kind or NotTold("an interface's kind")
    if name == "lo":
        return 772
    ether = {"veth", "bridge", "macvlan", "macvtap", "ipvlan", "vlan", "dummy", "bond", "vxlan", "team"}
    return 1 if link is not None and key.endswith("type") and link.kind in ether else NotTold("an interface's type")


def _pkttype(at: Context) -> Scalar:
    """Of a packet that was sent to this machine's MAC: bridges hand up no others, and put it so (br_netfilter_hooks.c)."""
    if at.family in {"arp", "netdev", "bridge"}:
        return NotTold("whose MAC the frame has")
    to = ip(at.packet.dst or "")
    if to is not None and to.version == 6 and to.is_multicast and at.packet.in_if:
        return t.PKT_TYPE.names["multicast"]
    return NotTold("the packet's type") if to is None or to.is_multicast or to.packed[-1] == 255 else 0


def _socket_owner(key: str, at: Context) -> Scalar:
    """Forwarded packets, and new ones that come in, have no socket yet: only what belongs to an established one gets it, before INPUT (early demux)."""
    new = at.packet.ctstate == "NEW" or at.packet.tcp_flags == frozenset({"SYN"})
    if at.packet.in_if and (at.hook in {"forward", "prerouting"} or at.packet.out_if or (at.hook == "input" and new)):
        return ABSENT
    if at.packet.uid == KERNEL:
        return ABSENT
    return known(at.packet.uid if key == "skuid" else None, "whose socket it is")


def socket(body: dict[str, Any], at: Context) -> Scalar:
    """Of the socket that the packet would come to; absent where there is none (nft_socket.c)."""
    found, key = at.facts.sockets(at.packet), text_of(body, "key")
    if found is None:
        return NotTold("the socket that the packet is for")
    if not found:
        return ABSENT
    if key == "wildcard" and not found[0].full:
        return ABSENT
    told = {"transparent": found[0].transparent, "wildcard": found[0].wildcard}.get(key)
    return NotTold(f"socket {key}") if told is None else int(told)


def ct(body: dict[str, Any], at: Context) -> Scalar:
    """What connection tracking knows; absent where it does not track the packet."""
    key, packet = text_of(body, "key"), at.packet
    if key == "state":
        return known(t.CT_STATE.names.get((packet.ctstate or "").lower()), "the connection's state")
    if packet.tracked is False and not packet.templated:
        return ABSENT
    if key == "status":
        return _status(packet)
    if key in {"direction", "zone"}:
        given = t.CT_DIR.names.get((packet.ctdir or "").lower(), NotTold("the packet's direction"))
        return known(packet.zone, "the connection's zone") if key == "zone" else given
    if key == "mark":
        return known(packet.ctmark, "the connection's mark")
    if key in {"l3proto", "protocol"}:
        versions = {4: 2, 6: 10}.get(at.version or 0, NotTold("the packet's protocol"))
        return versions if key == "l3proto" else protocol_of(packet)
    return _tuple(key, text_of(body, "dir"), at)


def _status(packet: PacketTuple) -> Scalar:
    if packet.ctstatus is None:
        return NotTold("the connection's status")
    return sum(t.CT_STATUS.names.get(each.lower().replace("_", "-"), 0) for each in packet.ctstatus)


def _tuple(key: str, direction: str, at: Context) -> Scalar:
    """An end of the connection, as the tuple of that direction has it."""
    version, _, name = key.rpartition(" ")
    if name not in {"saddr", "daddr", "proto-src", "proto-dst"} or direction not in {"original", "reply"}:
        return NotTold(_CT_PHRASES.get(key, f"ct {key}"))
    if is_absent(version, at):
        return ABSENT
    packet = at.packet
    values: dict[tuple[str, str], str | int | None] = {
        ("original", "saddr"): packet.orig_src,
        ("original", "daddr"): packet.orig_dst,
        ("original", "proto-src"): packet.orig_sport,
        ("original", "proto-dst"): packet.orig_dport,
        ("reply", "saddr"): packet.repl_src,
        ("reply", "daddr"): packet.repl_dst,
        ("reply", "proto-src"): packet.repl_sport,
        ("reply", "proto-dst"): packet.repl_dport,
    }
    value = values[direction, name]
    server = packet.orig_dport if direction == "original" else packet.repl_sport
    if value is None and name.startswith("proto") and server is not None:
        return EPHEMERAL
    what = f"the connection's {direction} {name}"
    return address(value, what) if isinstance(value, str) else known(value, what)


def fib(body: dict[str, Any], at: Context) -> Scalar:
    """What the routing tables say."""
    return at.facts.fib(text_of(body, "result"), fib_flags(body), at.packet)


def fib_flags(expression: dict[str, Any]) -> tuple[str, ...]:
    """What a fib expression looks up: a word, or a list of them, as the version writes it."""
    return (
        (text_of(expression, "flags"),) if isinstance(expression.get("flags"), str) else texts_of(expression, "flags")
    )


_META_PHRASES = {
    "time": "the time of day",
    "hour": "the time of day",
    "day": "the day of the week",
    "random": "a random number",
    "cpu": "the processor",
    "cgroup": "the sender's control group",
    "ipsec": "the packet's IPsec state",
    "secpath": "the packet's IPsec state",
}
_CT_PHRASES = {
    "bytes": "what the connection carried so far",
    "packets": "what the connection carried so far",
    "avgpkt": "what the connection carried so far",
    "expiration": "how long the connection is kept",
    "helper": "the connection's helper",
    "label": "the connection's labels",
}
META_TYPES: Mapping[str, DataType] = {
    **dict.fromkeys(("iifname", "oifname", "iif", "oif", "iifkind", "oifkind", "ibrname", "obrname", "sdif"), t.IFNAME),
    "l4proto": t.PROTOCOL,
    "nfproto": t.NF_PROTO,
    "protocol": t.ETHER_TYPE,
    "mark": t.MARK,
    "pkttype": t.PKT_TYPE,
    "iiftype": t.IFACE_TYPE,
    "oiftype": t.IFACE_TYPE,
    "skuid": t.UID,
    "skgid": t.GID,
    "ipsec": t.BOOLEAN,
}  # fmt: skip
CT_TYPES: Mapping[str, DataType] = {
    "state": t.CT_STATE,
    "status": t.CT_STATUS,
    "direction": t.CT_DIR,
    "mark": t.MARK,
    "l3proto": t.NF_PROTO,
    "protocol": t.PROTOCOL,
    "ip saddr": t.V4,
    "ip daddr": t.V4,
    "ip6 saddr": t.V6,
    "ip6 daddr": t.V6,
    "proto-src": t.PORT,
    "proto-dst": t.PORT,
    "helper": t.TEXT,
}
