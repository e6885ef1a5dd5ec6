"""The walk itself: out of a namespace, over the link, into the next, until a socket takes the packet; then the answer's way back.

In a namespace a packet meets, in this order: netdev ingress, PREROUTING (raw, mangle, nat), the routing decision; then INPUT and a
socket, or the forwarding switch, FORWARD and POSTROUTING; one that is sent from there: routing, OUTPUT, POSTROUTING. Out: netdev egress. With bridge
netfilter on, what comes from a bridge's port meets PREROUTING first, before the bridge's own tap sees it.

How it goes on where something stops it, or where the state does not tell, is its mode's (:mod:`netprobe.forward.modes`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from netprobe.evidence.model import Place
from netprobe.forward.frame import Frame, Tap, point_name
from netprobe.forward.guesses import beyond, published_end, routes
from netprobe.forward.model import Barrier, Flying, Obstacle, Stopped, UnknownHere, WalkStep
from netprobe.forward.netfilter import Filter, filter_of, pass_hook, pass_netdev
from netprobe.forward.settings import bridge_netfilter, forwarding_off, no_route_localnet, reverse_path
from netprobe.forward.sockets import HERE, Taken, asked_elsewhere, paused, taken
from netprobe.forward.wire import carry
from netprobe.model.report import Direction
from netprobe.state.address import same
from netprobe.state.lookup import docker_bridges, has_address, route_lookup

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from netprobe.forward.frame import Arrival
    from netprobe.forward.modes import Mode
    from netprobe.forward.trail import Trail
    from netprobe.state.lookup import RouteHop
    from netprobe.state.model import Host, Namespace

_MAX_NAMESPACES = 16
_MAX_RULES = 8  # that stop a packet at one hook, one behind the other
_DECIDES_NAT = frozenset({"PREROUTING", "OUTPUT"})


@dataclass(frozen=True, slots=True)
class _Entry:
    """conntrack in one namespace: the packet as it came in (or was sent), and as it left it."""

    came: Flying
    left: Flying


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
    tracked: dict[Place, list[_Entry]] = field(default_factory=dict)
    entered: int = 0
    ends: list[tuple[Place, Flying]] = field(default_factory=list)
    asked: list[tuple[Place, str, int | None]] = field(default_factory=list)

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
        by = self._filter(host, place, packet.dst)
        way = self._route(place, namespace, packet.dst, packet.src or "", packet.direction)
        packet = replace(packet, src=packet.src or way.src or None)
        if packet.direction is Direction.REQUEST:
            self.asked.append((place, packet.dst, packet.dport))
        restored = self._restored(place, packet)
        passed = restored or self._hook(by, "OUTPUT", packet, out_if=way.dev)
        if passed.dst != packet.dst:
            way = self._route(place, namespace, passed.dst, passed.src or "", packet.direction)
            self._check(lambda: no_route_localnet(place, host, passed, way))
        left = passed if restored is not None else self._hook(by, "POSTROUTING", passed, out_if=way.dev)
        self._track(place, packet, left)
        if way.local:
            self._over_lo(place, by, left)
        else:
            self._out(place, left, way)

    def _over_lo(self, place: Place, by: Filter, packet: Flying) -> None:
        self.trail.pass_tap(Tap(point=point_name(place, "lo"), place=place, interface="lo"), packet)
        self._hook(by, "PREROUTING", packet, in_if="lo", new=False)
        self._deliver(place, self._hook(by, "INPUT", packet, in_if="lo"))

    def _receive(self, place: Place, packet: Flying, in_if: str, tap: Tap | None = None) -> None:
        """Arrived by an interface: ingress, PREROUTING, routing, and then in, or on; ``tap``: its point, still to be seen behind PREROUTING."""
        self.entered += 1
        if self.entered > _MAX_NAMESPACES:
            raise UnknownHere(f"{place}: a loop")
        host, namespace = self._namespace(place)
        by = self._filter(host, place, packet.dst)
        if tap is None:
            self._netdev(by, "ingress", in_if, packet)
        restored = self._restored(place, packet)
        passed = self._hook(by, "PREROUTING", packet, in_if=in_if)
        if restored is not None:
            passed = replace(passed, dst=restored.dst, dport=restored.dport)
        if tap is not None:
            self.trail.pass_tap(tap, passed)
            self._netdev(by, "ingress", in_if, passed)
        self._check(lambda: reverse_path(place, host, passed, in_if))
        if _owns(host, place, namespace, passed.dst):
            self._in(place, by, packet, restored or passed, in_if)
        else:
            self._on(place, by, packet, passed, restored, in_if)

    def _in(self, place: Place, by: Filter, came: Flying, packet: Flying, in_if: str) -> None:
        passed = self._hook(by, "INPUT", packet, in_if=in_if)
        self._track(place, came, passed)
        self._deliver(place, passed)

    def _on(self, place: Place, by: Filter, came: Flying, packet: Flying, restored: Flying | None, in_if: str) -> None:
        """Forwarded."""
        host, namespace = self._namespace(place)
        way = self._route(place, namespace, packet.dst, packet.src or "", packet.direction)
        self._check(lambda: forwarding_off(place, host, packet, in_if))
        passed = self._hook(by, "FORWARD", packet, in_if=in_if, out_if=way.dev)
        passed = replace(passed, ttl=passed.ttl - 1)
        if restored is not None:
            passed = replace(passed, src=restored.src, sport=restored.sport)
        else:
            passed = self._hook(by, "POSTROUTING", passed, in_if=in_if, out_if=way.dev)
        self._track(place, came, passed)
        self._out(place, passed, way)

    # -- links --------------------------------------------------------------------------------------------------------

    def _out(self, place: Place, packet: Flying, way: RouteHop) -> None:
        """Out of an interface, over the link, into the next namespace."""
        host, _ = self._namespace(place)
        self._netdev(self._filter(host, place, packet.dst), "egress", way.dev, packet)
        frame = Frame(
            hosts=self.hosts, place=place, device=way.dev, address=way.via or packet.dst, direction=packet.direction,
            mode=self.mode,
        )  # fmt: skip
        self.trail.resolved.append(frame.address)
        arrival, end = carry(frame)
        before, behind = _around(frame.taps, arrival.bridge)
        tap = before[-1] if self._filters_first(arrival, packet.dst) else None
        for each in before[:-1] if tap else before:
            self.trail.pass_tap(each, packet, sure=_is_sent(arrival, end))
        if end is not None:
            raise end
        if arrival.bridge:
            packet = self._bridge_netfilter(place, packet, arrival.bridge)
        for each in behind:
            self.trail.pass_tap(each, packet)
        self._enter(host, frame, arrival, packet, tap)

    def _enter(self, host: Host, frame: Frame, arrival: Arrival, packet: Flying, tap: Tap | None) -> None:
        """Into the next namespace, where it is one of the inventory."""
        if arrival.into is None:
            why = f"{frame.address} is no host of the inventory: what lies beyond is not known"
            arrival = self.mode.choose((), lambda: beyond(self.hosts, host, packet.dst), why)
            self._pass_uplink(arrival, packet)
        if arrival.into is not None:
            self._receive(arrival.into, packet, arrival.in_if, tap)

    def _pass_uplink(self, arrival: Arrival, packet: Flying) -> None:
        if arrival.into is not None:
            name = point_name(arrival.into, arrival.in_if)
            self.trail.pass_tap(Tap(point=name, place=arrival.into, interface=arrival.in_if), packet)

    def _bridge_netfilter(self, place: Place, packet: Flying, bridge: str) -> Flying:
        """With bridge-nf-call-iptables=1 (ip6tables for IPv6) what is switched passes FORWARD too (net/bridge/br_netfilter_hooks.c)."""
        own = Place(host=place.host)
        host = self.hosts[place.host]
        if not bridge_netfilter(host, packet.dst):
            return packet
        by = self._filter(host, own, packet.dst)
        restored = self._restored(own, packet)
        passed = self._hook(by, "PREROUTING", packet, in_if=bridge)
        passed = self._hook(by, "FORWARD", passed, in_if=bridge, out_if=bridge)
        return passed if restored is None else replace(passed, src=restored.src, sport=restored.sport)

    def _filters_first(self, arrival: Arrival, dst: str) -> bool:
        """Whether a bridge hands up what comes from a port of its own behind PREROUTING only (br_nf_pre_routing, ip_sabotage_in)."""
        host = self.hosts.get(arrival.into.host) if arrival.into and arrival.into.container is None else None
        return host is not None and arrival.in_if in docker_bridges(host) and bridge_netfilter(host, dst)

    # -- decisions ----------------------------------------------------------------------------------------------------

    def _check(self, find: Callable[[], Obstacle | None]) -> None:
        """Meet what a setting puts in the way."""
        try:
            obstacle = find()
        except UnknownHere as why:
            self.mode.unknown(why)
            return
        if obstacle is not None:
            self.mode.meet(obstacle)

    def _filter(self, host: Host, place: Place, address: str) -> Filter:
        try:
            return filter_of(host, place, address)
        except UnknownHere as why:
            self.mode.unknown(why)
            return Filter(place=place, namespace=host.namespace(place.container), known=False)

    def _hook(
        self, by: Filter, hook: str, packet: Flying, *, in_if: str = "", out_if: str = "", new: bool = True
    ) -> Flying:
        """Pass a hook; where it translates destinations, that is a fork."""
        passed = self._by_rules(by, hook, packet, in_if=in_if, out_if=out_if, new=new)
        if hook not in _DECIDES_NAT or packet.direction is Direction.REPLY or by.place.container or not new:
            return passed[0] if passed else packet
        return self.mode.choose(passed, lambda: self._translations(by.place, packet), f"{by.place}: {hook}")

    def _by_rules(self, by: Filter, hook: str, packet: Flying, **options: object) -> tuple[Flying, ...]:
        """The packet behind a hook as its rules have it; empty where they do not tell."""
        if not by.known or not self.mode.heeds_rules:
            return ()
        gone = self.mode.gone(by.place)
        for _ in range(_MAX_RULES):
            try:
                passed, steps = pass_hook(by, hook, packet, gone=gone, **options)  # type: ignore[arg-type]  # as _hook has them
            except Stopped as stopped:
                self.mode.meet(stopped.obstacle)
                if not self.mode.explores:
                    return (packet,)
                gone |= {stopped.obstacle.rule} if stopped.obstacle.rule else set()
            except UnknownHere as why:
                self.mode.unknown(why)
                return ()
            else:
                self.trail.steps += steps
                return (passed,)
        return ()

    def _translations(self, place: Place, packet: Flying) -> Iterator[Flying]:
        """What may become of a packet's destination in a host that publishes the port: DNAT, or not."""
        host = self.hosts[place.host]
        to = published_end(host, packet.dst, packet.dport, packet.proto, six=True)
        if to is not None:
            yield replace(packet, dst=to.address, dport=to.port, orig=(packet.dst, packet.dport))
        yield packet

    def _netdev(self, by: Filter, hook: str, device: str, packet: Flying) -> None:
        try:
            pass_netdev(by, hook, device, packet, self.mode.gone(by.place))
        except Stopped as stopped:
            self.mode.meet(stopped.obstacle)
        except UnknownHere as why:
            self.mode.unknown(why)

    def _route(self, place: Place, namespace: Namespace, dst: str, src: str, direction: Direction) -> RouteHop:
        known = namespace.routes is not None
        found = route_lookup(namespace, dst, src=src) if known else None
        if known and (found is None or not found.dev):
            text = f"no route to {dst}"
            self.mode.meet(
                Obstacle(barrier=Barrier.NO_ROUTE, place=place, label="routing", text=text, direction=direction)
            )
        host = self.hosts[place.host]
        decided = (found,) if found is not None and found.dev else ()
        why = f"the routes of {place} are not known"
        way = self.mode.choose(decided, lambda: () if decided else routes(host, place, dst), why)
        link = namespace.link(way.dev)
        if link is not None and not link.up:
            text = f"{way.dev} is down"
            self.mode.meet(
                Obstacle(barrier=Barrier.LINK_DOWN, place=place, label=way.dev, text=text, direction=direction)
            )
        what = f"{dst} is local" if way.local else f"to {dst} by {way.dev}{f' via {way.via}' if way.via else ''}"
        self.trail.steps.append(WalkStep(place=place, stage="routing", what=what, direction=direction))
        return way

    # -- sockets ------------------------------------------------------------------------------------------------------

    def _deliver(self, place: Place, packet: Flying) -> None:
        """To a socket: docker-proxy's sends on, a container's or host's own is the end."""
        if packet.direction is Direction.REPLY:
            obstacle = asked_elsewhere(place, packet, [(to, port) for at, to, port in self.asked if at == place])
            if obstacle is not None:
                self.mode.meet(obstacle)
            return
        self.arrives = place
        self.ends.append((place, packet))
        host, namespace = self._namespace(place)
        by = self._taken(host, namespace, place, packet)
        if by.step is not None:
            self.trail.steps.append(by.step)
        if by.dials is None:
            self._check(lambda: paused(host, place, packet))
            return
        inner = Flying(
            src=None, sport=None, dst=by.dials.address, dport=by.dials.port, proto=packet.proto, leg=2
        )  # fmt: skip
        self._send(place, inner)

    def _taken(self, host: Host, namespace: Namespace, place: Place, packet: Flying) -> Taken:
        """Who takes the packet: the sockets tell; else, or besides, whatever publishes the port."""
        decided = taken(host, namespace, place, packet)
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

    # -- conntrack ----------------------------------------------------------------------------------------------------

    def _track(self, place: Place, came: Flying, left: Flying) -> None:
        if came.direction is Direction.REQUEST:
            self.tracked.setdefault(place, []).append(_Entry(came, left))

    def _restored(self, place: Place, packet: Flying) -> Flying | None:
        """An answer with its translations undone; None for a request, or where nothing was translated."""
        if packet.direction is Direction.REQUEST:
            return None
        for entry in self.tracked.get(place, ()):
            if entry.left.back().endpoints == packet.endpoints and entry.came.endpoints != entry.left.endpoints:
                back = entry.came.back()
                return replace(packet, src=back.src, sport=back.sport, dst=back.dst, dport=back.dport)
        return None


def _around(taps: list[Tap], bridge: str) -> tuple[list[Tap], list[Tap]]:
    """The points before bridge netfilter, and those behind it (none, where nothing is switched)."""
    at = next((n for n, tap in enumerate(taps, 1) if tap.interface == bridge), len(taps))
    return taps[:at], taps[at:]


def _owns(host: Host, place: Place, namespace: Namespace, address: str) -> bool:
    """Whether an address is the namespace's own; by the engine's word where its links were not read."""
    container = host.container(place.container) if place.container else None
    if namespace.links is None and container is not None:
        return any(same(each, address) for each in container.addresses)
    return has_address(namespace, address)


def _is_sent(arrival: Arrival, end: Stopped | UnknownHere | None) -> bool:
    """What nobody resolves is never sent (ARP comes first); a permanent entry resolves, to whomever."""
    wrong = isinstance(end, Stopped) and end.obstacle.barrier is Barrier.WRONG_NEIGHBOUR
    return arrival.into is not None or wrong
