"""Who gets a frame: from an interface to the namespace that it enters next, with the points on the way.

Between two namespaces there is no netfilter and no routing: a veth pair, a bridge's ports, the wire between two hosts, a
macvlan parent's segment. Who has the next hop's address there is told by the inventory.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from netprobe.evidence.model import Place
from netprobe.forward.model import Barrier, Obstacle, Stopped, UnknownHere
from netprobe.forward.plan import point_name
from netprobe.state.address import same
from netprobe.state.lookup import (
    FLAT_DRIVERS,
    container_interface,
    container_link,
    docker_bridges,
    has_address,
    host_veth,
    host_with,
    network_for,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from netprobe.model.report import Direction
    from netprobe.state.engine.docker import Container, EndpointSettings, Network
    from netprobe.state.links import Link
    from netprobe.state.model import Host


@dataclass(frozen=True, slots=True, kw_only=True)
class Tap:
    """One capture point on the way; ``observable`` False where a bridge's own tap sees no unicast between its ports."""

    point: str
    place: Place
    interface: str
    observable: bool = True
    vlan: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """The points that a frame passes, and where it comes in.

    Attributes:
        stops: in order.
        into: the namespace that it enters; None: somebody who is not of the inventory.
        in_if: the interface by which it enters.
        bridge: the bridge, where it was switched between two ports of it (bridge netfilter may look), with its host.
    """

    stops: tuple[Tap, ...]
    into: Place | None
    in_if: str = ""
    bridge: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """The question: out of which interface, to which address on the link."""

    hosts: Mapping[str, Host]
    place: Place
    device: str
    address: str
    direction: Direction

    @property
    def host(self) -> Host:
        """The host whose interface it is."""
        return self.hosts[self.place.host]

    def stopped(self, barrier: Barrier, place: Place, label: str, text: str) -> Stopped:
        """An obstacle on this segment."""
        return Stopped(Obstacle(barrier=barrier, place=place, label=label, text=text, direction=self.direction))

    def stop(self, place: Place, interface: str, *, observable: bool = True, vlan: int | None = None) -> Tap:
        """A point."""
        return Tap(
            point=point_name(place, interface), place=place, interface=interface, observable=observable, vlan=vlan
        )


def carry(segment: Frame) -> tuple[Carried, Stopped | UnknownHere | None]:
    """Carry a frame to the next namespace.

    Returns:
        How far it comes, and what ended the way before a namespace was entered (None: it was entered).
    """
    stops: list[Tap] = []
    try:
        into, in_if, bridge = _carry(segment, stops)
    except (Stopped, UnknownHere) as end:
        return Carried(stops=tuple(stops), into=None), end
    return Carried(stops=tuple(stops), into=into, in_if=in_if, bridge=bridge), None


def _carry(ask: Frame, stops: list[Tap]) -> tuple[Place | None, str, str]:
    link = ask.host.namespace(ask.place.container).link(ask.device)
    if link is not None and not link.up:
        raise ask.stopped(Barrier.LINK_DOWN, ask.place, ask.device, f"{ask.device} is down")
    if ask.place.container is None:
        if link is not None and link.kind == "macvlan" and link.peer_name:
            return *_shim(ask, stops, link), ""
        if ask.device in docker_bridges(ask.host):
            stops.append(ask.stop(ask.place, ask.device))
            return *_from_bridge(ask, stops, ask.device), ""
        return *_uplink(ask, stops, Place(host=ask.host.name), ask.device), ""
    container = ask.host.container(ask.place.container)
    chosen = _endpoint_of(ask.host, container, ask.device) if container else None
    if container is None or chosen is None:
        raise UnknownHere(f"{ask.place}: the network of {ask.device} is not known")
    stops.append(ask.stop(ask.place, ask.device))
    endpoint, network = chosen
    if network.driver in FLAT_DRIVERS:
        return *_flat(ask, stops, network), ""
    return _out_of_container(ask, stops, container, endpoint, network)


