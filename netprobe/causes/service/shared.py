"""Containers in one network namespace (``--network container:X``): left behind by a restart, or after the same port."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.causes.base import NO_SOCKET, Cause
from netprobe.causes.remedies.steps import restarted
from netprobe.causes.routing.routes import NoRoute
from netprobe.causes.service.endpoint import AppNotListening
from netprobe.causes.service.lifetime import AppNotReady
from netprobe.causes.service.loopback import AppBoundLoopback
from netprobe.causes.service.stopped import ContainerStopped
from netprobe.evidence.model import Outcome
from netprobe.model.remedy import advise
from netprobe.model.report import Confidence, Finding, Where
from netprobe.paths.story import Answerer, Symptom
from netprobe.state.engine.compose import recreated
from netprobe.state.engine.model import NOT_RUNNING, ContainerState
from netprobe.state.sharing import holder, owner_restarted, wants
from netprobe.state.sockets import on_port

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.state.engine.model import Container
    from netprobe.state.model import Host


class NetnsOwnerRestarted(Cause):
    """The owner of a shared network namespace was restarted; who had joined it is still in the old one.

    What it is: each start of a container makes a new namespace. A container with ``--network container:X`` joins at its own start,
        and stays where it is: with ``lo`` alone, without X's address, reached by nobody.
    Why it happens: X was restarted, updated or crashed, and nobody restarted its sidecars.
    Evidence: X was started after the sidecar; the answer from X's new namespace, or the sidecar's namespace without an interface.
    Remedy: restart the sidecar.
    Source: docker/for-linux#1299; moby daemon/container_operations.go (getNetworkedContainer, at start); seen in the lab.
    """

    code = "netns-owner-restarted"
    reads = ("ns/*/addr", "containers")
    tells = "ip addr in the container's network namespace: no interface but lo"
    drop_reasons = NO_SOCKET
    symptoms = frozenset({Symptom.REFUSED, Symptom.CLOSED, Symptom.NO_PACKETS, Symptom.OTHER_ENDPOINT})
    needs = ("containers",)
    instead_of = frozenset({AppNotListening, AppNotReady, AppBoundLoopback, NoRoute})

    def find(self, case: Case) -> Finding | None:
        """Fires when the one asked, or the one asking, was started before the owner of its namespace, by the state before and after."""
        asked = self._left(case, case.named, case.target_host)
        if asked is not None and case.story.answerer is Answerer.TARGET:
            what = "answered" if case.story.symptom is Symptom.OTHER_ENDPOINT else "refused it"
            said = f"{asked[1].name}, in its new namespace, {what}: {case.frames}"
            return self._finding(case.target_host, *asked, said)
        missing = self._sidecar(case)
        if missing is not None and case.target is not None:
            said = f"{case.story.detail} from {case.target.name} itself, where nothing listens on the port any more: {case.frames}"
            return self._finding(case.target_host, missing, case.target, said, Confidence.LIKELY)
        host = case.before(case.probe.source_at.host) if case.probe else None
        asking = self._left(case, case.client, host)
        if asking is None:
            return None
        return self._offline(case, host, *asking) or self._local(case, host, *asking)

    @staticmethod
    def _left(case: Case, container: Container | None, host: Host | None) -> tuple[Container, Container] | None:
        """(who was left behind, its owner), where that is so at both moments."""
        after = case.after(host.name) if host is not None else None
        then = after.container(container.name) if after is not None and container is not None else None
        if host is None or after is None or container is None or then is None:
            return None
        owner = owner_restarted(host, container)
        return (container, owner) if owner is not None and owner_restarted(after, then) is not None else None

    def _sidecar(self, case: Case) -> Container | None:
        """Who serves the port by its image, was left behind, and is missed in the owner's new namespace, which refused."""
        probe, owner, host = case.probe, case.target, case.target_host
        if probe is None or owner is None or host is None or probe.target_port is None or probe.target_at is None:
            return None
        if case.story.answerer is not Answerer.TARGET or case.story.symptom is Symptom.OTHER_ENDPOINT:
            return None
        moments = case.sockets(probe.target_at)
        if moments is None or any(on_port(each, probe.target_port, case.transport) for each in moments):
            return None
        others = (each for each in host.containers or () if wants(each, probe.target_port, case.transport))
        left = (self._left(case, each, host) for each in others)
        return next((pair[0] for pair in left if pair is not None and pair[1].name == owner.name), None)

    def _offline(self, case: Case, host: Host | None, container: Container, owner: Container) -> Finding | None:
        """It has no interface but lo, and its kernel refused to send."""
        links = host.namespace(container.name).links if host is not None else None
        probe = case.probe
        if not links or any(not link.loopback for link in links) or probe is None or probe.result is None:
            return None
        if case.story.symptom is not Symptom.NO_PACKETS or probe.result.outcome is not Outcome.UNREACHABLE:
            return None
        said = f"nothing was sent: {probe.result.detail}; {container.name}'s namespace has no interface but lo"
        return self._finding(host, container, owner, said)

    def _local(self, case: Case, host: Host | None, container: Container, owner: Container) -> Finding | None:
        """It dialled its own namespace, where the owner is not any more."""
        if case.intent.source != case.intent.target or case.intent.source is None or case.probe is None:
            return None
        wanted = case.named is not None and case.named.name == owner.name
        if not wanted or case.story.symptom is Symptom.NO_PACKETS:
            return None
        said = f"{owner.name} is not in the namespace that {container.name} asked: {case.frames}"
        return self._finding(host, container, owner, said)

    def _finding(
        self,
        host: Host | None,
        container: Container,
        owner: Container,
        said: str,
        sure: Confidence = Confidence.CERTAIN,
    ) -> Finding:
        name = host.name if host is not None else None
        return Finding(
            code=self.code,
            summary=f"{container.name} is still in the network namespace that {owner.name} had before its restart: nobody reaches it, and it reaches nobody",
            where=Where(host=name, component=container.name),
            evidence=(
                said,
                f"docker: {container.name} (--network container:{owner.name}) was started {_time(container.started)}, {owner.name} again {_time(owner.started)}",
            ),
            remedies=restarted(host, container) if host is not None else (),
            confidence=sure,
        )

    def possible(self, case: Case) -> bool:
        """Only where a container shares the namespace of another that was started later, or that is not known."""
        if case.probe is None or not case.world.before:
            return True
        pairs = (
            (case.target_host, case.named),
            (case.before(case.probe.source_at.host), case.client),
        )
        sides = ((case.target_host, each) for each in (case.target_host.containers or () if case.target_host else ()))
        return any(host and each and owner_restarted(host, each) is not None for host, each in (*pairs, *sides))


