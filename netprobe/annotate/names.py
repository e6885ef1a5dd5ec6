"""What addresses are called: by the containers and hosts that have them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.report.escape import visible
from netprobe.state.address import is_any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from netprobe.state.model import Host

    Owner = tuple[str, str | None]  # host, container


def names(hosts: Mapping[str, Host]) -> dict[str, tuple[str, ...]]:
    """Return address -> what it is called, of all addresses of containers and hosts but loopback and link-local ones.

    A container is called as it is, with its host behind it (``web@server2``) where two hosts have one of that name. An address that several have (each
    host's bridge, say) is called by all of them, ``server1|server2``: a capture's packets do not tell which is meant.
    """
    owners: dict[str, dict[Owner, None]] = {}
    for host in hosts.values():
        for address, container in _addresses(host):
            owners.setdefault(address, {})[host.name, container] = None
    alone = _told_apart(owner for each in owners.values() for owner in each)
    return {address: ("|".join(_called(owner, alone) for owner in each),) for address, each in owners.items()}


def _addresses(host: Host) -> Iterator[tuple[str, str | None]]:
    for container in host.containers or ():
        yield from ((each, container.name) for each in container.addresses if _told(each))
        yield from ((each, container.name) for each in _own(host, container.name) if not container.host_network)
    yield from ((each, None) for each in _own(host, None))


def _own(host: Host, container: str | None) -> Iterator[str]:
    """The addresses of a namespace of its own."""
    if container is not None and container not in host.namespaces:
        return
    for link in host.namespace(container).links or ():
        if not link.loopback:
            yield from (each.address for each in link.addresses if each.scope == "global" and _told(each.address))


def _told(address: str) -> bool:
    return bool(address) and not is_any(address)


def _told_apart(owners: Iterable[Owner]) -> frozenset[str]:
    """The containers whose names one host alone has."""
    hosts: dict[str, set[str]] = {}
    for host, container in owners:
        if container is not None:
            hosts.setdefault(container, set()).add(host)
    return frozenset(container for container, found in hosts.items() if len(found) == 1)


def _called(owner: Owner, alone: frozenset[str]) -> str:
    host, container = owner
    text = host if container is None else container if container in alone else f"{container}@{host}"
    return "_".join(visible(text).split())
