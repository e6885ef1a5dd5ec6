"""Packets that a host sends back to the container that sent them: what the bridge's port and the container's kernel make of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.forward.frame import with_address
from netprobe.forward.model import Barrier, Flying, Obstacle, UnknownHere
from netprobe.forward.routing import look_up
from netprobe.forward.settings import bridge_netfilter, forwarding_off
from netprobe.state.address import same
from netprobe.state.lookup import has_address, host_veth

if TYPE_CHECKING:
    from netprobe.evidence.model import Place
    from netprobe.state.model import Host
    from netprobe.state.namespace import Namespace


_CONFIRMED = frozenset({"REACHABLE", "PERMANENT", "NOARP"})  # NUD_CONNECTED


def no_hairpin(place: Place, host: Host, packet: Flying, dev: str, port: str) -> Obstacle | None:
    """A bridge sends nothing back out of the port that it came in by, but by a hairpin port (net/bridge/br_forward.c, should_deliver).

    With bridge netfilter on, what DNAT in PREROUTING turns back into the same bridge is switched, not routed (br_netfilter_hooks.c,
    br_nf_pre_routing_finish); without it, it comes back from the bridge itself, which any port takes. Raises UnknownHere.
    """
    if not port or not bridge_netfilter(host, packet.dst):
        return None
    there = [each for each in with_address(host, packet.dst) if each[2].bridge == dev]
    veths = {veth.name for container, end, _ in there if (veth := host_veth(host, container, end)) is not None}
    link = host.own.link(port)
    if port not in veths or link is None or link.hairpin:
        return None
    if link.hairpin is None:
        raise UnknownHere(f"whether {port} of {place} is a hairpin port is not known")
    return Obstacle(
        barrier=Barrier.HAIRPIN, place=place, label=port, device=port, direction=packet.direction,
        text=f"{port} is no hairpin port of {dev}: what came in by it does not leave by it",
    )  # fmt: skip


def turned_back(namespace: Namespace, came: Flying, packet: Flying, in_if: str) -> bool:
    """Whether a packet that came by a port of a bridge is led back into that bridge by its DNAT: with bridge netfilter it is switched then, not routed.

    The bridge's own tap sees it only where the neighbour has first to be asked for (br_netfilter_hooks.c, br_nf_pre_routing_finish_bridge).
    """
    if packet.dst == came.dst or namespace.routes is None:
        return False
    known = look_up(namespace, packet, in_if).known
    return known is not None and not known.local and not known.refused and known.dev == in_if


def ends_in_sight(place: Place, host: Host, came: Flying, packet: Flying, in_if: str, port: str) -> bool:
    """Whether the bridge's own tap sees what is turned back (:func:`turned_back`), for sure, and it gets no further.

    Where the host does not forward, it is handed up to be refused (net/ipv4/route.c, ip_error). Where its own port is no hairpin port, it leaves by the
    bridge itself as long as the neighbour's link address has to be confirmed.
    """
    namespace = host.namespace(place.container)
    if not turned_back(namespace, came, packet, in_if):
        return False
    try:
        if forwarding_off(place, host, packet, in_if) is not None:
            return True
        if no_hairpin(place, host, packet, in_if, port) is None:
            return False
    except UnknownHere:
        return False
    entries = [each for each in namespace.neighbours or () if each.dev == in_if and same(each.address, packet.dst)]
    confirmed = any(set(each.state.split(",")) & _CONFIRMED for each in entries)
    return namespace.neighbours is not None and not confirmed


def own_source(place: Place, namespace: Namespace, packet: Flying, in_if: str) -> Obstacle | None:
    """A packet that comes in with an address of the namespace's own as its source is dropped (net/ipv4/fib_frontend.c: martian source)."""
    if in_if == "lo" or packet.src is None or ":" in packet.src or not has_address(namespace, packet.src):
        return None
    return Obstacle(
        barrier=Barrier.HAIRPIN, place=place, label=f"source {packet.src}", device=in_if, direction=packet.direction,
        text=f"it comes in with {place.container or place.host}'s own address {packet.src} as its source, which its kernel drops",
    )  # fmt: skip