def _endpoint_of(host: Host, container: Container, device: str) -> tuple[EndpointSettings, Network] | None:
    for endpoint in container.networks.values():
        network = network_for(host, endpoint)
        if network is not None and container_interface(host, container, endpoint) == device:
            return endpoint, network
    return None


def _out_of_container(
    ask: Frame, stops: list[Tap], container: Container, endpoint: EndpointSettings, network: Network
) -> tuple[Place | None, str, str]:
    host, own = ask.host, Place(host=ask.host.name)
    veth = host_veth(host, container, endpoint)
    bridge = (veth.master if veth else "") or network.bridge
    if veth is not None:
        stops.append(ask.stop(own, veth.name))
    link = host.own.link(bridge)
    if not bridge or link is None:
        raise UnknownHere(f"{ask.place}: the bridge behind {ask.device} is not known")
    if veth is not None and not veth.master:
        raise ask.stopped(Barrier.LINK_DOWN, own, veth.name, f"{veth.name} is no port of {bridge}")
    _must_be_up(ask, own, link)
    if has_address(host.own, ask.address):
        stops.append(ask.stop(own, bridge))
        return own, bridge, ""
    stops.append(ask.stop(own, bridge, observable=link.promisc))
    into, in_if = _from_bridge(ask, stops, bridge)
    return into, in_if, bridge


def _from_bridge(ask: Frame, stops: list[Tap], bridge: str) -> tuple[Place, str]:
    """From a bridge to the port behind which the address is."""
    host = ask.host
    own = Place(host=host.name)
    link = host.own.link(bridge)
    if link is not None:
        _must_be_up(ask, own, link)
    for container, endpoint, network in _endpoints(host):
        if network.bridge != bridge or not any(same(each, ask.address) for each in endpoint.all_addresses):
            continue
        place = Place(host=host.name, container=host.owner_of(container.name))
        veth = host_veth(host, container, endpoint)
        if veth is not None:
            stops.append(ask.stop(own, veth.name))
        interface = container_interface(host, container, endpoint)
        stops.append(ask.stop(place, interface))  # a MAC that no port has is flooded: it comes here too
        _check_neighbour(ask, host, container, endpoint)
        return place, interface
    if host.containers is None:
        raise UnknownHere(f"the containers of {host.name} are not known")
    raise ask.stopped(Barrier.NO_NEIGHBOUR, own, bridge, f"nobody on {bridge} has {ask.address}")


def _check_neighbour(ask: Frame, host: Host, container: Container, endpoint: EndpointSettings) -> None:
    """A neighbour entry with another MAC than the container's: the frame comes, and nobody takes it."""
    inner = container_link(host, container, endpoint)
    _check_entry(ask, (inner.mac if inner else "") or endpoint.mac)


def _check_entry(ask: Frame, mac: str, others: frozenset[str] = frozenset()) -> None:
    """A neighbour entry must name the MAC, or another one of the same host (weak host model: it answers ARP on all its interfaces)."""
    for each in ask.host.namespace(ask.place.container).neighbours or ():
        used = (
            each.dev == ask.device and same(each.address, ask.address) and not {"FAILED", "INCOMPLETE"} & {each.state}
        )
        if used and mac and each.mac and each.mac != mac and each.mac not in others:
            text = f"{each.address} lladdr {each.mac} {each.state}, and it has {mac}"
            raise ask.stopped(Barrier.WRONG_NEIGHBOUR, ask.place, f"neighbour {each.address}", text)


def _endpoints(host: Host) -> Iterator[tuple[Container, EndpointSettings, Network]]:
    for container in host.containers or ():
        if container.running:
            for endpoint in container.networks.values():
                network = network_for(host, endpoint)
                if network is not None:
                    yield container, endpoint, network


