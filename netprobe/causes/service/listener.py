"""The target's listening socket: the wrong address family, a full accept queue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.causes.base import NO_SOCKET, Cause
from netprobe.causes.proof.life import told
from netprobe.causes.proof.publishing import published_again
from netprobe.causes.remedies.steps import restarted
from netprobe.forward.model import Barrier
from netprobe.model.hop import Direction
from netprobe.model.remedy import advise
from netprobe.model.report import Confidence, Finding, Where
from netprobe.paths.story import Answerer, Symptom
from netprobe.state.sockets import on_port

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.evidence.model import Place
    from netprobe.state.engine.model import Container
    from netprobe.state.sockets import Socket


class V6LocalhostReset(Cause):
    """The request came to the container by IPv6, and its application listens on IPv4 only.

    What it is: on a network with IPv6 docker-proxy hands what comes to ``[::]`` on to the container's IPv6 address. It accepts first, so the
        client sees a connection that is reset.
    Why it happens: ``localhost`` is ``::1`` first; many servers bind 0.0.0.0.
    Evidence: the refusal from the container's IPv6 address; its sockets with the port, all of them IPv4, before and after.
    Remedy: bind ``[::]``; or publish on 127.0.0.1 (then ``::1`` is refused, and clients go on to IPv4).
    Source: diegosouzapw/OmniRoute#7722; moby libnetwork/drivers/bridge/port_mapping_linux.go; seen in the lab.
    """

    code = "v6-localhost-reset"
    reads = ("ns/*/sockets",)
    tells = "the same target by 127.0.0.1, and by [::1]"
    drop_reasons = NO_SOCKET
    symptoms = frozenset({Symptom.REFUSED, Symptom.CLOSED})

    def find(self, case: Case) -> Finding | None:
        """Fires when the target itself refused by IPv6, and every socket with the port takes IPv4 alone, at both moments."""
        probe, target = case.probe, case.target
        if probe is None or target is None or probe.target_at is None or probe.target_port is None:
            return None
        if ":" not in (probe.dialled or "") or case.story.answerer is not Answerer.TARGET:
            return None
        asked = self._asked(case)
        moments = case.sockets(probe.target_at)
        found = [on_port(each, probe.target_port, case.transport) for each in moments or ()]
        if not asked or not found or not all(found):
            return None
        if any(":" in each.local or each.local == "*" or each.loopback for sockets in found for each in sockets):
            return None
        socket = found[-1][0]
        return Finding(
            code=self.code,
            summary=f"{target.name} was asked by IPv6 ({asked}), and its application listens on IPv4 only ({socket.bound})",
            where=Where(host=probe.target_at.host, component=target.name),
            evidence=(
                f"{case.story.detail} from {target.name} itself: {case.frames}",
                f"socket of {target.name}: {socket.bound}{f' ({socket.process})' if socket.process else ''}, none with IPv6",
                *told(case, probe.target_at.host, target),
            ),
            remedies=(
                advise(
                    probe.target_at.host, f"let the application in {target.name} listen on [::]:{probe.target_port}"
                ),
                advise(probe.target_at.host, self._instead(case, target)),
            ),
        )

    @staticmethod
    def _instead(case: Case, target: Container) -> str:
        """IPv4 alone: for a published port by how it is published, else by the address that is dialled."""
        if case.publication is None or case.probe is None:
            four = next((each for each in target.addresses if ":" not in each), "")
            return f"or dial its IPv4 address, {four}" if four else "it has no IPv4 address"
        port = f"{case.publication[2].host_port}:{case.probe.target_port}"
        return f"or {published_again(target, f'0.0.0.0:{port}')}, or at 127.0.0.1:{port}: clients then go on to IPv4"

    @staticmethod
    def _asked(case: Case) -> str:
        """The target's IPv6 address and port, as the packet that came to it shows it; ``""`` when none by IPv6 did."""
        inside = {each.name for each in case.points if each.place == case.intent.target}
        seen = [
            hop.packet.dst
            for hop in case.hops
            if hop.point in inside and hop.seen and hop.packet and hop.direction is Direction.REQUEST
        ]
        return str(seen[0]) if seen and seen[0].is_v6 else ""

    def possible(self, case: Case) -> bool:
        """Only for IPv6."""
        return case.probe is None or ":" in (case.probe.dialled or "")


