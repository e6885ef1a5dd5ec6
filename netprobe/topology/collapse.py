"""What a picture has no room for, left out: the containers of a large host that a journey does not touch, and the interfaces that are theirs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from netprobe.topology.model import KnownBy

if TYPE_CHECKING:
    from collections.abc import Collection

    from netprobe.topology.model import HostNode, InterfaceNode, NamespaceNode, Topology

MOST_CONTAINERS = 12
"""Of one host. A journey's own are there besides."""
MOST_BESIDE = 4
"""The same beside a journey: the picture is of that."""
MOST_INTERFACES = 24
"""Of a host's own namespace, beside those that belong to what is shown."""


def collapsed(topology: Topology, touched: Collection[str] = ()) -> Topology:
    """Return a topology small enough to be looked at; each host says how much of it is hidden.

    Args:
        topology: all of it.
        touched: the capture points of a journey, whose containers and interfaces stay.
    """
    return replace(topology, hosts=tuple(_host(each, frozenset(touched)) for each in topology.hosts))


def _host(host: HostNode, touched: frozenset[str]) -> HostNode:
    host = replace(
        host,
        own=_without_lo(host.own, host, touched),
        namespaces=tuple(_without_lo(each, host, touched) for each in host.namespaces),
    )
    most = MOST_BESIDE if touched else MOST_CONTAINERS
    mine = {each.owner for each in host.namespaces if any(host.point(i, each) in touched for i in each.interfaces)}
    shown = set(mine)
    for each in host.namespaces:
        if len(shown) >= most + len(mine):
            break
        shown.add(each.owner)
    kept = tuple(each for each in host.namespaces if each.owner in shown)
    gone = {name for each in host.namespaces if each.owner not in shown for name in each.containers or (each.owner,)}
    resting = [each.name for each in host.containers or () if not each.running][most:]
    gone |= set(resting)
    containers = None if host.containers is None else tuple(each for each in host.containers if each.name not in gone)
    interfaces = _own(host, shown, touched)
    return replace(
        host,
        own=replace(host.own, interfaces=interfaces),
        namespaces=kept,
        containers=containers,
        hidden=len(gone),
        hidden_interfaces=len(host.own.interfaces) - len(interfaces) - _ports_of_hidden(host, shown),
    )


def _without_lo(namespace: NamespaceNode, host: HostNode, touched: frozenset[str]) -> NamespaceNode:
    """Lo is everywhere: it is shown where the journey passes it, or where it is not as everywhere."""
    kept = tuple(
        each
        for each in namespace.interfaces
        if not each.loopback or each.known_by is KnownBy.STATE or host.point(each, namespace) in touched
    )
    return replace(namespace, interfaces=kept)


def _hidden_port(host: HostNode, interface: InterfaceNode, shown: Collection[str | None]) -> bool:
    parts = interface.peer.split("/")
    return len(parts) == 3 and parts[0] == host.name and parts[1] not in shown


def _ports_of_hidden(host: HostNode, shown: Collection[str | None]) -> int:
    return sum(_hidden_port(host, each, shown) for each in host.own.interfaces)


def _own(host: HostNode, shown: Collection[str | None], touched: frozenset[str]) -> tuple[InterfaceNode, ...]:
    """Those that the journey passes, and those of what is shown; of the others the first few, those that are up before those that are not."""
    needed = {each.master for each in host.own.interfaces if each.peer and not _hidden_port(host, each, shown)}
    needed |= {each.parent for each in host.own.interfaces}
    others = [each for each in host.own.interfaces if not _hidden_port(host, each, shown)]
    free = [
        each
        for each in others
        if host.point(each, host.own) not in touched and each.name not in needed and not each.peer
    ]
    over = {each.name for each in sorted(free, key=lambda each: not each.up)[MOST_INTERFACES:]}
    return tuple(each for each in others if each.name not in over)
