"""What the macvlan and ipvlan causes ask of the case: networks, next hops, free addresses."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import TYPE_CHECKING

from netprobe.forward.drivers import driver_of
from netprobe.state.address import prefix
from netprobe.state.lookup import network_for, route_lookup

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netprobe.causes.case import Case
    from netprobe.state.engine.model import Container, Network
    from netprobe.state.model import Host


def next_hop(case: Case) -> str:
    """The address that the source has to resolve: its gateway's, or the target's own."""
    probe = case.probe
    host = case.before(probe.source_at.host) if probe else None
    hop = (
        route_lookup(host.namespace(probe.source_at.container), probe.dialled)
        if host and probe and probe.dialled
        else None
    )
    return (hop.via or (probe.dialled or "")) if hop and probe else ""


def flat_networks(case: Case) -> Iterator[tuple[Host, Container, Network]]:
    """The macvlan and ipvlan networks of source and target, with the container on them."""
    source_host = case.before(case.probe.source_at.host) if case.probe else None
    for host, container in ((source_host, case.source_container), (case.target_host, case.target)):
        for endpoint in container.networks.values() if host and container else ():
            network = network_for(host, endpoint) if host else None
            if host and container and network is not None and driver_of(network).flat:
                yield host, container, network


def free_address(case: Case, network: Network) -> str:
    """An address of the subnet that nothing known has, from its end; ``""`` for none."""
    net = prefix(network.subnets[0]) if network.subnets else None
    used = {
        address for host in case.world.before.values() for each in host.containers or () for address in each.addresses
    }
    used |= {
        each.address for host in case.world.before.values() for link in host.own.links or () for each in link.addresses
    }
    used |= set(network.gateways)
    if not isinstance(net, IPv4Network) or net.prefixlen > 30:
        return ""
    candidates = (str(net[-number]) for number in range(2, min(net.num_addresses - 1, 256)))
    return next((each for each in candidates if each not in used), "")


def may_be_flat(case: Case) -> bool:
    """Whether some network of the hosts that the question is about stands on a parent's segment, as far as is known."""
    hosts = [case.before(place.host) for place in (case.intent.source, case.intent.target) if place is not None]
    networks = [host.networks for host in hosts if host is not None]
    return any(each is None for each in networks) or any(
        driver_of(each).flat for found in networks for each in found or ()
    )


def wire_of(host: Host, network: Network) -> str:
    """The interface that is on the wire: a VLAN interface's parent."""
    link = host.own.link(network.parent)
    below = link.peer_name if link is not None and link.kind == "vlan" else network.parent.rpartition(".")[0]
    return below if below and host.own.link(below) is not None else network.parent
