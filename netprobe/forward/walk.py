"""The walk itself: out of a namespace, over the link, into the next, until a socket takes the packet; then the answer's way back.

In a namespace a packet meets, in this order: netdev ingress, PREROUTING (raw, mangle, nat), the routing decision; then INPUT and a
socket, or the forwarding switch, FORWARD and POSTROUTING; one that is sent from there: routing, OUTPUT, POSTROUTING. Out: netdev egress. With bridge
netfilter on, what comes from a bridge's port meets PREROUTING first, before the bridge's own tap sees it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from netprobe.evidence.model import Place
from netprobe.forward.frame import Frame, Tap, point_name
from netprobe.forward.model import Barrier, Flying, Obstacle, Stopped, UnknownHere, WalkStep
from netprobe.forward.netfilter import Filter, filter_of, pass_hook, pass_netdev
from netprobe.forward.wire import carry
from netprobe.model.endpoint import UNCHOSEN, Endpoint, Ends
from netprobe.model.report import Change, Direction, Hop, HopPacket
from netprobe.state.address import is_loopback, same
from netprobe.state.engine.docker import ContainerState
from netprobe.state.lookup import docker_bridges, has_address, route_lookup
from netprobe.state.sockets import listening

if TYPE_CHECKING:
    from collections.abc import Mapping

    from netprobe.forward.frame import Arrival
    from netprobe.state.lookup import RouteHop
    from netprobe.state.model import Host, Namespace
    from netprobe.state.names import Proxy

_MAX_NAMESPACES = 16
_ICMP = "icmp"


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
        past: obstacles (by place and label) that are passed, with the rest of their hook.
        gone: rules and policies (by place and label) that are taken to be deleted, or ACCEPT: what follows them in their hook counts.
    """

    hosts: Mapping[str, Host]
    past: frozenset[tuple[Place, str]] = frozenset()
    gone: frozenset[tuple[Place, str]] = frozenset()
    hops: list[Hop] = field(default_factory=list)
    steps: list[WalkStep] = field(default_factory=list)
    tracked: dict[Place, list[_Entry]] = field(default_factory=dict)
    arrives: Place | None = None
    entered: int = 0
    dialled: Endpoint | None = None
    resolved: list[str] = field(default_factory=list)
    noted: int = 0
    ends: list[tuple[Place, Flying]] = field(default_factory=list)
    asked: list[tuple[Place, str, int | None]] = field(default_factory=list)

    def request(self, place: Place, packet: Flying) -> None:
        """Send a packet and follow it to a socket. Raises Stopped, UnknownHere."""
        self.dialled = _endpoint(packet.dst, packet.dport, packet.proto)
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
        by = filter_of(host, place, packet.dst)
        way = self._route(place, namespace, packet.dst, packet.src or "", packet.direction)
        packet = replace(packet, src=packet.src or way.src or None)
        if packet.direction is Direction.REQUEST:
            self.asked.append((place, packet.dst, packet.dport))
        restored = self._restored(place, packet)
        passed = self._hook(by, "OUTPUT", packet, out_if=way.dev)
        passed = restored or passed
        if passed.dst != packet.dst:
            way = self._route(place, namespace, passed.dst, passed.src or "", packet.direction)
            self._must_route_localnet(place, host, passed, way)
        if restored is None:
            passed = self._hook(by, "POSTROUTING", passed, out_if=way.dev)
        self._track(place, packet, passed)
        if way.local:
            self._over_lo(place, by, passed)
        else:
            self._out(place, passed, way)

    def _over_lo(self, place: Place, by: Filter, packet: Flying) -> None:
        self._seen(Tap(point=point_name(place, "lo"), place=place, interface="lo"), packet)
        self._hook(by, "PREROUTING", packet, in_if="lo", new=False)
        self._deliver(place, self._hook(by, "INPUT", packet, in_if="lo"))

    def _receive(self, place: Place, packet: Flying, in_if: str, tap: Tap | None = None) -> None:
        """Arrived by an interface: ingress, PREROUTING, routing, and then in, or on; ``tap``: its point, still to be seen behind PREROUTING."""
        self.entered += 1
        if self.entered > _MAX_NAMESPACES:
            raise UnknownHere(f"{place}: a loop")
        host, namespace = self._namespace(place)
        by = filter_of(host, place, packet.dst)
        if tap is None:
            self._netdev(by, "ingress", in_if, packet)
        restored = self._restored(place, packet)
        passed = self._hook(by, "PREROUTING", packet, in_if=in_if)
        if restored is not None:
            passed = replace(passed, dst=restored.dst, dport=restored.dport)
        if tap is not None:
            self._seen(tap, passed)
            self._netdev(by, "ingress", in_if, passed)
        self._must_lead_back(place, host, passed, in_if)
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
        self._must_forward(place, host, in_if, packet)
        passed = self._hook(by, "FORWARD", packet, in_if=in_if, out_if=way.dev)
        passed = replace(passed, ttl=passed.ttl - 1)
        if restored is not None:
            passed = replace(passed, src=restored.src, sport=restored.sport)
        else:
            passed = self._hook(by, "POSTROUTING", passed, in_if=in_if, out_if=way.dev)
        self._track(place, came, passed)
        self._out(place, passed, way)

    def _out(self, place: Place, packet: Flying, way: RouteHop) -> None:
        """Out of an interface, over the link, into the next namespace."""
        host, _ = self._namespace(place)
        self._netdev(filter_of(host, place, packet.dst), "egress", way.dev, packet)
        ask = Frame(
            hosts=self.hosts,
            place=place,
            device=way.dev,
            address=way.via or packet.dst,
            direction=packet.direction,
        )
        self.resolved.append(ask.address)
        arrival, end = carry(ask)
        before, behind = _around(ask.taps, arrival.bridge)
        tap = before[-1] if self._filters_first(arrival, packet.dst) else None
        for each in before[:-1] if tap else before:
            self._seen(each, packet, sure=_is_sent(arrival, end))
        if end is not None:
            if isinstance(end, Stopped):
                self._block(end.obstacle)
            raise end
        if arrival.into is None:
            raise UnknownHere(f"{way.via or packet.dst} is no host of the inventory: what lies beyond is not known")
        if arrival.bridge:
            packet = self._bridge_netfilter(place, packet, arrival.bridge)
        for each in behind:
            self._seen(each, packet)
        self._receive(arrival.into, packet, arrival.in_if, tap)

    def _bridge_netfilter(self, place: Place, packet: Flying, bridge: str) -> Flying:
        """With bridge-nf-call-iptables=1 (ip6tables for IPv6) what is switched passes FORWARD too (net/bridge/br_netfilter_hooks.c)."""
        own = Place(host=place.host)
        host = self.hosts[place.host]
        if not _bridge_nf(host, packet.dst):
            return packet
        by = filter_of(host, own, packet.dst)
        restored = self._restored(own, packet)
        passed = self._hook(by, "PREROUTING", packet, in_if=bridge)
        passed = self._hook(by, "FORWARD", passed, in_if=bridge, out_if=bridge)
        return passed if restored is None else replace(passed, src=restored.src, sport=restored.sport)

    def _filters_first(self, arrival: Arrival, dst: str) -> bool:
        """Whether a bridge hands up what comes from a port of its own behind PREROUTING only (br_nf_pre_routing, ip_sabotage_in)."""
        host = self.hosts.get(arrival.into.host) if arrival.into and arrival.into.container is None else None
        return host is not None and arrival.in_if in docker_bridges(host) and _bridge_nf(host, dst)

    # -- decisions ----------------------------------------------------------------------------------------------------

    def _hook(
        self, by: Filter, hook: str, packet: Flying, *, in_if: str = "", out_if: str = "", new: bool = True
    ) -> Flying:
        try:
            passed, steps = pass_hook(by, hook, packet, in_if=in_if, out_if=out_if, new=new, gone=self._gone(by.place))
        except Stopped as stopped:
            self._block(stopped.obstacle)
            return packet
        self.steps += steps
        return passed

    def _netdev(self, by: Filter, hook: str, device: str, packet: Flying) -> None:
        try:
            pass_netdev(by, hook, device, packet, self._gone(by.place))
        except Stopped as stopped:
            self._block(stopped.obstacle)

    def _gone(self, place: Place) -> frozenset[str]:
        """The labels of a namespace's rules and policies that are to be passed as if they were not there."""
        return frozenset(label for where, label in self.gone if where == place)

    def _block(self, obstacle: Obstacle) -> None:
        """Tap here, unless this obstacle is to be passed."""
        if (obstacle.place, obstacle.label) not in self.past:
            raise Stopped(obstacle)

    def _route(self, place: Place, namespace: Namespace, dst: str, src: str, direction: Direction) -> RouteHop:
        if namespace.routes is None:
            raise UnknownHere(f"the routes of {place} are not known")
        way = route_lookup(namespace, dst, src=src)
        if way is None or not way.dev:
            text = f"no route to {dst}"
            obstacle = Obstacle(barrier=Barrier.NO_ROUTE, place=place, label="routing", text=text, direction=direction)
            raise Stopped(obstacle)
        link = namespace.link(way.dev)
        if link is not None and not link.up:
            label = way.dev
            self._block(
                Obstacle(
                    barrier=Barrier.LINK_DOWN, place=place, label=label, text=f"{label} is down", direction=direction
                )
            )
        what = f"{dst} is local" if way.local else f"to {dst} by {way.dev}{f' via {way.via}' if way.via else ''}"
        self.steps.append(WalkStep(place=place, stage="routing", what=what, direction=direction))
        return way

    def _must_forward(self, place: Place, host: Host, in_if: str, packet: Flying) -> None:
        if place.container is not None:
            return  # a container that forwards: its settings are not read
        name, value = (_forwards6 if ":" in packet.dst else _forwards4)(host.sysctls or {}, in_if.replace(".", "/"))
        if value is None:
            raise UnknownHere(f"whether {place} forwards is not known")
        if value == "0":
            self._block(Obstacle(
                barrier=Barrier.FORWARDING_OFF, place=place, label=name, text=f"{name} = 0", direction=packet.direction,
                undo=("sysctl", "-w", f"{name}=1"),
            ))  # fmt: skip

    def _must_lead_back(self, place: Place, host: Host, packet: Flying, in_if: str) -> None:
        """Strict rp_filter: the way back to the source must be the way in (net/ipv4/fib_frontend.c, __fib_validate_source; RFC 3704)."""
        if place.container is not None or packet.src is None or ":" in packet.src or host.own.routes is None:
            return  # a container's settings are not read
        settings, names = (
            host.sysctls or {},
            [f"net.ipv4.conf.{each}.rp_filter" for each in ("all", in_if.replace(".", "/"))],
        )
        if max((settings.get(name, "0") for name in names), default="0") != "1":
            return
        way = route_lookup(host.own, packet.src)
        if way is not None and not way.local and way.dev != in_if:
            text = f"{packet.src} came in by {in_if}, and the way back is by {way.dev}"
            self._block(Obstacle(
                barrier=Barrier.REVERSE_PATH, place=place, label=f"rp_filter of {in_if}", text=text, direction=packet.direction,
                undo=("sysctl", "-w", f"{names[1]}=2"),
            ))  # fmt: skip

    def _must_route_localnet(self, place: Place, host: Host, packet: Flying, way: RouteHop) -> None:
        """What has a source of 127.0.0.0/8 is routed to lo only, unless route_localnet is set (net/ipv4/route.c __mkroute_output)."""
        if way.local or not is_loopback(packet.src or "") or ":" in packet.dst or place.container is not None:
            return
        settings = host.sysctls or {}
        names = [f"net.ipv4.conf.{device}.route_localnet" for device in (way.dev.replace(".", "/"), "all")]
        values = [settings.get(name) for name in names]
        if None in values:
            raise UnknownHere(f"whether {place} routes 127.0.0.0/8 is not known")
        if "1" not in values:
            self._block(Obstacle(
                barrier=Barrier.ROUTE_LOCALNET, place=place, label=names[0], text=f"{names[0]} = 0", direction=packet.direction,
                undo=("sysctl", "-w", f"{names[0]}=1"),
            ))  # fmt: skip

    # -- sockets ------------------------------------------------------------------------------------------------------

    def _deliver(self, place: Place, packet: Flying) -> None:
        """To a socket: docker-proxy's sends on, a container's or host's own is the end."""
        if packet.direction is Direction.REPLY:
            self._must_be_asked(place, packet)
            return
        self.arrives = place
        host, namespace = self._namespace(place)
        if packet.proto == _ICMP or packet.dport is None:
            self._arrived(place, packet)
            return
        if namespace.sockets is None:
            raise UnknownHere(f"the sockets of {place} are not known")
        takers = listening(namespace.sockets, packet.dst, packet.dport, packet.proto)
        if not takers:
            text = f"nothing listens on {Endpoint(packet.dst, packet.dport)}/{packet.proto}"
            raise Stopped(Obstacle(
                barrier=Barrier.NOBODY_LISTENS, place=place, label=f"port {packet.dport}/{packet.proto}", text=text, rejects=True,
            ))  # fmt: skip
        if all(each.full for each in takers):
            waiting, most = takers[0].backlog
            text = f"{waiting} connections wait to be accepted, the backlog is {most}"
            label = f"port {packet.dport}/{packet.proto}"
            self._block(Obstacle(barrier=Barrier.QUEUE_FULL, place=place, label=label, text=text))
        proxy = _proxy(host, packet) if place.container is None else None
        if proxy is not None:
            self._proxied(place, packet, proxy)
            return
        owner = takers[0].process
        self.steps.append(
            WalkStep(place=place, stage="socket", what=f"{owner or 'a process'} listens on port {packet.dport}")
        )
        self._arrived(place, packet)

    def _must_be_asked(self, place: Place, packet: Flying) -> None:
        """A TCP socket takes answers from the endpoint that it dialled alone (RFC 9293 §3.10.7.3: others are reset)."""
        dialled = [(address, port) for at, address, port in self.asked if at == place]
        known = packet.proto == "tcp" and packet.src is not None and dialled
        if known and not any(same(address, packet.src or "") and port == packet.sport for address, port in dialled):
            came, wanted = _endpoint(packet.src, packet.sport, packet.proto), _endpoint(*dialled[0], packet.proto)
            self._block(Obstacle(
                barrier=Barrier.OTHER_SOURCE, place=place, label=f"{came}", text=f"the answer comes from {came}, not from {wanted}",
                direction=packet.direction, rejects=True,
            ))  # fmt: skip

    def _proxied(self, place: Place, packet: Flying, proxy: Proxy) -> None:
        self.ends.append((place, packet))
        where = Endpoint(proxy.container_ip, proxy.container_port)
        self.steps.append(
            WalkStep(place=place, stage="docker-proxy", what=f"dials {where}", rule=f"docker-proxy pid {proxy.pid}")
        )
        inner = Flying(
            src=None, sport=None, dst=proxy.container_ip, dport=proxy.container_port, proto=packet.proto, leg=2
        )
        self._send(place, inner)

    def _arrived(self, place: Place, packet: Flying) -> None:
        self.ends.append((place, packet))
        host, _ = self._namespace(place)
        container = host.container(place.container) if place.container else None
        if container is not None and container.state is ContainerState.PAUSED and packet.proto != _ICMP:
            self._block(
                Obstacle(barrier=Barrier.PAUSED, place=place, label=container.name, text="the container is paused")
            )

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

    # -- hops ---------------------------------------------------------------------------------------------------------

    def _seen(self, stop: Tap, packet: Flying, *, sure: bool = True) -> None:
        """Note a point that the packet passes (not sure: may pass), with what changed since the point before."""
        visible = stop.observable and sure
        shown = _shown(packet, stop.vlan)
        same_way = [hop for hop in self.hops if hop.direction is packet.direction and hop.packet is not None]
        previous = same_way[-1] if same_way else None
        changes = _changes(previous, packet.leg, shown) if previous is not None else self._changed_before(shown)
        changes = tuple(self._by_rule(change) for change in changes)
        self.noted = len(self.steps)
        self.hops.append(
            Hop(
                point=stop.point,
                seen=True if visible else None,
                packet=shown if visible else None,
                changes=changes if visible else (),
                direction=packet.direction,
                leg=packet.leg,
            )
        )

    def _by_rule(self, change: Change) -> Change:
        """Name the rule or process that made a change since the last point."""
        wanted = {"dst": ("DNAT", "REDIRECT"), "src": ("SNAT", "MASQUERADE"), "connection": ("dials",)}.get(
            change.field, ()
        )
        for step in self.steps[self.noted :]:
            if step.rule and step.what.startswith(wanted):
                by = change.by if change.field == "connection" else step.what.split()[0]
                return replace(change, by=by, rule=step.rule)
        return change

    def _changed_before(self, first: HopPacket) -> tuple[Change, ...]:
        """DNAT in OUTPUT comes before every point: what was dialled tells."""
        seen = any(hop.direction is Direction.REQUEST and hop.packet for hop in self.hops)
        if self.dialled is None or self.dialled == first.dst or seen:
            return ()
        return (Change(field="dst", before=self.dialled, after=first.dst, by="NAT"),)


