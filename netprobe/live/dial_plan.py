"""From question to dial plan: the namespace of the source, the address that is dialled, and who is meant by it."""

from __future__ import annotations

import contextlib
from dataclasses import field, replace
from typing import TYPE_CHECKING, NoReturn

from netprobe.errors import UsageFault
from netprobe.evidence.model import Lookup, Place, Proto, Resolution
from netprobe.forward.owners import owner_of_address
from netprobe.hosts import collect
from netprobe.live.naming import SourceResolver, learn_own_files
from netprobe.live.sessions import ContainerEnded
from netprobe.probe.names import (
    check_host,
    hint_for,
    is_known,
    meant_by,
    nearest,
    service_looked_up,
    source_place,
    the_container,
)
from netprobe.probe.plan import Dial, dial_address, dial_container, dial_host
from netprobe.probe.resolver import of_family, preferred, servers_of
from netprobe.state.address import is_loopback
from netprobe.state.lookup import canonical, namespace_of, neighbours, published_by, requests_of
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from netprobe.live.sessions import HostSessions
    from netprobe.probe.target import Source, Target
    from netprobe.state.engine.model import Container
    from netprobe.state.model import Host

PLANNING_SECONDS = 2.0
EACH = "--all asks each"
NEIGHBOURS = 16
"""Containers whose sockets are looked at where one of their neighbours asks its own localhost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Who asks: its namespace, its Compose project (``""`` for none), and what is to be said of the choice where SOURCE is several."""

    place: Place
    project: str = ""
    said: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DialPlan:
    """What will be done.

    Attributes:
        source_at: the namespace that the probe is sent from.
        dial: what is dialled; None when the name gave no address.
        meant: who is meant where the name gave no address.
        lookup: how the name became an address when the plan was made; the run itself looks it up again.
        said: which container was chosen where SOURCE or TARGET is a service of several; ``""`` where there was no choice.
    """

    source_at: Place
    dial: Dial | None
    meant: Place | None = None
    lookup: Lookup = field(default_factory=Lookup)
    said: str = ""

    @property
    def target_at(self) -> Place | None:
        """Who is meant."""
        return self.meant if self.dial is None else self.dial.target_at


def find_source(sessions: HostSessions, source: Source) -> Asker:
    """Find who asks, and enter the namespace.

    Raises:
        UsageFault: unknown, ambiguous, or not running.
        EnvironmentFault: it cannot be entered.
    """
    hosts = sessions.hosts()
    host = None if source.host is None else sessions.meant(source.host)
    name = source.name if source.project is not None else sessions.meant(source.name)
    source = replace(source, name=name, host=host)
    if not _is_host(hosts, source) and not is_known(hosts, source, host) and host in (None, *hosts):
        sessions.raise_faults(source.asked, host)
    place, named = source_place(hosts, source)
    sessions.session(place.host)
    learn_own_files(sessions, place.host)
    if named is None:
        return Asker(place=place)
    if place.container is not None:
        # its own process: a restarted owner has another namespace by now
        sessions.enter(place, named.chosen.container.pid)
    compose = named.chosen.container.compose
    return Asker(place=place, project=compose.project if compose else "", said=named.said_of("asks"))


def _with_listeners(sessions: HostSessions, source: Place, target: Target) -> Mapping[str, Host]:
    """The hosts; who listens on the one that is dialled is asked now where containers ask for that port and nothing publishes it: it tells who is meant."""
    hosts, port = sessions.hosts(), target.port
    owner = owner_of_address(hosts, target.address or "", source)
    host = hosts.get(owner.host) if owner is not None and owner.container is None else None
    if host is None or port is None or target.address is None:
        return hosts
    if published_by(host, target.address, port, target.transport) is not None:
        return hosts
    record = sessions.by_name[host.name].before
    if "sockets" in record.outputs or not requests_of(host, target.address, port, target.transport):
        return hosts
    collect.ask(sessions.session(host.name), record, ("sockets",)).receive()
    return sessions.hosts()


def _is_host(hosts: Mapping[str, Host], source: Source) -> bool:
    return source.project is None and source.name in hosts and source.host in (None, source.name)


