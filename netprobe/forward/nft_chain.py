"""A packet on its way through one nftables base chain: what stops it, and what of it is changed.

Source: net/netfilter/nft_nat.c, nft_masq.c, nft_redir.c, nf_nat_redirect.c.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from netprobe.forward.conntrack import DST, SIDE, translated
from netprobe.forward.iptables import noted
from netprobe.forward.model import Obstacle, Shortened, Stopped, UnknownHere
from netprobe.forward.nat import address_of, masquerade_address
from netprobe.forward.nftables import walk_chain
from netprobe.forward.routing import linked
from netprobe.forward.seen import seen
from netprobe.forward.tproxy import end_of, handed_by_nft, socket_for, sockets_met
from netprobe.model.rule import Hook
from netprobe.state.address import is_link_local, same
from netprobe.state.fib_answer import RouteQuery
from netprobe.state.lookup import has_address
from netprobe.state.nft import NftRule
from netprobe.state.nft_types import FIB_TYPE
from netprobe.state.nft_value import NotTold
from netprobe.values import dataclass

if TYPE_CHECKING:
    from netprobe.forward.conntrack import Connection
    from netprobe.forward.model import Flying
    from netprobe.forward.netfilter import At
    from netprobe.forward.nftables import ChainEnd
    from netprobe.state.links import Link
    from netprobe.state.namespace import Namespace
    from netprobe.state.nft import NftChain
    from netprobe.state.nft_nat import Translation
    from netprobe.state.nft_value import Scalar
    from netprobe.state.packet import LocalSocket, PacketTuple


def pass_chain(at: At, chain: NftChain, packet: Flying) -> tuple[Flying, ChainEnd]:
    """Pass one base chain; return the packet behind it, and how its walk ended.

    Raises:
        Stopped: dropped or rejected.
        UnknownHere: what decides is not told, and how the packet goes on depends on it.
    """
    view = seen(at.by.namespace, packet, in_if=at.in_if, out_if=at.out_if)
    if at.on_bridge:
        view = _on_a_bridge(at, view)
    if at.by.nft is None:
        raise UnknownHere(f"the nftables rules of {at.by.place} are not known")
    end = walk_chain(at.by.nft, chain, view, at.gone, NamespaceFacts(at.by.namespace, at.known))
    decided = end.decided_by
    doubts = tuple((rule.ref, why) for rule, why in end.unsure if rule is not decided)
    if end.verdict == "unknown":
        why = UnknownHere(f"{at.by.place}: nftables {decided.ref}: {end.why}", [decided.ref], at.by.place)
        raise why.because(replace(packet, unsure=doubts))
    if end.verdict in {"drop", "reject"}:
        undo = decided.delete_argv if isinstance(decided, NftRule) else decided.accept_argv
        ref = decided.ref_for(end.packet) if isinstance(decided, NftRule) else decided.ref
        rule = replace(ref, verdict=end.verdict)
        hook = Hook(chain.hook.upper())
        raise Stopped(Obstacle.of_rule(at.by.place, rule, direction=packet.direction, undo=undo, hook=hook))
    try:
        behind = changed(packet, view, end.packet)
    except UnknownHere as why:
        raise why.because(replace(packet, unsure=doubts)) from None
    if end.shortened is not None and behind.ttl != packet.ttl:
        by = end.shortened
        told = Shortened(place=at.by.place, rule=by.ref, hook=Hook(chain.hook.upper()), undo=by.delete_argv)
        behind = replace(behind, shortened=told)
    behind = noted(behind, packet, doubts)
    return behind if end.tproxy is None else handed_by_nft(at, *end.tproxy, behind, view), end


def _on_a_bridge(at: At, view: PacketTuple) -> PacketTuple:
    """What rules of family bridge see: connections are tracked there only where a module is loaded for it (nf_conntrack_bridge)."""
    view = replace(view, ctstate=None, tracked=None)
    if not at.unknown_port:
        return view
    return replace(view, in_if=view.in_if or None, out_if=view.out_if or None)


def changed(packet: Flying, before: PacketTuple, after: PacketTuple) -> Flying:
    """The packet with what rules changed of it. Raises UnknownHere where that is not told."""
    if before == after:
        return packet
    if after.ctstate is None is not before.ctstate or after.ttl is None or after.zone is None is not before.zone:
        raise UnknownHere("what rules told conntrack of the packet, or made of its TTL, is not known")
    names = ("src", "sport", "dst", "dport", "mark", "ttl", "tos", "zone")
    new: dict[str, Any] = {
        name: getattr(after, name) for name in names if getattr(after, name) != getattr(before, name)
    }
    if (after.tracked is False and before.tracked is not False) or after.ctstate == "UNTRACKED":
        new["untracked"] = True
    new["templated"] = after.templated
    if after.ctmark != before.ctmark and packet.connection is not None:
        new["connection"] = replace(packet.connection, mark=after.ctmark)
    return replace(packet, **new)


def translate_nft(at: At, end: ChainEnd, packet: Flying) -> Flying:
    """The packet as a chain's end translates it.

    Raises:
        UnknownHere: to which address is not known.
    """
    to = end.translation
    if to is None:
        return packet
    old, old_port = (packet.dst, packet.dport) if SIDE[at.hook] == DST else (packet.src, packet.sport)
    address = to.address or old
    if to.kind == "redirect":
        own = "::1" if ":" in packet.dst else "127.0.0.1"
        address = own if at.hook == "OUTPUT" else address_of(at.by.namespace, at.in_if or "lo", packet.dst)
    elif to.kind == "masquerade":
        address = masquerade_address(at.by.namespace, at.out_if, packet.dst)
    if not address:
        raise UnknownHere(f"{at.by.place}: nftables {end.decided_by.ref} translates to what is not known")
    port = old_port if to.port is None and to.port_known else to.port
    return translated(packet, at.hook, address, port)


@dataclass(frozen=True, slots=True)
class NamespaceFacts:
    """What rules ask of a namespace: its interfaces and its routing tables. ``known``: the connections that it tracks."""

    namespace: Namespace
    known: tuple[Connection, ...] = ()

    def link(self, name: str) -> Link | None:
        """An interface by name."""
        return self.namespace.link(name)

    def takes(self, to: Translation, packet: PacketTuple) -> bool | NotTold:
        """Whether a socket takes what ``tproxy`` hands over; what follows a handshake finds the one of its connection."""
        if packet.sockets and packet.sockets[0].transparent and packet.sockets[0].wildcard is False:
            return True
        found = socket_for(self.namespace, packet, end_of(self.namespace, packet, to.address, to.port))
        return found if isinstance(found, NotTold) else found is not None

    def sockets(self, packet: PacketTuple) -> tuple[LocalSocket, ...] | None:
        """The socket that a packet would come to."""
        return sockets_met(self.namespace, packet, self.known)

    def fib(self, result: str, flags: tuple[str, ...], packet: PacketTuple) -> Scalar:
        """The routing tables' answer for the packet's source or destination (nft_fib4_eval, nft_fib6_eval)."""
        if self.namespace.routes is None or self.namespace.links is None:
            return NotTold("what the routing tables say")
        to, other = (packet.dst, packet.src) if "daddr" in flags else (packet.src, packet.dst)
        device = packet.in_if if "iif" in flags else packet.out_if if "oif" in flags else None
        if to is None:
            return NotTold("the packet's addresses")
        return (
            self._type(to, other, device, packet)
            if result == "type"
            else self._device(to, other, device, flags, packet)
        )

    def _type(self, address: str, other: str | None, device: str | None, packet: PacketTuple) -> Scalar:
        """What the local table says of an address; ``local`` of one device alone, where one is named. IPv6 looks up a route, from the other end."""
        kind = packet.dst_type if address == packet.dst else packet.src_type
        if kind == "UNICAST" and ":" in address:
            led = self.namespace.fib.ways(RouteQuery(dst=address, src=other or "", mark=None))
            kind = None if led.why or led.ways[0].refused else kind
        if kind == "LOCAL" and device is not None:
            link = self.namespace.link(device)
            mine = link is not None and any(same(each.address, address) for each in link.addresses)
            kind = kind if mine else "UNICAST"
        return FIB_TYPE.names.get((kind or "").lower(), NotTold("the address's type"))

    def _device(
        self, to: str, other: str | None, device: str | None, flags: tuple[str, ...], packet: PacketTuple
    ) -> Scalar:
        """The device that leads there: ``""`` for none, for an own address, and where that is another than the one that is named."""
        if packet.in_if == "lo" and not packet.out_if:
            return "lo"
        if has_address(self.namespace, to):
            return ""
        on = device or packet.in_if or packet.out_if or ""
        if is_link_local(to):  # looked up on that device alone (nft_fib6_flowi_init)
            return on if linked(self.namespace, to, on) else ""
        mark = packet.mark if "mark" in flags else 0
        answer = self.namespace.fib.ways(RouteQuery(dst=to, src=other or "", mark=mark, uid=0, tos=packet.tos))
        devices = {"" if way.refused or way.local else way.dev for way in answer.ways}
        if device is not None:
            devices = {each if each == device else "" for each in devices}
        return devices.pop() if len(devices) == 1 else NotTold(answer.why or "which of several routes is taken")