def _bridge_nf(host: Host, address: str) -> bool:
    """IPv6 has a switch of its own; where that was not read, IPv4's stands for it (Docker sets both)."""
    settings, name = host.sysctls or {}, "net.bridge.bridge-nf-call-iptables"
    value = settings.get(name)
    return (settings.get("net.bridge.bridge-nf-call-ip6tables", value) if ":" in address else value) == "1"


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


def _forwards4(settings: Mapping[str, str], device: str) -> tuple[str, str | None]:
    """The setting that decides for IPv4, and its value: the incoming interface's own; ``ip_forward`` writes them all (ip-sysctl.rst)."""
    whole, own = "net.ipv4.ip_forward", f"net.ipv4.conf.{device}.forwarding"
    value = settings.get(own, settings.get(whole))
    return whole if settings.get(whole) == "0" else own, value


def _forwards6(settings: Mapping[str, str], device: str) -> tuple[str, str | None]:
    """For IPv6 ``all`` decides alone; ``force_forwarding`` of the incoming interface overrides it (net/ipv6/ip6_output.c, ip6_forward)."""
    whole = "net.ipv6.conf.all.forwarding"
    forced = settings.get(f"net.ipv6.conf.{device}.force_forwarding") == "1"
    return whole, "1" if forced else settings.get(whole)


