"""The application and its container: what waits (or does not) at the end of the way."""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING

from netprobe.causes.base import Cause
from netprobe.evidence.model import Place
from netprobe.paths.observe import Answerer, Symptom
from netprobe.report.model import Confidence, Finding, Where
from netprobe.state.address import is_loopback
from netprobe.state.docker import ContainerState

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.state.docker import Container, Published
    from netprobe.state.model import Host
    from netprobe.state.sockets import Socket

AT_THE_END = frozenset({Symptom.REFUSED, Symptom.CLOSED, Symptom.DELIVERED})
NOT_RUNNING = frozenset(
    {
        ContainerState.CREATED,
        ContainerState.RESTARTING,
        ContainerState.REMOVING,
        ContainerState.EXITED,
        ContainerState.DEAD,
    }
)


def _target_sockets(case: Case) -> tuple[Place, tuple[tuple[Socket, ...], ...], int] | None:
    """The target namespace, its sockets before and after, and the port meant; None unless all is known and it answered itself."""
    probe = case.probe
    if probe is None or probe.target_at is None or probe.target_at.container is None or probe.target_port is None:
        return None
    if case.story.answerer is not Answerer.TARGET and case.story.symptom is not Symptom.DELIVERED:
        return None
    moments = case.sockets(probe.target_at)
    return (probe.target_at, moments, probe.target_port) if moments is not None else None


def _on_port(sockets: tuple[Socket, ...], port: int, proto: str) -> list[Socket]:
    return [each for each in sockets if each.serving and (each.port, each.proto) == (port, proto)]


class AppNotListening(Cause):
    """Nothing listens on that port in the target's network namespace.

    What it is: the packet reached the container, and its kernel refused it: no socket there has the port.
    Why it happens: the application did not start, listens on another port, or the wrong container port was published.
    Evidence: the RST (or port unreachable) from the container itself, and its socket table without the port, before and after.
    Remedy: start the application; publish the port that it has.
    Source: RFC 9293 §3.5.2 (reset generation, group 1); docker-library/python#95.
    """

    code = "app-not-listening"
    symptoms = AT_THE_END

    def possible(self, case: Case) -> bool:
        """Not when the target is a host, or known to listen on more than loopback."""
        known = _target_sockets(case)
        if known is None or not case.may_be_container:
            return case.may_be_container and case.story.answerer is not Answerer.HOST
        _, moments, port = known
        return not all(
            any(not each.loopback for each in _on_port(sockets, port, case.transport)) for sockets in moments
        )

    def find(self, case: Case) -> Finding | None:
        """Fires when the target itself refused, and no socket has the port at either moment."""
        known = _target_sockets(case)
        if known is None or case.target is None:
            return None
        place, moments, port = known
        if any(_on_port(each, port, case.transport) for each in moments):
            return None
        others = sorted(
            {each.port for each in moments[-1] if each.serving and each.proto == case.transport and not each.loopback}
        )
        listens = f"it listens on {_ports(others)}" if others else f"no {case.transport} socket listens there at all"
        return Finding(
            code=self.code,
            summary=f"{case.target.name} received it and refused it: nothing listens on {case.transport} port {port} there",
            where=Where(host=place.host, component=case.target.name),
            evidence=(
                f"{case.story.detail} from {case.target.name} itself: {case.frames}",
                f"sockets of {case.target.name}: {listens}",
            ),
            remedy=_remedy_listening(case.target, case.transport, port, others),
            remedy_host=place.host,
        )


def _ports(ports: list[int]) -> str:
    return "port " + ", ".join(map(str, ports)) if len(ports) == 1 else "ports " + ", ".join(map(str, ports))


def _remedy_listening(target: Container, proto: str, port: int, others: list[int]) -> tuple[str, ...]:
    name = quote(target.name)
    suffix = "" if proto == "tcp" else f"/{proto}"
    lines = [f"docker logs {name}", f"# start the application on port {port} in {target.name}"]
    mapped = [each for each in target.published if (each.container_port, each.proto) == (port, proto)]
    if len(others) == 1 and mapped:
        lines.append(
            f"# or publish the port that it has: recreate {target.name} with -p {mapped[0].host_port}:{others[0]}{suffix}"
        )
    return tuple(lines)


