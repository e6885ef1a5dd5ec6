"""Questions to the hosts' state: which way a packet leaves, who of a host has an address, who publishes a port, which veth is whose."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from netprobe.evidence.model import Place
from netprobe.model.point import point_name
from netprobe.model.rule import Program
from netprobe.state.address import ip, is_loopback, same
from netprobe.state.fib_answer import RouteHop, RouteQuery
from netprobe.state.sockets import listening

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from netprobe.model.rule import RuleRef
    from netprobe.state.engine.model import Container, EndpointSettings, Network, Published
    from netprobe.state.iptables import Rule, Ruleset
    from netprobe.state.links import Link
    from netprobe.state.model import Host
    from netprobe.state.namespace import Namespace
    from netprobe.state.nft import NftRule

_DOCKER_BRIDGE = re.compile(r"docker0|br-[0-9a-f]{12}")


def route_lookup(namespace: Namespace, address: str, *, src: str = "") -> RouteHop | None:
    """As ``ip route get ADDRESS [from SRC]`` would: for a packet of the namespace's own, without a mark.

    None when there is no route, and also when the routes are not known: ask ``namespace.routes is None`` first where
    the difference matters. A rule of which it is not known whether it is for such a packet is passed over.
    """
    found = namespace.fib.ways(RouteQuery(dst=address, src=src)).ways[0]
    return None if found.refused else found


def has_address(namespace: Namespace, address: str) -> bool:
    """True when an interface of the namespace has this address (any of 127.0.0.0/8 counts)."""
    if is_loopback(address):
        return True
    return ip(address) in namespace.addresses


def canonical(hosts: Mapping[str, Host], place: Place) -> Place:
    """The place whose namespace it is: a container with ``--network container:X`` is at X, one with ``host`` at the host."""
    host = hosts.get(place.host)
    if host is None or place.container is None:
        return place
    return Place(host=place.host, container=host.owner_of(place.container))


def namespace_of(hosts: Mapping[str, Host], place: Place) -> Namespace | None:
    """The namespace of a place, None for a host that is not known."""
    host = hosts.get(place.host)
    return host.namespace(place.container) if host else None


def rule_of(at: Host | Namespace, ref: RuleRef) -> Rule | NftRule | None:
    """The rule that a reference names: where it stood, or where it stands by now; None where it is not there, or is a policy."""
    if ref.policy:
        return None
    if ref.program is Program.NFT:
        return at.nft.by_ref.get(ref) if at.nft is not None else None
    named: dict[Program, Ruleset | None] = {
        Program.IPTABLES: at.ruleset, Program.IP6TABLES: at.ruleset6, Program.LEGACY: at.legacy, Program.LEGACY6: at.legacy6
    }  # fmt: skip
    ruleset = named[ref.program]
    chain = ruleset.chain(ref.table, ref.chain) if ruleset is not None else None
    same_text = [each for each in chain.rules if each.text == ref.text] if chain is not None else []
    return next((each for each in same_text if each.ref == ref), same_text[0] if same_text else None)


def networks_of(host: Host, container: Container) -> Iterator[tuple[EndpointSettings, Network]]:
    """The networks that a container is in, those that the engine told of."""
    for endpoint in container.networks.values():
        network = host.network(endpoint.network) or host.network(endpoint.network_id)
        if network is not None:
            yield endpoint, network


def container_with(host: Host, address: str) -> tuple[Container, EndpointSettings] | None:
    """The running container of this host that has this address in one of its networks."""
    for container in host.containers or ():
        if not container.running:
            continue
        for endpoint in container.networks.values():
            if any(same(each, address) for each in endpoint.all_addresses):
                return container, endpoint
    return None


def neighbours(host: Host, container: Container) -> tuple[Container, ...]:
    """The running containers with namespaces of their own that share a network with this one, by name."""
    mine = {each for each in container.networks if each not in {"host", "none"}}
    found = (
        each
        for each in host.containers or ()
        if each.running and each.id != container.id and not each.netns_of and mine & set(each.networks)
    )
    return tuple(sorted(found, key=lambda each: each.name))


def network_for(host: Host, endpoint: EndpointSettings) -> Network | None:
    """An endpoint's network."""
    return host.network(endpoint.network) or host.network(endpoint.network_id)


def docker_bridges(host: Host) -> frozenset[str]:
    """The interfaces of this host's bridge networks; by their usual names where the engine told nothing."""
    if host.networks is not None:
        return frozenset(network.bridge for network in host.networks if network.bridge)
    return frozenset(link.name for link in host.own.links or () if _DOCKER_BRIDGE.fullmatch(link.name))


def bridge_points(hosts: Mapping[str, Host]) -> frozenset[str] | None:
    """The names of the points that are known to be bridges or their ports; None where no host's links are known."""
    if not any(host.own.links for host in hosts.values()):
        return None
    return frozenset(
        point_name(name, link.name)
        for name, host in hosts.items()
        for link in host.own.links or ()
        if link.master or link.is_bridge
    )