def _is_sent(arrival: Arrival, end: Stopped | UnknownHere | None) -> bool:
    """What nobody resolves is never sent (ARP comes first); a permanent entry resolves, to whomever."""
    wrong = isinstance(end, Stopped) and end.obstacle.barrier is Barrier.WRONG_NEIGHBOUR
    return arrival.into is not None or wrong


def _proxy(host: Host, packet: Flying) -> Proxy | None:
    for each in host.proxies or ():
        if packet.dport is not None and each.listens(packet.dst, packet.dport, packet.proto):
            return each
    return None


def _endpoint(address: str | None, port: int | None, proto: str) -> Endpoint:
    return Endpoint(address or "", None if proto == _ICMP else port or UNCHOSEN)


def _shown(packet: Flying, vlan: int | None) -> HopPacket:
    info = {"tcp": "SYN", _ICMP: "echo request"}.get(packet.proto, "datagram")
    if packet.direction is Direction.REPLY:
        info = {"tcp": "SYN-ACK", _ICMP: "echo reply"}.get(packet.proto, "datagram")
    return HopPacket(
        src=_endpoint(packet.src, packet.sport, packet.proto),
        dst=_endpoint(packet.dst, packet.dport, packet.proto),
        proto=packet.proto,
        info=info,
        ttl=packet.ttl,
        vlan=vlan,
    )


def _changes(previous: Hop, leg: int, after: HopPacket) -> tuple[Change, ...]:
    before = previous.packet
    if before is None:
        return ()
    if previous.leg != leg:
        one, other = Ends(before.src, before.dst), Ends(after.src, after.dst)
        return (Change(field="connection", before=one, after=other, by="docker-proxy"),)
    pairs = (("src", before.src, after.src), ("dst", before.dst, after.dst))
    found = [Change(field=name, before=old, after=new, by="NAT") for name, old, new in pairs if old != new]
    if before.ttl != after.ttl:
        found.append(Change(field="ttl", before=str(before.ttl), after=str(after.ttl), by="routing"))
    return tuple(found)
