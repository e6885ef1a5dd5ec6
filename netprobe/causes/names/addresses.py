"""Addresses that an application keeps, or never got: link variables, names looked up once, names that several containers share."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from netprobe.causes.base import NO_SOCKET, Cause
from netprobe.causes.names.unknown import bearers_of
from netprobe.causes.proof.obstacle import asked_times, frames_at, unanswered
from netprobe.causes.routing.routes import LOST
from netprobe.causes.service.endpoint import AppNotListening
from netprobe.causes.service.publish import PortClosed
from netprobe.evidence.model import Outcome, Resolution
from netprobe.model.endpoint import Endpoint
from netprobe.model.remedy import advise
from netprobe.model.report import Confidence, Direction, Finding, Where
from netprobe.paths.observe import Symptom
from netprobe.state.address import covers, same
from netprobe.state.lookup import container_with, networks_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netprobe.causes.case import Case
    from netprobe.model.remedy import Remedy
    from netprobe.state.engine.model import Container, Network
    from netprobe.state.model import Host
    from netprobe.state.sockets import Socket

GOOD = frozenset({Symptom.OK, Symptom.DELIVERED})
ANSWERED_OTHERWISE = frozenset({Symptom.REFUSED, Symptom.CLOSED, Symptom.NO_RESPONSE})
DIALLING = "SYN-SENT"
NOBODY_THERE = frozenset({"FAILED", "INCOMPLETE"})
LONGEST_DIAL_S = 130  # tcp_syn_retries 6: 127 s (Documentation/networking/ip-sysctl.rst)
_ADDR = re.compile(r"(?P<alias>.+)_PORT_(?P<port>\d+)_(?P<proto>TCP|UDP)_ADDR")


def _here(case: Case) -> tuple[Host, Container] | None:
    """The source container and its host, before the probe."""
    host = case.before(case.probe.source_at.host) if case.probe else None
    return (host, case.source_container) if host and case.source_container else None


def _linked(host: Host, source: Container) -> Iterator[tuple[Container, str]]:
    """The containers that a container was linked to, with their aliases."""
    for other, alias in source.links:
        found = host.container(other)
        if found is not None:
            yield found, alias


def _upper(alias: str) -> str:
    return alias.upper().replace("-", "_")


def _about(case: Case, host: Host, other: Container) -> bool:
    """Whether the question is about this container."""
    target, there = case.target, case.target_host
    return target is not None and there is not None and there.name == host.name and target.id == other.id


def _whose(host: Host, address: str) -> str:
    found = container_with(host, address)
    return f"{found[0].name} has {address} now" if found else f"no container has {address} now"


def _nobody(case: Case, address: str) -> bool:
    """Whether no container of the source's host has the address, at both moments."""
    place = case.probe.source_at if case.probe else None
    hosts = [case.before(place.host), case.after(place.host)] if place else []
    known = [host for host in hosts if host is not None and host.containers is not None]
    return len(known) == 2 and all(container_with(host, address) is None for host in known)


def _not_reached(case: Case, address: str) -> str:
    """Why an address that was dialled got no answer, as evidence: somebody else's answer, ARP without one, or frames to a MAC that nobody has.

    ``""`` when none of it is shown.
    """
    if case.story.symptom in ANSWERED_OTHERWISE:
        return f"{address} answered: {case.story.detail}, {case.frames}"
    told = case.probe is not None and case.probe.result.outcome in {Outcome.UNREACHABLE, Outcome.TIMEOUT}
    if not told or not _nobody(case, address):
        return ""
    asked = unanswered(case, address)
    if asked is not None:
        return asked_times(asked)
    return _to_no_mac(case, address) or _unresolved(case, address)


