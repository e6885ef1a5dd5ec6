"""Where a published port leads, by the engine's word."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.forward.drivers import driver_of
from netprobe.model.endpoint import Endpoint
from netprobe.state.lookup import container_interface, has_address, networks_of, published_by, route_lookup

if TYPE_CHECKING:
    from netprobe.state.engine.model import Container
    from netprobe.state.model import Host

_NOBODYS = "192.0.2.1"  # TEST-NET-1: whoever routes it does so by default


def serving_address(host: Host, container: Container, dialled: str = "", *, six: bool = False) -> str:
    """Return the address of a container that its published ports lead to; ``""`` while it has none.

    It is in the network that has the container's default route. An IPv6 address that is dialled leads to the container's IPv6
    address, where it has one; ``six``: only then (DNAT keeps the IP version; docker-proxy need not).
    """
    serving = [each for each, net in networks_of(host, container) if driver_of(net).publishes and not net.internal]
    hop = route_lookup(host.namespace(container.name), _NOBODYS)
    serving.sort(key=lambda each: hop is None or container_interface(host, container, each) != hop.dev)
    for each in serving:
        address = each.address6 if ":" in dialled and (six or each.address6) else each.address
        if address:
            return address
    return ""


def published_end(host: Host, address: str, port: int | None, proto: str, *, six: bool) -> Endpoint | None:
    """Where a running container is reached that publishes this port of the host, at an address of the host's own; ``six`` as above."""
    if port is None or proto not in {"tcp", "udp"} or not has_address(host.own, address):
        return None
    found = published_by(host, address, port, proto)
    if found is None or not found[0].running:
        return None
    inner = serving_address(host, found[0], address, six=six)
    return Endpoint(inner, found[1].container_port) if inner else None