def _must_be_up(ask: Frame, place: Place, link: Link) -> None:
    if not link.up:
        raise ask.stopped(Barrier.LINK_DOWN, place, link.name, f"{link.name} is down")


def _below(host: Host, device: str) -> tuple[str, ...]:
    """An interface and what its frames leave by: ``eth1.1``, ``eth1``."""
    link = host.own.link(device)
    parent = link.peer_name if link is not None and link.kind == "vlan" else device.rpartition(".")[0]
    return (device, parent) if parent and host.own.link(parent) is not None else (device,)


def tag_of(host: Host, device: str) -> int | None:
    """The VLAN id that frames of an interface carry on its parent; by its link, else by Docker's ``parent=P.ID``."""
    link = host.own.link(device)
    if link is not None and link.vlan_id is not None:
        return link.vlan_id
    parent, dot, number = device.rpartition(".")
    known = dot and parent and host.own.link(parent) is not None
    return int(number) if known and number.isascii() and number.isdecimal() and len(number) < 5 else None


def _uplink(
    ask: Frame, stops: list[Tap], own: Place, device: str, *, macvlan: bool = False
) -> tuple[Place | None, str]:
    """Onto the wire by an interface of the host, and to whoever has the address there."""
    host, tag = ask.host, tag_of(ask.host, device)
    for number, name in enumerate(_below(host, device)):
        link = host.own.link(name)
        if link is not None:
            _must_be_up(ask, own, link)
            if not link.carrier:
                raise ask.stopped(Barrier.LINK_DOWN, own, name, f"{name} has no carrier")
        stops.append(ask.stop(own, name, vlan=tag if number else None))
    if not macvlan and _own_child(ask, device):
        raise ask.stopped(
            Barrier.OWN_PARENT, own, device, f"a host does not reach macvlan containers of its own {device}"
        )
    bearer = _who(ask, host, tag)
    if bearer is None:
        return None, ""
    other, place, interface, parent = bearer.host, bearer.place, bearer.interface, bearer.parent
    for name in reversed(_below(other, parent)):
        link = other.own.link(name)
        if link is not None and not (link.up and link.carrier):
            raise ask.stopped(Barrier.LINK_DOWN, Place(host=other.name), name, f"{name} is down")
        tagged = tag if name != parent or tag_of(other, parent) is None else None
        stops.append(ask.stop(Place(host=other.name), name, vlan=tagged))
    macs = frozenset(link.mac for link in other.own.links or () if link.mac and not link.loopback)
    _check_entry(ask, bearer.mac, macs if place.container is None else frozenset())
    if place.container is not None:
        stops.append(ask.stop(place, interface))
    return place, interface


