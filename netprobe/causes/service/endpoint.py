"""An application that does not listen where it is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.causes.proof.life import told
from netprobe.causes.proof.publishing import ports_on_host, published_again
from netprobe.causes.service.unserved import AT_THE_END, Unserved, arrived_at, takes, target_sockets
from netprobe.evidence.model import Place
from netprobe.forward.model import Barrier
from netprobe.model.remedy import advise
from netprobe.model.report import Finding, Where
from netprobe.paths.story import Symptom
from netprobe.state.address import is_loopback, same
from netprobe.state.engine import EMBEDDED_DNS
from netprobe.state.sockets import on_port, served

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.forward.model import Obstacle
    from netprobe.model.remedy import Remedy
    from netprobe.state.engine.model import Container, Published
    from netprobe.state.sockets import Socket


_SHOWN = 5  # of a container's ports, in a sentence


class AppNotListening(Unserved):
    """Nothing listens on that port in the target's network namespace.

    What it is: the packet reached the container, and its kernel refused it: no socket there has the port.
    Why it happens: the application did not start, listens on another port, or the wrong container port was published.
    Evidence: the RST (or port unreachable) from the container itself, and its socket table without the port, before and after.
    Remedy: start the application; publish the port that it has.
    Source: RFC 9293 §3.5.2 (reset generation, group 1); docker-library/python#95.
    """

    code = "app-not-listening"
    reads = ("ns/*/sockets",)
    tells = "ss -ltn in the container's network namespace"
    barriers = frozenset({Barrier.NOBODY_LISTENS})
    symptoms = AT_THE_END | {Symptom.OTHER_ENDPOINT}

    def explains_obstacle(self, case: Case, obstacle: Obstacle) -> bool:
        """In a container: on a host it is a closed port."""
        return obstacle.place.container is not None and super().explains_obstacle(case, obstacle)

    def find(self, case: Case) -> Finding | None:
        """Fires when the target itself refused, and no socket has the port at either moment.

        Also for a container in the host's own namespace whose port another container publishes: that one answered.
        """
        if case.story.symptom is Symptom.OTHER_ENDPOINT:
            return self._in_host_namespace(case)
        if case.target is None:
            return self._with_the_hosts_network(case)
        known = target_sockets(case)
        if known is None:
            return None
        place, moments, port = known
        if any(on_port(each, port, case.transport) for each in moments):
            return self._at_another_address(case, place, moments, port)
        others = _served_there(case, moments[-1])
        outside = _published_outside(case, case.target)
        if outside is not None:
            return self._asked_as_from_outside(case, place, case.target, outside, others)
        listens = f"it listens on {_ports(others)}" if others else f"no {case.transport} socket listens there at all"
        instead = f", it listens on {_ports(others)}" if others else ""
        return Finding(
            code=self.code,
            summary=f"{case.target.name} received it and refused it: nothing listens on {case.transport} port {port} there{instead}",
            where=Where(host=place.host, component=case.target.name),
            evidence=(
                f"{case.story.detail} from {case.target.name} itself: {case.frames}",
                f"sockets of {case.target.name}: {listens}",
                *told(case, place.host, case.target),
            ),
            remedies=_remedies_listening(case, place.host, case.target, port, others),
        )

    def _at_another_address(
        self, case: Case, place: Place, moments: tuple[tuple[Socket, ...], ...], port: int
    ) -> Finding | None:
        """Every socket with the port is bound to an address of the container's that is not the one where it arrived."""
        found = [on_port(each, port, case.transport) for each in moments]
        asked, target = arrived_at(case, place), case.target
        if (
            not all(found)
            or not asked
            or target is None
            or any(takes(each, asked) for sockets in found for each in sockets)
        ):
            return None
        if all(each.loopback for sockets in found for each in sockets):
            return None  # app-bound-loopback
        bound, six = found[-1][0].bound, found[-1][0].v6only
        return Finding(
            code=self.code,
            summary=f"{target.name} received it and refused it: nothing listens on {asked}, its {case.transport} port {port} is bound to {bound.address} only{', for IPv6 alone (IPV6_V6ONLY)' if six else ''}",
            where=Where(host=place.host, component=target.name),
            evidence=(
                f"{case.story.detail} from {target.name} itself, asked at {asked}: {case.frames}",
                f"socket of {target.name}: {bound}{', v6only' if six else ''}",
                *told(case, place.host, target),
            ),
            remedies=(
                advise(place.host, f"let the application in {target.name} listen on 0.0.0.0:{port} instead of {bound}"),
                advise(place.host, f"or ask {bound}, from a network that reaches it"),
            ),
        )

    def _asked_as_from_outside(
        self, case: Case, place: Place, target: Container, published: Published, others: list[int]
    ) -> Finding:
        name = (case.probe.lookup.name if case.probe else "") or target.name
        outer, inner = published.host_port, published.container_port
        has = inner if inner in others or len(others) != 1 else others[0]
        missing = f"nothing listens on {inner} there" + (f", it listens on {_ports(others)}" if others else "")
        there = f"{target.name} itself has {inner}" if inner in others else missing
        start = "" if has in others else f"start the application on port {inner}, and "
        return Finding(
            code=self.code,
            summary=f"{outer} is the port that {place.host} publishes for {target.name}; {there}: ask {name}:{has}",
            where=Where(host=place.host, component=target.name),
            evidence=(
                f"{case.story.detail} from {target.name} itself: {case.frames}",
                f"docker: {target.name} publishes {published}; published ports are the host's, not the container's",
                *told(case, place.host, target),
            ),
            remedies=(
                advise(
                    place.host,
                    f"{start}ask {name}:{has} instead of {name}:{outer}: no publication is needed between containers",
                ),
            ),
        )

    def possible(self, case: Case) -> bool:
        """Also a container that has the host's own network."""
        return super().possible(case) or (case.named is not None and case.named.host_network)

    def _with_the_hosts_network(self, case: Case) -> Finding | None:
        """A container with ``--network host``, asked by its name: its ports are the host's, and the host refused."""
        target, host, dialled = case.named, case.dialled_host, case.dialled
        if target is None or not target.host_network or not target.running or host is None or dialled is None:
            return None
        if not case.refused_by_host or not case.never_listening(Place(host=host.name), *dialled):
            return None
        ports = ports_on_host(host, target, case.transport)
        listens = (
            f"{target.name}'s first process listens on {_ports(ports)}"
            if ports
            else f"{target.name}'s first process is not seen to listen"
        )
        logs = f"{host.engine.remedies.program} logs {target.name}"
        here = f"start the application on port {dialled[1]} ({logs} says why it is not there)"
        advice = f"ask {' or '.join(f'{target.name}:{each}' for each in ports)}" if ports else here
        return Finding(
            code=self.code,
            summary=f"{target.name} has {host.name}'s own network (--network host), and nothing listens on {case.transport} port {dialled[1]} there",
            where=Where(host=host.name, component=target.name),
            evidence=(
                f"{case.story.detail} from {host.name} itself: {case.frames}",
                f"no {case.transport} socket of {host.name} has port {dialled[1]}; {listens}",
                *told(case, host.name, target),
            ),
            remedies=(advise(host.name, advice),),
        )

    def _in_host_namespace(self, case: Case) -> Finding | None:
        probe, publication = case.probe, case.publication
        if probe is None or probe.target_at is None or publication is None or probe.dialled_port is None:
            return None
        host, other, published = publication
        named = probe.lookup.name
        target = next((each for each in host.containers or () if each.name == named and each.host_network), None)
        moments = case.sockets(Place(host=host.name))
        if target is None or moments is None or other.name == target.name:
            return None
        owners = {each.process for sockets in moments for each in on_port(sockets, probe.dialled_port, case.transport)}
        if not owners <= {"docker-proxy", "dockerd"}:
            return None
        return Finding(
            code=self.code,
            summary=f"{target.name} is in {host.name}'s own namespace, where nothing of it listens on {case.transport} port "
            f"{probe.dialled_port}: {other.name}, which publishes {published}, answered",
            where=Where(host=host.name, component=target.name),
            evidence=(
                f"the answer came from {other.name}: {case.frames}",
                f"docker: {other.name} publishes {published}",
            ),
            remedies=(advise(host.name, f"let {target.name} listen on a port of its own, and dial that"),),
        )


