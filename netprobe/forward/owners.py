"""Who has an address, seen from a place.

A container's address means something on its own host, on a network that both share, or where a route leads to its host;
never by its number alone, because every Docker host has 172.17.0.0/16.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.evidence.model import Place
from netprobe.forward.drivers import driver_of
from netprobe.forward.proxied import behind, facing
from netprobe.state.address import covers
from netprobe.state.lookup import (
    canonical,
    container_with,
    has_address,
    host_with,
    namespace_of,
    network_for,
    networks_of,
    route_lookup,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from netprobe.state.model import Host


def owner_of_address(hosts: Mapping[str, Host], address: str, from_place: Place) -> Place | None:
    """Which namespace has this address, seen from a place; None when nobody of the inventory has it there."""
    start = canonical(hosts, from_place)
    namespace, host = namespace_of(hosts, start), hosts.get(start.host)
    if namespace is None or host is None:
        return None
    if has_address(namespace, address):
        return start
    near = _owner_near(host, address)
    flat = _owner_flat(hosts, start, address) if start.container else _owner_beside(hosts, host, address)
    return near or flat or _owner_remote(hosts, host, address)


def _owner_near(host: Host, address: str) -> Place | None:
    """On the same host: a bridge container, or the host itself."""
    found = container_with(host, address)
    if found is not None:
        network = network_for(host, found[1])
        if network is None or not driver_of(network).flat:
            return Place(host=host.name, container=host.owner_of(found[0].name))
        return None
    return Place(host=host.name) if has_address(host.own, address) else None


def _owner_beside(hosts: Mapping[str, Host], host: Host, address: str) -> Place | None:
    """Seen from a host: a macvlan or ipvlan container on a link of the host's own; its own host's come first."""
    hop = route_lookup(host.own, address)
    if hop is None or hop.via or hop.local:
        return None
    for name, other in sorted(hosts.items(), key=lambda item: item[0] != host.name):
        found = container_with(other, address)
        network = network_for(other, found[1]) if found else None
        near = network is not None and any(covers(subnet, hop.src) for subnet in network.subnets)
        if found and network and driver_of(network).flat and near:
            return Place(host=name, container=found[0].name)
    return None


def _owner_flat(hosts: Mapping[str, Host], start: Place, address: str) -> Place | None:
    """On any host: a container of a macvlan or ipvlan network whose subnet such a network of the source shares."""
    host = hosts[start.host]
    container = host.container(start.container) if start.container else None
    if container is None:
        return None
    mine = [net for _, net in networks_of(host, container) if driver_of(net).flat]
    for name, other in hosts.items():
        found = container_with(other, address)
        theirs = network_for(other, found[1]) if found else None
        if found and theirs and driver_of(theirs).flat and any(net.overlaps(theirs) for net in mine):
            return Place(host=name, container=found[0].name)
    return None


def flat_owner_beyond(hosts: Mapping[str, Host], address: str, from_place: Place) -> Place | None:
    """Whom a macvlan or ipvlan container means by an address behind its gateway: the one container of another such network."""
    start = canonical(hosts, from_place)
    host = hosts.get(start.host)
    container = host.container(start.container) if host and start.container else None
    if host is None or container is None:
        return None
    hop = route_lookup(host.namespace(container.name), address)
    if hop is None or not hop.via or not any(driver_of(net).flat for _, net in networks_of(host, container)):
        return None
    owners = []
    for name, other in hosts.items():
        found = container_with(other, address)
        network = network_for(other, found[1]) if found else None
        if found and network and driver_of(network).flat:
            owners.append(Place(host=name, container=found[0].name))
    return owners[0] if len(owners) == 1 else None


def _owner_remote(hosts: Mapping[str, Host], host: Host, address: str) -> Place | None:
    """Beyond the host: a host's own address, or a container's where the host's route leads to that container's host."""
    others = {name: other for name, other in hosts.items() if name != host.name}
    hop = route_lookup(host.own, address)
    via = host_with(others, hop.via) if hop and hop.via else None
    if via is not None:
        found = container_with(others[via], address)
        if found is not None:
            return Place(host=via, container=others[via].owner_of(found[0].name))
    owner = host_with(others, address)
    if owner is not None:
        return Place(host=owner)
    return _owner_proxied(others, address) if hop is not None and not hop.via and not hop.local else None


def _owner_proxied(others: Mapping[str, Host], address: str) -> Place | None:
    """Of an IPv6 address that is taken to be on the link: the one container that has it behind a host there (which may answer for it)."""
    found = [
        Place(host=name, container=other.owner_of(bearer[0].name))
        for name, other in others.items()
        if ":" in address and facing(other, address) is not None and behind(other, address)
        and (bearer := container_with(other, address)) is not None
    ]  # fmt: skip
    return found[0] if len(found) == 1 else None
