"""Names: why a lookup gave no address."""

from __future__ import annotations

from difflib import get_close_matches
from shlex import quote
from typing import TYPE_CHECKING

from netprobe.causes.base import Cause
from netprobe.evidence.model import Resolution
from netprobe.paths.observe import Symptom
from netprobe.report.model import Confidence, Finding, Where
from netprobe.state.names import EMBEDDED_DNS

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.state.docker import Container, Network
    from netprobe.state.model import Host

FAILED_LOOKUP = frozenset({Symptom.NO_ANSWER})


def _bare(name: str) -> str:
    return name.rstrip(".").lower()


def failed_name(case: Case) -> str | None:
    """The name whose lookup failed, None when no lookup failed."""
    if case.probe is None or case.probe.lookup.how is not Resolution.FAILED:
        return None
    return case.probe.lookup.name


def bearers_of(case: Case, name: str) -> list[tuple[Host, Container]] | None:
    """The containers of the inventory that go by this name; None when some host's containers are not known."""
    found = []
    for host in case.world.before.values():
        if host.containers is None:
            if host.engine is None and "containers" not in host.outputs.outputs:
                continue  # a plain host has none
            return None
        found += [(host, each) for each in host.containers if _bare(name) in map(_bare, each.names)]
    return found


def _steps(case: Case) -> tuple[str, ...]:
    return case.probe.lookup.steps if case.probe else ()


class DnsNoSharedNetwork(Cause):
    """A container asks for another container's name, and the two share no network that has names.

    What it is: the embedded DNS server (127.0.0.11) answers on user-defined networks only, and only for containers of the
        asker's own networks. On the default bridge nothing answers for container names.
    Why it happens: a container run without ``--network`` is on the default bridge.
    Evidence: the failed query (or that no server for names was asked), and both containers' networks.
    Remedy: connect both to one user-defined network.
    Source: Docker documentation, "Bridge network driver", differences of user-defined and default bridge; docker/for-win#1009.
    """

    code = "dns-no-shared-network"
    symptoms = FAILED_LOOKUP

    def find(self, case: Case) -> Finding | None:
        """Fires when the name is a container's and no user-defined network is common to both."""
        name, source = failed_name(case), case.source_container
        if name is None or source is None or case.probe is None:
            return None
        bearers = bearers_of(case, name)
        if not bearers or any(self._common(case, source, host, each) for host, each in bearers):
            return None
        near = [pair for pair in bearers if pair[0].name == case.probe.source_at.host]
        host, other = (near or bearers)[0]
        if other.id == source.id and near:
            return None  # it asks for itself: no network would help
        return Finding(
            code=self.code,
            summary=self._summary(source, other, host, here=bool(near)),
            where=Where(host=case.probe.source_at.host, component=source.name),
            evidence=(
                *_steps(case),
                f"{source.name} is on {_networks(source)}; {other.name} is on {_networks(other)}",
                f"the lookup: {case.frames}",
            ),
            remedy=self._remedy(host, source, other, here=bool(near)),
            remedy_host=case.probe.source_at.host,
        )

    def possible(self, case: Case) -> bool:
        """Only for a container's name, asked by a container that shares no such network with it, as far as is known."""
        name, source = failed_name(case), case.source_container
        bearers = bearers_of(case, name) if name else None
        if name is None or bearers is None:
            return True
        return bool(bearers) and source is not None and not any(self._common(case, source, *each) for each in bearers)

    @staticmethod
    def _common(case: Case, source: Container, host: Host, other: Container) -> bool:
        """Whether they share a network that has names."""
        if case.probe is None or host.name != case.probe.source_at.host:
            return False
        shared = set(source.networks) & set(other.networks)
        return any(not _is_default(host, name) for name in shared)

    @staticmethod
    def _summary(source: Container, other: Container, host: Host, *, here: bool) -> str:
        if not here:
            return f"{other.name} is a container of another host ({host.name}): no network of {source.name} reaches its name"
        if set(source.networks) == {"bridge"}:
            return f"{source.name} is on the default bridge only, where container names are not resolved"
        return f"{source.name} and {other.name} share no network that resolves names"

    @staticmethod
    def _remedy(host: Host, source: Container, other: Container, *, here: bool) -> tuple[str, ...]:
        if not here:
            return (
                f"# reach {other.name} through a port that {host.name} publishes, or put both on one overlay or macvlan network",
            )
        custom = [name for name in other.networks if not _is_default(host, name)]
        if custom:
            return (f"docker network connect {quote(custom[0])} {quote(source.name)}",)
        mine = [name for name in source.networks if not _is_default(host, name)]
        if mine:
            return (f"docker network connect {quote(mine[0])} {quote(other.name)}",)
        return (
            "docker network create names",
            f"docker network connect names {quote(other.name)}",
            f"docker network connect names {quote(source.name)}",
        )


def _is_default(host: Host, name: str) -> bool:
    network: Network | None = host.network(name)
    return network.default_bridge if network is not None else name in ("bridge", "host", "none")


def _networks(container: Container) -> str:
    names = [("the default bridge" if name == "bridge" else name) for name in container.networks]
    return ", ".join(names) or "no network"


class NameUnknown(Cause):
    """Nobody has that name: the right resolver said so.

    What it is: NXDOMAIN from the resolver that the source uses, for a name that no container of its host has.
    Why it happens: a misspelt name, a container that was never started, a record that does not exist.
    Evidence: the response with its code, and that no container, alias or hosts line has the name.
    Remedy: the nearest name that exists.
    Source: RFC 2308 §2.1 (NXDOMAIN), RFC 1035 §4.1.1.
    """

    code = "name-unknown"
    symptoms = FAILED_LOOKUP

    def find(self, case: Case) -> Finding | None:
        """Fires on NXDOMAIN for a name that no known container bears. No data is no NXDOMAIN: the name may have other records."""
        name = failed_name(case)
        if name is None or case.probe is None or case.probe.lookup.rcode != "NXDOMAIN":
            return None
        bearers = bearers_of(case, name)
        if bearers is None or bearers:
            return None
        near = self._nearest(case, name)
        server = case.probe.lookup.server or "the resolver"
        who = f"{server} (the embedded DNS server)" if server == EMBEDDED_DNS else server
        return Finding(
            code=self.code,
            summary=f"{who} says that {name} does not exist, and no container goes by that name",
            where=Where(host=case.probe.source_at.host, component=server),
            evidence=(*_steps(case), f"the lookup: {case.frames}"),
            remedy=tuple(f"# did you mean {each}?" for each in near)
            or ("# check the name; no container has one like it",),
            confidence=Confidence.CERTAIN,
        )

    def possible(self, case: Case) -> bool:
        """Only for a name that no container bears, as far as is known."""
        name = failed_name(case)
        bearers = bearers_of(case, name) if name else None
        return not bearers

    @staticmethod
    def _nearest(case: Case, name: str) -> list[str]:
        host = case.before(case.probe.source_at.host) if case.probe else None
        known = sorted({each for container in (host.containers or () if host else ()) for each in container.names})
        return get_close_matches(name, known, n=2, cutoff=0.6)
