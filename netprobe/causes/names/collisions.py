"""One name, several containers of one network: whose it is, and what puts that right."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from netprobe.causes.base import Cause
from netprobe.causes.names.kept import ANSWERED_OTHERWISE, GOOD, asker
from netprobe.causes.routing.routes import LOST
from netprobe.causes.service.endpoint import AppNotListening
from netprobe.causes.service.loopback import AppBoundLoopback
from netprobe.evidence.model import Resolution
from netprobe.model.remedy import Remedy, advise
from netprobe.model.report import Finding, Where
from netprobe.paths.story import Answerer, Symptom
from netprobe.state.address import same
from netprobe.state.bearers import bare, names_on, one_service, same_project, shared_networks
from netprobe.state.sharing import moment
from netprobe.values import dataclass

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.state.engine.model import Container, EndpointSettings
    from netprobe.state.model import Host

BY_ITSELF = frozenset({Symptom.REFUSED, Symptom.CLOSED, Symptom.NO_RESPONSE, Symptom.NO_HANDSHAKE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Collision:
    """Several containers of one network that answer to one name.

    Attributes:
        network: its name; ``named`` what was asked for.
        bearers: the containers, in the order in which they were started.
        strangers: those that should not have the name; empty where nothing tells.
    """

    network: str
    name: str
    bearers: tuple[Container, ...]
    strangers: tuple[Container, ...]

    @property
    def listed(self) -> str:
        """``one-db-1 (172.18.0.2), two-db-1 (172.18.0.3)``."""
        return ", ".join(f"{each.name} ({each.networks[self.network].address})" for each in self.bearers)


def collision_of(host: Host, source: Container, name: str) -> Collision | None:
    """Return what goes by a name on a network of the source's, where that is several containers and not one service's."""
    for network in shared_names(host, source, name):
        found = [
            each
            for each in host.containers or ()
            if each.running and network in each.networks and bare(name) in names_on(each, network)
        ]
        bearers = tuple(sorted(found, key=lambda each: (moment(each.started), each.name)))
        if len(bearers) > 1 and not one_service(bearers):
            strangers = tuple(each for each in bearers if each not in _rightful(source, bearers, name))
            return Collision(
                network=network,
                name=name,
                bearers=bearers,
                strangers=strangers if len(strangers) < len(bearers) else (),
            )
    return None


def shared_names(host: Host, source: Container, name: str) -> tuple[str, ...]:
    """The networks with names of the source's on which somebody goes by a name."""
    found = (
        network
        for each in host.containers or ()
        for network in shared_networks(host, source, each)
        if bare(name) in names_on(each, network)
    )
    return tuple(dict.fromkeys(found))


def _rightful(source: Container, bearers: tuple[Container, ...], name: str) -> tuple[Container, ...]:
    """Whose name it is: of the source's own project (by Compose's labels, else by the names that Compose gives), else who is called so."""
    own = tuple(each for each in bearers if same_project(source, each))
    labelled = source.compose is not None and all(each.compose is not None for each in bearers)
    if not own and not labelled:
        own = tuple(each for each in bearers if _project_by_name(each, name, source))
    return own or tuple(each for each in bearers if bare(each.name) == bare(name))


def _project_by_name(container: Container, service: str, source: Container) -> bool:
    """Whether both names begin with one project: ``one-db-1`` and ``one-app-1`` (docker/compose: PROJECT-SERVICE-NUMBER; ``_`` before 2.0)."""
    found = re.fullmatch(rf"(.+)([-_]){re.escape(bare(service))}\2\d+", bare(container.name))
    return found is not None and bare(source.name).startswith(f"{found[1]}{found[2]}")


