"""Which address of a host to dial. Pure: decisions over parsed state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.errors import UsageFault
from netprobe.state.address import is_loopback
from netprobe.state.lookup import docker_bridges, namespace_of, route_lookup

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from netprobe.evidence.model import Place
    from netprobe.probe.names import Found
    from netprobe.state.model import Host


def host_addresses(host: Host, *, down: bool = False) -> Iterator[str]:
    """Give a host's own addresses: not loopback, not link-local, none of Docker's gateways; IPv4 first.

    ``down``: also those of interfaces that are down.
    """
    bridges = docker_bridges(host)
    found = [
        each.address
        for link in host.own.links or ()
        if link.name not in bridges and (link.up or down)
        for each in link.addresses
        if not is_loopback(each.address) and each.scope == "global"
    ]
    return iter(sorted(dict.fromkeys(found), key=lambda address: ":" in address))


def host_address(hosts: Mapping[str, Host], source: Place, host: Host, *, six: bool | None = None) -> str | None:
    """Choose the host's address (of one IP version, if given) for this source: on a link of the source, then by any route, in the host's order.

    Without a route, or with the host's interface down, an address is dialled all the same: that it does not work is the answer.
    """
    namespace = namespace_of(hosts, source)
    if namespace is None:
        return None
    known = [each for each in host_addresses(host) if six is None or six is (":" in each)]
    if source.container is None and source.host == host.name:
        return known[0] if known else "::1" if six else "127.0.0.1"
    routed: list[str] = []
    for address in known:
        hop = route_lookup(namespace, address)
        if hop is None or hop.local:
            continue
        if not hop.via and hop.dev not in docker_bridges(hosts[source.host]):
            return address
        routed.append(address)
    if routed or six is not None:
        return routed[0] if routed else None
    return next(host_addresses(host, down=True), None)


def address_asked(hosts: Mapping[str, Host], source: Place, host: Host, six: bool | None) -> str | None:
    """The host's address for this source; one of the IP version that was asked for is dialled without a route, too: that it does not work is the answer."""
    known = (each for each in host_addresses(host, down=True) if six is (":" in each))
    return host_address(hosts, source, host, six=six) or next(known, None)


def of_version(six: bool | None) -> str:
    """``"IPv6 "``, ``"IPv4 "``, or ``""`` where none was asked for: to be said before "address"."""
    return "" if six is None else "IPv6 " if six else "IPv4 "


def required(address: str | None, found: Found, six: bool | None) -> str:
    """Return an address of the host that a container is on.

    Raises:
        UsageFault: there is none.
    """
    if address is None:
        raise UsageFault(
            f"no {of_version(six)}address of {found.host}, where {found.container.name} is, is known",
            "check the interfaces of that host",
        )
    return address