class AppBoundLoopback(Cause):
    """The application listens on the container's own 127.0.0.1 only.

    What it is: the packet reached the container on its eth0, and the only socket with the port is bound to loopback.
    Why it happens: many servers bind 127.0.0.1 by default. In a container nobody else is there.
    Evidence: the RST from the container itself, and its socket table: 127.0.0.1:PORT. The packets are those of app-not-listening.
    Remedy: bind 0.0.0.0.
    Source: moby#27315.
    """

    code = "app-bound-loopback"
    symptoms = AT_THE_END

    def possible(self, case: Case) -> bool:
        """Not when the target is a host, or known to listen on more than loopback."""
        known = _target_sockets(case)
        if known is None or not case.may_be_container:
            return case.may_be_container and case.story.answerer is not Answerer.HOST
        _, moments, port = known
        return not all(
            any(not each.loopback for each in _on_port(sockets, port, case.transport)) for sockets in moments
        )

    def find(self, case: Case) -> Finding | None:
        """Fires when the target itself refused, and every socket with the port is bound to loopback, at both moments."""
        known = _target_sockets(case)
        if known is None or case.target is None:
            return None
        place, moments, port = known
        found = [_on_port(each, port, case.transport) for each in moments]
        if not all(found) or not all(each.loopback for sockets in found for each in sockets):
            return None
        socket = found[-1][0]
        owner = f" ({socket.process})" if socket.process else ""
        bound = f"{socket.local}:{port}"
        return Finding(
            code=self.code,
            summary=f"{case.target.name} received it and refused it: its {case.transport} port {port} is bound to {socket.local} only",
            where=Where(host=place.host, component=case.target.name),
            evidence=(
                f"{case.story.detail} from {case.target.name} itself: {case.frames}",
                f"socket of {case.target.name}: {bound}{owner}",
            ),
            remedy=(f"# let the application in {case.target.name} listen on 0.0.0.0:{port} instead of {bound}",),
            remedy_host=place.host,
        )


class ContainerStopped(Cause):
    """The target container does not run.

    What it is: a stopped container has no network namespace, no DNAT rule and no docker-proxy: its host refuses for it.
    Why it happens: it exited, was stopped, or restarts again and again.
    Evidence: the refusal (or silence) before the container, and its state before and after the probe.
    Remedy: docker start; docker logs for why it ended.
    Source: moby daemon/container_operations.go (ports are released on stop).
    """

    code = "container-stopped"
    symptoms = frozenset({Symptom.REFUSED, Symptom.UNREACHABLE, Symptom.SILENCE, Symptom.NO_ANSWER})

    def find(self, case: Case) -> Finding | None:
        """Fires when the target is known not to run at both moments, and nothing was delivered (or its name is not resolved)."""
        target = case.target
        after = case.target_after
        if (
            target is None
            or after is None
            or target.state not in NOT_RUNNING
            or after.state not in NOT_RUNNING
            or (case.story.reached and case.story.symptom is not Symptom.NO_ANSWER)
        ):
            return None
        exited = (
            f", exit code {target.exit_code}"
            if target.exit_code is not None and target.state is ContainerState.EXITED
            else ""
        )
        lookup = case.story.symptom is Symptom.NO_ANSWER
        what = "its name is not resolved" if lookup else "nothing is published for it"
        how = "the lookup" if lookup else f"never came to the container ({case.story.detail or 'nothing came back'})"
        return Finding(
            code=self.code,
            summary=f"{target.name} is not running (state {target.state.value}{exited}), so {what}",
            where=Where(host=case.target_host.name if case.target_host else None, component=target.name),
            evidence=(
                f"{how}: {case.frames}",
                f"docker: {target.name} is {target.state.value}{exited}, before and after the probe",
            ),
            remedy=(f"docker logs {quote(target.name)}", f"docker start {quote(target.name)}"),
            remedy_host=case.target_host.name if case.target_host else None,
        )

    def possible(self, case: Case) -> bool:
        """Not for a host, nor when the target is known to run."""
        return case.may_be_container and (case.target is None or case.target.state in NOT_RUNNING)


class ContainerPaused(Cause):
    """The target container is paused: its kernel still accepts, its application never answers.

    What it is: `docker pause` freezes the processes; the network namespace goes on, so the TCP handshake succeeds.
    Why it happens: somebody (or a backup tool) paused it and did not unpause it.
    Evidence: SYN-ACK and no application byte, and the state "paused" before and after.
    Remedy: docker unpause.
    Source: moby#37809; kernel cgroup freezer documentation (admin-guide/cgroup-v1/freezer-subsystem.rst).
    """

    code = "container-paused"
    symptoms = frozenset({Symptom.OK, Symptom.NO_RESPONSE, Symptom.SILENCE, Symptom.DELIVERED})

    def find(self, case: Case) -> Finding | None:
        """Fires when the target was paused at both moments and the packets got as far as a frozen process lets them."""
        target = case.target
        after = case.target_after
        frozen = ContainerState.PAUSED
        if (
            target is None
            or after is None
            or target.state is not frozen
            or after.state is not frozen
            or case.story.reached is False
        ):
            return None
        if case.transport == "icmp":  # the kernel answers echoes itself
            return None
        got = (
            "the handshake completes, the application never answers"
            if case.story.symptom is not Symptom.SILENCE
            else "no answer"
        )
        return Finding(
            code=self.code,
            summary=f"{target.name} is paused: {got}",
            where=Where(host=case.target_host.name if case.target_host else None, component=target.name),
            evidence=(
                f"{case.frames}: accepted by the kernel in {target.name}",
                f"docker: {target.name} is paused, before and after the probe",
            ),
            remedy=(f"docker unpause {quote(target.name)}",),
            remedy_host=case.target_host.name if case.target_host else None,
        )

    def possible(self, case: Case) -> bool:
        """Only a paused target can be it."""
        return case.may_be_container and (case.target is None or case.target.state is ContainerState.PAUSED)


