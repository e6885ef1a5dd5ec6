"""Containers that share a network namespace (``--network container:X``): who was left behind in it, who holds which port of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.evidence.model import Place
from netprobe.state.lookup import canonical
from netprobe.state.sockets import on_port

if TYPE_CHECKING:
    from collections.abc import Mapping

    from netprobe.evidence.model import Probe
    from netprobe.state.engine.model import Container
    from netprobe.state.model import Host
    from netprobe.state.sockets import Socket


def named(probe: Probe, hosts: Mapping[str, Host]) -> Container | None:
    """The container that the target's name is; None for an address, and for a name that is no container of the target's namespace."""
    place, name = probe.target_at, probe.lookup.name
    host = hosts.get(place.host) if place is not None else None
    found = host.container(name) if host is not None and name else None
    if place is None or found is None:
        return None
    same = canonical(hosts, Place(host=place.host, container=found.name)) == canonical(hosts, place)
    return found if same else None


def asking(probe: Probe, hosts: Mapping[str, Host]) -> Container | None:
    """The container that SOURCE names: the probe's own place is its namespace's owner."""
    place, host = probe.source_at, hosts.get(probe.source_at.host)
    if host is None or place.container is None:
        return None
    project, slash, name = probe.source.partition("@")[0].rpartition("/")
    own = None if slash else host.container(name)
    for found in (own,) if own is not None else host.services(name, project if slash else None):
        if canonical(hosts, Place(host=place.host, container=found.name)) == canonical(hosts, place):
            return found
    return None


def owner_restarted(host: Host, container: Container) -> Container | None:
    """The owner of the namespace that a running container joined, if it was started after that: then it has a new one.

    The engine makes a namespace at each start, and a container joins at its own start only (docker/for-linux#1299).
    """
    owner = host.container(container.netns_of) if container.netns_of else None
    if owner is None or not owner.running or not container.running or not owner.started or not container.started:
        return None
    return owner if moment(container.started) < moment(owner.started) else None


def moment(started: str) -> tuple[str, str]:
    """RFC 3339 in UTC with Go's fraction (zeros at its end are left out) -> what compares in order of time."""
    seconds, _, fraction = started.rstrip("Z").partition(".")
    return seconds, fraction.ljust(9, "0")


def holder(host: Host, container: Container, port: int, proto: str) -> tuple[Container, Socket] | None:
    """Which other container of the shared namespace has a port: its first process (or one that inherited from it) holds the socket.

    None when nobody else is known to, when a socket with the port is not known to be another's, and when the container serves a port itself.
    """
    sockets = host.namespace(container.name).sockets or ()
    if any(each.serving and container.pid in each.pids for each in sockets):
        return None
    owner = host.owner_of(container.name)
    others = [
        each
        for each in host.containers or ()
        if each.running and each.name != container.name and host.owner_of(each.name) == owner
    ]
    found = on_port(sockets, port, proto)
    holders = [next((other for other in others if other.pid in socket.pids), None) for socket in found]
    first = holders[0] if holders else None
    return (first, found[0]) if first is not None and all(holders) else None


def wants(container: Container, port: int, proto: str) -> bool:
    """Whether a container's image says that it serves this port (EXPOSE)."""
    return (port, proto) in container.exposed


def is_absent(probe: Probe, hosts: Mapping[str, Host]) -> bool:
    """Whether the named container has no part in its namespace: whoever answers there is somebody else.

    It does not run, was left behind by its owner's restart, another container has the port that it serves; or it is the
    restarted owner, asked for by one who was left behind.
    """
    container, place, port = named(probe, hosts), probe.target_at, probe.target_port
    host = hosts.get(place.host) if place is not None else None
    if container is None or host is None:
        return False
    client = asking(probe, hosts) if probe.source_at.host == host.name else None
    owner = owner_restarted(host, client) if client is not None else None
    if owner is not None and owner.name == container.name:
        return True
    if not container.netns_of or client == container:
        return False
    if not container.running or owner_restarted(host, container) is not None:
        return True
    proto = probe.proto.transport
    return port is not None and wants(container, port, proto) and holder(host, container, port, proto) is not None
