"""Published ports: what the target's host does, or does not, hand on; and a plain host's own ports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.causes.base import NO_SOCKET, Cause
from netprobe.causes.proof.publishing import published_again, unpublishable
from netprobe.evidence.model import Place
from netprobe.forward.model import Barrier
from netprobe.model.endpoint import Endpoint
from netprobe.model.hop import Direction
from netprobe.model.remedy import advise
from netprobe.model.report import Finding, Where
from netprobe.paths.story import Answerer, Symptom
from netprobe.state.address import is_any, is_loopback
from netprobe.state.engine.compose import recreated
from netprobe.state.sockets import on_port, served

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.forward.model import Obstacle
    from netprobe.state.engine.model import Container, Published
    from netprobe.state.model import Host

_ENGINES_OWN = frozenset({"docker-proxy", "dockerd"})


class PublishLoopbackOnly(Cause):
    """The port is published on 127.0.0.1 only, and was dialled from elsewhere.

    What it is: ``-p 127.0.0.1:80:80`` makes docker-proxy and DNAT take the loopback address alone; at another address the host refuses, or a process of its own answers.
    Why it happens: a safe default in many compose files.
    Evidence: the host's own refusal, nothing behind it, and the publication's host address.
    Remedy: publish on 0.0.0.0 (or that host address).
    Source: Docker documentation, "Port publishing and mapping".
    """

    code = "publish-loopback-only"
    reads = ("containers", "sockets")
    tells = "docker ps: the address that the port is published on"
    drop_reasons = NO_SOCKET
    symptoms = frozenset({Symptom.REFUSED, Symptom.SILENCE, Symptom.OTHER_ENDPOINT})

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
        if case.story.symptom is Symptom.OTHER_ENDPOINT:
            return self._taken(case, host, *found[0])
        if not case.never_listening(Place(host=host.name), *dialled):
            return None
        container, published = found[0]
        return Finding(
            code=self.code,
            summary=f"{container.name}'s port is published on {published.at} only: {host.name} itself refuses others",
            where=Where(host=host.name, component=container.name),
            evidence=(
                f"{case.story.detail or 'no answer'} from {host.name}, nothing behind it: {case.frames}",
                f"docker: {container.name} publishes {published}",
            ),
            remedies=(
                advise(
                    host.name,
                    published_again(container, f"{published.host_port}:{published.container_port}{_suffix(published)}"),
                ),
            ),
        )

    def _taken(self, case: Case, host: Host, container: Container, published: Published) -> Finding | None:
        """A process of the host's own has the port at the address that was dialled, and answered."""
        dialled = case.dialled
        found = case.listeners(Place(host=host.name), *dialled) if dialled is not None else None
        owners = {each.process for each in found or ()}
        asked = case.target is not None and case.target.name == container.name
        if not asked or not found or dialled is None or "" in owners or owners & _ENGINES_OWN:
            return None
        who, at = ", ".join(sorted(owners)), Endpoint(*dialled)
        return Finding(
            code=self.code,
            summary=f"{container.name}'s port is published on {published.at} only: {at} is {host.name}'s own {who}, which answered",
            where=Where(host=host.name, component=container.name),
            evidence=(
                f"the answer came from {host.name} itself: {case.frames}",
                f"docker: {container.name} publishes {published}; socket of {host.name}: {found[0].bound} ({who})",
            ),
            remedies=(
                advise(
                    host.name,
                    f"give it another port of {host.name} in place of OTHER: {published_again(container, f'OTHER:{published.container_port}{_suffix(published)}')}",
                ),
            ),
        )

    def possible(self, case: Case) -> bool:
        """Only where some container publishes that port on loopback, as far as is known."""
        if (case.probe is not None and case.dialled_host is None) or case.reply_lost:
            return False  # whoever was dialled answered
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
    """The container runs, and nobody publishes that port on its host, or not at the dialled address.

    What it is: without ``-p`` (or with the other protocol, or for the other IP version) there is neither a DNAT rule nor a docker-proxy: the
        host refuses.
    Why it happens: EXPOSE publishes nothing; ``-p 80:80`` is TCP only; ``-p 0.0.0.0:80:80`` is IPv4 only, and ``localhost`` is ``::1`` first.
    Evidence: the host's own RST (UDP: port unreachable), no publication of that port at that address, no socket of the host.
    Remedy: recreate with ``-p`` (``-p '[::]:80:80'`` for IPv6).
    Source: Docker documentation, "Port publishing and mapping".
    """

    code = "port-not-published"
    reads = ("containers", "sockets")
    tells = "docker ps: the ports that are published"
    drop_reasons = NO_SOCKET
    symptoms = frozenset({Symptom.REFUSED, Symptom.OTHER_ENDPOINT})

    def possible(self, case: Case) -> bool:
        """Not where the target itself answered, nor when it is known to publish the port."""
        mine = case.publication is not None and case.target is not None and case.publication[1].name == case.target.name
        asked = case.target is not None and _asked_for(case.target, case) and not _elsewhere(case)
        return case.story.answerer is not Answerer.TARGET and not mine and not asked

    def find(self, case: Case) -> Finding | None:
        """Fires when a host with running containers refused a port that none of them publishes and no process has.

        Also when it is published at other addresses alone (of the other IP version, mostly), and when the target does not publish
        the port and another container, which does, answered.
        """
        if case.story.symptom is Symptom.OTHER_ENDPOINT:
            return self._taken_by_another(case)
        dialled, host = case.dialled, case.dialled_host
        if dialled is None or host is None or host.containers is None or not case.refused_by_host:
            return None
        if not case.never_listening(Place(host=host.name), *dialled):
            return None
        elsewhere = _elsewhere(case)
        if elsewhere:
            return self._at_other_addresses(case, host, elsewhere)
        if host.networks is None and case.target is not None:
            return None  # on a network for which the engine ignores -p?
        running = [each for each in host.containers if each.running and not each.host_network]
        if not running or _publishes(host, dialled[1], case.transport):
            return None
        target = case.target if case.target is not None and case.target.running else None
        if target is not None and _asked_for(target, case):
            return None  # it asked for the port, and the engine did not publish it: another cause
        other = _other_protocol(target, running, dialled[1], case.transport)
        port = case.probe.target_port if case.probe and case.probe.target_port else dialled[1]
        ports = f"{dialled[1]}:{port}{'' if case.transport == 'tcp' else '/udp'}"
        who = target.name if target else "no container"
        verb = "does not publish" if target else "publishes"
        beside = f" ({other[0].name} publishes {other[1].proto} port {dialled[1]})" if other else ""
        return Finding(
            code=self.code,
            summary=f"{who} {verb} {case.transport} port {port} on {host.name}{beside}: {host.name} itself refuses it",
            where=Where(host=host.name, component=target.name if target else None),
            evidence=(
                f"{case.story.detail} from {host.name}, nothing behind it: {case.frames}",
                f"docker on {host.name}: {_publications(running)}",
                f"no {case.transport} socket of {host.name} has port {dialled[1]}",
            ),
            remedies=(
                advise(
                    host.name,
                    _both(case, other)
                    if other is not None and target is None
                    else _served(case, host, target, port) or _publish(case, host, target, ports),
                ),
            ),
        )

    def _at_other_addresses(self, case: Case, host: Host, found: tuple[tuple[Container, Published], ...]) -> Finding:
        address, port = case.dialled or ("", 0)
        container = found[0][0]
        mine = [each for owner, each in found if owner.name == container.name]
        dialled = Endpoint(address, port)
        four = {":" not in each.host_ip for each in mine}
        version = "IPv4" if four == {True} else "IPv6"
        other = len(four) == 1 and four != {":" not in address}
        where = ", ".join(str(each.at) for each in mine[:3])
        only = f"on {version} only ({where})" if other else f"at {where} only"
        return Finding(
            code=self.code,
            summary=f"{container.name}'s port {mine[0].container_port}/{mine[0].proto} is published {only}, and {dialled} was dialled: {host.name} itself refuses it",
            where=Where(host=host.name, component=container.name),
            evidence=(
                f"{case.story.detail} from {host.name}, nothing behind it: {case.frames}",
                f"docker: {'; '.join(f'{container.name} publishes {each}' for each in mine[:3])}",
                f"no {case.transport} socket of {host.name} takes {dialled}",
            ),
            remedies=(advise(host.name, _recreate(container, mine, address)),),
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
            remedies=(advise(host.name, published_again(target, f"FREEPORT:{probe.target_port}{suffix}")),),
        )


