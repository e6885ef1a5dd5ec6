"""Who has the port on the host: nobody, since the engine ignored the publication; a process of the host, on every address or on loopback alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.causes.base import NO_SOCKET, Cause
from netprobe.causes.case import host_ip_covers
from netprobe.causes.proof.publishing import is_alone, left_alone, ports_on_host, unpublishable
from netprobe.causes.remedies.steps import restarted
from netprobe.causes.service.publish import PortNotPublished
from netprobe.evidence.model import Place
from netprobe.forward.model import Barrier
from netprobe.model.endpoint import Endpoint
from netprobe.model.remedy import advise, run
from netprobe.model.report import Finding, Where
from netprobe.paths.story import Answerer, Symptom
from netprobe.state.address import is_loopback
from netprobe.state.engine.compose import listed, recreated
from netprobe.state.sockets import listening, on_port

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.forward.model import Obstacle
    from netprobe.model.remedy import Remedy
    from netprobe.state.engine.model import Container, Published
    from netprobe.state.model import Host
    from netprobe.state.sockets import Socket

# By the first letters of their names (comm has 15): distributions ship docker-proxy-current, RootlessKit rootlesskit-docker-proxy.
DOCKERS = ("docker-proxy", "dockerd", "rootlesskit", "slirp4netns", "pasta", "passt", "vpnkit")


class PublishIgnored(Cause):
    """The container was run with ``-p``, and the engine publishes nothing for it.

    What it is: ports are published by the bridge driver only. On a macvlan, ipvlan, internal or host network, and on none, ``-p`` is accepted and does
        nothing. (With another container's network the engine refuses it: that container publishes.)
    Why it happens: a compose file was moved to another network; the engine warns for ``--network host`` only.
    Evidence: the host's own refusal; HostConfig.PortBindings has the port, NetworkSettings.Ports has not; the container's networks; no socket of the host.
    Remedy: dial the container's own address (host network: the application's own port), or connect a bridge network as well: that publishes. On none
        nothing reaches it: recreate it on a bridge network.
    Source: moby/libnetwork#2050; Docker documentation, "Macvlan network driver", "Host network driver"; seen in the lab.
    """

    code = "publish-ignored"
    reads = ("containers", "networks")
    tells = "docker inspect: the network's driver, and the ports"
    drop_reasons = NO_SOCKET
    barriers = frozenset({Barrier.NOBODY_LISTENS})
    symptoms = frozenset({Symptom.REFUSED})
    needs = ("containers", "networks")
    instead_of = frozenset({PortNotPublished})

    def find(self, case: Case) -> Finding | None:
        """Fires when the host itself refused a port that a running container asked for and its kind of network does not publish."""
        dialled, host = case.dialled, case.dialled_host
        if dialled is None or host is None or not case.refused_by_host:
            return None
        found = self._asked(case, host, dialled[1])
        if found is None or not case.never_listening(Place(host=host.name), *dialled):
            return None
        container, wanted, kind = found
        asked = f"{container.name} was run with -p {wanted.host_port}:{wanted.container_port}"
        why = f"{asked}, which does nothing on {kind}"
        if left_alone(container):
            why = f"{asked}, and is on no network any more (it was disconnected), so that nothing is published for it"
        return Finding(
            code=self.code,
            summary=f"{why}: {host.name} itself refuses it",
            where=Where(host=host.name, component=container.name),
            evidence=(
                f"{case.story.detail} from {host.name}, nothing behind it: {case.frames}",
                f"docker: {container.name} asks for {wanted} (PortBindings), and publishes nothing (Ports)",
                f"no {case.transport} socket of {host.name} has port {dialled[1]}",
            ),
            remedies=_instead(host, container, wanted, dialled[0]),
        )

    def explains_obstacle(self, case: Case, obstacle: Obstacle) -> bool:
        """On the host that was dialled, for a port that a container asked for in vain."""
        return super().explains_obstacle(case, obstacle) and self._unsent(case, obstacle) is not None

    def undo(self, case: Case, obstacle: Obstacle) -> tuple[Remedy, ...]:
        """What is to be dialled, or changed, instead."""
        found, host, dialled = self._unsent(case, obstacle), case.dialled_host, case.dialled
        if found is None or host is None or dialled is None:
            return super().undo(case, obstacle)
        return _instead(host, found[0], found[1], dialled[0])

    def _unsent(self, case: Case, obstacle: Obstacle) -> tuple[Container, Published, str] | None:
        host, dialled = case.dialled_host, case.dialled
        if host is None or dialled is None or obstacle.place != Place(host=host.name):
            return None
        return self._asked(case, host, dialled[1], predicted=True)

    def possible(self, case: Case) -> bool:
        """Only where a running container asked for that port and did not get it, as far as is known."""
        host, dialled = case.dialled_host, case.dialled
        if host is None or host.containers is None or dialled is None:
            return case.probe is None or case.story.answerer is not Answerer.TARGET
        return self._asked(case, host, dialled[1]) is not None

    @staticmethod
    def _asked(
        case: Case, host: Host, port: int, *, predicted: bool = False
    ) -> tuple[Container, Published, str] | None:
        """Who asked for the port in vain, as what, and on which networks; ``predicted``: there is no moment after the probe."""
        after = host if predicted else case.after(host.name)
        mine = [case.target] if case.target is not None else list(host.containers or ())
        for container in mine:
            then = after.container(container.name) if after is not None and container is not None else None
            if container is None or then is None or not (container.running and then.running):
                continue
            wanted = next((p for p in container.requested if (p.host_port, p.proto) == (port, case.transport)), None)
            kind = unpublishable(host, container)
            meant = wanted is not None and host_ip_covers(wanted.host_ip, case.dialled[0] if case.dialled else "")
            if wanted is not None and meant and kind and not container.published and not then.published:
                return container, wanted, kind
        return None


def _instead(host: Host, container: Container, wanted: Published, address: str) -> tuple[Remedy, ...]:
    if container.host_network:
        return (advise(host.name, _port_of_host(host, container, wanted, address)),)
    if is_alone(host, container):
        ports = f"{wanted.host_port}:{wanted.container_port}{'' if wanted.proto == 'tcp' else f'/{wanted.proto}'}"
        again = recreated(
            container,
            f"with -p {ports} on a bridge network instead of none",
            f"ports: {listed(ports)} and no network_mode",
        )
        return (advise(host.name, again),)
    direct = next((each.address for each in container.networks.values() if each.address), "")
    dial = f"or dial {direct}:{wanted.container_port} from its own network" if direct else ""
    default = (host.network(container.network_mode) if left_alone(container) else None) or host.network("bridge")
    joined = (host.engine.remedies.connect(host.name, default, container),) if default is not None else ()
    return (*joined, *((advise(host.name, dial),) if dial else ()))


def _port_of_host(host: Host, container: Container, wanted: Published, address: str) -> str:
    """Which port to dial on the host: the one that was meant, if anybody serves it there, else what the container itself serves."""
    if host.own.sockets is None or listening(host.own.sockets, address, wanted.container_port, wanted.proto):
        return f"dial {Endpoint(address, wanted.container_port)}, the port that {container.name} itself has on the host"
    nobody = f"nothing listens on {wanted.proto} port {wanted.container_port} of {host.name} either"
    ports = ports_on_host(host, container, wanted.proto)
    if ports:
        return f"dial {' or '.join(str(Endpoint(address, each)) for each in ports)}, which {container.name} has on the host: {nobody}"
    logs = f"{host.engine.remedies.program} logs {container.name} says on which port it listens, or why it does not"
    return f"{logs}: {nobody}"


class PortOwnedByHost(Cause):
    """A process of the host has the port that a container publishes.

    What it is: whatever DNAT does not take (and everything, where its rule is gone) comes to that process instead of docker-proxy.
    Why it happens: docker-proxy died and the port was free again; engines from 28 on bind it before DNAT and refuse to start, older ones and
        ``userland-proxy: false`` can be got round.
    Evidence: the socket with the port and its process, which is not docker-proxy; whose answer it was.
    Remedy: free the port, then restart the container: Docker starts its proxy (and sets its rule) again.
    Source: moby#13024; moby libnetwork/portmapper/proxy_linux.go; seen in the lab.
    """

    code = "port-owned-by-host"
    reads = ("sockets",)
    tells = "ss -ltnp on the host: whose socket has the port"
    symptoms = frozenset({Symptom.OK, Symptom.DELIVERED, Symptom.OTHER_ENDPOINT})
    note = True
    explains = frozenset({Symptom.OTHER_ENDPOINT})

    def find(self, case: Case) -> Finding | None:
        """Fires when a running container publishes the dialled port and another process of its host has it, at both moments."""
        if case.publication is None or case.dialled is None:
            return None
        host, container, published = case.publication
        sockets = self._owners(case, host)
        if not sockets or not container.running or container.host_network or host.rootless or not self._from_host(case):
            return None
        owner, occupant = sockets[0], self._container(host, sockets[0])
        who = f"container {occupant.name} (host network)" if occupant else f"{owner.process} (pid {owner.pid})"
        answered = case.story.symptom is Symptom.OTHER_ENDPOINT
        said = "and it answered" if answered else "which answers whatever DNAT does not take"
        return Finding(
            code=self.code,
            summary=f"port {case.dialled[1]} of {host.name}, which {container.name} publishes, belongs to {who}, {said}",
            where=Where(host=host.name, component=owner.process),
            evidence=(
                f"socket of {host.name}: {owner.bound}/{owner.proto}, held by {owner.process} (pid {owner.pid}), not by docker-proxy",
                f"docker: {container.name} publishes {published}",
                *((f"the answer came from {host.name} itself: {case.frames}",) if answered else ()),
            ),
            remedies=(
                self._free(host, owner, occupant),
                *restarted(host, container),
            ),
        )

    @staticmethod
    def _free(host: Host, owner: Socket, occupant: Container | None) -> Remedy:
        """Free the port; whoever is needed has to have another."""
        if occupant is not None:
            ends = f"this ends {occupant.name}, which is to have another port if it is needed"
            return host.engine.remedies.stop(host.name, occupant.name, ends)
        ends = f"this ends {owner.process}, which is to have another port if it is needed; a service comes back at the next reboot: systemctl disable"
        return run(host.name, "kill", str(owner.pid), advice=ends)

    @staticmethod
    def _from_host(case: Case) -> bool:
        """Where the answer is not the target's, it must be the host's own: by the walk before and after, and by what was seen in containers."""
        if case.story.symptom is not Symptom.OTHER_ENDPOINT:
            return True
        host = Place(host=case.dialled_host.name) if case.dialled_host else None
        if any(walk is None or walk.arrives != host for walk in (case.prediction, case.prediction_after)):
            return False
        source = case.intent.source.container if case.intent.source else None
        inside = {each.name for each in case.points if each.container not in (None, source)}
        return case.story.answerer is Answerer.HOST and not any(hop.seen and hop.point in inside for hop in case.hops)

    @staticmethod
    def _owners(case: Case, host: Host) -> list[Socket]:
        """The sockets that take the dialled port at both moments; none where one of them is Docker's, or its process is not known."""
        moments = case.sockets(Place(host=host.name))
        if moments is None or case.dialled is None:
            return []
        taking = [listening(each, *case.dialled, case.transport) for each in moments]
        held = [{each.pid for each in sockets} for sockets in taking]
        if not all(taking) or held[0] != held[1]:
            return []
        strange = all(each.pid and each.process and not each.process.startswith(DOCKERS) for each in taking[0])
        return list(taking[0]) if strange else []

    @staticmethod
    def _container(host: Host, socket: Socket) -> Container | None:
        """The container with the host's network whose first process holds the socket."""
        running = [each for each in host.containers or () if each.running and each.host_network]
        return next((each for each in running if each.pid in socket.pids), None)

    def possible(self, case: Case) -> bool:
        """Only for a port that a container publishes."""
        if case.story.reached is True:
            return False
        return case.dialled_host is None or case.dialled_host.containers is None or case.publication is not None


