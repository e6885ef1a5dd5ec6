"""The namespaces of a host's containers: each once, with all that run in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.topology.interfaces import node_of
from netprobe.topology.model import NamespaceNode

if TYPE_CHECKING:
    from netprobe.state.model import Host
    from netprobe.topology.interfaces import Interfaces


def namespaces(host: Host, interfaces: Interfaces) -> tuple[NamespaceNode, ...]:
    """Return them in the order in which the engine lists their owners. One that was read and is no listed container's stands last."""
    members: dict[str, list[str]] = {}
    for container in host.containers or ():
        owner = host.owner_of(container.name) if container.running else None
        if owner is not None:
            members.setdefault(owner, []).append(container.name)
    found = [_of(host, interfaces, owner, names) for owner, names in members.items()]
    others = [name for name in host.namespaces if name not in members and _is_no_containers(host, name)]
    return (*found, *(_read_alone(host, name) for name in others))


def _of(host: Host, interfaces: Interfaces, owner: str, names: list[str]) -> NamespaceNode:
    """The owner first: those that joined it may be listed before."""
    container, ordered = host.container(owner), sorted(names, key=lambda name: name != owner)
    if container is None:  # gone, or known by its id alone: whoever joined it is still in it
        return NamespaceNode(owner=owner, containers=tuple(ordered), known=False)
    read = host.namespaces.get(owner)
    return NamespaceNode(
        owner=owner,
        containers=tuple(ordered),
        interfaces=interfaces.inside(container),
        known=read is not None and read.links is not None,
    )


def _is_no_containers(host: Host, name: str) -> bool:
    return host.container(name) is None


def _read_alone(host: Host, name: str) -> NamespaceNode:
    links = host.namespaces[name].links
    nodes = tuple(node_of(each) for each in links or () if not each.loopback)
    return NamespaceNode(owner=name, interfaces=nodes, known=links is not None)