def _time(started: str) -> str:
    """RFC 3339 without its fraction's end: ``2026-11-24T10:30:48.910Z``."""
    seconds, dot, fraction = started.rstrip("Z").partition(".")
    return f"{seconds}{dot}{fraction[:3]}Z"


class NetnsPortClash(Cause):
    """Two containers of one network namespace want the same port: the first has it.

    What it is: with ``--network container:X`` both have one set of ports. The second server's bind fails with EADDRINUSE: it ends, or
        goes on without the port, and who asks for it gets the first one's answer.
    Why it happens: two images with the same default port, put into one namespace (a pod, a sidecar).
    Evidence: the answer; the only socket with the port is held by the other container's first process; the second's image exposes that port,
        and it ended with an error or serves no port.
    Remedy: let one of them listen on another port.
    Source: bind(2), EADDRINUSE; Docker documentation, "Container networking" (``container:`` mode); seen in the lab.
    """

    code = "netns-port-clash"
    reads = ("ns/*/sockets", "containers")
    tells = "docker logs: Address already in use"
    symptoms = frozenset({Symptom.OTHER_ENDPOINT})
    needs = ("containers", "ns/*/sockets")
    instead_of = frozenset({ContainerStopped})

    def find(self, case: Case) -> Finding | None:
        """Fires when the named container serves this port by its image, and the socket there is another's at both moments."""
        probe, target = case.probe, case.named
        if probe is None or target is None or not target.netns_of or probe.target_port is None:
            return None
        after = case.later(target)
        found = self._holders(case, target)
        if after is None or found is None or not wants(target, probe.target_port, case.transport):
            return None
        ended = target.state in NOT_RUNNING and after.state in NOT_RUNNING
        failed = target.state is ContainerState.RESTARTING or bool(target.exit_code)
        if ended and not failed:
            return None  # it was stopped, or came to its end: then that is the reason
        if not ended and not (target.running and after.running):
            return None
        first, process = found
        how = f"ended with exit code {target.exit_code}" if ended else "runs, and serves no port"
        port = f"{case.transport} port {probe.target_port}"
        return Finding(
            code=self.code,
            summary=f"{target.name} and {first} share one network namespace, and {first} has {port}: it answered, {target.name} {how}",
            where=Where(host=probe.target_at.host if probe.target_at else None, component=target.name),
            evidence=(
                f"the answer is {first}'s: {case.frames}",
                f"the only socket with {port} there is {first}'s ({process})",
                f"docker: {target.name} is in the namespace of {target.netns_of}, its image exposes {probe.target_port}/{case.transport}; it {how}",
            ),
            remedies=(
                advise(
                    probe.target_at.host,
                    recreated(
                        target,
                        f"with another port than {probe.target_port} in its configuration, or without --network container:{target.netns_of}",
                        "another port in the application's own settings, or no network_mode",
                    ),
                ),
            )
            if probe.target_at
            else (),
            confidence=Confidence.LIKELY if ended else Confidence.CERTAIN,
        )

    @staticmethod
    def _holders(case: Case, target: Container) -> tuple[str, str] | None:
        """(container, process) that holds the port before and after."""
        found = set()
        for hosts in (case.world.before, case.world.after):
            host = hosts.get(case.probe.target_at.host) if case.probe and case.probe.target_at else None
            port = case.probe.target_port if case.probe else None
            held = holder(host, target, port, case.transport) if host is not None and port is not None else None
            if held is None:
                return None
            found.add((held[0].name, f"{held[1].process or 'a process'} pid {held[0].pid}"))
        return found.pop() if len(found) == 1 else None

    def possible(self, case: Case) -> bool:
        """Only for a container that is in another's namespace."""
        return case.may_be_container and (
            not case.world.before or (case.named is not None and bool(case.named.netns_of))
        )