class HostServiceLoopback(Cause):
    """A service of the host listens on the host's 127.0.0.1 only, and was dialled by another address.

    What it is: ``host.docker.internal`` and the host's name lead to the bridge's gateway or the LAN address; the socket takes loopback alone.
    Why it happens: databases and development servers bind 127.0.0.1 by default.
    Evidence: the refusal from the host itself; its only sockets with that port are bound to loopback, before and after; no container publishes it.
    Remedy: let the service listen on the dialled address as well.
    Source: docker/for-linux#1365; RFC 9293 §3.5.2 (reset generation, group 1); seen in the lab.
    """

    code = "host-service-loopback"
    reads = ("sockets",)
    tells = "ss -ltn on the host: the address that it listens on"
    drop_reasons = NO_SOCKET
    symptoms = frozenset({Symptom.REFUSED})

    def find(self, case: Case) -> Finding | None:
        """Fires when the host itself refused, and every socket with the port is a process's own on loopback, at both moments."""
        dialled, host = case.dialled, case.dialled_host
        if dialled is None or host is None or is_loopback(dialled[0]) or not case.refused_by_host:
            return None
        if case.target is not None or self._published(host, dialled[1], case.transport) is not False:
            return None
        found = self._sockets(case, host, dialled[1])
        if not found:
            return None
        socket = found[0]
        owner = f"{socket.process} (pid {socket.pid})" if socket.process else "a process"
        bound = socket.bound
        device = next(
            (link.name for link in host.own.links or () if dialled[0] in {a.address for a in link.addresses}), ""
        )
        return Finding(
            code=self.code,
            summary=f"{host.name} refused it: {owner} has {case.transport} port {dialled[1]} there, on {socket.local} only",
            where=Where(host=host.name, component=socket.process or None),
            evidence=(
                f"{case.story.detail} from {host.name}, nothing behind it: {case.frames}",
                f"socket of {host.name}: {bound}, no other has {case.transport} port {dialled[1]}",
            ),
            remedies=(
                advise(
                    host.name,
                    f"let {owner} listen on {Endpoint(*dialled)}{f' ({device})' if device else ''} as well as on {bound}",
                ),
            ),
        )

    @staticmethod
    def _sockets(case: Case, host: Host, port: int) -> list[Socket]:
        moments = case.sockets(Place(host=host.name))
        found = [on_port(each, port, case.transport) for each in moments or ()]
        if not found or not all(found):
            return []
        alone = all(each.loopback and not each.process.startswith(DOCKERS) for sockets in found for each in sockets)
        return found[-1] if alone else []

    @staticmethod
    def _published(host: Host, port: int, proto: str) -> bool | None:
        """Whether a container publishes, or asked for, that port; None unknown. A host without an engine publishes nothing."""
        output = host.outputs.outputs.get("containers")
        if host.containers is None:
            return False if output is None and host.outputs.outputs else None
        every = (p for each in host.containers for p in (*each.published, *each.requested))
        return any((each.host_port, each.proto) == (port, proto) for each in every)

    def possible(self, case: Case) -> bool:
        """Only where the host has no socket with that port, or one on loopback, and the target is no container of its own namespace."""
        host, dialled = case.dialled_host, case.dialled
        if case.target is not None or (dialled is not None and is_loopback(dialled[0])):
            return False
        if host is None or dialled is None or host.own.sockets is None:
            return True
        return any(each.loopback for each in on_port(host.own.sockets, dialled[1], case.transport))
