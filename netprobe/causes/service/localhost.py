"""localhost in a container is the container: the port that was meant is another container's, or the host's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.causes.base import NO_SOCKET, Cause
from netprobe.causes.proof.known import lacks
from netprobe.causes.service.endpoint import AppNotListening
from netprobe.causes.service.host import DOCKERS
from netprobe.causes.service.lifetime import AppNotReady
from netprobe.causes.service.loopback import AppBoundLoopback
from netprobe.model.remedy import advise
from netprobe.model.report import Confidence, Finding, Where
from netprobe.paths.story import Symptom
from netprobe.state.address import is_loopback
from netprobe.state.engine.compose import in_file, listed
from netprobe.state.lookup import neighbours
from netprobe.state.sockets import on_port, served
from netprobe.values import dataclass

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.model.remedy import Remedy
    from netprobe.state.engine.model import Container, Published
    from netprobe.state.model import Host

HOST_NAME = "host.docker.internal"
ADD_HOST = f"--add-host={HOST_NAME}:host-gateway"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Meant:
    """Who has the port that was asked for.

    Attributes:
        who: ``api``, ``server2``.
        proof: one sentence, for evidence.
        remedies: what to dial instead.
        sure: the socket was seen, or the engine publishes that port.
    """

    who: str
    proof: str
    remedies: tuple[Remedy, ...]
    sure: bool = True


class LocalhostIsTheContainer(Cause):
    """A container dialled its own localhost, and what was meant listens in another container, or on the host.

    What it is: each container has a loopback interface of its own: ``localhost`` and 127.0.0.1 are the container itself, as on a machine of its own.
    Why it happens: settings from a development machine (``localhost:5432``), where all programs share one loopback interface.
    Evidence: the refusal on the container's own lo, its sockets without the port, and who has it: a neighbour's socket, a publication, the host's socket.
    Remedy: the other container's name, and its own port (``api:8000``); for the host's: host.docker.internal, with ``host-gateway`` on Linux.
    Source: Docker documentation, "Networking overview"; moby daemon/container_operations.go (a sandbox, with a lo of its own, for each container).
    """

    code = "localhost-is-the-container"
    tells = "ss -ltn in the container's network namespace, and in its neighbours'"
    drop_reasons = NO_SOCKET
    symptoms = frozenset({Symptom.REFUSED})
    instead_of = frozenset({AppNotListening, AppNotReady, AppBoundLoopback})
    needs = ("containers", "networks", "sockets", "ns/*/sockets")

    def find(self, case: Case) -> Finding | None:
        """Fires when a container's own loopback refused a port that it is not said to serve, and a neighbour or the host has it."""
        source, host, dialled = case.source_container, _host(case), case.dialled
        if source is None or host is None or dialled is None or not _asks_itself(case):
            return None
        place, port = case.probe.source_at if case.probe else None, dialled[1]
        if place is None or not case.never_listening(place, *dialled) or _serves(source, port, case.transport):
            return None
        meant = _neighbour(case, host, source, port) or _hosts(case, host, source, port)
        if meant is None:
            return None
        name = case.client.name if case.client is not None else source.name
        return Finding(
            code=self.code,
            summary=f"localhost in {name} is {name} itself, where nothing listens on {case.transport} port {port}: {meant.who} has it",
            where=Where(host=host.name, component=name),
            evidence=(
                f"{case.story.detail or 'refused'} on {name}'s own lo: {case.frames}",
                f"sockets of {name}: none on {case.transport} port {port}, before and after",
                meant.proof,
            ),
            remedies=meant.remedies,
            confidence=Confidence.CERTAIN if meant.sure else Confidence.LIKELY,
        )

    def undecided(self, case: Case) -> bool:
        """Only where a container asked itself."""
        return _asks_itself(case) and lacks(case, *self.needs)

    def possible(self, case: Case) -> bool:
        """Only where a container asked itself."""
        return case.probe is None or _asks_itself(case)


def _host(case: Case) -> Host | None:
    return case.before(case.probe.source_at.host) if case.probe else None