def make_dial_plan(sessions: HostSessions, asker: Asker, target: Target, resolver: SourceResolver) -> DialPlan:
    """Decide what is dialled.

    Raises:
        UsageFault: from a host, the name is unknown or ambiguous.
        EnvironmentFault: somebody who may know the name could not be asked.
    """
    hosts, source = sessions.hosts(), asker.place
    target = replace(target, host=None if target.host is None else sessions.meant(target.host))
    check_host(hosts, target.host)
    if target.proto is Proto.DNS:
        return _name_server(hosts, source, target.six)
    if target.address is not None:
        hosts = _with_listeners(sessions, source, target)
        dial = dial_address(hosts, source, target.address, target.port, target.transport)
        return DialPlan(source_at=source, dial=dial)
    if is_looked_up(source, target):
        return _by_lookup(hosts, asker, target, resolver.resolve(target.name, PLANNING_SECONDS))
    return _by_inventory(sessions, hosts, asker, target) or _by_host_lookup(sessions, hosts, asker, target, resolver)


def is_looked_up(source: Place, target: Target) -> bool:
    """Tell whether the name is one for the source's own resolver: from a container, unless TARGET says by host or project whose it is."""
    return source.container is not None and target.host is None and target.project is None


def may_look_up(hosts: Mapping[str, Host], source: Place, target: Target) -> bool:
    """Whether making the plan may send a look-up of the name. Its packets, and their retransmissions, count in the rules as the probe's do."""
    if target.proto is Proto.DNS or target.address is not None:
        return False
    if is_looked_up(source, target):
        return True
    return target.name not in hosts and not is_known(hosts, target, target.host)


def _name_server(hosts: Mapping[str, Host], source: Place, six: bool | None) -> DialPlan:
    namespace = namespace_of(hosts, source)
    every = servers_of(namespace.resolv_conf if namespace is not None else None)
    servers = of_family(every, six)
    if not servers:
        family = 6 if six else 4
        raise UsageFault(
            f"{source} has no name server with an IPv{family} address",
            f"it asks {', '.join(every)}: leave -{family} out",
        )
    server = servers[0]
    dial = dial_address(hosts, source, server, 53, "udp")
    return DialPlan(source_at=source, dial=Dial(address=server, port=53, target_at=dial.target_at, target_port=53))


def _by_inventory(sessions: HostSessions, hosts: Mapping[str, Host], asker: Asker, target: Target) -> DialPlan | None:
    source, name, said = asker.place, target.name, ""
    named = the_container(hosts, target.name, target.host, target.project, own=asker.project)
    if named is not None:
        found, said = named.chosen, named.said_of(f"is asked; {EACH}") if named.said else ""
        name = found.container.name
        _enter(sessions, hosts, Place(host=found.host, container=name))
        hosts = sessions.hosts()
        dial = dial_container(hosts, source, found, target.port, target.transport, six=target.six)
        kind = f"the container {name}" if named.service else "a container"
        step = f"inventory: {target.asked} is {kind} on {found.host}"
    elif target.host is None and target.project is None and sessions.meant(target.name) in hosts:
        host = sessions.meant(target.name)
        sessions.session(host)  # what is not known of it is no reason to blame the question
        dial = dial_host(hosts, source, host, target.port, target.transport, six=target.six)
        step = f"inventory: {target.name} is a host"
    else:
        return None
    lookup = Lookup(name=name, how=Resolution.INVENTORY, addresses=(dial.address,), steps=(step,))
    return DialPlan(source_at=source, dial=dial, lookup=lookup, said=said)


def _by_host_lookup(
    sessions: HostSessions, hosts: Mapping[str, Host], asker: Asker, target: Target, resolver: SourceResolver
) -> DialPlan:
    if target.project is not None:
        _no_service(sessions, hosts, target)
    if target.host is not None:
        sessions.raise_faults(target.name, target.host)
        names = [each.name for each in hosts[target.host].containers or ()]
        hint = nearest(target.name, names) if names else f"there is no container on {target.host}"
        raise UsageFault(f"{target.host} has no container or service called {target.name!r}", hint)
    lookup = resolver.resolve(target.name, PLANNING_SECONDS)
    address = preferred(lookup)
    if address is None:
        said = lookup.steps[-1] if lookup.steps else "no answer"
        sessions.raise_faults(target.name, None, said)
        hint = hint_for(hosts, target.name)
        raise UsageFault(
            f"{target.name!r} is no container, no service, no host, and {asker.place.host} cannot look it up ({said})",
            hint,
        )
    return _by_lookup(hosts, asker, target, lookup)


