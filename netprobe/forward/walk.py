"""The walk itself: out of a namespace, over the link, into the next, until a socket takes the packet; then the answer's way back.

In a namespace a packet meets, in this order: netdev ingress, PREROUTING (raw, mangle, nat), the routing decision; then INPUT and a
socket, or the forwarding switch, FORWARD and POSTROUTING; one that is sent from there: routing, OUTPUT, POSTROUTING. Out: netdev egress. With bridge
netfilter on, what comes from a bridge's port meets PREROUTING first, before the bridge's own tap sees it.

How it goes on where something stops it, or where the state does not tell, is its mode's (:mod:`netprobe.forward.modes`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from netprobe.forward.bridged import around, crossings, passes, ports_of
from netprobe.forward.conntrack import leaving
from netprobe.forward.discovery import Discovery
from netprobe.forward.frame import Frame, Tap
from netprobe.forward.guesses import beyond
from netprobe.forward.hairpin import ends_in_sight, no_hairpin, own_source, turned_back
from netprobe.forward.model import Barrier, Flying, Stopped, UnknownHere
from netprobe.forward.published import published_end
from netprobe.forward.settings import (
    bridge_netfilter,
    echo_ignored,
    forwarding_off,
    freed_by_bridge,
    no_loopback_from_outside,
    no_route_localnet,
    reverse_path,
    ttl_expired,
)
from netprobe.forward.sockets import HERE, Taken, answers_by, asked_elsewhere, not_asked, paused, taken
from netprobe.forward.stack import Stack, led_again, link_down
from netprobe.forward.tproxy import routed_on
from netprobe.forward.trail import Trail, endpoint
from netprobe.forward.wire import carry
from netprobe.model.hop import Direction
from netprobe.model.point import point_name
from netprobe.state.address import covers, same
from netprobe.state.lookup import has_address

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from netprobe.evidence.model import Place
    from netprobe.forward.frame import Arrival
    from netprobe.forward.model import Handed
    from netprobe.forward.modes import Mode
    from netprobe.forward.netfilter import Filter
    from netprobe.state.fib_answer import RouteHop
    from netprobe.state.model import Host
    from netprobe.state.namespace import Namespace

_MAX_NAMESPACES = 16
_MAX_PMTU = 0xFFFF


@dataclass(slots=True, kw_only=True)
class Walker:
    """One request, and its answer.

    Attributes:
        hosts: the inventory's hosts before the probe.
        mode: see :mod:`netprobe.forward.modes`.
        trail: what it passed.
        arrives: the namespace that it came to last, whether a socket there takes it or not.
    """

    hosts: Mapping[str, Host]
    mode: Mode
    trail: Trail
    arrives: Place | None = None
    entered: int = 0
    ends: list[tuple[Place, Flying]] = field(default_factory=list)
    asked: list[tuple[Place, Flying]] = field(default_factory=list)
    handed: dict[Place, Handed] = field(default_factory=dict)

    stack: Stack = field(init=False)
    discovery: Discovery = field(init=False)

    def __post_init__(self) -> None:
        """Have the namespaces decide in this walk's mode."""
        self.stack = Stack(hosts=self.hosts, mode=self.mode, trail=self.trail)
        self.discovery = Discovery(stack=self.stack)

    def request(self, place: Place, packet: Flying) -> None:
        """Send a packet and follow it to a socket. Raises Stopped, UnknownHere."""
        self._send(place, packet)

    def replies(self) -> None:
        """Follow the answers back: docker-proxy's inner connection first. Raises Stopped, UnknownHere."""
        for place, packet in reversed(self.ends):
            self.entered = 0
            self._send(place, packet.back())

    # -- one namespace ------------------------------------------------------------------------------------------------

    def _namespace(self, place: Place) -> tuple[Host, Namespace]:
        host = self.hosts.get(place.host)
        if host is None:
            raise UnknownHere(f"host {place.host} is not known")
        return host, host.namespace(place.container)

    def _send(self, place: Place, packet: Flying) -> None:
        """Locally sent: routing, OUTPUT (routing again behind its DNAT), POSTROUTING, out."""
        host, namespace = self._namespace(place)
        if not packet.dst:
            self.mode.unknown(UnknownHere(f"the address that {place} answers to is not known"))
        by = self.stack.filter(host, place, packet.dst)
        way = self.stack.route(place, namespace, packet)
        packet = replace(packet, src=packet.src or way.src or None)
        packet = replace(packet, mss=_segment(namespace, way.dev, packet))
        if packet.direction is Direction.REQUEST and not packet.later:
            self.asked.append((place, packet))
        passed = self.stack.hook(
            by, "OUTPUT", packet, out_if=way.dev, again=lambda moved: led_again(place, host, namespace, moved)
        )
        if passed.rerouted is not None or passed.dst != packet.dst:
            way = self.stack.route(place, namespace, passed.rerouted or passed, again=True)
            self.stack.check(lambda: no_route_localnet(place, host, passed, way))
        left = self.stack.hook(by, "POSTROUTING", passed, out_if=way.dev)
        self.stack.conntrack.track(place, packet, left)
        if way.local:
            self._over_lo(place, by, left)
        else:
            if way.route is None and packet.device == way.dev and not _is_on(namespace, way.dev, left.dst):
                why = f"{place}: no route leads to {left.dst} by {way.dev}, to which the socket is bound: who on that link has it is not known"
                self.mode.unknown(UnknownHere(why))
            self._out(place, left, way)

    def _enters(self, place: Place) -> None:
        """Count the namespaces entered, lo's own too: a docker-proxy may dial what it listens on itself."""
        self.entered += 1
        if self.entered > _MAX_NAMESPACES:
            raise UnknownHere(f"{place}: a loop")

    def _over_lo(self, place: Place, by: Filter, packet: Flying) -> None:
        self._enters(place)
        lo = by.namespace.link("lo")
        if lo is not None and not lo.up:
            self.mode.meet(link_down(place, packet, "lo"))
        self.trail.pass_tap(
            Tap(point=point_name(place.host, "lo", place.container), place=place, interface="lo"), packet
        )
        if packet.connection is None:  # what was invalid in OUTPUT's zone is looked up anew
            packet = replace(packet, zone=0)
        passed = self.stack.hook(by, "PREROUTING", packet, in_if="lo")
        if passed.dst != packet.dst and not has_address(
            by.namespace, passed.dst
        ):  # IPv6 leads it on, IPv4 takes its own source for a martian
            self.mode.unknown(
                UnknownHere(f"{place}: nat sends what comes by lo on to {passed.dst}: what becomes of it is not known")
            )
        here = by.namespace.link_with(passed.dst)  # sockets count it as come by the address's own interface (inet_iif)
        self._deliver(place, self.stack.hook(by, "INPUT", passed, in_if="lo"), here.name if here is not None else "lo")

    def _receive(self, place: Place, packet: Flying, in_if: str, tap: Tap | None = None, port: str = "") -> None:
        """Arrived by an interface: ingress, PREROUTING, routing, and then in, or on.

        ``tap``: its point, still to be seen behind PREROUTING. ``port``: of the bridge that the interface is, by which it came in.
        """
        self._enters(place)
        host, namespace = self._namespace(place)
        if packet.dst == "::1":  # ip6_rcv_core
            self.mode.unknown(UnknownHere(f"{place}: what comes in by {in_if} for ::1 is dropped there"))
        by = self.stack.filter(host, place, packet.dst)
        if tap is None:
            packet = self.stack.netdev(by, "ingress", in_if, packet)
        if packet.later:
            packet = replace(packet, handed=self.handed.get(place))
        if place.container is None:
            packet = replace(packet, bridge=ports_of(host, in_if, packet.dst, port))
        passed = self.stack.hook(by, "PREROUTING", packet, in_if=in_if)
        if passed.handed is not None:
            self.handed[place] = passed.handed
        turned = tap is not None and turned_back(namespace, packet, passed, in_if)
        if tap is not None:
            sees = not turned or ends_in_sight(place, host, packet, passed, in_if, port)
            sees = sees and not freed_by_bridge(place, host, packet, passed, in_if)
            self.trail.pass_tap(replace(tap, observable=sees), passed)
            passed = replace(passed, handed=None)  # a bridge passed it through PREROUTING; ip_rcv_core then orphans it
            passed = self.stack.netdev(by, "ingress", in_if, passed)
        if passed.direction is Direction.REPLY and passed.connection and passed.connection.original[0] is None:
            self.mode.unknown(UnknownHere(f"which address {place} puts back into the answer is not known"))
        self.stack.check(lambda: no_loopback_from_outside(place, host, passed, in_if))
        self.stack.check(lambda: own_source(place, namespace, passed, in_if))
        version = 6 if ":" in passed.dst else 4
        own = _owns(host, place, namespace, passed.dst)
        told = namespace.routes is not None and (namespace.fib.has_own(version) or not own)
        way = self.stack.route(place, namespace, passed, in_if) if told else None
        if way.local if way is not None else own:
            self.stack.check(lambda: reverse_path(place, host, passed, in_if, "lo"))
            self._in(place, by, packet, passed, in_if)
        else:
            way = way or self.stack.route(place, namespace, passed, in_if)
            if passed.dst != packet.dst and way.dev == in_if:
                onward = way
                self.stack.check(lambda: no_hairpin(place, host, passed, onward.dev, port))
            self._on(place, by, packet, passed, in_if, way, switched=turned)

    def _in(self, place: Place, by: Filter, came: Flying, packet: Flying, in_if: str) -> None:
        passed = self.stack.hook(by, "INPUT", packet, in_if=in_if)
        self.stack.conntrack.track(place, came, passed)
        self._deliver(place, passed, in_if)

    def _on(
        self, place: Place, by: Filter, came: Flying, packet: Flying, in_if: str, way: RouteHop, *, switched: bool
    ) -> None:
        """Forwarded: the switch comes before the reverse path (net/ipv4/route.c, ip_route_input_slow).

        ``switched``: within a bridge, behind its DNAT (:func:`turned_back`), which is no hop.
        """
        host, _ = self._namespace(place)
        self.stack.check(lambda: forwarding_off(place, host, packet, in_if))
        self.stack.check(lambda: reverse_path(place, host, packet, in_if, way.dev))
        self.stack.check(lambda: routed_on(place, packet))
        if not switched:
            self.stack.check(lambda: ttl_expired(place, packet))
        if not switched and packet.ttl is not None:
            packet = replace(packet, ttl=packet.ttl - 1)  # before FORWARD (ip_forward, ip6_forward)
        passed = self.stack.hook(by, "FORWARD", packet, in_if=in_if, out_if=way.dev)
        passed = self.stack.hook(by, "POSTROUTING", passed, in_if=in_if, out_if=way.dev)
        self.stack.conntrack.track(place, came, passed)
        self._out(place, passed, way, switched=switched)

    # -- links --------------------------------------------------------------------------------------------------------

    def _out(self, place: Place, packet: Flying, way: RouteHop, *, switched: bool = False) -> None:
        """Out of an interface, over the link, into the next namespace; ``switched``: by a bridge's port alone, not by the bridge's own tap."""
        host, namespace = self._namespace(place)
        packet = self.stack.netdev(self.stack.filter(host, place, packet.dst), "egress", way.dev, packet)
        link = namespace.link(way.dev)
        packet = replace(leaving(packet), mac=(link.mac or None) if link else None)
        frame = Frame(
            hosts=self.hosts, place=place, device=way.dev, address=way.via or packet.dst, direction=packet.direction,
            mode=self.mode,
        )  # fmt: skip
        if frame.resolves:
            self.trail.resolved.append(frame.address)
        arrival, end = carry(frame)
        unresolved = self.discovery.end(packet, frame, arrival, end)
        if unresolved is not end:
            arrival, end = replace(arrival, into=None), unresolved
        taps = [replace(tap, observable=False) for tap in frame.taps[:1]] + frame.taps[1:] if switched else frame.taps
        tap = taps[-1] if self._filters_first(arrival, packet.dst) else None
        for across in crossings(frame, arrival) if end is None else ():
            before, taps = around(taps, across)
            self._pass_taps(before, tap, packet, sure=_is_sent(arrival, end, frame))
            packet = passes(self.stack, across, packet)
        self._pass_taps(taps, tap, packet, sure=_is_sent(arrival, end, frame))
        if end is not None:
            raise end
        self._enter(host, frame, arrival, packet, tap)

    def _pass_taps(self, taps: list[Tap], but: Tap | None, packet: Flying, *, sure: bool) -> None:
        for each in taps:
            if each is not but:
                self.trail.pass_tap(each, packet, sure=sure)

    def _enter(self, host: Host, frame: Frame, arrival: Arrival, packet: Flying, tap: Tap | None) -> None:
        """Into the next namespace, where it is one of the inventory."""
        if arrival.into is None:
            if packet.direction is Direction.REQUEST:
                self.trail.left = (frame.place, frame.device)
            whom = f"{frame.address} is no host of the inventory" if frame.resolves else f"{frame.device} is a tunnel"
            why = f"{whom}: what lies beyond is not known"
            arrival = self.mode.choose((), lambda: beyond(self.hosts, host, packet.dst), why)
            self._pass_uplink(arrival, packet)
        if arrival.into is not None:
            self._receive(arrival.into, packet, arrival.in_if, tap, arrival.port)

    def _pass_uplink(self, arrival: Arrival, packet: Flying) -> None:
        if arrival.into is not None:
            name = point_name(arrival.into.host, arrival.in_if, arrival.into.container)
            self.trail.pass_tap(Tap(point=name, place=arrival.into, interface=arrival.in_if), packet)

    def _filters_first(self, arrival: Arrival, dst: str) -> bool:
        """Whether a bridge hands up what comes from a port of its own behind PREROUTING only (br_nf_pre_routing, ip_sabotage_in)."""
        host = self.hosts.get(arrival.into.host) if arrival.into and arrival.into.container is None else None
        link = host.own.link(arrival.in_if) if host is not None else None
        return host is not None and link is not None and link.is_bridge and bool(bridge_netfilter(host, dst))

    # -- sockets ------------------------------------------------------------------------------------------------------

    def _deliver(self, place: Place, packet: Flying, in_if: str) -> None:
        """To a socket: docker-proxy's sends on, a container's or host's own is the end."""
        if packet.direction is Direction.REPLY:
            dialled = [each for at, each in self.asked if at == place]
            obstacle = asked_elsewhere(place, packet, dialled, in_if) if dialled else not_asked(place, packet)
            if obstacle is not None:
                self.mode.meet(obstacle)
            return
        if packet.later:
            self._completes(place, packet)
            return
        self.arrives = place
        host, namespace = self._namespace(place)
        self.ends.append((place, replace(packet, device=answers_by(namespace, packet, in_if))))
        by = self._taken(host, namespace, place, packet, in_if)
        if by.step is not None:
            self.trail.steps.append(by.step)
        if by.dials is None:
            self.stack.check(lambda: paused(host, place, packet))
            self.stack.check(lambda: echo_ignored(place, host, packet))
            return
        inner = Flying(
            src=None, sport=None, dst=by.dials.address, dport=by.dials.port, proto=packet.proto, leg=2
        )  # fmt: skip
        self._send(place, inner)

    def _completes(self, place: Place, packet: Flying) -> None:
        """What follows a handshake must come to the socket that took its first packet."""
        if not any(at == place and each.endpoints == packet.endpoints for at, each in self.ends):
            why = f"what follows the handshake comes to {endpoint(packet.dst, packet.dport, packet.proto)} in {place}, where that did not come"
            self.mode.unknown(UnknownHere(why))

    def _taken(self, host: Host, namespace: Namespace, place: Place, packet: Flying, in_if: str) -> Taken:
        """Who takes the packet: the sockets tell; else, or besides, whatever publishes the port."""
        decided = taken(host, namespace, place, packet, in_if)
        if decided is not None and decided.obstacle is not None:
            self.mode.meet(decided.obstacle)
        known = () if decided is None or decided.refused else (decided,)
        return self.mode.choose(
            known, lambda: self._dials(host, place, packet, known), f"the sockets of {place} are not known"
        )

    @staticmethod
    def _dials(host: Host, place: Place, packet: Flying, known: tuple[Taken, ...]) -> Iterator[Taken]:
        own = place.container is None
        to = published_end(host, packet.dst, packet.dport, packet.proto, six=False) if own and packet.leg == 1 else None
        if to is not None and not any(each.dials for each in known):
            yield Taken(dials=to)
        elif not known:
            yield HERE