def _served(case: Case, host: Host, target: Container | None, port: int) -> str:
    """What to do where the target is known to have nothing on the port that was asked for: to publish that leads to nobody. ``""`` where it may have."""
    at = case.probe.target_at if case.probe is not None else None
    moments = case.sockets(at) if at is not None and at.container is not None else None
    if target is None or moments is None or any(on_port(each, port, case.transport) for each in moments):
        return ""
    nothing = f"nothing in {target.name} listens on {case.transport} port {port}"
    suffix = "" if case.transport == "tcp" else "/udp"
    others = served(moments[-1], case.transport)
    for each in target.published:
        if each.proto == case.transport and each.container_port in others and not is_loopback(each.host_ip):
            return f"ask {target.name}:{each.container_port}{suffix}, which it has and publishes: {nothing}"
    has = others[0] if others else port
    again = _publish(case, host, target, f"{has}:{has}{suffix}")
    if others:
        return f"{nothing}: {again}, and ask {target.name}:{has}{suffix}"
    return f"{nothing}: start the application there, and {again}"


def _publish(case: Case, host: Host, target: Container | None, ports: str) -> str:
    """Who is to be run again with ``-p``, and on what: not every kind of network publishes, and a namespace that is shared is its owner's to publish."""
    if target is None:
        return f"recreate the container that should answer with -p {ports}"
    kind, sharer, again = unpublishable(host, target), case.named, published_again(target, ports)
    if kind:
        return f"{again} on a bridge network: on {kind} -p does nothing"
    if sharer is not None and sharer.netns_of:
        then = recreated(sharer, "again", "nothing to change")
        return f"{again}, whose network {sharer.name} shares (no -p is allowed for {sharer.name}), then {then}"
    return again