def _published_outside(case: Case, target: Container) -> Published | None:
    """The publication whose host port was asked of the container's own address."""
    dialled = case.dialled
    if dialled is None or not any(same(each, dialled[0]) for each in target.addresses):
        return None
    return next(
        (
            each
            for each in target.published
            if (each.host_port, each.proto) == (dialled[1], case.transport) and each.container_port != dialled[1]
        ),
        None,
    )


def _served_there(case: Case, sockets: tuple[Socket, ...]) -> list[int]:
    """The ports that it serves to whoever asked: its own loopback's as well, where it asked itself."""
    found = served(sockets, case.transport)
    if not _asks_itself(case):
        return found
    own = (each for each in sockets if each.serving and each.proto == case.transport and each.local not in EMBEDDED_DNS)
    return sorted({each.port for each in own})


def _asks_itself(case: Case) -> bool:
    """Whether a container dialled its own loopback address."""
    inside = case.probe is not None and case.probe.source_at.container is not None
    return inside and case.probe is not None and is_loopback(case.probe.dialled or "")


def _ports(ports: list[int]) -> str:
    shown = ", ".join(map(str, ports[:_SHOWN])) + (f" and {len(ports) - _SHOWN} more" if len(ports) > _SHOWN else "")
    return f"port {shown}" if len(ports) == 1 else f"ports {shown}"


def _remedies_listening(case: Case, host: str, target: Container, port: int, others: list[int]) -> tuple[Remedy, ...]:
    proto = case.transport
    suffix = "" if proto == "tcp" else f"/{proto}"
    steps = [
        advise(
            host,
            f"start the application on port {port} in {target.name} (docker logs {target.name} says why it is not there)",
        )
    ]
    mapped = [each for each in target.published if (each.container_port, each.proto) == (port, proto)]
    dialled = (case.probe.dialled if case.probe else "") or ""
    if len(others) == 1 and mapped and case.publication is not None:
        instead = published_again(target, f"{mapped[0].host_port}:{others[0]}{suffix}")
        steps.append(advise(host, f"or publish the port that it has: {instead}"))
    elif 0 < len(others) <= _SHOWN and (_asks_itself(case) or any(same(each, dialled) for each in target.addresses)):
        name = (case.probe.lookup.name if case.probe else "") or target.name
        asked = " or ".join(f"{name}:{each}{suffix}" for each in others)
        steps.append(advise(host, f"or ask {asked}, which it has"))
    return tuple(steps)