class DnsAliasCollision(Cause):
    """One name, several containers: each lookup may give another of them.

    What it is: the embedded DNS server answers with the addresses of every container of the network that has the name or alias.
    Why it happens: two projects on one shared network with a service of the same name; or it is meant, as load balancing (the containers
        of one Compose service are).
    Evidence: the response with two addresses and more, and the containers that have them.
    Remedy: the one that should not have the name (another project's; else the second) gives it up; an alias of its own for each.
    Source: moby#41961; docker/compose#8223; moby libnetwork/network.go (addSvcRecords).
    """

    code = "dns-alias-collision"
    looked_up = True
    reads = ("containers", "networks")
    tells = "docker network inspect: which containers have the alias"
    note = True
    explains = (LOST | ANSWERED_OTHERWISE) - {Symptom.NO_PACKETS}
    symptoms = GOOD | explains
    needs = ("containers", "networks")
    instead_of = frozenset({AppNotListening, AppBoundLoopback})

    def find(self, case: Case) -> Finding | None:
        """Fires when one response gave addresses of two containers and more that bear the name on a network of the source."""
        here, probe, found = asker(case), case.probe, self._collision(case)
        if here is None or probe is None or found is None:
            return None
        (host, source), frame = here, self._frame(case)
        several = f"{found.name} is {len(found.bearers)} containers: {found.listed}; each lookup may give another of them first"
        asked = self._dialled(case, found)
        others = found.strangers or self._second(case, found, asked)
        names = " and ".join(each.name for each in found.strangers)
        why = f"{names} should not have {found.name}: " if found.strangers else ""
        return Finding(
            code=self.code,
            summary=why + several,
            where=Where(host=host.name, component=found.network),
            evidence=(
                f"one response with {len(probe.lookup.addresses)} addresses" + (f": frame {frame}" if frame else ""),
                *self._refused(case, asked),
                f"docker: {found.listed}",
                *_whose(source, found),
            ),
            remedies=self._remedies(host, found, others),
        )

    def is_reason(self, case: Case) -> bool:
        """It explains the failure where a container was asked that should not have the name; where nothing tells whose it is, if that one refused."""
        found = self._collision(case)
        asked = self._dialled(case, found) if found is not None else None
        if found is None or asked is None:
            return False
        if found.strangers:
            return asked in found.strangers
        return case.story.symptom in BY_ITSELF and case.story.answerer is Answerer.TARGET

    def undecided(self, case: Case) -> bool:
        """Only where the name gave several addresses."""
        return self.possible(case) and super().undecided(case)

    @staticmethod
    def _collision(case: Case) -> Collision | None:
        here, lookup = asker(case), case.probe.lookup if case.probe else None
        if here is None or lookup is None or lookup.how is not Resolution.EMBEDDED_DNS or not lookup.name:
            return None
        found = collision_of(*here, lookup.name)
        given = [
            each
            for each in (found.bearers if found else ())
            if any(same(address, mine) for address in lookup.addresses for mine in each.addresses)
        ]
        return found if len(given) > 1 else None

    @staticmethod
    def _dialled(case: Case, found: Collision) -> Container | None:
        dialled = (case.probe.dialled if case.probe else None) or ""
        return next((each for each in found.bearers if any(same(dialled, mine) for mine in each.addresses)), None)

    @staticmethod
    def _second(case: Case, found: Collision, asked: Container | None) -> tuple[Container, ...]:
        """Who gives the name up where nothing tells whose it is: the one that failed, else all but the first that was started."""
        failed = not case.story.good and asked is not None
        return (asked,) if failed and asked is not None else found.bearers[1:]

    @staticmethod
    def _refused(case: Case, asked: Container | None) -> tuple[str, ...]:
        if case.story.good or asked is None:
            return ()
        return (f"{asked.name} was asked: {case.story.detail or 'no answer'}, {case.frames}",)

    @staticmethod
    def _remedies(host: Host, found: Collision, others: tuple[Container, ...]) -> tuple[Remedy, ...]:
        """Each of those comes back without the name, with the other names and the address that it was given."""
        network, steps = host.network(found.network), list[Remedy]()
        for each in others:
            if network is None or not host.engine.remedies.joins(each, network):
                continue
            endpoint = each.networks[found.network]
            kept = other_names(each, endpoint, found.name)
            steps += [
                host.engine.remedies.disconnect(host.name, network, each, back=True),
                host.engine.remedies.connect(host.name, network, each, address=endpoint.asked, aliases=kept, back=True),
            ]
            if each.compose is not None:
                again = f"{each.compose.service} in {each.compose.project}'s compose file, or leave {found.network} out there"
                steps.append(
                    advise(host.name, f"Compose gives the name again with the next up: rename the service {again}")
                )
        meant = (
            ()
            if found.strangers
            else (advise(host.name, "if it is not meant as load balancing, give each a name of its own:"),)
        )
        return (*meant, *steps)

    @staticmethod
    def _frame(case: Case) -> int:
        """A response in the source's own namespace that has several answers; 0 when none was seen."""
        place = case.intent.source
        points = [index for index, point in enumerate(case.points) if point.place == place]
        table = case.table
        several = (table.dns_answers >= 2) | (table.dns_answers < 0)  # how many is not known where it was not kept
        rows = np.flatnonzero(table.is_dns() & (table.dns_qr == 1) & several & np.isin(table.packets.point, points))
        return int(table.packets.frame[rows[0]]) if len(rows) else 0

    def possible(self, case: Case) -> bool:
        """Only for a container's name that several have, as far as is known."""
        here, lookup = asker(case), case.probe.lookup if case.probe else None
        if lookup is None or lookup.how is not Resolution.EMBEDDED_DNS or len(lookup.addresses) < 2:
            return False
        unknown = here is None or here[0].containers is None or here[0].networks is None
        return unknown or self._collision(case) is not None


def other_names(container: Container, endpoint: EndpointSettings, name: str) -> tuple[str, ...]:
    """The aliases that a container keeps on a network without one of them; a new one where that was all (its own name and id stay anyway)."""
    given = {bare(container.name), bare(container.id[:12]), bare(name)}
    kept = tuple(dict.fromkeys(each for each in endpoint.aliases if bare(each) not in given))
    return kept or (f"{name}-2",)


def _whose(source: Container, found: Collision) -> tuple[str, ...]:
    """What tells whose name it is."""
    if not found.strangers:
        return ()
    own = [each for each in found.bearers if each not in found.strangers]
    names = ", ".join(each.name for each in own)
    if bare(own[0].name) == bare(found.name):
        return (f"{names} is called so; for {' and '.join(each.name for each in found.strangers)} it is an alias",)
    project = source.compose.project if source.compose else own[0].name.rpartition(found.name)[0].rstrip("-_")
    how = "by Compose's labels" if source.compose else "by their names"
    return (f"{source.name} and {names} are of one project, {project} ({how}); the others are not",)