def _unresolved(case: Case, address: str) -> str:
    """The kernel asked before (others dial it too) and sent nothing for the probe: EHOSTUNREACH, and a neighbour entry that failed."""
    here, probe = _here(case), case.probe
    if here is None or probe is None or case.story.symptom is not Symptom.NO_PACKETS:
        return ""
    hosts = (here[0], case.after(here[0].name))
    tables = [host.namespace(here[1].name).neighbours or () for host in hosts if host]
    states = [each.state for table in tables for each in table if same(each.address, address)]
    if probe.result.outcome is not Outcome.UNREACHABLE or not states or not set(states) <= NOBODY_THERE:
        return ""
    return f"the prober got {probe.result.detail}, and ip neigh of {here[1].name} has {address} {states[-1]}: nobody answers ARP there"


def _to_no_mac(case: Case, address: str) -> str:
    """Frames that left the source for a MAC that no container and no interface of its host has: a neighbour entry of one that is gone."""
    here = _here(case)
    sent = [hop for hop in case.hops if hop.seen and hop.packet and hop.direction is Direction.REQUEST]
    if here is None or not sent or case.story.symptom is not Symptom.SILENCE:
        return ""
    host, source = here
    first = sent[0].packet
    mac = first.dst_mac if first else None
    entries = host.namespace(source.name).neighbours or ()
    ends = [each.mac for container in host.containers or () for each in container.networks.values()]
    links = [link.mac for link in host.own.links or ()]
    known = any(each.mac == mac and same(each.address, address) for each in entries)
    if not first or not mac or not known or mac in (*ends, *links):
        return ""
    return f"{source.name} sent to {mac}, the MAC that it once learnt for {address}; nobody has it: {frames_at(case, sent[0].point)}"


class LinkEnvStale(Cause):
    """A linked container's variables name an address that the other container no longer has.

    What it is: ``--link`` wrote the address into environment variables when the client started; /etc/hosts is rewritten when the other
        container comes back with another address, a running process's environment is not.
    Why it happens: the other container was stopped, and another one took its address before it started again.
    Evidence: the variable, the address that the name has now, and who has the old one; where the old one was dialled: who answered.
    Remedy: use the name; restart the client, so that the engine computes its variables again.
    Source: moby#9891; moby daemon/links.go, daemon/container_operations_unix.go (setupLinkedContainers).
    """

    code = "link-env-stale"
    drop_reasons = NO_SOCKET
    note = True
    explains = LOST | ANSWERED_OTHERWISE
    symptoms = GOOD | explains
    needs = ("containers",)
    instead_of = frozenset({AppNotListening, PortClosed})

    def find(self, case: Case) -> Finding | None:
        """Fires when such a variable differs from every address of the running container, and the question is about either."""
        here, probe = _here(case), case.probe
        if here is None or probe is None:
            return None
        host, source = here
        after = case.after(host.name)
        for other, alias in _linked(host, source):
            later = after.container(other.name) if after else None
            old, name = self._stale(source, other, alias, probe.dialled_port)
            if not old or later is None or later.addresses != other.addresses:
                continue
            dialled = same(probe.dialled or "", old)
            if case.story.good and (dialled or _about(case, host, other)):
                return self._finding(host, source, other, (name, old), "", Confidence.CERTAIN)
            shown = _not_reached(case, old) if dialled and not case.story.good else ""
            if shown:
                alone = Confidence.CERTAIN if container_with(host, old) is None else Confidence.LIKELY
                return self._finding(host, source, other, (name, old), shown, alone)
        return None

    @staticmethod
    def _stale(source: Container, other: Container, alias: str, port: int | None) -> tuple[str, str]:
        """The address that a variable names and the other container does not have, with the variable; that for the dialled port first."""
        if not other.running or not other.addresses:
            return "", ""
        found = []
        for name, value in source.link_env.items():
            match = _ADDR.fullmatch(name)
            if match and match["alias"] == _upper(alias) and not any(same(value, each) for each in other.addresses):
                found.append((int(match["port"]) != (port or 0), value, name))
        return min(found)[1:] if found else ("", "")

    def _finding(
        self, host: Host, source: Container, other: Container, stale: tuple[str, str], shown: str, sure: Confidence
    ) -> Finding:
        name, old = stale
        now = ", ".join(other.addresses)
        return Finding(
            code=self.code,
            summary=f"{source.name}'s variable {name} still says {old}; {other.name} has {now}, and {_whose(host, old)}",
            where=Where(host=host.name, component=source.name),
            evidence=tuple(
                filter(
                    None,
                    (
                        shown,
                        f"environment of {source.name}: {name}={old}",
                        f"docker: {other.name} has {now}; {_whose(host, old)}",
                    ),
                )
            ),
            remedies=(
                host.engine.remedies.restart(host.name, source.name),
                advise(host.name, f"or let its application use the name {other.name}, which follows"),
            ),
            confidence=sure,
        )

    def possible(self, case: Case) -> bool:
        """Only from a container with link variables."""
        here = _here(case)
        return here is not None and bool(here[1].link_env)


