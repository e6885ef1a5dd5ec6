"""The host's own way to its containers: docker-proxy and what stands in for it."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from netprobe.causes.base import NO_SOCKET, Cause
from netprobe.causes.remedies.steps import restarted
from netprobe.evidence.model import Place
from netprobe.forward.model import Barrier
from netprobe.model.hop import Direction
from netprobe.model.remedy import advise
from netprobe.model.report import Confidence, Finding, PathCode, Where
from netprobe.paths.story import Answerer, Symptom
from netprobe.state.address import is_loopback
from netprobe.state.sockets import listening

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.forward.model import Obstacle
    from netprobe.model.remedy import Remedy
    from netprobe.state.engine.model import Container, Published
    from netprobe.state.iptables import Rule
    from netprobe.state.model import Host
    from netprobe.state.nft import NftRule

    _LostProxy = tuple[Host, Container, Published, tuple[Rule | NftRule, ...]]


def _lost_proxy(case: Case) -> _LostProxy | None:
    """A running container's publication that should answer and has no docker-proxy, with its DNAT rules (none, where the engine writes none)."""
    if case.publication is None or case.dialled is None:
        return None
    host, container, published = case.publication
    if (
        not container.running
        or container.host_network
        or host.engine.lacks_userland_proxy(host.ruleset)
        or host.rootless
    ):
        return None
    proxies = case.proxies(host, published)
    rules = case.dnat_rules(host, published, container)
    by_proxy_alone = case.translated(host, container) is False
    if proxies is None or proxies or (rules is None and not by_proxy_alone):
        return None
    return (
        (host, container, published, rules or ())
        if case.never_listening(Place(host=host.name), *case.dialled)
        else None
    )


class _Lost(Cause):
    """The host itself refused a published port: what carries it there is gone."""

    drop_reasons = NO_SOCKET
    symptoms = frozenset({Symptom.REFUSED})
    barriers = frozenset({Barrier.NOBODY_LISTENS})

    def explains_obstacle(self, case: Case, obstacle: Obstacle) -> bool:
        """Nobody listens on the host for a published port, though a running container is behind it."""
        lost = _lost_proxy(case) if super().explains_obstacle(case, obstacle) else None
        return lost is not None and obstacle.place == Place(host=lost[0].name) and self.is_it(case, lost)

    @abstractmethod
    def is_it(self, case: Case, lost: _LostProxy) -> bool:
        """Which of the two it is: whether DNAT is in place."""

    def undo(self, case: Case, obstacle: Obstacle) -> tuple[Remedy, ...]:
        """The engine makes it again."""
        lost = _lost_proxy(case)
        return restarted(*lost[:2]) if lost is not None else super().undo(case, obstacle)

    def possible(self, case: Case) -> bool:
        """Not where the target itself answered, nor where nobody publishes the port."""
        if case.story.answerer is Answerer.TARGET:
            return False
        return (
            case.probe is None
            or case.dialled_host is None
            or case.dialled_host.containers is None
            or case.publication is not None
        )


class ProxyDead(_Lost):
    """docker-proxy of a published port is gone; only what DNAT takes still works.

    What it is: connections from the host to 127.0.0.1 and from containers to the host's address are not taken by the DNAT rule: docker-proxy has to.
        So has it for IPv6 where Docker writes no ip6tables rules (before Engine 27), or the container has no IPv6 address.
    Why it happens: the process was killed (OOM killer, by hand) while the container goes on.
    Evidence: the host's own refusal, the DNAT rule in place, and no docker-proxy with that port among the processes and sockets.
    Remedy: restart the container: Docker starts the proxy again.
    Source: moby#27880; seen in the lab (docker-proxy killed).
    """

    code = "proxy-dead"
    reads = ("proxies", "sockets")
    tells = "ps on the host: docker-proxy of the port"

    def is_it(self, case: Case, lost: _LostProxy) -> bool:
        """DNAT is in place, or the engine writes none."""
        return bool(lost[3]) or case.translated(lost[0], lost[1]) is False

    def find(self, case: Case) -> Finding | None:
        """Fires when a published port was refused by its host, DNAT is in place, and the proxy is not."""
        lost = _lost_proxy(case) if case.refused_by_host else None
        if lost is None or case.dialled is None or not self.is_it(case, lost):
            return None
        host, container, published, rules = lost
        alone = case.translated(host, container) is False
        loopback = "connections to ::1" if case.is_v6 else "connections to 127.0.0.0/8"
        why = loopback if is_loopback(case.dialled[0]) else "connections from a container's bridge"
        why = "IPv6 connections to it" if alone else why
        missing = (
            "no ip6tables rules of Docker's"
            if any(":" in each for each in container.addresses)
            else "no IPv6 address of the container"
        )
        return Finding(
            code=self.code,
            summary=f"docker-proxy of {container.name}'s port {published.host_port} is not running, and {why} are not DNATed",
            where=Where(host=host.name, component="docker-proxy"),
            evidence=(
                f"{case.story.detail} from {host.name} itself, nothing behind it: {case.frames}",
                f"no docker-proxy process or socket for {published}",
                f"the DNAT rule is there: {rules[0].ref.shown}" if rules else f"nothing else carries IPv6: {missing}",
            ),
            remedies=restarted(host, container),
        )


