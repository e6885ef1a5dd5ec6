"""Addresses that were looked up once and are kept."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from netprobe.causes.base import Cause
from netprobe.causes.names.elsewhere import NameAnsweredElsewhere
from netprobe.causes.names.kept import ANSWERED_OTHERWISE, GOOD, asker, nobody, not_reached, who_has
from netprobe.causes.names.unknown import bearers_of
from netprobe.causes.remedies.steps import restarted
from netprobe.causes.routing.routes import LOST
from netprobe.evidence.model import Resolution
from netprobe.model.endpoint import Endpoint
from netprobe.model.remedy import advise
from netprobe.model.report import Confidence, Finding, Where
from netprobe.state.address import covers, same
from netprobe.state.engine.compose import recreated
from netprobe.state.lookup import networks_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netprobe.causes.case import Case
    from netprobe.state.engine.model import Container, Network
    from netprobe.state.model import Host
    from netprobe.state.sockets import Socket

DIALLING = "SYN-SENT"
LONGEST_DIAL_S = 130  # tcp_syn_retries 6: 127 s (Documentation/networking/ip-sysctl.rst)


class DnsClientCache(Cause):
    """A client keeps an address that its name no longer has.

    What it is: an application (or a line in /etc/hosts) goes on with an address that was looked up once; the name has another by now.
    Why it happens: proxies and runtimes look a name up at their start only (nginx without ``resolver``, a JVM's cache), and a
        recreated backend gets another address.
    Evidence: no query; the old address is nobody's (ARP unanswered, or a MAC that is gone) or somebody else's, and the container has
        another; the client's own attempts, begun when it had that already.
    Remedy: look it up again: restart the client, or let it ask 127.0.0.11 each time.
    Source: NginxProxyManager/nginx-proxy-manager#1021; nginx ngx_http_core_module, ``resolver``.
    """

    code = "dns-client-cache"
    reads = ("containers", "ns/*/sockets")
    tells = "the address that the application dials, beside that which the name has now"
    note = True
    explains = LOST | ANSWERED_OTHERWISE
    symptoms = GOOD | explains
    needs = ("containers", "networks")
    instead_of = frozenset({NameAnsweredElsewhere})

    def find(self, case: Case) -> Finding | None:
        """Fires for an address that a process of the source still dials and nobody has, or that the source's hosts file gives and the container has not."""
        here = asker(case)
        if here is None or case.probe is None:
            return None
        return self._by_hosts_file(case, *here) or self._by_socket(case, *here)

    def _by_hosts_file(self, case: Case, host: Host, source: Container) -> Finding | None:
        probe = case.probe
        if probe is None or probe.lookup.how is not Resolution.HOSTS_FILE or not probe.lookup.name or not probe.dialled:
            return None
        old, name = probe.dialled, probe.lookup.name
        bearers = [each for at, each in bearers_of(case, name) or () if at.name == host.name and each.running]
        networks = [net for net in _named_networks(host, source) if any(covers(each, old) for each in net.subnets)]
        if len(bearers) != 1 or len(networks) != 1 or networks[0].name not in bearers[0].networks:
            return None
        if any(same(old, each) for each in bearers[0].addresses):
            return None
        shown = f"{old} answered: {case.frames}" if case.story.good else not_reached(case, old)
        if not shown:
            return None
        now = bearers[0].networks[networks[0].name].address
        asked = f"{name}:{old}" in source.extra_hosts
        option = f"--add-host {name}:{old}" if asked else "that line"
        again = recreated(source, f"without {option}", f"extra_hosts without {name}:{old}")
        return Finding(
            code=self.code,
            summary=f"{name} is {old} in {source.name}'s /etc/hosts; {bearers[0].name} has {now}, and {who_has(host, old)}",
            where=Where(host=host.name, component=source.name),
            evidence=(shown, *probe.lookup.steps, f"docker: {bearers[0].name} has {now}; {who_has(host, old)}"),
            remedies=(advise(host.name, f"{again}: the embedded DNS server knows {name}"),),
        )

    def _by_socket(self, case: Case, host: Host, source: Container) -> Finding | None:
        probe = case.probe
        if probe is None or case.transport != "tcp" or probe.dialled_port is None:
            return None
        for socket, network in self._dialling(case, host, source):
            old, port = socket.peer, socket.peer_port
            literal = same(probe.dialled or "", old) and probe.dialled_port == port and case.story.symptom in LOST
            named = case.story.good and case.target is not None and network.name in case.target.networks
            shown = not_reached(case, old) if literal else ""
            backend = case.target if named else self._serving(host, network, source, port)
            anew = self._anew(case, socket, backend) if backend else ""
            if backend is None or not anew or not (shown if literal else named and probe.target_port == port):
                continue
            return self._finding(host, source, backend, socket, (network, tuple(filter(None, (anew, shown)))))
        return None

    def _finding(
        self, host: Host, source: Container, backend: Container, socket: Socket, where: tuple[Network, tuple[str, ...]]
    ) -> Finding:
        network, shown = where
        now = backend.networks[network.name].address
        process = f"{socket.process} (pid {socket.pid})" if socket.process else "a process"
        old = Endpoint(socket.peer, socket.peer_port)
        return Finding(
            code=self.code,
            summary=f"{process} in {source.name} still dials {old}, an address that it looked up once: nobody has it any more, {backend.name} has {now}",
            where=Where(host=host.name, component=source.name),
            evidence=(
                f"socket of {source.name}: {socket.state} to {old}, {process}",
                *shown,
                f"docker: {backend.name} has {now} on {network.name}; no container has {socket.peer}",
            ),
            remedies=(
                *restarted(host, source),
                advise(host.name, f"or let it look {backend.name} up each time (nginx: resolver 127.0.0.11 valid=10s)"),
            ),
            confidence=Confidence.LIKELY,
        )

    @staticmethod
    def _dialling(case: Case, host: Host, source: Container) -> Iterator[tuple[Socket, Network]]:
        """The connections that the source's own processes try to open to addresses of its networks that nobody has."""
        probe = case.probe
        moments = case.sockets(probe.source_at) if probe else None
        mine = probe.result.local[1] if probe and probe.result.local else None
        for socket in (each for moment in moments or () for each in moment):
            if socket.state != DIALLING or socket.port == mine or not nobody(case, socket.peer):
                continue
            for network in _named_networks(host, source):
                if any(covers(each, socket.peer) for each in network.subnets) and socket.peer not in network.gateways:
                    yield socket, network

    @staticmethod
    def _anew(case: Case, socket: Socket, backend: Container) -> str:
        """What shows that the attempt began when the backend had its address already; ``""`` for nothing: it may be one from before."""
        probe = case.probe
        moments = case.sockets(probe.source_at) if probe else None
        ports = [
            {
                each.port
                for each in moment
                if (each.state, each.peer, each.peer_port) == (DIALLING, socket.peer, socket.peer_port)
            }
            for moment in moments or ()
        ]
        if len(ports) == 2 and ports[1] - ports[0]:
            return f"it tried anew while netprobe looked (from port {min(ports[1] - ports[0])})"
        began, now = _seconds(backend.started), probe.result.started_ns if probe else None
        old = began is not None and now is not None and now // 10**9 - began > LONGEST_DIAL_S
        return f"{backend.name} has run since {backend.started}, longer than any attempt lasts" if old else ""

    @staticmethod
    def _serving(host: Host, network: Network, source: Container, port: int) -> Container | None:
        """The one container of the network that is known to serve this port."""
        found = [
            each
            for each in host.containers or ()
            if each.running and each.id != source.id and network.name in each.networks and (port, "tcp") in each.exposed
        ]
        return found[0] if len(found) == 1 else None

    def possible(self, case: Case) -> bool:
        """Only from a container of a network that has names, and not where the name that was asked for has the dialled address now."""
        here, meant = asker(case), case.named
        if meant is not None and meant.running and case.dialled is not None and case.dialled[0] in meant.addresses:
            return False
        return here is not None and bool(_named_networks(*here))


def _seconds(started: str) -> int | None:
    """RFC 3339 in UTC -> Unix time in s; None for anything else."""
    try:
        return int(datetime.fromisoformat(f"{started[:19]}+00:00").timestamp())
    except ValueError:
        return None


def _named_networks(host: Host, source: Container) -> list[Network]:
    """The source's networks that have names."""
    return [each for _, each in networks_of(host, source) if not each.default_bridge and each.bridge]
