"""Which host or container a name of the inventory means. Pure: decisions over parsed state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.errors import UsageFault, close_to, did_you_mean
from netprobe.evidence.model import Place
from netprobe.state.bearers import nearest_bearers, one_service
from netprobe.state.engine.model import ContainerState
from netprobe.state.lookup import canonical
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from netprobe.probe.target import Source, Target
    from netprobe.state.engine.model import Container
    from netprobe.state.model import Host

MOST_NAMED = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A container and its host."""

    host: str
    container: Container

    def __str__(self) -> str:
        return f"{self.container.name}@{self.host}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What a name means: a container, or a Compose service with all of its containers (in the order of their numbers).

    Attributes:
        of: the containers; one, unless it is a service of several.
        service: ``shop/web``; ``""`` for a container by its own name.
    """

    of: tuple[Found, ...]
    service: str = ""

    def __str__(self) -> str:
        return str(self.chosen)

    @property
    def chosen(self) -> Found:
        """The one that is asked: the first that runs, else the first."""
        return next((each for each in self.of if each.container.running), self.of[0])

    @property
    def said(self) -> str:
        """How many it is, and which of them do not run; ``""`` where there is no choice."""
        if len(self.of) < 2:
            return ""
        idle = [each.container for each in self.of if not each.container.running]
        states = ", ".join(f"{each.name} is {each.state}" for each in idle[:MOST_NAMED])
        return f"{self.service} is {len(self.of)} containers{f' ({states})' if states else ''}"

    def said_of(self, does: str) -> str:
        """The same, with which one was chosen: ``shop/web is 2 containers, shop-web-1 is asked``."""
        return f"{self.said}, {self.chosen.container.name} {does}" if self.said else ""


def containers_named(hosts: Mapping[str, Host], name: str, host: str | None = None) -> tuple[Found, ...]:
    """Return the containers of that very name (or id, 12 digits and more), on one host or on all.

    The same engine seen through two hosts of the inventory counts once, under the host that is not ``local``.
    """
    return _once(
        Found(host=each.name, container=container)
        for each in _places(hosts, host)
        if (container := each.container(name)) is not None
    )


def services_named(
    hosts: Mapping[str, Host], name: str, project: str | None = None, host: str | None = None
) -> tuple[Named, ...]:
    """Return the Compose services of that name: of one project or of all, on one host or on all. One engine counts once, as above."""
    found = _once(
        Found(host=each.name, container=container)
        for each in _places(hosts, host)
        for container in each.services(name, project)
    )
    groups: dict[tuple[str, str], list[Found]] = {}
    for each in found:
        groups.setdefault((str(each.container.compose), each.host), []).append(each)
    return tuple(
        Named(of=tuple(sorted(group, key=_number)), service=service) for (service, _), group in sorted(groups.items())
    )


def _places(hosts: Mapping[str, Host], host: str | None) -> Iterator[Host]:
    return (hosts[each] for each in sorted(hosts, key=lambda each: each == "local") if host in (None, each))


def _once(found: Iterable[Found]) -> tuple[Found, ...]:
    each_once: dict[str, Found] = {}
    for each in found:
        each_once.setdefault(each.container.id or str(each), each)
    return tuple(sorted(each_once.values(), key=str))


def _number(found: Found) -> tuple[int, str]:
    return found.container.compose.number if found.container.compose else 0, found.container.name


def is_known(hosts: Mapping[str, Host], wanted: Target | Source, host: str | None) -> bool:
    """Whether a container or a service goes by that name, be it one or several."""
    return bool(_candidates(hosts, wanted.name, wanted.project, host))


def _candidates(hosts: Mapping[str, Host], name: str, project: str | None, host: str | None) -> tuple[Named, ...]:
    """Every container and service that a name may mean; a service whose container has the very name is not named twice."""
    own = containers_named(hosts, name, host) if project is None else ()
    exact = {each.container.id or str(each) for each in own}
    services = [
        each
        for each in services_named(hosts, name, project, host)
        if not any((one.container.id or str(one)) in exact for one in each.of)
    ]
    return (*(Named(of=(each,)) for each in own), *services)


def the_container(
    hosts: Mapping[str, Host], name: str, host: str | None, project: str | None = None, *, own: str = ""
) -> Named | None:
    """Return the one container or service of that name, None when there is none.

    Args:
        hosts: where to look.
        name: a container's name or id, or a service's name.
        host: the only host that may have it.
        project: the Compose project that it must be of.
        own: the source's own Compose project, which comes first; ``""`` for none.

    Raises:
        UsageFault: several fit.
    """
    found = _candidates(hosts, name, project, host)
    mine = [each for each in found if own and _project(each) == own]
    if len(mine) == 1 or len(found) == 1:
        return (mine or found)[0]
    if not found:
        return None
    shown = [_written(each, found) for each in found]
    listed = ", ".join(shown[:MOST_NAMED]) + (f" … and {len(shown) - MOST_NAMED} more" if shown[MOST_NAMED:] else "")
    asked = name if project is None else f"{project}/{name}"
    raise UsageFault(f"{asked!r} is ambiguous: {listed}", f"write one of {listed}")


def _project(named: Named) -> str:
    compose = named.of[0].container.compose
    return compose.project if compose else ""


def _written(named: Named, others: tuple[Named, ...]) -> str:
    """What to write for exactly this one: ``shop/web``, with its host where two have it; a container beside services by its id."""
    first = named.of[0]
    if named.service:
        twice = sum(each.service == named.service for each in others) > 1
        return f"{named.service}@{first.host}" if twice else named.service
    if any(each.service for each in others):
        return f"{first.container.id[:12]} (the container {first})" if first.container.id else str(first)
    return str(first)


def service_looked_up(hosts: Mapping[str, Host], source: Place, name: str) -> Named | None:
    """Return the Compose service that a name means to a container that looks it up, where it is one of several containers."""
    host = hosts.get(source.host)
    near = nearest_bearers(host, host.container(source.container or ""), name) if host is not None else ()
    compose = near[0].compose if len(near) > 1 and one_service(near) else None
    if compose is None:
        return None
    found = (Found(host=source.host, container=each) for each in near)
    return Named(of=tuple(sorted(found, key=_number)), service=str(compose))


def meant_by(hosts: Mapping[str, Host], source: Place, name: str) -> Found | None:
    """Return the container that a name must mean to a container that looked it up in vain; None where that is not clear.

    The nearest on its own host (of one service of several: the first), else the only one of that very name elsewhere.
    """
    host = hosts.get(source.host)
    near = nearest_bearers(host, host.container(source.container or ""), name) if host is not None else ()
    if near and one_service(near):
        first = min(near, key=lambda each: (each.compose.number if each.compose else 0, each.name))
        return Found(host=source.host, container=first)
    found = containers_named(hosts, name)
    return found[0] if len(found) == 1 else None


def source_place(hosts: Mapping[str, Host], source: Source) -> tuple[Place, Named | None]:
    """Return the namespace that SOURCE names, and what it is where it is no host. A host comes before a container.

    Raises:
        UsageFault: unknown or ambiguous, or a container that does not run.
    """
    check_host(hosts, source.host)
    if source.host is None and source.project is None and source.name in hosts:
        return Place(host=source.name), None
    if source.host is not None and source.project is None and source.name == source.host:
        return Place(host=source.host), None
    named = the_container(hosts, source.name, source.host, source.project)
    if named is None:
        raise UsageFault(_no_source(source), hint_for(hosts, source.asked))
    found = named.chosen
    if not found.container.running or not found.container.pid:
        raise UsageFault(f"{found} does not run ({found.container.state})", _to_start(found.container))
    return canonical(hosts, Place(host=found.host, container=found.container.name)), named


def _no_source(source: Source) -> str:
    kinds = "host, container or service" if source.project is None else "service"
    return f"no {kinds} is called {source.text!r}"


def check_host(hosts: Mapping[str, Host], name: str | None) -> None:
    """Check that a host named after ``@`` is of the inventory.

    Raises:
        UsageFault: it is not.
    """
    if name is not None and name not in hosts:
        raise UsageFault(f"no host is called {name!r}", nearest(name, hosts))


def known_names(hosts: Mapping[str, Host]) -> tuple[str, ...]:
    """Return every name that a source or a target may have."""
    containers = [container for host in hosts.values() for container in host.containers or ()]
    services = (str(each.compose) for each in containers if each.compose is not None)
    return tuple(dict.fromkeys((*hosts, *(each.name for each in containers), *services)))


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a hint: the names most like `name`, or all there are; of very many the first, and how many more there are."""
    names = list(known)
    if near := did_you_mean(name, names):
        return near
    if not names:
        return "no hosts file was found: give one with --hosts FILE"
    shown, more = sorted(names)[:MOST_NAMED], len(names) - MOST_NAMED
    return f"known: {', '.join(shown)}" + (f" … and {more} more" if more > 0 else "")


def hint_for(hosts: Mapping[str, Host], name: str) -> str:
    """Return a hint for a name that nobody has: as :func:`nearest`; a network that is called so, or nearly so, is said to be one."""
    known = known_names(hosts)
    near = did_you_mean(name, known)
    networks = {each.name: (host, each.name) for host in hosts.values() for each in host.networks or ()}
    meant = name if name in networks else None if near else next(iter(close_to(name, networks)), None)
    if meant is None:
        return near or nearest(name, known)
    host, network = networks[meant]
    on_it = [each.name for each in host.containers or () if network in each.networks]
    members = f"its containers are {', '.join(on_it[:MOST_NAMED])}" if on_it else "no container is on it"
    return f"{network} is a network of {host.name}; {members}"


def _to_start(container: Container) -> str:
    """What to do first where the source does not run: a restart loop is not ended by a start."""
    if container.state is ContainerState.RESTARTING:
        return f"docker logs --tail 50 {container.name} says why it ends again and again; ask once it runs"
    return f"start it: docker start {container.name}"