def host_with(hosts: Mapping[str, Host], address: str) -> str | None:
    """The host that has this address as its own on the outside: loopback and Docker's gateway addresses do not count."""
    for name, host in hosts.items():
        bridges = docker_bridges(host)
        for link in host.own.links or ():
            if link.name not in bridges and any(
                same(each.address, address) and not is_loopback(each.address) for each in link.addresses
            ):
                return name
    return None


def published_by(host: Host, address: str, port: int, proto: str) -> tuple[Container, Published] | None:
    """Who publishes this port at this address of the host: running ones first, a bound address before any.

    A container that does not run is given when no running one publishes it: look at its ``state``.
    """
    found: list[tuple[int, int, Container, Published]] = []
    for container in host.containers or ():
        for published in container.published:
            rank = _publishes(published, address, port, proto)
            if rank is not None:
                found.append((0 if container.running else 1, rank, container, published))
    if not found:
        return None
    best = min(found, key=lambda each: each[:2])
    return best[2], best[3]


def requests_of(host: Host, address: str, port: int, proto: str) -> list[tuple[Container, Published]]:
    """The running containers that ask for this port of the host (``-p``), whether or not the engine publishes it; none in the host's own namespace."""
    return [
        (container, each)
        for container in host.containers or ()
        if container.running and not container.host_network and not container.netns_of
        for each in container.requested
        if _publishes(each, address, port, proto) is not None
    ]


def requested_by(host: Host, address: str, port: int, proto: str) -> tuple[Container, Published] | None:
    """The one container that asks for this port of the host, where no process has it: who answers otherwise is that process."""
    found, sockets = requests_of(host, address, port, proto), host.own.sockets
    free = sockets is not None and not listening(sockets, address, port, proto)
    return found[0] if len(found) == 1 and free else None


def _publishes(published: Published, address: str, port: int, proto: str) -> int | None:
    if (published.host_port, published.proto) != (port, proto):
        return None
    bound, asked = ip(published.host_ip), ip(address)
    if bound is None or asked is None or bound.version != asked.version:
        return None
    if bound == asked:
        return 0
    return 1 if bound.is_unspecified else None


def container_link(host: Host, container: Container, endpoint: EndpointSettings) -> Link | None:
    """The interface of a container in one of its networks, by address, then by MAC; None when its links are not known."""
    links = host.namespace(container.name).links or ()
    wanted = set(endpoint.all_addresses)
    for link in links:
        if any(each.address in wanted for each in link.addresses):
            return link
    return next((link for link in links if endpoint.mac and link.mac == endpoint.mac), None)


def container_interface(host: Host, container: Container, endpoint: EndpointSettings) -> str:
    """The same by name; where its links are not known, eth0 and so on in the order in which the engine numbers them."""
    link = container_link(host, container, endpoint)
    if link is not None:
        return link.name
    order = sorted(container.networks)
    return f"eth{order.index(endpoint.network)}" if endpoint.network in order else "eth0"


def host_veth(host: Host, container: Container, endpoint: EndpointSettings) -> Link | None:
    """The host's end of a container's veth pair; None for other kinds, or when it cannot be told.

    By the pair's interface numbers; where the container was not looked into, by the bridge's forwarding table (an uplink that is a veth itself has the
    addresses of the macvlan interfaces on it in there, too, and is no bridge's port).
    """
    links = host.own.links or ()
    inner = container_link(host, container, endpoint)
    if inner is not None:
        return _peer(links, inner)
    ports = {entry.port for entry in host.own.fdb or () if endpoint.mac and entry.mac == endpoint.mac}
    found = [link for link in links if link.name in ports and link.kind == "veth" and link.master]
    return found[0] if len(found) == 1 else None


def _peer(links: tuple[Link, ...], inner: Link) -> Link | None:
    """Both ends name each other's number; a host's own uplink may be a veth of equal numbers, so a bridge port is preferred."""
    if inner.kind != "veth" or inner.peer_index is None:
        return None
    pairs = [
        link
        for link in links
        if link.ifindex == inner.peer_index and link.kind == "veth" and link.peer_index in {inner.ifindex, None}
    ]
    return next((link for link in pairs if link.master), pairs[0] if pairs else None)


def bearers_of_mac(host: Host, mac: str) -> tuple[Place, ...]:
    """The namespaces of a host that an interface with this link address is in, as far as is known; several after a copy."""
    found = [Place(host=host.name)] if any(link.mac == mac for link in host.own.links or ()) else []
    found += [
        Place(host=host.name, container=container.name)
        for container in host.containers or ()
        if any(endpoint.mac == mac for endpoint in container.networks.values())
    ]
    return tuple(dict.fromkeys(found))
