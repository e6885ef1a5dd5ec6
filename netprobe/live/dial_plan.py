"""From question to dial plan: the namespace of the source, the address that is dialled, and who is meant by it."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from netprobe.errors import UsageFault
from netprobe.evidence.model import Lookup, Place, Proto, Resolution
from netprobe.live.naming import SourceResolver, learn_own_files
from netprobe.live.sessions import ContainerEnded
from netprobe.probe.names import check_host, containers_named, known_names, nearest, source_place, the_container
from netprobe.probe.plan import Dial, dial_address, dial_container, dial_host
from netprobe.probe.resolver import preferred, servers_of
from netprobe.state.lookup import canonical, namespace_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from netprobe.live.sessions import HostSessions
    from netprobe.probe.target import Source, Target
    from netprobe.state.engine.model import Container
    from netprobe.state.model import Host

PLANNING_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DialPlan:
    """What will be done.

    Attributes:
        source_at: the namespace that the probe is sent from.
        dial: what is dialled; None when the name gave no address.
        meant: who is meant where the name gave no address.
        lookup: how the name became an address when the plan was made; the run itself looks it up again.
    """

    source_at: Place
    dial: Dial | None
    meant: Place | None = None
    lookup: Lookup = field(default_factory=Lookup)

    @property
    def target_at(self) -> Place | None:
        """Who is meant."""
        return self.meant if self.dial is None else self.dial.target_at


def find_source(sessions: HostSessions, source: Source) -> Place:
    """Find the source's namespace and enter it.

    Raises:
        UsageFault: unknown, ambiguous, or not running.
        EnvironmentFault: it cannot be entered.
    """
    hosts = sessions.hosts()
    host = None if source.host is None else sessions.meant(source.host)
    source = replace(source, name=sessions.meant(source.name), host=host)
    if source.host is None and source.name not in hosts and not containers_named(hosts, source.name):
        sessions.raise_faults(source.name, None)
    elif source.host is not None and source.host in hosts and not containers_named(hosts, source.name, source.host):
        sessions.raise_faults(source.name, source.host)
    place, container = source_place(hosts, source)
    sessions.session(place.host)
    learn_own_files(sessions, place.host)
    if container is not None and place.container is not None:
        sessions.enter(place, container.pid)  # its own process: a restarted owner has another namespace by now
    return place


def make_dial_plan(sessions: HostSessions, source: Place, target: Target, resolver: SourceResolver) -> DialPlan:
    """Decide what is dialled.

    Raises:
        UsageFault: from a host, the name is unknown or ambiguous.
        EnvironmentFault: somebody who may know the name could not be asked.
    """
    hosts = sessions.hosts()
    target = replace(target, host=None if target.host is None else sessions.meant(target.host))
    check_host(hosts, target.host)
    if target.proto is Proto.DNS:
        return _name_server(hosts, source)
    if target.address is not None:
        dial = dial_address(hosts, source, target.address, target.port, target.transport)
        return DialPlan(source_at=source, dial=dial)
    if source.container is not None and target.host is None:
        return _by_lookup(hosts, source, target, resolver.resolve(target.name, PLANNING_SECONDS))
    return _by_inventory(sessions, hosts, source, target) or _by_host_lookup(sessions, hosts, source, target, resolver)


def may_look_up(hosts: Mapping[str, Host], source: Place, target: Target) -> bool:
    """Whether making the plan may send a look-up of the name. Its packets, and their retransmissions, count in the rules as the probe's do."""
    if target.proto is Proto.DNS or target.address is not None:
        return False
    if source.container is not None and target.host is None:
        return True
    return target.name not in hosts and not containers_named(hosts, target.name, target.host)


def _name_server(hosts: Mapping[str, Host], source: Place) -> DialPlan:
    namespace = namespace_of(hosts, source)
    server = servers_of(namespace.resolv_conf if namespace is not None else None)[0]
    dial = dial_address(hosts, source, server, 53, "udp")
    return DialPlan(source_at=source, dial=Dial(address=server, port=53, target_at=dial.target_at, target_port=53))


def _by_inventory(sessions: HostSessions, hosts: Mapping[str, Host], source: Place, target: Target) -> DialPlan | None:
    lookup = Lookup(name=target.name, how=Resolution.INVENTORY)
    found = the_container(hosts, target.name, target.host)
    if found is not None:
        _enter(sessions, hosts, Place(host=found.host, container=found.container.name))
        hosts = sessions.hosts()
        dial = dial_container(hosts, source, found, target.port, target.transport)
        step = f"inventory: {target.name} is a container on {found.host}"
    elif target.host is None and sessions.meant(target.name) in hosts:
        host = sessions.meant(target.name)
        sessions.session(host)  # what is not known of it is no reason to blame the question
        dial = dial_host(hosts, source, host, target.port, target.transport)
        step = f"inventory: {target.name} is a host"
    else:
        return None
    lookup = Lookup(name=target.name, how=Resolution.INVENTORY, addresses=(dial.address,), steps=(step,))
    return DialPlan(source_at=source, dial=dial, lookup=lookup)


def _by_host_lookup(
    sessions: HostSessions, hosts: Mapping[str, Host], source: Place, target: Target, resolver: SourceResolver
) -> DialPlan:
    if target.host is not None:
        sessions.raise_faults(target.name, target.host)
        names = [each.name for each in hosts[target.host].containers or ()]
        hint = nearest(target.name, names) if names else f"there is no container on {target.host}"
        raise UsageFault(f"{target.host} has no container called {target.name!r}", hint)
    lookup = resolver.resolve(target.name, PLANNING_SECONDS)
    address = preferred(lookup)
    if address is None:
        said = lookup.steps[-1] if lookup.steps else "no answer"
        sessions.raise_faults(target.name, None, said)
        hint = nearest(target.name, known_names(hosts))
        raise UsageFault(
            f"{target.name!r} is no container, no host, and {source.host} cannot look it up ({said})", hint
        )
    return _by_lookup(hosts, source, target, lookup)


def _by_lookup(hosts: Mapping[str, Host], source: Place, target: Target, lookup: Lookup) -> DialPlan:
    address = preferred(lookup)
    if address is None:
        return DialPlan(source_at=source, dial=None, meant=_meant(hosts, source, target.name), lookup=lookup)
    dial = dial_address(hosts, source, address, target.port, target.transport)
    return DialPlan(source_at=source, dial=dial, lookup=lookup)


def _meant(hosts: Mapping[str, Host], source: Place, name: str) -> Place | None:
    """Return the container that a name without an address must mean: the only one of that name, or the one on the same host."""
    found = containers_named(hosts, name)
    near = [each for each in found if each.host == source.host]
    chosen = near if len(near) == 1 else found
    if len(chosen) != 1:
        return None
    return canonical(hosts, Place(host=chosen[0].host, container=chosen[0].container.name))


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
