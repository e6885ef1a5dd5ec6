"""A name that somebody else answered for: the search list, a wildcard record or a hosts line gave another address than the container's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netprobe.causes.base import Cause
from netprobe.causes.names.joining import joining
from netprobe.causes.names.kept import ANSWERED_OTHERWISE, GOOD, asker
from netprobe.causes.names.replaced import in_place_of, put_back, replaced_by
from netprobe.causes.names.unknown import nearest_names
from netprobe.causes.proof.frames import frame_numbers
from netprobe.causes.routing.routes import LOST
from netprobe.causes.service.starting import starting
from netprobe.evidence.model import Place, Resolution
from netprobe.model.remedy import Remedy, advise
from netprobe.model.report import Confidence, Finding, Where
from netprobe.paths.story import Symptom
from netprobe.state.address import covers, is_loopback, same
from netprobe.state.bearers import bare, bears, nearest_bearers, same_project, shared_networks
from netprobe.state.engine.compose import recreated
from netprobe.state.engine.model import ContainerState
from netprobe.state.lookup import canonical, container_with, networks_of

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.evidence.model import Lookup
    from netprobe.state.engine.model import Container
    from netprobe.state.model import Host

GAVE_ADDRESS = frozenset({Resolution.HOSTS_FILE, Resolution.EMBEDDED_DNS, Resolution.UPSTREAM_DNS})


class NameAnsweredElsewhere(Cause):
    """The name is a container's, and another than Docker's name server answered for it: with somebody else's address, or that it does not exist.

    What it is: a resolver goes on where the embedded DNS server does not know a name (the container does not run, or shares no network
        with who asks): it appends the search domains, and a record or a wildcard there answers. With ``ndots`` above 0 the search
        domains come first. A line in /etc/hosts comes before all of that.
    Why it happens: the host's search domains are copied into containers, and the company's zone has a wildcard; an ``--add-host`` line
        was forgotten; a VPN client or an entry point wrote another server into the container's /etc/resolv.conf.
    Evidence: the name that was answered, and by whom; the container that has the name, its state and its networks; for a name that no
        container has, that the same domain answers a name that nobody has (netprobe asks for one) in the same way.
    Remedy: start the container, or join its network; a dot at the end of the name (``db.``) leaves the search domains out.
    Source: resolv.conf(5), ``search`` and ``ndots``; RFC 4592 (wildcards); docker/compose#12676; moby libnetwork/resolver.go (ServeDNS).
    """

    code = "name-answered-elsewhere"
    looked_up = True
    reads = ("containers",)
    tells = "the same question with --proto dns: which name is asked, and who answers"
    symptoms = GOOD | LOST | ANSWERED_OTHERWISE | {Symptom.OTHER_ENDPOINT, Symptom.NO_ANSWER}
    needs = ("containers",)
    by_name = True

    def find(self, case: Case) -> Finding | None:
        """Fires for the name of a container near to the source (nobody else's project) that gave another address; and for any name that a wildcard answered."""
        here, probe = asker(case), case.probe
        if here is not None and probe is not None and _is_denied(probe.lookup):
            return self._denied(case, *here)
        if here is None or probe is None or not gave_address(probe.lookup):
            return None
        host, source = here
        name = probe.lookup.name or ""
        theirs = _claims(host, source, name)
        if theirs:
            if _is_one_of(case, host, theirs) or (_own(case, host, source) and not _by_hostname(source, name)):
                return None
            if _ran_for_a_moment(case, host, source, theirs):
                return None
            return self._of_container(case, host, source, theirs[0])
        return self._of_nobody(case, host, source) if _by_wildcard(probe.lookup) else None

    def _of_container(self, case: Case, host: Host, source: Container, meant: Container) -> Finding:
        lookup = case.probe.lookup if case.probe else None
        assert lookup is not None  # noqa: S101 - the caller looked
        called = "" if meant.name == lookup.name else f", which goes by {lookup.name},"
        return Finding(
            code=self.code,
            summary=f"{meant.name}{called} {_state(host, source, meant)} {_answered(host, lookup)}",
            where=Where(host=host.name, component=source.name),
            evidence=(
                *lookup.steps,
                *_frames(case),
                _has(meant),
                *_configured(host, source),
            ),
            remedies=_remedies(case, host, source, meant),
        )

    def _denied(self, case: Case, host: Host, source: Container) -> Finding | None:
        """A server that somebody put in the place of Docker's says that the name of a container near by does not exist."""
        lookup = case.probe.lookup if case.probe else None
        said = in_place_of(host, source)
        near = (each for each in _claims(host, source, (lookup.name or "") if lookup else "") if each.running)
        meant = next((each for each in near if shared_networks(host, source, each)), None)
        if lookup is None or meant is None or not said:
            return None
        server = lookup.server or "the server there"
        return Finding(
            code=self.code,
            summary=f"{meant.name} {_state(host, source, meant)} {said}, and {server} says that {lookup.name} does not exist",
            where=Where(host=host.name, component=source.name),
            evidence=(*lookup.steps, f"the lookup: {case.frames}", _has(meant)),
            remedies=put_back(host, source),
        )

    def _of_nobody(self, case: Case, host: Host, source: Container) -> Finding:
        lookup = case.probe.lookup if case.probe else None
        assert lookup is not None  # noqa: S101 - the caller looked
        name = lookup.name or ""
        others = [each.name for each in host.containers or () if bears(each, name)]
        nobody = (
            f"{others[0]} is on no network of {source.name}'s: nobody there has the name"
            if others
            else "no container has the name"
        )
        near = tuple(advise(host.name, f"did you mean {each}?") for each in nearest_names(case, name))
        asked = advise(host.name, f"if the outside name is meant, write it in full: {lookup.answered}")
        return Finding(
            code=self.code,
            summary=f"{nobody} {lookup.name}, and {_answered(host, lookup)}, a wildcard record, as for any name",
            where=Where(host=host.name, component=source.name),
            evidence=(*lookup.steps, *_frames(case), *_configured(host, source)),
            remedies=(*near, asked),
            confidence=Confidence.LIKELY,
        )

    def possible(self, case: Case) -> bool:
        """Only for a container's lookup that gave an address which is not known to be right."""
        here, probe = asker(case), case.probe
        if probe is not None and _is_denied(probe.lookup) and probe.source_at.container is not None:
            if here is None or here[0].containers is None or here[0].namespace(here[1].name).resolv_conf is None:
                return True
            return bool(replaced_by(*here))
        if probe is None or probe.source_at.container is None or not gave_address(probe.lookup):
            return False
        if here is None or here[0].containers is None:
            return True
        theirs = _claims(*here, probe.lookup.name or "")
        return not _is_one_of(case, here[0], theirs) if theirs else _by_wildcard(probe.lookup)


def _is_denied(lookup: Lookup) -> bool:
    """Whether a server said that the name does not exist, or has no address."""
    return lookup.how is Resolution.FAILED and lookup.rcode in {"NXDOMAIN", "NOERROR"} and bool(lookup.name)


def gave_address(lookup: Lookup) -> bool:
    """Whether a name was looked up by the source itself, and gave an address."""
    return bool(lookup.name and lookup.addresses) and lookup.how in GAVE_ADDRESS


def _by_wildcard(lookup: Lookup) -> bool:
    return lookup.wildcard is True and bool(lookup.answered)


def _claims(host: Host, source: Container, name: str) -> tuple[Container, ...]:
    """The containers that the name belongs to, for this source: on its network, of its project, or by their own name; not another project's."""
    if any(name in pair for pair in source.links):
        return ()  # --link gives a name of its own
    found = nearest_bearers(host, source, name)
    return tuple(each for each in found if _is_near(host, source, each, name))


def _is_near(host: Host, source: Container, other: Container, name: str) -> bool:
    if shared_networks(host, source, other) or same_project(source, other):
        return True
    foreign = source.compose is not None and other.compose is not None
    return other.name.lower() == name.rstrip(".").lower() and not foreign


def _is_one_of(case: Case, host: Host, meant: tuple[Container, ...]) -> bool:
    """Whether an address that the name gave is one of theirs (before or after), or leads to them by what they publish."""
    probe, after = case.probe, case.after(host.name)
    if probe is None:
        return False
    later = [after.container(each.name) for each in meant] if after is not None else []
    own = {address for each in (*meant, *later) if each is not None for address in each.addresses}
    if any(same(one, another) for one in probe.lookup.addresses for another in own):
        return True
    places = {canonical(case.world.before, Place(host=host.name, container=each.name)) for each in meant}
    return probe.target_at is not None and canonical(case.world.before, probe.target_at) in places


def _ran_for_a_moment(case: Case, host: Host, source: Container, meant: tuple[Container, ...]) -> bool:
    """Whether Docker itself may have answered: its restart policy starts it again and again, and the address is of a network that both are on.

    While it waits it has no address that could be compared.
    """
    if case.probe is None or case.probe.lookup.how is not Resolution.EMBEDDED_DNS or case.probe.lookup.answered:
        return False
    after = case.after(host.name)
    later = (after.container(each.name) for each in meant) if after is not None else ()
    if ContainerState.RESTARTING not in {each.state for each in (*meant, *later) if each is not None}:
        return False
    shared = {name for each in meant for name in shared_networks(host, source, each)}
    subnets = [
        subnet for _, network in networks_of(host, source) if network.name in shared for subnet in network.subnets
    ]
    return any(covers(subnet, address) for address in case.probe.lookup.addresses for subnet in subnets)


def _own(case: Case, host: Host, source: Container) -> bool:
    """Whether it gave the source itself: its own name in its own hosts file."""
    addresses = case.probe.lookup.addresses if case.probe else ()
    mine = (
        *source.addresses,
        *(each.address for link in host.namespace(source.name).links or () for each in link.addresses),
    )
    return all(is_loopback(each) or any(same(each, one) for one in mine) for each in addresses)


def _by_hostname(source: Container, name: str) -> bool:
    """Whether the source has the name by its ``--hostname`` alone, which the engine writes into its hosts file (and up to 24 makes an alias)."""
    service = source.compose.service if source.compose else ""
    return bare(source.hostname) == bare(name) and bare(name) not in {bare(source.name), bare(service)}


def _answered(host: Host, lookup: Lookup) -> str:
    """``the search domain answered for it: php-fpm.corp.test is 203.0.113.10``, with whose address that is."""
    first = next((each for each in lookup.addresses if ":" not in each), lookup.addresses[0])
    who = container_with(host, first)
    given = f"{first} ({who[0].name})" if who else first
    if lookup.how is Resolution.HOSTS_FILE:
        return f"a line in /etc/hosts says {given}"
    if lookup.answered:
        return f"the search domain answered for it: {lookup.answered} is {given}"
    return f"a name server outside answered for it: {given}"


def _state(host: Host, source: Container, meant: Container) -> str:
    """Why the name was not answered with the container's own address: up to the ``and`` or ``but`` of the sentence."""
    if not meant.running:
        return f"is not running ({meant.state}), and"
    shared = shared_networks(host, source, meant)
    if not shared:
        return f"is on {' and '.join(meant.networks) or 'no network'} and {source.name} is not, and"
    return f"has {meant.networks[shared[0]].address} on {shared[0]}, but"


def _has(meant: Container) -> str:
    places = ", ".join(f"{each.address} on {name}" for name, each in meant.networks.items() if each.address)
    exited = f", exit code {meant.exit_code}" if not meant.running and meant.exit_code is not None else ""
    return f"docker: {meant.name} is {meant.state}{exited}" + (f": {places}" if places else "")


def _configured(host: Host, source: Container) -> tuple[str, ...]:
    conf = host.namespace(source.name).resolv_conf
    if conf is None or not conf.search:
        return ()
    return (f"/etc/resolv.conf of {source.name}: search {' '.join(conf.search)}, ndots {conf.ndots}",)


def _frames(case: Case) -> tuple[str, ...]:
    """The responses with an answer that the source itself saw."""
    place, table = case.intent.source, case.table
    points = [index for index, point in enumerate(case.points) if point.place == place]
    answers = table.is_dns() & (table.dns_qr == 1) & (table.dns_answers != 0)
    rows = np.flatnonzero(answers & np.isin(table.packets.point, points))
    numbers = frame_numbers(table.packets.frame[rows])
    return (f"the answers: {numbers}",) if numbers else ()


def _remedies(case: Case, host: Host, source: Container, meant: Container) -> tuple[Remedy, ...]:
    """What makes the name the container's: it runs, on a network of the source's, and is asked for before the search domains are."""
    lookup = case.probe.lookup if case.probe else None
    name, steps = (lookup.name or "") if lookup else "", list[Remedy]()
    if not meant.running:
        steps += starting(host, meant)
    if not shared_networks(host, source, meant):
        steps += joining(host, source, meant, name)
    conf = host.namespace(source.name).resolv_conf
    if conf is not None and not conf.embedded and not (lookup is not None and lookup.how is Resolution.HOSTS_FILE):
        servers = ", ".join(conf.nameservers) or "no server"
        own = recreated(
            source,
            "on a network of its own with its own /etc/resolv.conf",
            "a key under networks, no network_mode and no volume over /etc/resolv.conf",
        )
        steps.append(
            advise(
                host.name,
                f"{source.name} asks {servers}, not the embedded DNS server: {own}",
            )
        )
    elif lookup is not None and lookup.how is Resolution.HOSTS_FILE:
        line = next((f"{name}:{each}" for each in lookup.addresses if f"{name}:{each}" in source.extra_hosts), "")
        asked = f"--add-host {line}" if line else f"the line of {name} in /etc/hosts"
        lines = f"extra_hosts without {line or name}"
        if not line and _by_hostname(source, name):
            asked = f"--hostname {source.hostname}, by which its own /etc/hosts gives it that name"
            lines = f"without hostname: {source.hostname}"
        again = recreated(source, f"without {asked}", lines)
        steps.append(advise(host.name, f"{again}: the embedded DNS server knows {name}"))
    elif conf is not None and conf.search and conf.ndots > name.count("."):
        again = recreated(source, "with --dns-opt ndots:0", 'dns_opt: ["ndots:0"]')
        dot = f"ask for {name.rstrip('.')}. (with a dot at its end), or {again}"
        steps.append(advise(host.name, f"{dot}: with ndots:{conf.ndots} the search domains are asked first"))
    return tuple(steps)