def _is_on(namespace: Namespace, device: str, address: str) -> bool:
    """Whether an address is in a subnet of an interface's own."""
    link = namespace.link(device)
    return link is not None and any(covers(each.prefix, address) for each in link.addresses)


def _segment(namespace: Namespace, device: str, packet: Flying) -> int | None:
    """The maximum segment size that a handshake offers: what the interface carries, without the headers (ipv4_default_advmss, net/ipv4/route.c)."""
    link = namespace.link(device)
    if packet.proto != "tcp" or link is None or not link.mtu:
        return None
    return link.mtu - 60 if ":" in packet.dst else min(link.mtu, _MAX_PMTU) - 40


def _owns(host: Host, place: Place, namespace: Namespace, address: str) -> bool:
    """Whether an address is the namespace's own; by the engine's word where its links were not read."""
    container = host.container(place.container) if place.container else None
    if namespace.links is None and container is not None:
        return any(same(each, address) for each in container.addresses)
    return has_address(namespace, address)


def _is_sent(arrival: Arrival, end: Stopped | UnknownHere | None, frame: Frame) -> bool:
    """What nobody resolves is never sent (ARP comes first); a permanent entry resolves, to whomever; a tunnel resolves nothing."""
    wrong = isinstance(end, Stopped) and end.obstacle.barrier is Barrier.WRONG_NEIGHBOUR
    return arrival.into is not None or wrong or not frame.resolves
