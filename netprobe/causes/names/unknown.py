"""Names: why a lookup gave no address."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.causes.base import Cause
from netprobe.causes.names.joining import asking, called_there, from_elsewhere, is_default, joining
from netprobe.causes.service.starting import starting
from netprobe.evidence.model import Resolution
from netprobe.model.remedy import advise
from netprobe.model.report import Confidence, Finding, Where
from netprobe.paths.story import Symptom
from netprobe.state.bearers import bare, bears, names_on, nearest_bearers
from netprobe.state.engine import EMBEDDED_DNS
from netprobe.state.engine.compose import listed, recreated
from netprobe.state.engine.model import NOT_RUNNING

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.model.remedy import Remedy
    from netprobe.state.engine.model import Container
    from netprobe.state.model import Host

FAILED_LOOKUP = frozenset({Symptom.NO_ANSWER})


def failed_name(case: Case) -> str | None:
    """The name whose lookup failed, None when no lookup failed."""
    if case.probe is None or case.probe.lookup.how is not Resolution.FAILED:
        return None
    return case.probe.lookup.name


def bearers_of(case: Case, name: str) -> list[tuple[Host, Container]] | None:
    """The containers of the inventory that go by this name, of a host those that it means to the source first; None when some host's are not known."""
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
        near = nearest_bearers(host, host.container(source.container or ""), name) if host is asker else ()
        first = {id(each) for each in near}
        found += [
            (host, each)
            for each in sorted(host.containers, key=lambda each: id(each) not in first)
            if bears(each, name)
        ]
    return found


def _steps(case: Case) -> tuple[str, ...]:
    return case.probe.lookup.steps if case.probe else ()


class DnsNoSharedNetwork(Cause):
    """A container asks for another container's name, and the two share no network that has names.

    What it is: the embedded DNS server (127.0.0.11) answers on user-defined networks only, and only for containers of the
        asker's own networks, as its own engine knows them. On the default bridge nothing answers for container names; a macvlan network
        of the same name and subnet on another host is another network.
    Why it happens: a container run without ``--network`` is on the default bridge; a container of another host has the name; a container
        that joined the common network by hand has there its own name, and no alias (a Compose service's name is one).
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
        if case.story.symptom is Symptom.SILENCE and "." in bare(name):
            return None
        bearers = bearers_of(case, name)
        if not bearers or any(self._common(case, source, host, each, name) for host, each in bearers):
            return None
        near = [pair for pair in bearers if pair[0].name == case.probe.source_at.host]
        host, other = (near or bearers)[0]
        if other.id == source.id and near:
            return None  # it asks for itself: no network would help
        return Finding(
            code=self.code,
            summary=self._summary(source, other, host, name, here=bool(near)),
            where=Where(host=case.probe.source_at.host, component=source.name),
            evidence=(
                *_steps(case),
                self._apart(case, source, other, "" if near else host.name),
                f"the lookup: {case.frames}",
            ),
            remedies=_cure(host, source, other, name) if near else from_elsewhere(case, name, host, source, other),
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
        return (
            bool(bearers)
            and source is not None
            and not any(self._common(case, source, *each, name) for each in bearers)
        )

    @staticmethod
    def _common(case: Case, source: Container, host: Host, other: Container, name: str) -> bool:
        """Whether they share a network that has this name; on two hosts one that spans both (overlay), under one id."""
        if case.probe is None or host.name != case.probe.source_at.host:
            mine, theirs = ({each.network_id for each in box.networks.values()} for box in (source, other))
            return bool((mine & theirs) - {""})
        return any(bare(name) in names_on(other, each) for each in _shared(host, source, other))

    @staticmethod
    def _apart(case: Case, source: Container, other: Container, far: str) -> str:
        """Both containers' networks, with their hosts where those differ: a network is its engine's own."""
        here = f" of {case.probe.source_at.host}" if far and case.probe else ""
        there = f" of {far}" if far else ""
        return f"{source.name} is on {_networks(source)}{here}; {other.name} is on {_networks(other)}{there}"

    @staticmethod
    def _summary(source: Container, other: Container, host: Host, name: str, *, here: bool) -> str:
        if not here:
            return f"{other.name} is a container of another host ({host.name}), and Docker's DNS server knows only those of its own host"
        if other.netns_of and other.netns_of != source.name:
            return f"{other.name} has {other.netns_of}'s network (--network container:{other.netns_of}), so that Docker's DNS server has no name for it"
        if other.host_network and not source.host_network:
            return f"{other.name} has {host.name}'s own network (--network host), so that Docker's DNS server has no name for it"
        if set(source.networks) == {"bridge"}:
            return f"{source.name} is on the default bridge only, where container names are not resolved"
        if shared := _shared(host, source, other):
            return f"{source.name} and {other.name} share {shared[0]}, where {other.name} does not have the name {bare(name)}"
        return f"{source.name} and {other.name} share no network that resolves names"


def _shared(host: Host, source: Container, other: Container) -> tuple[str, ...]:
    """The networks with names that both are on."""
    return tuple(each for each in source.networks if each in other.networks and not is_default(host, each))


def _cure(host: Host, source: Container, other: Container, name: str) -> tuple[Remedy, ...]:
    """The name where the source looks it up; and who bears it has to run for it to be given."""
    shared = next((host.network(each) for each in _shared(host, source, other)), None)
    known = called_there(host, other, shared, bare(name)) if shared else joining(host, source, other, bare(name))
    idle = starting(host, other) if other.state in NOT_RUNNING else ()
    return (*known, *idle, *asking(host, source))


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
            remedies=_a_hosts(case, name)
            or tuple(advise(case.probe.source_at.host, f"did you mean {each}?") for each in near)
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


def _a_hosts(case: Case, name: str) -> tuple[Remedy, ...]:
    """What a container does that asks for its own host's name: the engine gives none, and host-gateway stands for the host's address."""
    host, source = case.before(case.probe.source_at.host) if case.probe else None, case.source_container
    if host is None or source is None or bare(host.name) != bare(name) or source.host_network:
        return ()
    entry = f"{bare(name)}:host-gateway"
    again = recreated(source, f"with --add-host={entry}", f"extra_hosts: {listed(entry)}")
    what = f"{host.name} is the host that {source.name} runs on, and no name that Docker gives: {again}; Engine 20.10 and later"
    return (advise(host.name, what),)


def _refuses_label(case: Case, name: str, rcode: str | None) -> bool:
    """Whether a container asked for a name of one label, and the answer was that the server serves no such question."""
    return rcode == "REFUSED" and "." not in bare(name) and case.source_container is not None


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
