"""What passes a bridge of a host: its own hooks (nftables' family bridge), and iptables' where bridge netfilter hands it over.

From port to port: prerouting, forward, postrouting; from a port up into the host: prerouting, input; from the host to a port: output, postrouting. A
bridge's own tap sees what comes up behind those, and what goes out before them.

Source: net/bridge/br_input.c, br_forward.c, br_device.c, br_netfilter_hooks.c; include/uapi/linux/netfilter_bridge.h (priorities).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from netprobe.forward.conntrack import leaving
from netprobe.forward.model import UnknownHere
from netprobe.forward.settings import bridge_netfilter
from netprobe.model.hop import Direction
from netprobe.values import dataclass

if TYPE_CHECKING:
    from netprobe.evidence.model import Place
    from netprobe.forward.frame import Arrival, Frame, Tap
    from netprobe.forward.model import Flying
    from netprobe.forward.stack import Stack
    from netprobe.state.model import Host


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossing:
    """A bridge of a host, and the two ports by which something passes it; ``""`` for the host's own side, None where a port is not known."""

    host: Place
    bridge: str
    near: str | None
    far: str | None

    @property
    def switched(self) -> bool:
        """From port to port."""
        return self.near != "" and self.far != ""

    @property
    def back(self) -> Crossing:
        """The same the other way."""
        return replace(self, near=self.far, far=self.near)


def crossings(frame: Frame, arrival: Arrival) -> tuple[Crossing, ...]:
    """The bridges that a frame passes on its way to the next namespace: of the host that it leaves, and of the one that it comes into from the wire."""
    return tuple(each for each in (crossing(frame, arrival), _entered(frame, arrival)) if each is not None)


def _entered(frame: Frame, arrival: Arrival) -> Crossing | None:
    """The bridge that is the interface by which a frame from the wire comes in."""
    into = arrival.into
    host = frame.hosts.get(into.host) if into is not None and into.container is None else None
    link = host.own.link(arrival.in_if) if host is not None else None
    if into is None or host is None or host is frame.host or link is None or not link.is_bridge:
        return None
    return Crossing(host=into, bridge=link.name, near=sole_port(host, link.name), far="")


def sole_port(host: Host, bridge: str) -> str | None:
    """The port of a bridge that has one alone; None where which of them something takes is not told."""
    ports = [each.name for each in host.own.links or () if each.master == bridge]
    return ports[0] if len(ports) == 1 else None


def ports_of(host: Host, in_if: str, dst: str, port: str) -> tuple[str | None, str] | None:
    """The ports of a bridge by which something came up and goes on, as ``-m physdev`` has them; None where ``in_if`` is no bridge, or it is not told.

    ``port``: by which it came, ``""`` not told. Without bridge netfilter none is known to iptables (nf_bridge_info_get, xt_physdev.c).
    """
    link = host.own.link(in_if)
    if link is None or not link.is_bridge:
        return None
    switch = bridge_netfilter(host, dst)
    if switch is None:
        return None
    return (port or sole_port(host, in_if), "") if switch else ("", "")


def crossing(frame: Frame, arrival: Arrival) -> Crossing | None:
    """The bridge that a frame passes; None where there is none."""
    own = [tap.interface for tap in frame.taps if tap.place == frame.own]
    out = frame.device if frame.place == frame.own else ""
    bridge = arrival.bridge or (arrival.in_if if arrival.into == frame.own else out)
    link = frame.host.own.link(bridge) if bridge in own else None
    if link is None or not link.is_bridge:
        return None
    at = own.index(bridge)
    near = (own[at - 1] if at else None) if bridge != out else ""
    far = (own[at + 1] if at + 1 < len(own) else sole_port(frame.host, bridge)) if arrival.into != frame.own else ""
    return Crossing(host=frame.own, bridge=bridge, near=near, far=far)


def around(taps: list[Tap], across: Crossing | None) -> tuple[list[Tap], list[Tap]]:
    """The points before the bridge's rules, and those behind them (none, where there is no bridge)."""
    if across is None:
        return taps, []
    at = next((n for n, tap in enumerate(taps) if tap.place == across.host and tap.interface == across.bridge), 0)
    up = across.far == ""
    return taps[: at if up else at + 1], taps[at if up else at + 1 :]


