"""A name lookup that nobody makes (``--predict``): the hosts file, and what the embedded DNS server knows by the engine's state. Pure.

Source: moby libnetwork/sandbox.go (ResolveName: names, aliases and links of the asker's own networks, ``NAME.NETWORK`` too), resolver.go
(what it does not know is asked of the servers behind it).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.evidence.model import Lookup, Resolution
from netprobe.probe.resolver import candidates, not_in_file, of_family, servers_of
from netprobe.state.bearers import addresses_of_name, nearest_bearers, shared_networks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from netprobe.evidence.model import Place
    from netprobe.state.engine.model import Container
    from netprobe.state.model import Host
    from netprobe.state.names import ResolvConf

NOT_ASKED = "--predict sends nothing"


def resolve_by_state(host: Host, place: Place, name: str, six: bool | None = None) -> Lookup:
    """Look a name up as far as state tells; where it does not, ``how`` is FAILED and the last step says why.

    Args:
        host: the source's.
        place: the source's namespace.
        name: as it was asked for.
        six: only IPv6 (False: only IPv4) addresses count; ``rcode`` is NOERROR where there are others alone.
    """
    namespace = host.namespace(place.container)
    file, conf = namespace.hosts_file, namespace.resolv_conf
    lines = file.lookup(name) if file is not None else ()
    found = of_family(lines, six)
    if found:
        step = f"/etc/hosts: {name} is {', '.join(found)}"
        return Lookup(name=name, how=Resolution.HOSTS_FILE, addresses=found, steps=(step,))
    first = "/etc/hosts: could not be read" if file is None else not_in_file(name, lines, six)
    source = host.container(place.container) if place.container is not None else None
    if source is None or conf is None or not conf.embedded:
        server = servers_of(conf)[0]
        step = f"{server} would be asked for {name}, and {NOT_ASKED}"
        return Lookup(name=name, how=Resolution.FAILED, server=server, steps=(first, step))
    return _embedded(host, source, conf, name, first, six)


def _embedded(host: Host, source: Container, conf: ResolvConf, name: str, first: str, six: bool | None) -> Lookup:
    server = host.engine.embedded_dns
    asked = next(
        iter(candidates(name, conf)), name
    )  # what is not known is asked outside: how that ends, no state tells
    every = addresses_of_name(host, source, asked)
    found = every if six is None else of_family(_all_of(host, every), six)
    if every and not found:
        why = f"by the engine's state {asked} is {', '.join(every)}, no IPv{6 if six else 4} address"
        return Lookup(name=name, how=Resolution.FAILED, server=server, rcode="NOERROR", steps=(first, why))
    if not found:
        why = f"by the engine's state {server} does not know {asked}{_whose(host, source, name)}; whom it asks on is not asked: {NOT_ASKED}"
        return Lookup(name=name, how=Resolution.FAILED, server=server, steps=(first, why))
    step = f"by the engine's state {asked} is {', '.join(found)} on a network that both share"
    return Lookup(
        name=name,
        how=Resolution.EMBEDDED_DNS,
        addresses=found,
        server=server,
        steps=(first, step),
        answered="" if asked == name.rstrip(".") else asked,
    )


def _all_of(host: Host, addresses: Iterable[str]) -> Iterator[str]:
    """Yield all addresses of the endpoints that have these: the embedded DNS server gives those of either IP version."""
    wanted = set(addresses)
    for container in host.containers or ():
        for endpoint in container.networks.values():
            if wanted.intersection(endpoint.all_addresses):
                yield from endpoint.all_addresses


def _whose(host: Host, source: Container, name: str) -> str:
    """`` (db is exited)``: why the container of that name is not known; ``""`` where there is none."""
    near = nearest_bearers(host, source, name)
    if not near:
        return " (no container has that name)"
    first = near[0]
    if not first.running:
        return f" ({first.name} is {first.state})"
    return "" if shared_networks(host, source, first) else f" ({first.name} is on no network of {source.name}'s)"