def _no_service(sessions: HostSessions, hosts: Mapping[str, Host], target: Target) -> NoReturn:
    sessions.raise_faults(target.asked, target.host)
    services = [str(each.compose) for host in hosts.values() for each in host.containers or () if each.compose]
    hint = nearest(target.asked, services) if services else "no container of the inventory was made by Compose"
    raise UsageFault(f"no service is called {target.asked!r}", hint)


def _by_lookup(hosts: Mapping[str, Host], asker: Asker, target: Target, lookup: Lookup) -> DialPlan:
    address, source = preferred(lookup), asker.place
    if address is None:
        _refuse_other_family(hosts, source, target, lookup)
        return DialPlan(source_at=source, dial=None, meant=_meant(hosts, asker, target.name), lookup=lookup)
    dial = dial_address(hosts, source, address, target.port, target.transport)
    return DialPlan(source_at=source, dial=dial, lookup=lookup, said=_one_of(hosts, asker, target, dial))


def _refuse_other_family(hosts: Mapping[str, Host], source: Place, target: Target, lookup: Lookup) -> None:
    """Raise a UsageFault where the name has addresses, or may have them, and none of the IP version that was asked for: nothing fails then."""
    namespace = namespace_of(hosts, source)
    file = namespace.hosts_file if namespace is not None else None
    known = lookup.rcode == "NOERROR" or bool(file is not None and file.lookup(target.name))
    if target.six is None or not known:
        return
    family = 6 if target.six else 4
    said = f" ({lookup.steps[-1]})" if lookup.steps else ""
    raise UsageFault(f"{target.name!r} has no IPv{family} address for {source}{said}", f"leave -{family} out")


def _one_of(hosts: Mapping[str, Host], asker: Asker, target: Target, dial: Dial) -> str:
    """Which container of a service of several the name gave."""
    service = service_looked_up(hosts, asker.place, target.name) if asker.place.container is not None else None
    at = dial.target_at.container if dial.target_at is not None else None
    if service is None or at not in {each.container.name for each in service.of}:
        return ""
    return f"{service.said}, {at} is asked; {EACH}"


def _meant(hosts: Mapping[str, Host], asker: Asker, name: str) -> Place | None:
    """Return the container that a name without an address must mean; None where that is not clear."""
    found = meant_by(hosts, asker.place, name)
    return None if found is None else canonical(hosts, Place(host=found.host, container=found.container.name))


def meant_by_localhost(hosts: Mapping[str, Host], source: Place, address: str | None) -> tuple[Place, ...]:
    """Where a container asks its own loopback: its neighbours, one of whom may be meant, as far as there are not very many."""
    at = canonical(hosts, source)
    asking = hosts[at.host].container(at.container) if at.container is not None else None
    if asking is None or not is_loopback(address or ""):
        return ()
    return tuple(Place(host=at.host, container=each.name) for each in neighbours(hosts[at.host], asking)[:NEIGHBOURS])


def enter_target(sessions: HostSessions, place: Place | None) -> None:
    """Enter the target's namespace, if it is a running container's.

    Raises:
        EnvironmentFault: its host is lost.
    """
    if place is not None and place.container is not None:
        _enter(sessions, sessions.hosts(), place)


def _enter(sessions: HostSessions, hosts: Mapping[str, Host], place: Place) -> None:
    at = canonical(hosts, place)
    container = hosts[at.host].container(at.container) if at.container is not None else None
    if container is not None and _alive(container):
        with contextlib.suppress(ContainerEnded):  # then its state afterwards tells
            sessions.enter(at, container.pid)


def _alive(container: Container) -> bool:
    return container.running and container.pid > 0