def _own_child(ask: Frame, device: str) -> bool:
    return any(
        network.driver == "macvlan"
        and network.parent == device
        and any(same(each, ask.address) for each in endpoint.all_addresses)
        for _, endpoint, network in _endpoints(ask.host)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bearer:
    """Who has an address on a wire: by ``interface`` in ``place``, behind ``parent`` of ``host``, with this tag on the wire."""

    host: Host
    place: Place
    interface: str
    parent: str
    tag: int | None
    mac: str


def _bearers(ask: Frame, others: Mapping[str, Host]) -> Iterator[_Bearer]:
    for name, other in others.items():
        for container, endpoint, network in _endpoints(other):
            flat = network.driver in FLAT_DRIVERS and network.parent
            if flat and any(same(each, ask.address) for each in endpoint.all_addresses):
                inner = container_link(other, container, endpoint)
                yield _Bearer(
                    host=other,
                    place=Place(host=name, container=other.owner_of(container.name)),
                    interface=container_interface(other, container, endpoint),
                    parent=network.parent,
                    tag=tag_of(other, network.parent),
                    mac=(inner.mac if inner else "") or endpoint.mac,
                )
    owner = host_with(others, ask.address)
    link = others[owner].own.link_with(ask.address) if owner else None
    if owner is not None and link is not None:
        tag = tag_of(others[owner], link.name)
        place = Place(host=owner)
        yield _Bearer(host=others[owner], place=place, interface=link.name, parent=link.name, tag=tag, mac=link.mac)


def _who(ask: Frame, host: Host, tag: int | None) -> _Bearer | None:
    """Return who has the address on this wire; None: nobody of the inventory."""
    found = list(_bearers(ask, {name: other for name, other in ask.hosts.items() if name != host.name}))
    near = [each for each in found if each.tag == tag]
    if len(near) > 1:
        raise UnknownHere(f"{' and '.join(str(each.place) for each in near)} both have {ask.address}")
    if not near and len(found) == 1 and found[0].place.container is not None:
        other = found[0]
        raise ask.stopped(
            Barrier.OTHER_VLAN,
            Place(host=other.host.name),
            other.parent,
            f"frames leave {_tagged(tag)}, {other.place} is on {other.parent}, {_tagged(other.tag)}",
        )
    return near[0] if near else None


def _tagged(tag: int | None) -> str:
    return "untagged" if tag is None else f"with VLAN tag {tag}"


def _shim(ask: Frame, stops: list[Tap], link: Link) -> tuple[Place | None, str]:
    """Out of a macvlan interface of the host's own: to its parent's containers, else by the parent."""
    own = Place(host=ask.host.name)
    stops.append(ask.stop(own, link.name))
    for container, endpoint, network in _endpoints(ask.host):
        child = network.driver == "macvlan" and network.parent == link.peer_name
        if child and any(same(each, ask.address) for each in endpoint.all_addresses):
            place = Place(host=ask.host.name, container=ask.host.owner_of(container.name))
            interface = container_interface(ask.host, container, endpoint)
            stops += [ask.stop(own, link.peer_name), ask.stop(place, interface)]
            return place, interface
    return _uplink(ask, stops, own, link.peer_name, macvlan=True)


def _flat(ask: Frame, stops: list[Tap], network: Network) -> tuple[Place | None, str]:
    """Out of a macvlan or ipvlan container: to another of the same parent inside the host, else by the parent."""
    host, own = ask.host, Place(host=ask.host.name)
    if not network.parent:
        raise UnknownHere(f"network {network.name} has no parent interface that is known")
    mine = host.namespace(ask.place.container).link(ask.device)
    if mine is not None and not mine.carrier:
        raise ask.stopped(
            Barrier.LINK_DOWN, own, network.parent, f"{ask.device} has no carrier: {network.parent} is down"
        )
    if has_address(host.own, ask.address):
        link = host.own.link_with(ask.address)
        if link is not None and link.kind == "macvlan" and link.peer_name == network.parent:
            stops += [ask.stop(own, network.parent), ask.stop(own, link.name)]
            return own, link.name
        if link is not None and link.name == network.parent:
            stops.extend(ask.stop(own, name) for name in _below(host, network.parent)[:1])
            raise ask.stopped(
                Barrier.OWN_PARENT,
                own,
                network.parent,
                f"a macvlan container does not reach its own host by {network.parent}",
            )
    for container, endpoint, theirs in _endpoints(host):
        if theirs.driver not in FLAT_DRIVERS or theirs.parent != network.parent:
            continue
        if not any(same(each, ask.address) for each in endpoint.all_addresses):
            continue
        modes = {network.mode, theirs.mode} & {"private", "vepa"}
        if modes:
            raise ask.stopped(Barrier.MODE, own, network.parent, f"macvlan_mode={min(modes)}")
        place = Place(host=host.name, container=host.owner_of(container.name))
        interface = container_interface(host, container, endpoint)
        stops += [
            ask.stop(own, network.parent),
            ask.stop(place, interface),
        ]  # its taps see it first (macvlan_queue_xmit)
        return place, interface
    return _uplink(ask, stops, own, network.parent, macvlan=True)
