"""Names: why a lookup gave no address."""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING

from netprobe.causes.base import Cause
from netprobe.causes.names.replaced import put_back, replaced_by
from netprobe.evidence.model import Place, Resolution
from netprobe.forward.owners import owner_of_address
from netprobe.model.remedy import advise
from netprobe.model.report import Confidence, Finding, Where
from netprobe.paths.story import Symptom
from netprobe.state.engine import EMBEDDED_DNS
from netprobe.state.engine.compose import in_file, listed, recreated
from netprobe.state.engine.model import Network
from netprobe.state.engine.remedies import aliases_of

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.model.remedy import Remedy
    from netprobe.state.engine.model import Container
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
    source = case.probe.source_at if case.probe else None
    asker = case.before(source.host) if source else None
    if source is None or asker is None or (source.container is not None and asker.containers is None):
        return None
    found = []
    for host in case.world.before.values():
        if host.containers is None:
            if host.engine_version is None and "containers" not in host.outputs.outputs:
                continue  # a plain host has none
            return None
        found += [(host, each) for each in host.containers if _bare(name) in map(_bare, each.names)]
    return found


def _steps(case: Case) -> tuple[str, ...]:
    return case.probe.lookup.steps if case.probe else ()


class DnsNoSharedNetwork(Cause):
    """A container asks for another container's name, and the two share no network that has names.

    What it is: the embedded DNS server (127.0.0.11) answers on user-defined networks only, and only for containers of the
        asker's own networks, as its own engine knows them. On the default bridge nothing answers for container names; a macvlan network
        of the same name and subnet on another host is another network.
    Why it happens: a container run without ``--network`` is on the default bridge; a container of another host has the name.
    Evidence: the failed query (or that no server for names was asked), and both containers' networks.
    Remedy: connect both to one user-defined network; a hosts line for a container that has an address on the asker's segment.
    Source: Docker documentation, "Bridge network driver", differences of user-defined and default bridge; docker/for-win#1009.
    """

    code = "dns-no-shared-network"
    looked_up = True
    reads = ("containers", "networks")
    tells = "docker inspect: the networks of both containers"
    symptoms = FAILED_LOOKUP | {Symptom.SILENCE}

    def find(self, case: Case) -> Finding | None:
        """Fires when the name is a container's and no user-defined network is common to both.

        Where nobody answered, only for a name without a dot: another name may be one that the silent server knows.
        """
        name, source = failed_name(case), case.source_container
        if name is None or source is None or case.probe is None:
            return None
        if case.story.symptom is Symptom.SILENCE and "." in _bare(name):
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
                self._apart(case, source, other, "" if near else host.name),
                f"the lookup: {case.frames}",
            ),
            remedies=(*joining(host, source, other, _bare(name)), *_asking(host, source))
            if near
            else _from_elsewhere(case, name, host, source, other),
            confidence=Confidence.LIKELY if case.story.symptom is Symptom.SILENCE else Confidence.CERTAIN,
        )

    def possible(self, case: Case) -> bool:
        """Only for a container's name, asked by a container that shares no such network with it, as far as is known."""
        name, source = failed_name(case), case.source_container
        bearers = bearers_of(case, name) if name else None
        if name is None:
            return case.story.symptom is not Symptom.SILENCE  # silence is that of any connection
        if bearers is None:
            return True
        return bool(bearers) and source is not None and not any(self._common(case, source, *each) for each in bearers)

    @staticmethod
    def _common(case: Case, source: Container, host: Host, other: Container) -> bool:
        """Whether they share a network that has names; on two hosts one that spans both (overlay), under one id."""
        if case.probe is None or host.name != case.probe.source_at.host:
            mine, theirs = ({each.network_id for each in box.networks.values()} for box in (source, other))
            return bool((mine & theirs) - {""})
        shared = set(source.networks) & set(other.networks)
        return any(not _is_default(host, name) for name in shared)

    @staticmethod
    def _apart(case: Case, source: Container, other: Container, far: str) -> str:
        """Both containers' networks, with their hosts where those differ: a network is its engine's own."""
        here = f" of {case.probe.source_at.host}" if far and case.probe else ""
        there = f" of {far}" if far else ""
        return f"{source.name} is on {_networks(source)}{here}; {other.name} is on {_networks(other)}{there}"

    @staticmethod
    def _summary(source: Container, other: Container, host: Host, *, here: bool) -> str:
        if not here:
            return f"{other.name} is a container of another host ({host.name}), and Docker's DNS server knows only those of its own host"
        if other.netns_of and other.netns_of != source.name:
            return f"{other.name} has {other.netns_of}'s network (--network container:{other.netns_of}), so that Docker's DNS server has no name for it"
        if other.host_network and not source.host_network:
            return f"{other.name} has {host.name}'s own network (--network host), so that Docker's DNS server has no name for it"
        if set(source.networks) == {"bridge"}:
            return f"{source.name} is on the default bridge only, where container names are not resolved"
        return f"{source.name} and {other.name} share no network that resolves names"