class LinkEnvAbsent(Cause):
    """The engine sets no link variables any more: an application that reads them finds none.

    What it is: from Engine 29 on ``--link`` on the default bridge writes /etc/hosts as before, and no ``ALIAS_PORT_*`` variables.
    Why it happens: an upgrade of the engine; the variables were deprecated in 28.4.
    Evidence: the engine's version, the link, and the environment of the container's first process without any of them.
    Remedy: use the name; for the time being DOCKER_KEEP_DEPRECATED_LEGACY_LINKS_ENV_VARS=1 in the engine's own environment.
    Source: moby#50719; docker/cli docs/deprecated.md, "Legacy links environment variables".
    """

    code = "link-env-absent"
    note = True
    symptoms = GOOD
    FIRST = 29

    def find(self, case: Case) -> Finding | None:
        """Fires when the question is about a container that the source was linked to, and the source's environment, which was read, has no variable of it."""
        here = _here(case)
        major = _major(here[0].engine_version) if here else None
        if here is None or major is None or major < self.FIRST or not here[1].link_env_known:
            return None
        host, source = here
        for other, alias in _linked(host, source):
            there = any(name.startswith(f"{_upper(alias)}_") for name in source.link_env)
            if not there and other.running and _about(case, host, other):
                return self._finding(host, source, other, alias)
        return None

    def _finding(self, host: Host, source: Container, other: Container, alias: str) -> Finding:
        prefix = _upper(alias)
        return Finding(
            code=self.code,
            summary=f"{source.name} is linked to {other.name}, and Engine {host.engine_version} sets no {prefix}_PORT_* variables for it any more",
            where=Where(host=host.name, component=source.name),
            evidence=(
                f"docker: {source.name} has --link {other.name}:{alias}; Engine {host.engine_version}",
                f"environment of {source.name}: no variable {prefix}_*",
            ),
            remedies=(
                advise(host.name, f"let the application in {source.name} use the name {alias} (port {_ports(other)})"),
                advise(
                    host.name,
                    f"or, up to Engine 29: DOCKER_KEEP_DEPRECATED_LEGACY_LINKS_ENV_VARS=1 in the environment of dockerd, then docker restart {source.name}",
                ),
            ),
        )


def _major(version: str | None) -> int | None:
    number = (version or "").partition(".")[0]
    return int(number) if number.isascii() and number.isdecimal() and len(number) < 4 else None


def _ports(container: Container) -> str:
    return ", ".join(str(port) for port, _ in container.exposed) or "of its application"