class ProxyAndDnatDead(_Lost):
    """A published port has neither docker-proxy nor a DNAT rule.

    What it is: the container runs and its port is published, and nothing on the host carries it.
    Why it happens: the proxy died and the nat table was flushed.
    Evidence: the host's own refusal, no DNAT rule, no docker-proxy.
    Remedy: restart the container: Docker makes both again.
    Source: RFC 9293 §3.5.2 (reset generation, group 1: no socket has the port); moby cmd/docker-proxy/main_linux.go; seen in the lab.
    """

    code = "proxy-and-dnat-dead"
    reads = ("proxies", "iptables", "sockets")
    tells = "iptables-save -t nat and ps on the host: the DNAT rule and docker-proxy of the port"

    def is_it(self, case: Case, lost: _LostProxy) -> bool:
        """Neither is there."""
        return not lost[3] and case.translated(lost[0], lost[1]) is not False

    def find(self, case: Case) -> Finding | None:
        """Fires when a published port was refused by its host and both ways are gone."""
        lost = _lost_proxy(case) if case.refused_by_host else None
        if lost is None or not self.is_it(case, lost):
            return None
        host, container, published, _ = lost
        return Finding(
            code=self.code,
            summary=f"{container.name}'s port {published.host_port} is published, but {host.name} has neither its DNAT rule nor its docker-proxy",
            where=Where(
                host=host.name,
                component=f"docker-proxy, {host.engine.dnat_place(nftables=host.in_nftables, six=case.is_v6)}",
            ),
            evidence=(
                f"{case.story.detail} from {host.name} itself, nothing behind it: {case.frames}",
                f"no docker-proxy process or socket for {published}",
                f"no DNAT rule leads to {published.container_port}/{published.proto} of {container.name}",
            ),
            remedies=restarted(host, container),
        )


class RootlessPath(Cause):
    """The engine is rootless: published ports are carried by RootlessKit, and containers see the bridge's gateway as every client.

    What it is: a process of the user listens on the host and hands on into RootlessKit's own network namespace, where docker-proxy (or DNAT)
        takes over. The gateway that a container sees is in there: it is not the host, and the host's own services are not behind it.
    Why it happens: ``dockerd-rootless``, with RootlessKit's port driver ``builtin`` (the default).
    Evidence: ``name=rootless`` among the engine's security options; the two connections, the inner one from the gateway.
    Remedy: RootlessKit 3 (Engine 29.5) with ``"userland-proxy": false``, for TCP; or the port driver slirp4netns, which is slower.
    Source: moby#41789, moby#41904; rootlesskit docs/port.md; Docker documentation, "Rootless mode". The example is built by hand from that documentation.
    """

    code = "rootless-path"
    tells = "docker info: Security Options"
    symptoms = frozenset({Symptom.OK, Symptom.DELIVERED})
    note = True

    def find(self, case: Case) -> Finding | None:
        """Fires when a connection to a container of a rootless engine was proxied."""
        host, target = case.target_host, case.target
        if host is None or target is None or not host.rootless or case.way.path is not PathCode.DOCKER_PROXY:
            return None
        seen = self._source(case)
        if not seen:
            return None
        sockets = listening(host.own.sockets or (), *case.dialled, case.transport) if case.dialled else ()
        owner = next((f"{each.process} (pid {each.pid})" for each in sockets if each.process), "RootlessKit")
        return Finding(
            code=self.code,
            summary=f"{host.name}'s engine is rootless: {owner} hands it on, and {target.name} sees {seen} as the client",
            where=Where(host=host.name, component=owner.partition(" ")[0]),
            evidence=(
                "docker info: SecurityOptions has name=rootless",
                f"the connection that {target.name} sees comes from {seen}; that gateway is RootlessKit's, not {host.name}",
            ),
            remedies=(
                advise(
                    host.name,
                    'RootlessKit 3 (Engine 29.5 and later): "userland-proxy": false in ~/.config/docker/daemon.json, then systemctl --user restart docker (TCP only)',
                ),
                advise(
                    host.name,
                    "or DOCKERD_ROOTLESS_ROOTLESSKIT_PORT_DRIVER=slirp4netns in the environment of the user's docker.service: slower, keeps the client's address",
                ),
            ),
            confidence=Confidence.LIKELY,
        )

    @staticmethod
    def _source(case: Case) -> str:
        """The client's address as the target sees it; ``""`` unless that is a gateway of its own."""
        inside = {each.name for each in case.points if each.place == case.intent.target}
        hops = (
            hop
            for hop in case.hops
            if hop.seen and hop.packet and hop.point in inside and hop.direction is Direction.REQUEST
        )
        sources = [hop.packet.src.address for hop in hops if hop.packet]
        gateways = {each.gateway for each in case.target.networks.values()} if case.target else set()
        return sources[0] if sources and sources[0] in gateways else ""
