"""Which address to dial for a target, and who is meant by it. Pure: decisions over parsed state.

"A way in" to a container from a host means: it is the container's own host, or a route leads to that host. A mere subnet
match is none, as every Docker host has 172.17.0.0/16.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from netprobe.errors import UsageFault
from netprobe.evidence.model import Place
from netprobe.forward.drivers import driver_of
from netprobe.forward.owners import flat_owner_beyond, owner_of_address
from netprobe.forward.published import serving_address
from netprobe.model.endpoint import Endpoint
from netprobe.probe.host_address import address_asked, host_address, of_version, required
from netprobe.state.address import covers, is_any, is_loopback
from netprobe.state.lookup import (
    canonical,
    host_with,
    networks_of,
    published_by,
    requested_by,
    route_lookup,
)
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from netprobe.probe.names import Found
    from netprobe.state.engine.model import Container, EndpointSettings, Published
    from netprobe.state.model import Host


@dataclass(frozen=True, slots=True, kw_only=True)
class Dial:
    """What to dial, and whom that means (fields as in ``netprobe.evidence.model.Probe``)."""

    address: str
    port: int | None
    target_at: Place | None = None
    target_address: str | None = None
    target_port: int | None = None
    way: str = ""


def dial_address(hosts: Mapping[str, Host], source: Place, address: str, port: int | None, proto: str) -> Dial:
    """Dial an address as it is; find out who has it, and which container a published port of it leads to.

    The unspecified address means the source itself (Linux net/ipv4/route.c: connect() to 0.0.0.0 goes to loopback).
    """
    address = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address, address)  # noqa: S104 - dialled, not bound
    owner = owner_of_address(hosts, address, source) or flat_owner_beyond(hosts, address, source)
    if owner is None:
        return Dial(address=address, port=port, target_port=port)
    plain = Dial(address=address, port=port, target_at=owner, target_address=address, target_port=port)
    host = hosts.get(owner.host)
    if owner.container is not None or host is None or port is None:
        return plain
    published = published_by(host, address, port, proto)
    found = published or requested_by(host, address, port, proto)
    if found is None:
        return plain
    container, binding = found
    verb = "publishes" if published else "was asked to publish"
    return Dial(
        address=address,
        port=port,
        target_at=canonical(hosts, Place(host=host.name, container=container.name)),
        target_address=serving_address(host, container, address) or None,
        target_port=binding.container_port,
        way=f"{host.name} {verb} {container.name}'s port {binding.container_port}/{proto} at {Endpoint(address, port)}",
    )


def dial_container(
    hosts: Mapping[str, Host], source: Place, found: Found, port: int | None, proto: str, *, six: bool | None = None
) -> Dial:
    """Dial a container by its port: its own address where there is a way in, else what publishes that port. ``six``: by IPv6 (False: by IPv4) only.

    Raises:
        UsageFault: nothing can be dialled at all; the message says why.
    """
    host, container = hosts[found.host], found.container
    target = canonical(hosts, Place(host=found.host, container=container.name))
    owner = host.container(target.container) if target.container else None
    if target == canonical(hosts, source):
        own = "::1" if six else "127.0.0.1"
        return Dial(
            address=own,
            port=port,
            target_at=target,
            target_address=own,
            target_port=port,
            way=f"{source} is itself {found}",
        )
    if owner is None:  # it is in the host's own namespace
        address = address_asked(hosts, source, host, six)
        way = f"{container.name} shares {host.name}'s own network namespace"
        return Dial(
            address=required(address, found, six),
            port=port,
            target_at=target,
            target_address=address,
            target_port=port,
            way=way,
        )
    direct = _direct(hosts, source, host, owner, six)
    if direct is not None:
        address, way = direct
        return Dial(address=address, port=port, target_at=target, target_address=address, target_port=port, way=way)
    if port is None and six is not None and not _has_address(owner, six):
        raise UsageFault(f"{found} has no {of_version(six)}address", f"leave -{6 if six else 4} out")
    if port is None:
        raise UsageFault(
            f"{source} has no way to {found} but by a published port, and ICMP has none",
            f"ask for a port: {found}:80, or for the host: {host.name}",
        )
    return _published(hosts, source, found, owner, port, proto, six)


def _published(
    hosts: Mapping[str, Host],
    source: Place,
    found: Found,
    owner: Container,
    port: int,
    proto: str,
    six_only: bool | None,
) -> Dial:
    host = hosts[found.host]
    target = canonical(hosts, Place(host=found.host, container=found.container.name))
    general = required(address_asked(hosts, source, host, six_only), found, six_only)
    chosen = choose_binding(owner, port, proto, version=6 if ":" in general else 4)
    if chosen is not None and six_only is not None and six_only is not (":" in chosen.host_ip):
        family = 6 if six_only else 4
        address, host_port = general, port
        way = f"{host.name} publishes {owner.name}'s port {port}/{proto} at {chosen.at} only, not by IPv{family}"
    elif chosen is None:
        address, host_port, way = general, port, f"{host.name} publishes no port {port}/{proto} of {owner.name}"
    else:
        six, loopback = ":" in chosen.host_ip, is_loopback(chosen.host_ip)
        if six is not (":" in general):
            general = host_address(hosts, source, host, six=six) or general
        address = general if is_any(chosen.host_ip) or loopback else chosen.host_ip
        host_port = chosen.host_port or port
        verb = "publishes" if owner.running else "would publish"
        verb = verb if chosen in owner.published else "was asked to publish"
        other = six is not (":" in address)  # no address of that version is known
        at = f"{Endpoint(chosen.host_ip, host_port)} only" if loopback or other else str(Endpoint(address, host_port))
        way = f"{host.name} {verb} {owner.name}'s port {port}/{proto} at {at}"
    if six_only is None or _has_address(owner, six_only):
        why = f"{source} has no way to {owner.name}'s own address; "
    else:
        why = f"{owner.name} has no {of_version(six_only)}address of its own; "
    return Dial(
        address=address,
        port=host_port,
        target_at=target,
        target_address=serving_address(host, owner, address) or None,
        target_port=port,
        way=why + way,
    )


def choose_binding(container: Container, port: int, proto: str, *, version: int = 4) -> Published | None:
    """Choose the binding of a container's port to dial: one for any address, then a certain one, then loopback's."""
    mine = [
        each
        for each in (*container.published, *container.requested)
        if (each.container_port, each.proto) == (port, proto)
    ]
    fitting = [each for each in mine if (":" in each.host_ip) == (version == 6)]
    order = sorted(
        fitting or mine, key=lambda each: (not each.host_port, not is_any(each.host_ip), is_loopback(each.host_ip))
    )
    return order[0] if order else None


def _address_of(endpoint: EndpointSettings, six: bool | None) -> str:
    """Its IPv6 address if that was asked for, else the IPv4 one; ``""`` where it has none."""
    return endpoint.address6 if six else endpoint.address


def _has_address(container: Container, six: bool) -> bool:
    return any(_address_of(each, six) for each in container.networks.values())


def _direct(
    hosts: Mapping[str, Host], source: Place, host: Host, container: Container, six: bool | None
) -> tuple[str, str] | None:
    """Return the container's address that the source has a way to, and why."""
    addresses = [address for each in container.networks.values() if (address := _address_of(each, six))]
    if not addresses:
        return None
    if source.container is not None:
        return _shared(hosts, source, host, container, six)
    if source.host == host.name:
        first = serving_address(host, container, "::" if six else "", six=bool(six)) or addresses[0]
        return first, f"{container.name} runs on {host.name} itself"
    own = hosts[source.host].own
    beside = _beside(hosts, source, host, container, six)
    if beside is not None:
        return beside
    for address in addresses:
        hop = route_lookup(own, address)
        if hop is not None and hop.via and host_with({host.name: host}, hop.via) == host.name:
            return address, f"{source.host} routes {address} to {host.name} by {hop.via}"
    return None