def _elsewhere(case: Case) -> tuple[tuple[Container, Published], ...]:
    """The running containers (the target, if it is known) that publish the dialled port, where none does at the dialled address."""
    dialled, host = case.dialled, case.dialled_host
    if dialled is None or host is None or case.publication is not None:
        return ()
    return tuple(
        (container, each)
        for container in host.containers or ()
        if container.running and (case.target is None or container.name == case.target.name)
        for each in container.published
        if (each.host_port, each.proto) == (dialled[1], case.transport)
    )


def _recreate(container: Container, published: list[Published], dialled: str) -> str:
    """With what it has, and the dialled address besides: any of its version, where that is how it was published."""
    added = dialled
    if all(is_any(each.host_ip) for each in published):
        added = "::" if ":" in dialled else "0.0.0.0"  # noqa: S104 - an argument of docker run
    addresses = [*(each.host_ip for each in published), added]
    first = published[0]
    ports = (f"{Endpoint(each, first.host_port)}:{first.container_port}{_suffix(first)}" for each in addresses)
    return f"{published_again(container, *ports)}; or dial {_instead(first, dialled)}"


def _instead(published: Published, dialled: str) -> str:
    """Where it is published, in the form in which it was dialled."""
    six = ":" in published.host_ip
    if not is_any(published.host_ip):
        return str(published.at)
    if is_loopback(dialled):
        return str(Endpoint("::1" if six else "127.0.0.1", published.host_port))
    return f"port {published.host_port} at the host's {'IPv6' if six else 'IPv4'} address"


def _asked_for(target: Container, case: Case) -> bool:
    """Whether the container was run with ``-p`` for the port meant."""
    port = case.probe.target_port if case.probe else None
    return any((each.container_port, each.proto) == (port, case.transport) for each in target.requested)


def _other_protocol(
    target: Container | None, running: list[Container], port: int, proto: str
) -> tuple[Container, Published] | None:
    """Who publishes that port for the other protocol only."""
    owners = [target] if target else running
    return next(
        ((box, each) for box in owners for each in box.published if each.host_port == port and each.proto != proto),
        None,
    )


def _both(case: Case, found: tuple[Container, Published]) -> str:
    """What to do where nothing but the protocol differs, and no container was named."""
    owner, published = found
    suffix = "" if case.transport == "tcp" else f"/{case.transport}"
    again = published_again(owner, f"{published.host_port}:{published.container_port}{suffix}")
    return f"if {owner.name} is meant, ask port {published.host_port}/{published.proto}; or, if it speaks {case.transport} there too, {again}, beside what it has"


def _publishes(host: Host, port: int, proto: str) -> bool:
    """Whether any container of a host publishes that host port."""
    found = (each for container in host.containers or () for each in container.published)
    return any((each.host_port, each.proto) == (port, proto) for each in found)


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
    reads = ("sockets",)
    tells = "ss -ltn on the host"
    barriers = frozenset({Barrier.NOBODY_LISTENS})
    drop_reasons = NO_SOCKET
    symptoms = frozenset({Symptom.REFUSED})

    def explains_obstacle(self, case: Case, obstacle: Obstacle) -> bool:
        """On a host: in a container the application does not listen."""
        return obstacle.place.container is None and super().explains_obstacle(case, obstacle)

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
        if any(
            change.field == "dst" for hop in case.hops if hop.direction is Direction.REQUEST for change in hop.changes
        ):
            return None  # it was led elsewhere, and whoever it came to refused it
        return Finding(
            code=self.code,
            summary=f"{host.name} refused it: nothing listens on {case.transport} port {dialled[1]} there",
            where=Where(host=host.name),
            evidence=(
                f"{case.story.detail} from {host.name}: {case.frames}",
                f"no {case.transport} socket of {host.name} has port {dialled[1]}",
            ),
            remedies=(advise(host.name, f"start the service on {host.name}, or dial the port that it has"),),
        )


def _runs_containers(host: Host) -> bool:
    """Whether containers run there; an engine whose containers could not be read may run some."""
    if host.containers is None and host.engine_version is not None:
        return True
    return any(each.running for each in host.containers or ())
