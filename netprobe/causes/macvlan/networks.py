"""What the macvlan and ipvlan causes ask of the case, and the network made again as their remedy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.forward.drivers import driver_of
from netprobe.model.remedy import advise, run
from netprobe.state.lookup import network_for, route_lookup

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netprobe.causes.case import Case
    from netprobe.model.remedy import Remedy
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


def recreate(host: Host, network: Network, **options: str) -> tuple[Remedy, ...]:
    """The commands that make a network again with other options (its containers have to leave it first)."""
    values = {"parent": network.parent, "macvlan_mode": network.mode} | options
    words = ["--subnet", network.subnets[0]] if network.subnets else []
    words += ["--gateway", network.gateways[0]] if network.gateways else []
    words += [word for name, value in values.items() if value for word in ("-o", f"{name}={value}")]
    leave = f"its containers have to leave it first: docker network disconnect -f {network.name} CONTAINER"
    return (
        advise(host.name, leave),
        run(host.name, "docker", "network", "rm", network.name),
        run(host.name, "docker", "network", "create", "-d", network.driver, *words, network.name),
    )