class PublishLoopbackOnly(Cause):
    """The port is published on 127.0.0.1 only, and was dialled from elsewhere.

    What it is: ``-p 127.0.0.1:80:80`` makes docker-proxy and DNAT take the loopback address alone.
    Why it happens: a safe default in many compose files.
    Evidence: the host's own refusal, nothing behind it, and the publication's host address.
    Remedy: publish on 0.0.0.0 (or that host address).
    Source: Docker documentation, "Port publishing and mapping".
    """

    code = "publish-loopback-only"
    symptoms = frozenset({Symptom.REFUSED, Symptom.SILENCE})

    def find(self, case: Case) -> Finding | None:
        """Fires when every publication of that port is on loopback and another address was dialled."""
        dialled, host = case.dialled, case.dialled_host
        if dialled is None or host is None or host.containers is None or is_loopback(dialled[0]) or _delivered(case):
            return None
        found = [
            (container, each)
            for container in host.containers
            for each in container.published
            if container.running and (each.host_port, each.proto) == (dialled[1], case.transport)
        ]
        if not found or not all(is_loopback(each.host_ip) for _, each in found):
            return None
        if not case.never_listening(Place(host=host.name), *dialled):
            return None
        container, published = found[0]
        return Finding(
            code=self.code,
            summary=f"{container.name}'s port is published on {published.host_ip}:{published.host_port} only: {host.name} itself refuses others",
            where=Where(host=host.name, component=container.name),
            evidence=(
                f"{case.story.detail or 'no answer'} from {host.name}, nothing behind it: {case.frames}",
                f"docker: {container.name} publishes {published}",
            ),
            remedy=(
                f"# recreate {container.name} with -p {published.host_port}:{published.container_port}{_suffix(published)}",
            ),
            remedy_host=host.name,
        )

    def possible(self, case: Case) -> bool:
        """Only where some container publishes that port on loopback, as far as is known."""
        if case.probe is not None and case.dialled_host is None:
            return False
        if case.dialled is None or case.dialled_host is None or case.dialled_host.containers is None:
            return True
        published = (each for container in case.dialled_host.containers for each in container.published)
        return any(each.host_port == case.dialled[1] and is_loopback(each.host_ip) for each in published)


def _suffix(published: Published) -> str:
    return "" if published.proto == "tcp" else f"/{published.proto}"


def _delivered(case: Case) -> bool:
    """Whether the request was seen behind the dialled host's own door: on another interface than it came in by, in a container."""
    return case.story.reached is True and case.target is not None