def _asks_itself(case: Case) -> bool:
    probe = case.probe
    inside = probe is not None and case.intent.source is not None and case.intent.source.container is not None
    return inside and probe is not None and is_loopback(probe.dialled or "")


def _serves(container: Container, port: int, proto: str) -> bool:
    """Whether it is itself said to serve the port: then its own application is missing."""
    mine = {*container.exposed, *((each.container_port, each.proto) for each in container.requested)}
    return (port, proto) in mine


def _neighbour(case: Case, host: Host, source: Container, port: int) -> _Meant | None:
    """A container on one of its networks: the one that listens, the one that publishes, the one whose image says so."""
    near, proto = neighbours(host, source), case.transport
    for each in near:
        sockets = host.namespace(each.name).sockets if each.name in host.namespaces else None
        taking = [one for one in on_port(sockets or (), port, proto) if not one.loopback]
        if taking:
            proof = f"socket of {each.name}: {taking[0].bound}{f' ({taking[0].process})' if taking[0].process else ''}"
            return _Meant(who=each.name, proof=proof, remedies=_dial(host, source, each, port))
    for each in (*near, *(host.containers or ())):
        for published in each.published if each.running and each.name != source.name else ():
            if (published.host_port, published.proto) == (port, proto):
                proof = f"docker: {each.name} publishes {published}"
                remedies = _dial(host, source, each, _served_by(host, each, published))
                return _Meant(who=each.name, proof=proof, remedies=remedies)
    exposing = [each for each in near if (port, proto) in each.exposed and each.name not in host.namespaces]
    if not exposing:
        return None
    proof = f"docker: {exposing[0].name} exposes {port}/{proto}"
    return _Meant(who=exposing[0].name, proof=proof, remedies=_dial(host, source, exposing[0], port), sure=False)


def _served_by(host: Host, container: Container, published: Published) -> int:
    """The port that is meant by a publication: the container's, or the only one that it serves where that is known to be another."""
    sockets = host.namespace(container.name).sockets if container.name in host.namespaces else None
    has = served(sockets or (), published.proto)
    return has[0] if len(has) == 1 else published.container_port


def _dial(host: Host, source: Container, other: Container, port: int) -> tuple[Remedy, ...]:
    """The name and the port to dial; where no network that has names is common to both, how to get one."""
    name = other.compose.service if other.compose is not None else other.name
    common = set(source.networks) & set(other.networks)
    if any((network := host.network(each)) is not None and not network.default_bridge for each in common):
        return (advise(host.name, f"let {source.name} dial {name}:{port} instead of localhost"),)
    address = next((other.networks[each].address for each in common if other.networks[each].address), "")
    until = f" (until then its address: {address}:{port})" if address else ""
    return (
        advise(
            host.name,
            f"connect {source.name} and {other.name} to one network of their own, where names are resolved, and dial {name}:{port}{until}",
        ),
    )


def _hosts(case: Case, host: Host, source: Container, port: int) -> _Meant | None:
    """A process of the host's own that has the port."""
    sockets = on_port(host.own.sockets or (), port, case.transport)
    found = [each for each in sockets if not each.process.startswith(DOCKERS)]
    if not found:
        return None
    socket = next((each for each in found if not each.loopback), found[0])
    owner = f" ({socket.process})" if socket.process else ""
    known = any(each.partition(":")[0] == HOST_NAME for each in source.extra_hosts)
    file = in_file(source, f"extra_hosts: {listed(f'{HOST_NAME}:host-gateway')}")
    again = "" if known else f", once {source.name} is run again with {ADD_HOST}{f' ({file})' if file else ''}"
    bound = f"; and let it listen on more than {socket.local}" if socket.loopback else ""
    return _Meant(
        who=f"a process of {host.name} itself{owner}",
        proof=f"socket of {host.name}: {socket.bound}{owner}",
        remedies=(advise(host.name, f"let {source.name} dial {HOST_NAME}:{port} instead of localhost{again}{bound}"),),
    )