def passes(stack: Stack, across: Crossing, packet: Flying) -> Flying:
    """The packet behind a bridge. Raises Stopped, UnknownHere as the stack's mode does."""
    near, far, came = across.near, across.far, packet
    if near != "":
        packet = stack.bridge(across.host, "prerouting", packet, in_if=near)
    if across.switched:
        packet = stack.bridge(across.host, "forward", packet, in_if=near, out_if=far)
        packet = _bridge_netfilter(stack, across, packet)
    elif near != "":
        packet = _handed_up(stack, across, came, packet)
    else:
        packet = stack.bridge(across.host, "output", packet, out_if=far)
    return stack.bridge(across.host, "postrouting", packet, out_if=far) if far != "" else packet


def _handed_up(stack: Stack, across: Crossing, came: Flying, packet: Flying) -> Flying:
    """``input`` of the bridge. With bridge-nf-call-iptables=1 the host's PREROUTING stands before it, and is left out behind it (br_nf_pre_routing, ip_sabotage_in).

    The walk comes to PREROUTING when it enters the host: here it is gone through for what it drops, and for its mark.
    """
    own = across.host
    host = stack.hosts[own.host]
    rules = bool(host.nft is not None and host.nft.base("input", "bridge")) or packet.mark != came.mark
    if not rules or stack.mode.explores or packet.arp is not None or not bridge_netfilter(host, packet.dst):
        return stack.bridge(own, "input", packet, in_if=across.near)
    passed = _through_prerouting(stack, across, packet)
    if packet.mark != came.mark and _marks_late(host) and _matters(passed, _through_prerouting(stack, across, came)):
        why = f"whether the mark that a rule of family bridge gives in {own} is there when PREROUTING and routing look at it is not known"
        stack.mode.unknown(UnknownHere(why))
    behind = stack.bridge(own, "input", replace(packet, mark=passed.mark), in_if=across.near)
    return packet if behind.mark == passed.mark else replace(packet, mark=behind.mark)


def _through_prerouting(stack: Stack, across: Crossing, packet: Flying) -> Flying:
    """What the host's PREROUTING makes of a packet, tried."""
    steps = len(stack.trail.steps)
    by = stack.filter(stack.hosts[across.host.host], across.host, packet.dst)
    packet = replace(packet, bridge=(across.near, ""))
    passed = stack.hook(by, "PREROUTING", packet, in_if=across.bridge)
    del stack.trail.steps[steps:]
    return passed


def _marks_late(host: Host) -> bool:
    """Whether a chain of a bridge's ``prerouting`` stands behind the host's (NF_BR_PRI_BRNF = 0), whose rules and first look-up do not see its mark."""
    return host.nft is not None and any(chain.prio >= 0 for chain in host.nft.base("prerouting", "bridge"))


def _matters(one: Flying, other: Flying) -> bool:
    """Whether PREROUTING does something else by the mark, or a translated destination is looked up before that is given (br_nf_pre_routing_finish)."""
    known = one.connection if one.direction is Direction.REPLY else None
    translated = known is not None and known.reply != known.original[2:] + known.original[:2]
    return translated or replace(one, mark=0) != replace(other, mark=0)


def _bridge_netfilter(stack: Stack, across: Crossing, packet: Flying) -> Flying:
    """With bridge-nf-call-iptables=1 (ip6tables for IPv6) what is switched passes FORWARD too (net/bridge/br_netfilter_hooks.c)."""
    own, bridge = across.host, across.bridge
    host = stack.hosts[own.host]
    switch = bridge_netfilter(host, packet.dst)
    if switch is None:
        stack.mode.unknown(UnknownHere(f"whether what {bridge} of {host.name} switches passes iptables is not known"))
    if (
        not switch or packet.arp is not None
    ):  # of ARP only arptables' own old hook (br_nf_forward_arp), which nftables has not
        return packet
    by = stack.filter(host, own, packet.dst)
    passed = stack.hook(by, "PREROUTING", replace(packet, bridge=(across.near, "")), in_if=bridge)
    if passed.handed is not None:
        why = f"{own}: {passed.handed.rule} hands what {bridge} switches to a socket: what becomes of it is not known"
        stack.mode.unknown(UnknownHere(why))
    passed = replace(passed, bridge=(across.near, across.far))
    passed = stack.hook(by, "FORWARD", passed, in_if=bridge, out_if=bridge)
    passed = stack.hook(by, "POSTROUTING", passed, in_if=bridge, out_if=bridge)
    stack.conntrack.track(own, packet, passed)
    return leaving(passed)
