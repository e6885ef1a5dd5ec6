"""How a container's name comes to be known to who asks: one network that has names, the name on it, a hosts line, a published port."""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING

from netprobe.causes.names.replaced import put_back, replaced_by
from netprobe.evidence.model import Place
from netprobe.forward.owners import owner_of_address
from netprobe.model.remedy import advise
from netprobe.state.bearers import bare, names_on
from netprobe.state.engine.compose import in_file, key_of, listed, recreated
from netprobe.state.engine.model import Network
from netprobe.state.engine.remedies import aliases_of

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.model.remedy import Remedy
    from netprobe.state.engine.model import Container
    from netprobe.state.model import Host


def asking(host: Host, source: Container) -> tuple[Remedy, ...]:
    """What it takes besides where the source asks another server than the embedded one."""
    return put_back(host, source) if replaced_by(host, source) else ()


def given_names(container: Container, asked: str) -> tuple[str, ...]:
    """The names that a container was given, and the one that it is asked by (a Compose service's, where it left all networks): not its own."""
    own = {bare(container.name), bare(container.id[:12])}
    return tuple(dict.fromkeys((*aliases_of(container), *((asked,) if asked and bare(asked) not in own else ()))))


def free_names(host: Host, network: Network, container: Container, asked: str) -> tuple[str, ...]:
    """The names that a container has elsewhere and nobody has on that network: it is asked for by them there, too."""
    near = [each for each in host.containers or () if network.name in each.networks]
    taken = {bare(name) for each in near for name in (each.name, *aliases_of(each, network.name))}
    return tuple(each for each in given_names(container, asked) if bare(each) not in taken)


def joining(host: Host, source: Container, other: Container, asked: str = "") -> tuple[Remedy, ...]:
    """What puts two containers on one network that has names; where the other has no network of its own, what is asked instead."""
    owner = host.container(other.netns_of) if other.netns_of else None
    if owner is not None and owner.name != source.name:
        shared = any(not is_default(host, name) for name in set(source.networks) & set(owner.networks))
        instead = f"ask {owner.name} instead of {asked or other.name}, with the same port: {other.name} has its network, and no name of its own there"
        return (*(() if shared else joining(host, source, owner)), advise(host.name, instead))
    if other.host_network and not source.host_network:
        line = f"{asked or other.name}:host-gateway"
        again = recreated(source, f"with --add-host={quote(line)}", f"extra_hosts: {listed(line)}")
        why = f"{other.name} has {host.name}'s own network, where its ports are the host's"
        return (advise(host.name, f"{again}; Engine 20.10 and later: {why}"),)
    for one, joiner in ((other, source), (source, other)):
        there = sorted(one.networks, key=lambda name: one is other and bare(asked) not in names_on(other, name))
        named = [host.network(name) for name in there if not is_default(host, name)]
        found = next((each for each in named if each is not None and host.engine.remedies.joins(joiner, each)), None)
        if found is not None:
            called = free_names(host, found, joiner, asked) if joiner is other else ()
            return (host.engine.remedies.connect(host.name, found, joiner, aliases=called),)
    name = "names" if host.network("names") is None else f"{source.name}-{other.name}"
    own = next((host.network(each) for each in source.networks if not is_default(host, each)), None)
    fresh = own or Network(name=name, driver="bridge")
    if not host.engine.remedies.joins(source, fresh) or not host.engine.remedies.joins(other, fresh):
        return tuple(
            host.engine.remedies.connect(host.name, fresh, each)
            for each in (other, source)
            if not host.engine.remedies.joins(each, fresh)
        )
    return (
        host.engine.remedies.create(host.name, name),
        host.engine.remedies.connect(host.name, fresh, other, aliases=given_names(other, asked)),
        host.engine.remedies.connect(host.name, fresh, source),
    )


def from_elsewhere(case: Case, name: str, host: Host, source: Container, other: Container) -> tuple[Remedy, ...]:
    """What helps where the name's bearer is on another host: a hosts line where its address is on the source's segment."""
    if case.probe is None:
        return ()
    there = Place(host=host.name, container=other.name)
    scheme, slashes, rest = case.probe.target.rpartition("://")
    asked = f"{scheme}{slashes}{there}{rest.removeprefix(name)}"
    here = case.probe.source_at.host
    explain = advise(here, f"the connection itself: netprobe explain {asked} --from {case.probe.source}")
    for endpoint in other.networks.values():
        if endpoint.address and owner_of_address(case.world.before, endpoint.address, case.probe.source_at) == there:
            line = f"echo {quote(endpoint.address)} {quote(name)} >> /etc/hosts"
            entry = f"{name}:{endpoint.address}"
            keys = in_file(source, f"extra_hosts: {listed(entry)}") or f"docker run --add-host {entry} …"
            keep = f"to keep it when {source.name} is created again: {keys}"
            return (case.engine_at(here).remedies.inside(here, source.name, "sh", "-c", line, advice=keep), explain)
    way = f"reach {other.name} through a port that {host.name} publishes, or put both on one overlay or macvlan network"
    return (advise(here, way), explain)


def is_default(host: Host, name: str) -> bool:
    """Whether a network is one that gives no names: the default bridge, the host's, none."""
    network: Network | None = host.network(name)
    return network.default_bridge if network is not None else name in ("bridge", "host", "none")


def called_there(host: Host, other: Container, network: Network, asked: str) -> tuple[Remedy, ...]:
    """What gives a name to a container that is on the network already: another of its names, or the alias (an endpoint's are fixed when it joins)."""
    program, there = host.engine.remedies.program, network.name
    port = f"with the same port: {there} knows it by that name"
    keep = in_file(other, f"networks: {key_of(other, network)}: aliases: {listed(asked)}")
    again = (
        f"or give it the name there: {program} network disconnect {quote(there)} {quote(other.name)}, then {program} network connect "
        f"--alias {quote(asked)} {quote(there)} {quote(other.name)} (this cuts its connections by {there})"
    )
    return (
        advise(host.name, f"ask {other.name} instead of {asked}, {port}"),
        advise(host.name, f"{again}; {keep}" if keep else again),
    )
