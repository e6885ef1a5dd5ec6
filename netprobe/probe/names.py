"""Which host or container a name of the inventory means. Pure: decisions over parsed state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from netprobe.errors import UsageFault
from netprobe.evidence.model import Place
from netprobe.state.lookup import canonical

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from netprobe.probe.target import Source
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


def containers_named(hosts: Mapping[str, Host], name: str, host: str | None = None) -> tuple[Found, ...]:
    """Return the containers of that name (or id, 12 digits and more), on one host or on all.

    The same engine seen through two hosts of the inventory counts once, under the host that is not ``local``.
    """
    found: dict[str, Found] = {}
    for host_name in sorted(hosts, key=lambda each: each == "local"):
        if host not in (None, host_name):
            continue
        container = hosts[host_name].container(name)
        if container is not None:
            found.setdefault(
                container.id or f"{container.name}@{host_name}", Found(host=host_name, container=container)
            )
    return tuple(sorted(found.values(), key=str))


def the_container(hosts: Mapping[str, Host], name: str, host: str | None) -> Found | None:
    """Return the one container of that name, None when there is none.

    Raises:
        UsageFault: several hosts have one.
    """
    found = containers_named(hosts, name, host)
    if len(found) > 1:
        candidates = ", ".join(map(str, found))
        raise UsageFault(f"{name!r} is ambiguous: {candidates}", f"write one of {candidates}")
    return found[0] if found else None


def source_place(hosts: Mapping[str, Host], source: Source) -> tuple[Place, Container | None]:
    """Return the namespace that SOURCE names, and its container if it is one. A host comes before a container.

    Raises:
        UsageFault: unknown or ambiguous, or a container that does not run.
    """
    check_host(hosts, source.host)
    if source.host is None and source.name in hosts:
        return Place(host=source.name), None
    if source.host is not None and source.name == source.host:
        return Place(host=source.host), None
    found = the_container(hosts, source.name, source.host)
    if found is None:
        raise UsageFault(f"no host or container is called {source.text!r}", nearest(source.name, known_names(hosts)))
    if not found.container.running or not found.container.pid:
        raise UsageFault(
            f"{found} does not run ({found.container.state})", f"start it: docker start {found.container.name}"
        )
    return canonical(hosts, Place(host=found.host, container=found.container.name)), found.container


def check_host(hosts: Mapping[str, Host], name: str | None) -> None:
    """Check that a host named after ``@`` is of the inventory.

    Raises:
        UsageFault: it is not.
    """
    if name is not None and name not in hosts:
        raise UsageFault(f"no host is called {name!r}", nearest(name, hosts))


def known_names(hosts: Mapping[str, Host]) -> tuple[str, ...]:
    """Return every name that a source or a target may have."""
    containers = (container.name for host in hosts.values() for container in host.containers or ())
    return tuple(dict.fromkeys((*hosts, *containers)))


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a hint: the names most like `name`, or all there are; of very many the first, and how many more there are."""
    names = list(known)
    import difflib  # here: an error alone needs it

    near = difflib.get_close_matches(name, names, n=3, cutoff=0.6)
    if near:
        return f"did you mean {' or '.join(near)}?"
    if not names:
        return "no hosts file was found: give one with --hosts FILE"
    shown, more = sorted(names)[:MOST_NAMED], len(names) - MOST_NAMED
    return f"known: {', '.join(shown)}" + (f" … and {more} more" if more > 0 else "")