class PortNotPublished(Cause):
    """The container runs, and nobody publishes that port on its host.

    What it is: without ``-p`` (or with the other protocol) there is neither a DNAT rule nor a docker-proxy: the host refuses.
    Why it happens: EXPOSE publishes nothing; ``-p 80:80`` is TCP only.
    Evidence: the host's own RST (UDP: port unreachable), no publication of that port, no socket of the host.
    Remedy: recreate with ``-p``.
    Source: Docker documentation, "Port publishing and mapping".
    """

    code = "port-not-published"
    symptoms = frozenset({Symptom.REFUSED, Symptom.OTHER_ENDPOINT})

    def possible(self, case: Case) -> bool:
        """Not where the target itself answered, nor when it is known to publish the port."""
        mine = case.publication is not None and case.target is not None and case.publication[1].name == case.target.name
        return case.story.answerer is not Answerer.TARGET and not mine

    def find(self, case: Case) -> Finding | None:
        """Fires when a host with running containers refused a port that none of them publishes and no process has.

        Also when the target does not publish the port and another container, which does, answered.
        """
        if case.story.symptom is Symptom.OTHER_ENDPOINT:
            return self._taken_by_another(case)
        dialled, host = case.dialled, case.dialled_host
        if dialled is None or host is None or host.containers is None or not case.refused_by_host:
            return None
        running = [each for each in host.containers if each.running and not each.host_network]
        publishing = [
            p
            for each in host.containers
            for p in each.published
            if (p.host_port, p.proto) == (dialled[1], case.transport)
        ]
        if not running or publishing or not case.never_listening(Place(host=host.name), *dialled):
            return None
        target = case.target if case.target is not None and case.target.running else None
        if target is not None and _asked_for(target, case):
            return None  # it asked for the port, and the engine did not publish it: another cause
        other = _other_protocol(target, running, dialled[1], case.transport)
        port = case.probe.target_port if case.probe and case.probe.target_port else dialled[1]
        suffix = "" if case.transport == "tcp" else "/udp"
        who = target.name if target else "no container"
        verb = "does not publish" if target else "publishes"
        return Finding(
            code=self.code,
            summary=f"{who} {verb} {case.transport} port {port} on {host.name}{other}: {host.name} itself refuses it",
            where=Where(host=host.name, component=target.name if target else None),
            evidence=(
                f"{case.story.detail} from {host.name}, nothing behind it: {case.frames}",
                f"docker on {host.name}: {_publications(running)}",
                f"no {case.transport} socket of {host.name} has port {dialled[1]}",
            ),
            remedy=(
                f"# recreate {target.name if target else 'the container that should answer'} with -p {dialled[1]}:{port}{suffix}",
            ),
            remedy_host=host.name,
            confidence=Confidence.CERTAIN,
        )

    def _taken_by_another(self, case: Case) -> Finding | None:
        target, publication, probe = case.target, case.publication, case.probe
        if target is None or publication is None or probe is None or not target.running or target.host_network:
            return None
        host, other, published = publication
        mine = [
            each
            for each in target.published
            if (each.container_port, each.proto) == (probe.target_port, case.transport)
        ]
        if other.name == target.name or mine:
            return None
        suffix = "" if case.transport == "tcp" else f"/{case.transport}"
        return Finding(
            code=self.code,
            summary=f"{target.name} does not publish {case.transport} port {probe.target_port}: {other.name}, which publishes {published}, answered",
            where=Where(host=host.name, component=target.name),
            evidence=(
                f"the answer came from {other.name}: {case.frames}",
                f"docker: {other.name} publishes {published}, {target.name} does not publish {probe.target_port}/{case.transport}",
            ),
            remedy=(f"# recreate {target.name} with -p FREEPORT:{probe.target_port}{suffix}",),
            remedy_host=host.name,
        )


def _asked_for(target: Container, case: Case) -> bool:
    """Whether the container was run with ``-p`` for the port meant."""
    port = case.probe.target_port if case.probe else None
    return any((each.container_port, each.proto) == (port, case.transport) for each in target.requested)


def _other_protocol(target: Container | None, running: list[Container], port: int, proto: str) -> str:
    for container in [target] if target else running:
        for each in container.published:
            if each.host_port == port and each.proto != proto:
                return f" ({container.name} publishes {each.proto} port {port})"
    return ""


def _publications(running: list[Container]) -> str:
    found = [f"{each.name} publishes {published}" for each in running for published in each.published]
    return "; ".join(found[:4]) or "no container publishes a port"


class PortClosed(Cause):
    """A plain host refused: nothing listens there.

    What it is: the host's kernel has no socket on that port.
    Why it happens: the service is not started, or has another port.
    Evidence: the RST (UDP: port unreachable) from the dialled address; the host's socket table where it is known.
    Remedy: start it; dial the right port.
    Source: RFC 9293 §3.5.2 (reset generation, group 1); RFC 1122 §4.1.3.1 (UDP port unreachable).
    """

    code = "port-closed"
    symptoms = frozenset({Symptom.REFUSED})

    def possible(self, case: Case) -> bool:
        """Not for a container's port."""
        return case.probe is None or case.probe.target_at is None or case.probe.target_at.container is None

    def find(self, case: Case) -> Finding | None:
        """Fires for a host of the inventory without running containers, whose sockets are known not to have the port."""
        dialled, host = case.dialled, case.dialled_host
        if dialled is None or host is None or not case.refused_by_host or _runs_containers(host):
            return None
        if case.target is not None or not case.never_listening(Place(host=host.name), *dialled):
            return None
        return Finding(
            code=self.code,
            summary=f"{host.name} refused it: nothing listens on {case.transport} port {dialled[1]} there",
            where=Where(host=host.name),
            evidence=(
                f"{case.story.detail} from {host.name}: {case.frames}",
                f"no {case.transport} socket of {host.name} has port {dialled[1]}",
            ),
            remedy=(f"# start the service on {host.name}, or dial the port that it has",),
            remedy_host=host.name,
        )


def _runs_containers(host: Host) -> bool:
    return any(each.running for each in host.containers or ())