def _shared(
    hosts: Mapping[str, Host], source: Place, host: Host, container: Container, six: bool | None
) -> tuple[str, str] | None:
    """Return the address on a network that source and target share: the same network, or macvlan networks on one segment."""
    mine = hosts[source.host].container(source.container or "")
    if mine is None:
        return None
    ids = {endpoint.network_id for endpoint in mine.networks.values() if endpoint.network_id}
    flat = [network for _, network in networks_of(hosts[source.host], mine) if driver_of(network).flat]
    theirs = [
        (address, endpoint.network_id, network)
        for endpoint, network in networks_of(host, container)
        if (address := _address_of(endpoint, six))
    ]
    for address, ident, network in theirs:
        if ident in ids:
            return address, f"both are on the network {network.name}"
    for address, _, network in theirs:
        if driver_of(network).flat and any(network.overlaps(each) for each in flat):
            return address, f"both are on the segment of {network.name}"
    for address, _, network in theirs:
        hop = route_lookup(hosts[source.host].namespace(mine.name), address)
        if driver_of(network).flat and flat and hop is not None and hop.via:
            return (
                address,
                f"{container.name} is on another segment, {network.name}; the way there is by {hop.via}",
            )
    return None


def _beside(
    hosts: Mapping[str, Host], source: Place, host: Host, container: Container, six: bool | None
) -> tuple[str, str] | None:
    """Return the address of a macvlan container on a link of the source host's own."""
    own = hosts[source.host].own
    for endpoint, network in networks_of(host, container):
        address = _address_of(endpoint, six)
        hop = route_lookup(own, address) if address and driver_of(network).flat else None
        if hop is not None and not hop.via and any(covers(subnet, hop.src) for subnet in network.subnets):
            return address, f"{source.host} is on the segment of {network.name}, by {hop.dev}"
    return None


def dial_host(
    hosts: Mapping[str, Host], source: Place, name: str, port: int | None, proto: str, *, six: bool | None = None
) -> Dial:
    """Dial a host of the inventory by its name; ``six``: by IPv6 (False: by IPv4) only.

    Raises:
        UsageFault: none of its addresses is known.
    """
    address = address_asked(hosts, source, hosts[name], six)
    if address is None:
        raise UsageFault(
            f"no {of_version(six)}address of {name} can be reached from {source}", "name the address instead"
        )
    dial = dial_address(hosts, source, address, port, proto)
    return dial if dial.way else replace(dial, way=f"{name} has {address}")
