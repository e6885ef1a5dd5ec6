"""Who goes by a name on a host: containers by their names, network aliases and Compose services, the nearest to who asks first.

Source: moby libnetwork/sandbox.go (ResolveName: only endpoints of the sandbox's own networks), daemon/container_operations.go
(buildEndpointInfo: name, short id and aliases); docker/compose pkg/compose/create.go (the service's name is an alias on each network).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.state.lookup import networks_of

if TYPE_CHECKING:
    from netprobe.state.engine.model import Container
    from netprobe.state.model import Host


def bare(name: str) -> str:
    """A name without what does not count: case, and the dot at its end."""
    return name.rstrip(".").lower()


def bears(container: Container, name: str) -> bool:
    """Whether a container goes by a name: its own, an alias on any network, or its Compose service's."""
    service = (container.compose.service,) if container.compose else ()
    return bare(name) in map(bare, (*container.names, *service))


def names_on(container: Container, network: str) -> frozenset[str]:
    """The names that a container has on one network."""
    endpoint = container.networks.get(network)
    aliases = endpoint.aliases if endpoint is not None else ()
    return frozenset(map(bare, (container.name, container.id[:12], *aliases)))


def shared_networks(host: Host, one: Container, other: Container) -> tuple[str, ...]:
    """The networks with names that both are attached to, running or not."""
    mine = (network.name for _, network in networks_of(host, one) if not network.default_bridge)
    return tuple(name for name in mine if name in other.networks)


def same_project(one: Container, other: Container) -> bool:
    """Whether Compose made both, of one project."""
    return bool(one.compose and other.compose and one.compose.project == other.compose.project)


def nearest_bearers(host: Host, asker: Container | None, name: str) -> tuple[Container, ...]:
    """The containers that a name means to who asks: of its project and on its network, on its network, of its project, by their own name, any.

    All that are equally near are given. Who asks is none of them, and neither is one in its network namespace.
    """
    found: dict[int, list[Container]] = {}
    for each in host.containers or ():
        if bears(each, name) and (asker is None or host.owner_of(each.name) != host.owner_of(asker.name)):
            found.setdefault(_distance(host, asker, each, name), []).append(each)
    return tuple(found[min(found)]) if found else ()


def _distance(host: Host, asker: Container | None, other: Container, name: str) -> int:
    if asker is not None:
        on_one = any(bare(name) in names_on(other, network) for network in shared_networks(host, asker, other))
        if on_one or same_project(asker, other):
            return 0 if on_one and same_project(asker, other) else 1 if on_one else 2
    return 3 if bare(other.name) == bare(name) else 4


def one_service(containers: tuple[Container, ...]) -> bool:
    """Whether all of them are containers of one Compose service: then sharing its name is meant."""
    return len({str(each.compose) if each.compose else each.id or each.name for each in containers}) == 1


def addresses_of_name(host: Host, asker: Container, name: str) -> tuple[str, ...]:
    """The addresses that the embedded DNS server gives a container for a name: of who bears it on a network of its own, and of its links there."""
    found: list[str] = []
    for endpoint, network in networks_of(host, asker):
        if network.default_bridge:
            continue
        called, dot, on = bare(name).rpartition(".")
        wanted = {bare(name), called} if dot and on == bare(network.name) else {bare(name)}
        linked = {
            other for other, _, alias in (each.partition(":") for each in endpoint.links) if bare(alias) in wanted
        }
        for other in host.containers or ():
            theirs = other.networks.get(network.name)
            named = wanted & names_on(other, network.name) or other.name in linked
            if theirs is not None and named and other.running and theirs.network_id == endpoint.network_id:
                found += [each for each in theirs.all_addresses[:1] if each not in found]
    return tuple(found)