class DnsAliasCollision(Cause):
    """One name, several containers: each lookup may give another of them.

    What it is: the embedded DNS server answers with the addresses of every container of the network that has the name or alias.
    Why it happens: two projects on one shared network with a service of the same name; or it is meant, as load balancing.
    Evidence: the response with two addresses and more, and the containers that have them.
    Remedy: an alias of its own for each.
    Source: moby#41961; moby libnetwork/network.go (addSvcRecords).
    """

    code = "dns-alias-collision"
    note = True
    symptoms = GOOD | LOST | ANSWERED_OTHERWISE

    def find(self, case: Case) -> Finding | None:
        """Fires when one response gave addresses of two containers and more that bear the name on networks of the source."""
        here, probe = _here(case), case.probe
        if here is None or probe is None or probe.lookup.how is not Resolution.EMBEDDED_DNS or not probe.lookup.name:
            return None
        host, source = here
        bearers = bearers_of(case, probe.lookup.name) or []
        found = [
            (each, address)
            for at, each in bearers
            for address in probe.lookup.addresses
            if at.name == host.name and any(same(address, mine) for mine in each.addresses)
        ]
        frame = self._frame(case)
        if len({each.id for each, _ in found}) < 2 or not frame:
            return None
        listed = ", ".join(f"{each.name} ({address})" for each, address in found)
        other = next((each for each, address in found if not same(address, probe.dialled or "")), found[-1][0])
        shared = next((name for name in other.networks if name in source.networks), "")
        return Finding(
            code=self.code,
            summary=f"{probe.lookup.name} is {len(found)} containers: {listed}; each lookup may give another of them first",
            where=Where(host=host.name, component=shared),
            evidence=(f"one response with {len(probe.lookup.addresses)} addresses: frame {frame}", f"docker: {listed}"),
            remedies=(
                advise(host.name, "if it is not meant as load balancing, give each an alias of its own:"),
                *self._apart(host, shared, other, f"{probe.lookup.name}-2"),
            ),
        )

    @staticmethod
    def _apart(host: Host, shared: str, other: Container, alias: str) -> tuple[Remedy, ...]:
        """One of them comes back with another alias."""
        network = host.network(shared)
        if network is None or not host.engine.remedies.joins(other, network):
            return ()
        return (
            host.engine.remedies.disconnect(host.name, network, other),
            host.engine.remedies.connect(host.name, network, other, alias=alias),
        )

    @staticmethod
    def _frame(case: Case) -> int:
        """A response in the source's own namespace that has several answers; 0 when none was seen."""
        place = case.intent.source
        points = [index for index, point in enumerate(case.points) if point.place == place]
        table = case.table
        several = (table.dns_answers >= 2) | (table.dns_answers < 0)  # how many is not known where it was not kept
        rows = np.flatnonzero((table.dns_qr == 1) & several & np.isin(table.packets.point, points))
        return int(table.packets.frame[rows[0]]) if len(rows) else 0


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
    note = True
    explains = LOST | ANSWERED_OTHERWISE
    symptoms = GOOD | explains

    def find(self, case: Case) -> Finding | None:
        """Fires for an address that a process of the source still dials and nobody has, or that the source's hosts file gives and the container has not."""
        here = _here(case)
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
        shown = f"{old} answered: {case.frames}" if case.story.good else _not_reached(case, old)
        if not shown:
            return None
        now = bearers[0].networks[networks[0].name].address
        asked = f"{name}:{old}" in source.extra_hosts
        return Finding(
            code=self.code,
            summary=f"{name} is {old} in {source.name}'s /etc/hosts; {bearers[0].name} has {now}, and {_whose(host, old)}",
            where=Where(host=host.name, component=source.name),
            evidence=(shown, *probe.lookup.steps, f"docker: {bearers[0].name} has {now}; {_whose(host, old)}"),
            remedies=(
                advise(
                    host.name,
                    f"recreate {source.name} without {f'--add-host {name}:{old}' if asked else 'that line'}: the embedded DNS server knows {name}",
                ),
            ),
        )

    def _by_socket(self, case: Case, host: Host, source: Container) -> Finding | None:
        probe = case.probe
        if probe is None or case.transport != "tcp" or probe.dialled_port is None:
            return None
        for socket, network in self._dialling(case, host, source):
            old, port = socket.peer, socket.peer_port
            literal = same(probe.dialled or "", old) and probe.dialled_port == port and case.story.symptom in LOST
            named = case.story.good and case.target is not None and network.name in case.target.networks
            shown = _not_reached(case, old) if literal else ""
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
                host.engine.remedies.restart(host.name, source.name),
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
            if socket.state != DIALLING or socket.port == mine or not _nobody(case, socket.peer):
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
        """Only from a container of a network that has names."""
        here = _here(case)
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