def _asking(host: Host, source: Container) -> tuple[Remedy, ...]:
    """What it takes besides where the source asks another server than the embedded one."""
    return put_back(host, source) if replaced_by(host, source) else ()


def _free_names(host: Host, network: Network, container: Container) -> tuple[str, ...]:
    """The names that a container has elsewhere and nobody has on that network: it is asked for by them there, too."""
    near = [each for each in host.containers or () if network.name in each.networks]
    taken = {_bare(name) for each in near for name in (each.name, *aliases_of(each, network.name))}
    return tuple(each for each in aliases_of(container) if _bare(each) not in taken)


def joining(host: Host, source: Container, other: Container, asked: str = "") -> tuple[Remedy, ...]:
    """What puts two containers on one network that has names; where the other has no network of its own, what is asked instead."""
    owner = host.container(other.netns_of) if other.netns_of else None
    if owner is not None and owner.name != source.name:
        shared = any(not _is_default(host, name) for name in set(source.networks) & set(owner.networks))
        instead = f"ask {owner.name} instead of {other.name}, with the same port: {other.name} has its network, and no name of its own there"
        return (*(() if shared else joining(host, source, owner, asked)), advise(host.name, instead))
    if other.host_network and not source.host_network:
        line = f"{asked or other.name}:host-gateway"
        again = recreated(source, f"with --add-host={quote(line)}", f"extra_hosts: {listed(line)}")
        why = f"{other.name} has {host.name}'s own network, where its ports are the host's"
        return (advise(host.name, f"{again}; Engine 20.10 and later: {why}"),)
    for one, joiner in ((other, source), (source, other)):
        named = [host.network(name) for name in one.networks if not _is_default(host, name)]
        found = next((each for each in named if each is not None and host.engine.remedies.joins(joiner, each)), None)
        if found is not None:
            called = _free_names(host, found, joiner) if joiner is other else ()
            return (host.engine.remedies.connect(host.name, found, joiner, aliases=called),)
    name = "names" if host.network("names") is None else f"{source.name}-{other.name}"
    own = next((host.network(each) for each in source.networks if not _is_default(host, each)), None)
    fresh = own or Network(name=name, driver="bridge")
    if not host.engine.remedies.joins(source, fresh) or not host.engine.remedies.joins(other, fresh):
        return tuple(
            host.engine.remedies.connect(host.name, fresh, each)
            for each in (other, source)
            if not host.engine.remedies.joins(each, fresh)
        )
    return (
        host.engine.remedies.create(host.name, name),
        host.engine.remedies.connect(host.name, fresh, other, aliases=aliases_of(other)),
        host.engine.remedies.connect(host.name, fresh, source),
    )


