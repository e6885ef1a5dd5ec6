"""A name lookup that nobody makes (``--predict``): the hosts file, and what the embedded DNS server knows by the engine's state. Pure.

Source: moby libnetwork/sandbox.go (ResolveName: names, aliases and links of the asker's own networks, ``NAME.NETWORK`` too), resolver.go
(what it does not know is asked of the servers behind it).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.evidence.model import Lookup, Resolution
from netprobe.probe.resolver import candidates, servers_of
from netprobe.state.bearers import addresses_of_name, nearest_bearers, shared_networks

if TYPE_CHECKING:
    from netprobe.evidence.model import Place
    from netprobe.state.engine.model import Container
    from netprobe.state.model import Host
    from netprobe.state.names import ResolvConf

NOT_ASKED = "--predict sends nothing"


def resolve_by_state(host: Host, place: Place, name: str) -> Lookup:
    """Look a name up as far as state tells; where it does not, ``how`` is FAILED and the last step says why.

    Args:
        host: the source's.
        place: the source's namespace.
        name: as it was asked for.
    """
    namespace = host.namespace(place.container)
    file, conf = namespace.hosts_file, namespace.resolv_conf
    found = file.lookup(name) if file is not None else ()
    if found:
        step = f"/etc/hosts: {name} is {', '.join(found)}"
        return Lookup(name=name, how=Resolution.HOSTS_FILE, addresses=found, steps=(step,))
    first = "/etc/hosts: could not be read" if file is None else f"/etc/hosts: no line for {name!r}"
    source = host.container(place.container) if place.container is not None else None
    if source is None or conf is None or not conf.embedded:
        server = servers_of(conf)[0]
        step = f"{server} would be asked for {name}, and {NOT_ASKED}"
        return Lookup(name=name, how=Resolution.FAILED, server=server, steps=(first, step))
    return _embedded(host, source, conf, name, first)


def _embedded(host: Host, source: Container, conf: ResolvConf, name: str, first: str) -> Lookup:
    server = host.engine.embedded_dns
    asked = next(
        iter(candidates(name, conf)), name
    )  # what is not known is asked outside: how that ends, no state tells
    found = addresses_of_name(host, source, asked)
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


def _whose(host: Host, source: Container, name: str) -> str:
    """`` (db is exited)``: why the container of that name is not known; ``""`` where there is none."""
    near = nearest_bearers(host, source, name)
    if not near:
        return " (no container has that name)"
    first = near[0]
    if not first.running:
        return f" ({first.name} is {first.state})"
    return "" if shared_networks(host, source, first) else f" ({first.name} is on no network of {source.name}'s)"
