"""The capture points that a request should pass, from host state alone; the live planner sniffs just these.

The walk goes namespace by namespace: out of the source by its route, through veth and bridge to its host, there to a
published container, a container of the host, a process of the host, or on by an uplink to the next host of the
inventory. Where netfilter or docker-proxy decides is not told apart: both pass the same points, except a host's ``lo``.

A stop stands once, where it is passed first: docker-proxy's inner leg to the same bridge passes that bridge again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from netprobe.evidence.model import Place
from netprobe.forward.drivers import driver_of
from netprobe.forward.frame import point_name
from netprobe.forward.owners import owner_of_address
from netprobe.state.address import covers, is_loopback
from netprobe.state.engine import EMBEDDED_DNS
from netprobe.state.lookup import (
    canonical,
    container_interface,
    container_with,
    docker_bridges,
    has_address,
    host_veth,
    host_with,
    namespace_of,
    network_for,
    networks_of,
    published_by,
    route_lookup,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from netprobe.state.engine.model import Container, EndpointSettings, Network
    from netprobe.state.model import Host

_MAX_HOSTS = 8  # hosts of the inventory that one request passes, at most


class Role(StrEnum):
    """What a stop is on this way."""

    SOURCE = "source"  # the interface by which the request leaves the source's namespace
    LOOPBACK = "loopback"
    VETH = "veth"
    BRIDGE = "bridge"
    UPLINK = "uplink"  # a host's interface to other hosts, a macvlan parent
    TARGET = "target"  # the interface by which it enters the target's namespace


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """One capture point on the way.

    Attributes:
        point: ``HOST/IF`` or ``HOST/CONTAINER/IF``, as in :class:`netprobe.evidence.model.CapturePoint`.
        place: the namespace to sniff in.
        interface: its name there.
        role: see :class:`Role`.
        optional: only some ways pass it, so that its silence proves nothing by itself.
        sees_unicast: False for a bridge's own tap where the packet is switched between two of its ports; None unknown.
    """

    point: str
    place: Place
    interface: str
    role: Role
    optional: bool = False
    sees_unicast: bool | None = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Itinerary:
    """The stops in order, where it ends, and what was assumed.

    Attributes:
        stops: each point once.
        arrives: the namespace that the request should reach; None for somebody who is not of the inventory.
        notes: one sentence each.
    """

    stops: tuple[Stop, ...] = ()
    arrives: Place | None = None
    notes: tuple[str, ...] = ()

    @property
    def points(self) -> tuple[str, ...]:
        """The names of the stops."""
        return tuple(stop.point for stop in self.stops)


def itinerary(
    hosts: Mapping[str, Host], source: Place, dialled: str, port: int | None, proto: str, target: Place | None = None
) -> Itinerary:
    """The stops of a request from ``source`` to the dialled address.

    Args:
        hosts: the inventory's hosts, by name.
        source: where it starts; a container in another's namespace counts as that other.
        dialled: the address, as text.
        port: the port, None for ICMP.
        proto: ``tcp``, ``udp`` or ``icmp``.
        target: who is meant. If the way does not lead there, its own stops are added as optional ones.
    """
    wanted = target.host if target else ""
    # Two names may mean one machine ("local" and itself by ssh): the target's name counts first, "local" last.
    ordered = dict(sorted(hosts.items(), key=lambda item: (item[0] != wanted, item[0] == "local")))
    walk = _Walk(hosts=ordered, dialled=dialled, port=port, proto=proto)
    walk.start(canonical(hosts, source))
    if target is not None:
        walk.insist(canonical(hosts, target))
    return walk.result()


def way_back(hosts: Mapping[str, Host], source: Place, dialled: str, arrives: Place | None) -> tuple[Itinerary, ...]:
    """The answer's way, which may be another: from where the request arrives to the address that it comes with.

    Empty where that address is not known beforehand: a masquerading host gives its own.
    """
    at = canonical(hosts, source)
    namespace, host = namespace_of(hosts, at), hosts.get(at.host)
    hop = route_lookup(namespace, dialled) if namespace is not None else None
    if arrives is None or host is None or hop is None or not hop.src or is_loopback(hop.src) or arrives == at:
        return ()
    container = host.container(at.container) if at.container else None
    for endpoint, network in networks_of(host, container) if container else ():
        if endpoint.address == hop.src and not driver_of(network).flat and network.masquerade:
            return ()
    return (itinerary(hosts, arrives, hop.src, None, "icmp"),)


def on_segment(hosts: Mapping[str, Host], source: Place, dialled: str | None) -> tuple[str, ...]:
    """The hosts that matter on the segment of a source's macvlan network.

    They have an address of their own in its subnet (they may be its routers), or a macvlan container with the dialled address.
    """
    at = canonical(hosts, source)
    host = hosts.get(at.host)
    container = host.container(at.container) if host and at.container else None
    flat = [net for _, net in networks_of(host, container) if driver_of(net).flat] if host and container else []
    subnets = [subnet for net in flat for subnet in net.subnets]
    routers = [
        name
        for name, other in hosts.items()
        for link in other.own.links or ()
        if any(covers(subnet, each.address) for each in link.addresses for subnet in subnets)
    ]
    found = {name: container_with(other, dialled or "") for name, other in hosts.items()} if flat else {}
    networks = {name: network_for(hosts[name], each[1]) for name, each in found.items() if each}
    bearers = [name for name, network in networks.items() if network and driver_of(network).flat]
    return tuple(dict.fromkeys((*routers, *bearers)))


@dataclass(slots=True, kw_only=True)
class _Walk:
    """The walk so far."""

    hosts: Mapping[str, Host]
    dialled: str
    port: int | None
    proto: str
    stops: dict[str, Stop] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    arrives: Place | None = None
    passed: list[str] = field(default_factory=list)

    def result(self) -> Itinerary:
        return Itinerary(stops=tuple(self.stops.values()), arrives=self.arrives, notes=tuple(dict.fromkeys(self.notes)))

    def stop(
        self, place: Place, interface: str, role: Role, *, optional: bool = False, sees: bool | None = True
    ) -> None:
        name = point_name(place, interface)
        new = Stop(point=name, place=place, interface=interface, role=role, optional=optional, sees_unicast=sees)
        old = self.stops.setdefault(name, new)
        if old.optional and not optional:  # passed for sure on another leg
            self.stops[name] = Stop(
                point=name, place=place, interface=interface, role=old.role, sees_unicast=old.sees_unicast or sees
            )

    def start(self, source: Place) -> None:
        """Leave the source's namespace."""
        namespace, host = namespace_of(self.hosts, source), self.hosts.get(source.host)
        if namespace is None or host is None:
            self.notes.append(f"host {source.host} is not known")
            return
        if is_loopback(self.dialled) or has_address(namespace, self.dialled):
            self.inside(host, source)
        elif source.container is None:
            self.leave_host(host, first=True)
        else:
            self.leave_container(host, source)

    def inside(self, host: Host, source: Place) -> None:
        """To an address of the source's own namespace."""
        if source.container is not None:
            self.stop(source, "lo", Role.LOOPBACK)
            self.arrives = source
            if self.dialled in EMBEDDED_DNS:
                self.forwarded_query(host, source)
            return
        published = self.published(host)
        # docker-proxy is reached over lo; DNAT in OUTPUT leaves 127.0.0.0/8 alone and spares lo for other addresses.
        self.stop(source, "lo", Role.LOOPBACK, optional=published is not None and not is_loopback(self.dialled))
        if published is None:
            self.arrives = source
        else:
            self.to_container(host, *published)

    def forwarded_query(self, host: Host, source: Place) -> None:
        """What the embedded DNS server does not know it asks of another: from the container (<= 27) or from dockerd."""
        if source.container is None:
            return
        container = host.container(source.container)
        endpoint = next(iter(container.networks.values()), None) if container else None
        if container is not None and endpoint is not None:
            self.out_of(host, container, endpoint, role=Role.SOURCE, optional=True)
        servers = host.own.resolv_conf.nameservers if host.own.resolv_conf else ()
        for server in servers:
            hop = route_lookup(host.own, server)
            if hop is not None and hop.dev:
                self.stop(Place(host=host.name), hop.dev, Role.UPLINK, optional=True)
        self.notes.append("a query that the embedded DNS server forwards leaves the container or the host")

    def leave_container(self, host: Host, source: Place) -> None:
        """Out of a container by its route: by veth and bridge to its host, or by macvlan to the parent's segment."""
        container = host.container(source.container or "")
        if container is None:
            self.notes.append(f"container {source} is not known")
            return
        hop = route_lookup(host.namespace(container.name), self.dialled)
        chosen = self.endpoint_by(host, container, hop.dev if hop else "")
        if chosen is None:
            if hop is not None and hop.dev:
                self.stop(source, hop.dev, Role.SOURCE)
            self.notes.append(f"{source} has no network that is known")
            return
        if hop is None:
            self.notes.append(f"no route from {source} to {self.dialled} is known")
        endpoint, network = chosen
        bridge = self.out_of(host, container, endpoint, role=Role.SOURCE)
        if network is not None and driver_of(network).flat:
            self.flat(host, source, network, hop.via if hop else "")
        elif bridge:
            self.at_bridge(host, bridge, endpoint)

    def endpoint_by(self, host: Host, container: Container, dev: str) -> tuple[EndpointSettings, Network | None] | None:
        """The endpoint that this interface belongs to; without a route: the one whose subnet has it, else the first."""
        endpoints = list(container.networks.values())
        by_dev = [each for each in endpoints if dev and container_interface(host, container, each) == dev]
        near = [each for each in endpoints if each.prefix and covers(each.prefix, self.dialled)]
        chosen = next(iter([*by_dev, *near, *endpoints]), None)
        return (chosen, network_for(host, chosen)) if chosen else None

    def out_of(
        self, host: Host, container: Container, endpoint: EndpointSettings, *, role: Role, optional: bool = False
    ) -> str:
        """The container's interface, its veth and its bridge's name (which the caller adds)."""
        place = Place(host=host.name, container=container.name)
        self.stop(place, container_interface(host, container, endpoint), role, optional=optional)
        network = network_for(host, endpoint)
        if network is not None and driver_of(network).flat:
            return ""
        veth = host_veth(host, container, endpoint)
        if veth is not None:
            self.stop(Place(host=host.name), veth.name, Role.VETH, optional=optional)
        else:
            self.notes.append(f"the host's end of {container.name}'s veth is not known")
        bridge = (veth.master if veth else "") or (network.bridge if network else "")
        if bridge and optional:
            self.stop(Place(host=host.name), bridge, Role.BRIDGE, optional=True)
        return bridge

    def at_bridge(self, host: Host, bridge: str, mine: EndpointSettings) -> None:
        """From a container, at its bridge: switched to another port of it, or routed by the host."""
        found = container_with(host, self.dialled)
        if found is not None and found[1].network_id == mine.network_id:
            self.stop(Place(host=host.name), bridge, Role.BRIDGE, sees=self.promiscuous(host, bridge))
            self.into(host, found[0], found[1])
            return
        self.stop(Place(host=host.name), bridge, Role.BRIDGE)
        self.at_host(host)

    @staticmethod
    def promiscuous(host: Host, bridge: str) -> bool:
        """A bridge's own tap sees what is switched between its ports only while the bridge itself is promiscuous."""
        link = host.own.link(bridge)
        return link is not None and link.promisc

    def at_host(self, host: Host) -> None:
        """In a host's own namespace, arrived from elsewhere: published, a container's, its own, or onward."""
        if host.name in self.passed or len(self.passed) >= _MAX_HOSTS:
            return
        self.passed.append(host.name)
        if has_address(host.own, self.dialled):
            published = self.published(host)
            if published is None:
                self.arrives = Place(host=host.name)
                self.mark_target()
            else:
                self.to_container(host, *published)
            return
        self.leave_host(host)

    def mark_target(self) -> None:
        """The last stop is where the request enters the target's own namespace."""
        last = next(reversed(self.stops), None)
        if last is not None and self.stops[last].role is Role.UPLINK:
            old = self.stops[last]
            self.stops[last] = Stop(
                point=old.point,
                place=old.place,
                interface=old.interface,
                role=Role.TARGET,
                optional=old.optional,
                sees_unicast=old.sees_unicast,
            )

    def published(self, host: Host) -> tuple[Container, EndpointSettings | None] | None:
        """The running container that publishes what was dialled, with the endpoint that it is reached at."""
        if self.port is None or self.proto not in {"tcp", "udp"}:
            return None
        found = published_by(host, self.dialled, self.port, self.proto)
        if found is None or not found[0].running:
            return None
        return found[0], self.serving_endpoint(host, found[0])

    def serving_endpoint(self, host: Host, container: Container) -> EndpointSettings | None:
        """Where a published port leads: the engine uses the network that has the container's default route."""
        bridged = [each for each, network in networks_of(host, container) if driver_of(network).publishes]
        hop = route_lookup(host.namespace(container.name), "192.0.2.1")  # TEST-NET-1: nobody's, so the default route
        by_route = [each for each in bridged if hop and container_interface(host, container, each) == hop.dev]
        return next(iter([*by_route, *bridged]), None)

    def leave_host(self, host: Host, *, first: bool = False) -> None:
        """From a host's own namespace by its route: to a container of its own, or by an uplink."""
        own = Place(host=host.name)
        hop = route_lookup(host.own, self.dialled)
        found = container_with(host, self.dialled)
        if found is not None:
            network = network_for(host, found[1])
            if network is None or not driver_of(network).flat:
                self.to_container(host, *found)
                return
        if hop is None or not hop.dev:
            self.notes.append(f"no route from {host.name} to {self.dialled} is known")
            return
        bridge = hop.dev in docker_bridges(host)
        role = Role.BRIDGE if bridge else Role.SOURCE if first else Role.UPLINK
        self.stop(own, hop.dev, role)
        if not bridge:
            self.on_the_wire(host, hop.via)

    def on_the_wire(self, host: Host, via: str) -> None:
        """Between hosts: the next hop if it is a host of the inventory, else the host that has the address."""
        others = {name: other for name, other in self.hosts.items() if name not in {host.name, *self.passed}}
        if not via and self.flat_beside(host):
            return
        for address in filter(None, (via, self.dialled)):
            name = host_with(others, address)
            link = others[name].own.link_with(address) if name else None
            if name and link is not None:
                arrival = link.name if address == via else self.arrival(others[name], link.name, host)
                self.stop(Place(host=name), arrival, Role.UPLINK)
                self.at_host(others[name])
                return
        self.notes.append(f"{via or self.dialled} is no host of the inventory: what lies beyond cannot be sniffed")

    def flat_beside(self, host: Host) -> bool:
        """From a host's own interface to a macvlan container on its segment: on this host by a shim, else on another."""
        owner = owner_of_address(self.hosts, self.dialled, Place(host=host.name))
        there = self.hosts.get(owner.host) if owner and owner.container else None
        found = container_with(there, self.dialled) if there else None
        network = network_for(there, found[1]) if there and found else None
        if there is None or found is None or network is None or not driver_of(network).flat:
            return False
        self.parents(there, network, Role.UPLINK, inward=True)
        place = Place(host=there.name, container=found[0].name)
        self.stop(place, container_interface(there, found[0], found[1]), Role.TARGET)
        self.arrives = place
        return True

    @staticmethod
    def arrival(host: Host, owner: str, sender: Host) -> str:
        """The interface that a packet from another host comes in by: on the link that both are on, else where the way back leads.

        The one that has the address may be another (lo, a dummy): weak host model, RFC 1122 section 3.3.4.2. Where its subnet
        is the sender's too, it answers the sender's ARP, wherever a more specific route sends what goes back.
        """
        bridges, mine = docker_bridges(sender), host.own.link(owner)
        for link in sender.own.links or ():
            for each in link.addresses if link.name not in bridges and not link.loopback else ():
                if mine is not None and any(covers(own.prefix, each.address) for own in mine.addresses):
                    return owner
                hop = route_lookup(host.own, each.address)
                if hop is not None and hop.dev and not hop.local and not hop.via and each.scope == "global":
                    return hop.dev
        return owner

    def to_container(self, host: Host, container: Container, endpoint: EndpointSettings | None) -> None:
        """From the host's namespace through bridge and veth into a container."""
        if container.host_network or endpoint is None:
            self.arrives = canonical(self.hosts, Place(host=host.name, container=container.name))
            self.mark_target()
            return
        veth = host_veth(host, container, endpoint)
        network = network_for(host, endpoint)
        bridge = (veth.master if veth else "") or (network.bridge if network else "")
        if bridge:
            self.stop(Place(host=host.name), bridge, Role.BRIDGE)
        self.into(host, container, endpoint)

    def into(self, host: Host, container: Container, endpoint: EndpointSettings, *, optional: bool = False) -> None:
        """From the bridge into a container: its veth, its interface."""
        veth = host_veth(host, container, endpoint)
        if veth is not None:
            self.stop(Place(host=host.name), veth.name, Role.VETH, optional=optional)
        else:
            self.notes.append(f"the host's end of {container.name}'s veth is not known")
        place = Place(host=host.name, container=container.name)
        self.stop(place, container_interface(host, container, endpoint), Role.TARGET, optional=optional)
        if not optional:
            self.arrives = place

    def flat(self, host: Host, source: Place, network: Network, via: str) -> None:
        """From a macvlan or ipvlan container: the parent's segment, and who there has the address or is the gateway."""
        owner = None if via else owner_of_address(self.hosts, self.dialled, source)
        there = self.hosts[owner.host] if owner and owner.container else None
        found = container_with(there, self.dialled) if there else None
        # What the driver hands over inside the host it shows its parent's taps first (macvlan_queue_xmit).
        if there is not host:
            self.parents(host, network, Role.UPLINK)
        elif network.parent:
            self.stop(Place(host=host.name), network.parent, Role.UPLINK)
        if there is None or found is None:
            self.on_the_wire(host, via)
            return
        theirs = network_for(there, found[1])
        if there is not host and theirs is not None:
            self.parents(there, theirs, Role.UPLINK, inward=True)
        place = Place(host=there.name, container=found[0].name)
        self.stop(place, container_interface(there, found[0], found[1]), Role.TARGET)
        self.arrives = place

    def parents(
        self,
        host: Host,
        network: Network,
        role: Role,
        *,
        sees: bool = True,
        inward: bool = False,
        optional: bool = False,
    ) -> None:
        """A network's parent, and the parent's parent (eth1 of eth1.1): by the link, else by Docker's name for it."""
        own, parent = Place(host=host.name), network.parent
        if not parent:
            self.notes.append(f"network {network.name} has no parent interface")
            return
        names = [parent]
        link = host.own.link(parent)
        below = link.peer_name if link is not None and link.kind == "vlan" else parent.rpartition(".")[0]
        if below and host.own.link(below) is not None:
            names.append(below)
        for name in reversed(names) if inward else names:
            self.stop(own, name, role, sees=sees, optional=optional)

    def insist(self, target: Place) -> None:
        """The target's own interfaces, as optional stops, where the way did not lead to it."""
        host = self.hosts.get(target.host)
        if host is None or target == self.arrives:
            return
        if target.container is None:
            return
        container = host.container(target.container)
        if container is None or not container.running:
            return
        self.notes.append(f"the way to {self.dialled} does not lead to {target} by what is known")
        for endpoint, network in networks_of(host, container):
            if network.bridge:
                self.stop(Place(host=host.name), network.bridge, Role.BRIDGE, optional=True)
                self.into(host, container, endpoint, optional=True)
            else:
                if driver_of(network).flat:
                    self.parents(host, network, Role.UPLINK, inward=True, optional=True)
                place = Place(host=host.name, container=container.name)
                self.stop(place, container_interface(host, container, endpoint), Role.TARGET, optional=True)


__all__ = [
    "Itinerary",
    "Role",
    "Stop",
    "itinerary",
    "point_name",
    "published_by",
    "route_lookup",
    "way_back",
]