class AcceptQueueFull(Cause):
    """The application does not accept: the queue of finished handshakes is full, and the kernel drops every new SYN.

    What it is: a listening socket holds as many connections as its backlog says; beyond that the SYN is dropped without an answer.
    Why it happens: the application hangs or is too slow, a small backlog, ``net.core.somaxconn``.
    Evidence: the SYN in the target's namespace and no SYN-ACK; Recv-Q above Send-Q of the listening socket, before and after; TcpExtListenOverflows.
    Remedy: find out why the application does not accept; a larger backlog only delays it.
    Source: net/ipv4/tcp_input.c (tcp_conn_request, sk_acceptq_is_full: more than the backlog); ss(8); seen in the lab.
    """

    code = "accept-queue-full"
    reads = ("ns/*/sockets",)
    tells = "ss -ltn in the container's network namespace: Recv-Q against Send-Q"
    symptoms = frozenset({Symptom.SILENCE})
    barriers = frozenset({Barrier.QUEUE_FULL})

    def find(self, case: Case) -> Finding | None:
        """Fires when the SYN came to the target, nothing answered, and every socket that takes it was full at both moments."""
        probe = case.probe
        place = case.intent.target
        if probe is None or place is None or probe.target_port is None or case.transport != "tcp" or case.reply_lost:
            return None
        if case.story.reached is not True or case.story.answerer is not Answerer.NOBODY:
            return None
        full = self._full(case, place, probe.target_port)
        overflows = self._overflows(case, place)
        if full is None or overflows == 0:
            return None
        waiting, most = full.backlog
        who, host = place.container or place.host, case.before(place.host)
        inside = host.container(place.container) if host is not None and place.container is not None else None
        owner = f" ({full.process}, pid {full.pid})" if full.process else ""
        counted = (f"TcpExtListenOverflows there: {overflows} more than before",) if overflows else ()
        return Finding(
            code=self.code,
            summary=f"{who} received it and dropped it: {waiting} connections wait to be accepted on tcp port {probe.target_port}, and its backlog is {most}",
            where=Where(host=place.host, component=who),
            evidence=(
                f"{case.story.detail} in {who}'s namespace: {case.frames}",
                f"socket of {who}: LISTEN {full.bound}{owner}, Recv-Q {waiting}, Send-Q {most}, before and after",
                *counted,
                *(told(case, place.host, target) if (target := case.target) is not None else ()),
            ),
            remedies=(
                *(restarted(host, inside) if host is not None and inside is not None else ()),
                advise(
                    place.host,
                    f"the application on port {probe.target_port} does not accept: mend that (docker logs {who}); a larger listen() backlog (and net.core.somaxconn) only holds more",
                ),
            ),
            confidence=Confidence.CERTAIN if overflows else Confidence.LIKELY,
        )

    @staticmethod
    def _full(case: Case, place: Place, port: int) -> Socket | None:
        """The socket as it was after the probe, if all that have the port were full at both moments."""
        moments = case.sockets(place)
        found = [on_port(each, port, "tcp") for each in moments or ()]
        if not found or not all(found):
            return None
        full = all(each.full for sockets in found for each in sockets)
        return found[-1][0] if full else None

    @staticmethod
    def _overflows(case: Case, place: Place) -> int | None:
        """How much the counter rose; None unknown."""
        name = "TcpExtListenOverflows"
        hosts = (case.before(place.host), case.after(place.host))
        values = [(host.namespace(place.container).counters or {}).get(name) if host else None for host in hosts]
        return values[1] - values[0] if values[0] is not None and values[1] is not None else None

    def possible(self, case: Case) -> bool:
        """Only for TCP that came to its target, as far as is known, with a full queue, as far as is known."""
        probe, place = case.probe, case.intent.target
        if case.transport != "tcp" or case.story.reached is False or case.reply_lost:
            return False
        moments = case.sockets(place) if place is not None else None
        if probe is None or place is None or moments is None or probe.target_port is None:
            return True
        return self._full(case, place, probe.target_port) is not None