def _from_elsewhere(case: Case, name: str, host: Host, source: Container, other: Container) -> tuple[Remedy, ...]:
    """What helps where the name's bearer is on another host: a hosts line where its address is on the source's segment."""
    if case.probe is None:
        return ()
    there = Place(host=host.name, container=other.name)
    asked = case.probe.target.removeprefix("http://").removeprefix(name)
    here = case.probe.source_at.host
    explain = advise(here, f"the connection itself: netprobe explain {there}{asked} --from {case.probe.source}")
    for endpoint in other.networks.values():
        if endpoint.address and owner_of_address(case.world.before, endpoint.address, case.probe.source_at) == there:
            line = f"echo {quote(endpoint.address)} {quote(name)} >> /etc/hosts"
            entry = f"{name}:{endpoint.address}"
            keys = in_file(source, f"extra_hosts: {listed(entry)}") or f"docker run --add-host {entry} …"
            keep = f"to keep it when {source.name} is created again: {keys}"
            return (case.engine_at(here).remedies.inside(here, source.name, "sh", "-c", line, advice=keep), explain)
    way = f"reach {other.name} through a port that {host.name} publishes, or put both on one overlay or macvlan network"
    return (advise(here, way), explain)


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
    looked_up = True
    reads = ("containers",)
    tells = "docker ps -a: the name"
    symptoms = FAILED_LOOKUP

    def find(self, case: Case) -> Finding | None:
        """Fires on NXDOMAIN for a name that no known container bears. No data is no NXDOMAIN: the name may have other records.

        A server that refuses (REFUSED) does not say so: but a name of one label is a container's, or of nobody that it serves.
        """
        name = failed_name(case)
        rcode = case.probe.lookup.rcode if case.probe is not None else None
        if name is None or case.probe is None or not (rcode == "NXDOMAIN" or _refuses_label(case, name, rcode)):
            return None
        bearers = bearers_of(case, name)
        if bearers is None or bearers:
            return None
        near = nearest_names(case, name)
        server = case.probe.lookup.server or "the resolver"
        who = f"{server} (the embedded DNS server)" if server in EMBEDDED_DNS else server
        said = f"says that {name} does not exist" if rcode == "NXDOMAIN" else f"answers {rcode} for {name}"
        return Finding(
            code=self.code,
            summary=f"{who} {said}, and no container goes by that name",
            where=Where(host=case.probe.source_at.host, component=server),
            evidence=(*_steps(case), f"the lookup: {case.frames}"),
            remedies=tuple(advise(case.probe.source_at.host, f"did you mean {each}?") for each in near)
            or (advise(case.probe.source_at.host, "check the name; no container has one like it"),),
            confidence=Confidence.CERTAIN if rcode == "NXDOMAIN" else Confidence.LIKELY,
        )

    def possible(self, case: Case) -> bool:
        """Only for a name that no container bears, as far as is known, and that no server said to exist."""
        name = failed_name(case)
        if case.probe is not None and case.probe.lookup.rcode == "NOERROR":
            return False
        bearers = bearers_of(case, name) if name else None
        return not bearers


def _refuses_label(case: Case, name: str, rcode: str | None) -> bool:
    """Whether a container asked for a name of one label, and the answer was that the server serves no such question."""
    return rcode == "REFUSED" and "." not in _bare(name) and case.source_container is not None


class NameWithoutAddress(Cause):
    """The name exists, and has no address.

    What it is: NOERROR without an answer (NODATA), for A and for AAAA: there are records of other kinds (TXT, MX …), or names below it.
    Why it happens: a domain's name in place of a host's (``example.org`` for ``www.example.org``), a record that is still to be made,
        a split zone that holds part of the names.
    Evidence: both responses, and that no container has the name.
    Remedy: a name that has an address.
    Source: RFC 2308 section 2.2 (NODATA).
    """

    code = "name-without-address"
    tells = "the same name with --proto dns"
    looked_up = True
    symptoms = FAILED_LOOKUP

    def find(self, case: Case) -> Finding | None:
        """Fires where both questions were answered, the name exists, and no container of the inventory bears it."""
        name = failed_name(case)
        if name is None or case.probe is None or case.probe.lookup.rcode != "NOERROR" or bearers_of(case, name) != []:
            return None
        server = case.probe.lookup.server or "the resolver"
        where = case.probe.source_at.host
        return Finding(
            code=self.code,
            summary=f"{server} says that {name} exists and has no address: neither an A nor an AAAA record",
            where=Where(host=where, component=server),
            evidence=(*_steps(case), f"the lookup: {case.frames}"),
            remedies=(
                advise(
                    where, f"ask for a name that has an address (such as www.{name}), or have a record of {name} added"
                ),
            ),
        )

    def possible(self, case: Case) -> bool:
        """Only for a name that exists."""
        return case.probe is not None and case.probe.lookup.rcode == "NOERROR" and failed_name(case) is not None


def nearest_names(case: Case, name: str) -> list[str]:
    """The names most like it: of the source's own host, and of others, which are written with their host."""
    from difflib import get_close_matches  # here, as it is seldom asked for

    own = case.probe.source_at.host if case.probe else ""
    known: dict[str, str] = {}
    for host in sorted(case.world.before.values(), key=lambda each: (each.name != own, each.name)):
        for container in host.containers or ():
            for each in container.names:
                known.setdefault(each, each if host.name == own else f"{container.name}@{host.name}")
    return list(dict.fromkeys(known[each] for each in get_close_matches(name, known, n=2, cutoff=0.6)))
