"""What a packet might do where the state does not tell, or tells otherwise: by the engine's word and by who has which address.

Only for the choice of capture points: a prediction never guesses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.evidence.model import Place
from netprobe.forward.drivers import driver_of
from netprobe.forward.frame import Arrival, with_address
from netprobe.state.address import covers
from netprobe.state.fib_answer import RouteHop
from netprobe.state.lookup import (
    container_interface,
    docker_bridges,
    has_address,
    host_with,
    network_for,
    networks_of,
    route_lookup,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from netprobe.state.engine.model import Container, EndpointSettings
    from netprobe.state.model import Host


def routes(host: Host, place: Place, address: str) -> Iterator[RouteHop]:
    """The ways out of a namespace whose routes do not tell: by the networks that the engine put it in."""
    namespace = host.namespace(place.container)
    if has_address(namespace, address):
        yield RouteHop(dev="lo", local=True, src=address)
    elif place.container is None:
        yield from _to_own_container(host, address)
    elif (container := host.container(place.container)) is not None:
        ends = list(container.networks.values())
        near = [each for each in ends if each.prefix and covers(each.prefix, address)]
        for each in near or ends:
            via = "" if near else _gateway(host, each, address)
            yield RouteHop(dev=container_interface(host, container, each), via=via, src=each.address)


def _gateway(host: Host, settings: EndpointSettings, address: str) -> str:
    """The gateway of a network: the engine's word, else the bridge's own address."""
    named = settings.gateway6 if ":" in address else settings.gateway
    network = network_for(host, settings)
    link = host.own.link(network.bridge) if network is not None and network.bridge else None
    own = (each.address for each in (link.addresses if link else ()) if (":" in each.address) == (":" in address))
    return named or next(own, "")


def _to_own_container(host: Host, address: str) -> Iterator[RouteHop]:
    for _, _, network in with_address(host, address):
        if network.bridge:
            yield RouteHop(dev=network.bridge)


def beyond(hosts: Mapping[str, Host], sender: Host, address: str) -> Iterator[Arrival]:
    """Behind a router that is not of the inventory: the host that has the address."""
    others = {name: other for name, other in hosts.items() if name != sender.name}
    name = host_with(others, address)
    link = others[name].own.link_with(address) if name else None
    if name is not None and link is not None:
        yield Arrival(into=Place(host=name), in_if=arrival_interface(others[name], link.name, sender))


def arrival_interface(host: Host, owner: str, sender: Host, device: str = "") -> str:
    """The interface that a packet from another host comes in by: on the link that both are on, else where the way back leads.

    ``device``: the interface by which it leaves its sender, whose addresses count first; ``""`` unknown.

    The one that has the address may be another (lo, a dummy): weak host model, RFC 1122 section 3.3.4.2. Where its subnet
    is the sender's too, it answers the sender's ARP, wherever a more specific route sends what goes back.
    """
    bridges, mine = docker_bridges(sender), host.own.link(owner)
    links = [each for each in sender.own.links or () if each.name not in bridges and not each.loopback]
    for chosen in ([link for link in links if link.name == device], links):
        near = [each for link in chosen for each in link.addresses]
        if mine is not None and any(covers(own.prefix, each.address) for own in mine.addresses for each in near):
            return owner
        for each in near:
            hop = route_lookup(host.own, each.address)
            if hop is not None and hop.dev and not hop.local and not hop.via and each.scope == "global":
                return hop.dev
    return owner


def forwarded_query(host: Host, container: Container) -> Iterator[tuple[Place, str]]:
    """Where a query passes that the embedded DNS server forwards: out of the container (Engine 27 and before), or out of the host."""
    settings = next(iter(container.networks.values()), None)
    network = network_for(host, settings) if settings is not None else None
    if settings is not None and network is not None:
        yield from reversed(list(driver_of(network).taps(host, container, settings, network)))
    for server in host.own.resolv_conf.nameservers if host.own.resolv_conf else ():
        hop = route_lookup(host.own, server)
        if hop is not None and hop.dev:
            yield Place(host=host.name), hop.dev


def inward(host: Host, container: Container) -> Iterator[tuple[Place, str]]:
    """Every point by which a packet may enter a container from its host's side, network by network."""
    for settings, network in networks_of(host, container):
        yield from driver_of(network).taps(host, container, settings, network)


__all__ = [
    "arrival_interface",
    "beyond",
    "forwarded_query",
    "inward",
    "routes",
]
