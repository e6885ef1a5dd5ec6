"""The application took the request and said nothing: it keeps silent, or closes the connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from netprobe.causes.base import Cause
from netprobe.causes.proof.counters import counters_in
from netprobe.causes.proof.frames import frame_numbers
from netprobe.causes.proof.life import told
from netprobe.causes.proof.served import target_flows
from netprobe.decode.table import Flag
from netprobe.evidence.model import SPEAK_HTTP, Outcome, Proto
from netprobe.model.remedy import advise
from netprobe.model.report import Finding, Where
from netprobe.paths.story import Symptom
from netprobe.state.engine.model import ContainerState
from netprobe.state.sockets import on_port

if TYPE_CHECKING:
    from collections.abc import Iterable

    from netprobe.causes.case import Case
    from netprobe.evidence.model import Place
    from netprobe.flows.model import Flow


_STOPPING: Final = frozenset({"DROP", "REJECT", "drop", "reject"})
_AT_ONCE_NS: Final = 200_000_000


class AppSilent(Cause):
    """The request came to the application, and it sent no byte until the probe gave up, or closed the connection without one.

    What it is: the connection stands and the target's kernel took the request: from there on it is the application's turn. The network is not at fault.
    Why it happens: it waits for something else (a database, a lock, a name that does not resolve), its workers are all busy, or it expects
        another protocol on that port. One that closes crashed at the request, turns this client away, or expects another protocol, too.
    Evidence: the request's bytes in the target's own namespace, acknowledged there; no byte from the target, and either no end, or its own; it runs,
        and is not paused.
    Remedy: its logs, and what it waits for.
    Source: RFC 9293 §3.10.7.4 (an ACK says that the kernel has the bytes, not that an application read them); RFC 9110 §9.3.1.
    """

    code = "app-silent"
    reads = ("containers",)
    tells = "the application's log; a capture in the target's network namespace: the request acknowledged, and no byte of an answer"
    symptoms = frozenset({Symptom.NO_RESPONSE, Symptom.SILENCE, Symptom.CLOSED})
    beyond_state = True

    def find(self, case: Case) -> Finding | None:
        """Fires when request and acknowledgement were seen in the target's namespace, and nothing else came from there, or an end alone; a container runs at both moments."""
        place, probe = case.intent.target, case.probe
        said = bool(case.story.begins) or case.story.http is not None
        if case.story.symptom is Symptom.SILENCE or said or place is None or probe is None or not self._runs(case):
            return None
        if _held_back(case, place):
            return None
        secured = probe.result.tls is not None and bool(probe.result.tls.version)
        taken = _taken_secured if secured else _taken
        asked = taken(case) if case.story.symptom is Symptom.NO_RESPONSE else ""
        ended = _hung_up(case) if not asked and case.intent.proto is Proto.HTTP else ""
        if not asked and not ended:
            return None
        who, port = place.container or place.host, probe.target_port
        moments = case.sockets(place)
        taking = on_port(moments[-1], port, "tcp") if moments and port is not None else []
        waiting = next((each.backlog[0] for each in taking if each.backlog[0]), 0)
        queue = (f"socket of {who}: {waiting} connections wait to be accepted (Recv-Q)",) if waiting else ()
        target = case.target
        life = told(case, place.host, target) if target is not None else ()
        logs = (
            f"{case.engine_at(place.host).remedies.program} logs {who} says what it is at" if target is not None else ""
        )
        did = f"sent nothing in {probe.timeout_s:g} s" if asked else "closed the connection without a byte of an answer"
        what = f"was acknowledged there, and no byte came back: {asked}" if asked else f"{who} ended it then: {ended}"
        why = (
            "what does it wait for (a database, a name, a lock)" if asked else "did it crash, or turn this client away"
        )
        tls = case.intent.proto is Proto.HTTPS and not secured
        request = "ClientHello" if tls else "request"
        return Finding(
            code=self.code,
            summary=f"{who} took the {request} and {did}: its application does not answer",
            where=Where(host=place.host, component=who),
            evidence=(
                f"the {request}{', behind a complete TLS handshake,' if secured else ''} came to {who} and {what}",
                *queue,
                *life,
            ),
            remedies=(
                advise(
                    place.host,
                    f"{logs or f'look at the log of what has port {port}'}: {why}, and does it speak {'TLS' if tls else 'HTTP'} on port {port}?",
                ),
            ),
        )

    @staticmethod
    def _runs(case: Case) -> bool:
        """A host's own process; or a container that runs at both moments."""
        if case.intent.target is not None and case.intent.target.container is None:
            return True
        states = {each.state if each is not None else None for each in (case.target, case.target_after)}
        return states == {ContainerState.RUNNING}

    def possible(self, case: Case) -> bool:
        """Only for a request whose connection was answered, and not where the target does not run."""
        inside = case.intent.target is not None and case.intent.target.container is not None
        idle = inside and case.target is not None and case.target.state is not ContainerState.RUNNING
        opened = case.story.symptom is not Symptom.SILENCE or case.reply_lost
        return case.intent.proto in SPEAK_HTTP and opened and not idle


def _held_back(case: Case, place: Place) -> bool:
    """Whether a rule inside the target's own namespace stopped something meanwhile: it may be what the application sent, which no interface saw then."""
    before, after = case.before(place.host), case.after(place.host)
    if before is None or after is None:
        return False
    return any(rule.verdict in _STOPPING for rule, _, _ in counters_in(before, after, place))


def _sizes(case: Case, flows: Iterable[Flow]) -> set[int]:
    """The sizes of the request's segments at these points, in bytes of payload."""
    return {int(size) for flow in flows for size in case.table.payload_len[flow.forward].tolist() if size > 0}


def _taken(case: Case) -> str:
    """The frames of the request and of its acknowledgement in the target's own namespace; ``""`` where they were not seen, or something was sent back."""
    if case.journey is None:
        return ""
    table = case.table
    inside = {
        number for number, point in enumerate(case.points) if point.place == case.intent.target and not point.dropped
    }
    flows = [flow for flow in case.journey.inner.flows if flow.point in inside]
    sent = _sizes(case, case.journey.inner.flows)
    for flow in flows:
        if not sent <= _sizes(case, [flow]):
            continue  # a part of the request did not come: too large a segment, for one
        asked = [row for row in flow.forward.tolist() if table.payload_len[row] > 0]
        back = _before_the_clients_end(case, flow.forward.tolist(), flow.reverse.tolist())
        spoke = any(table.payload_len[row] > 0 or int(table.tcp_flags[row]) & (Flag.FIN | Flag.RST) for row in back)
        spoke = spoke or _heard(case, flow.forward.tolist(), back)
        times = table.packets.time_ns
        acknowledged = [row for row in back if asked and times[row] >= times[asked[0]]]
        if acknowledged and not spoke:
            return frame_numbers((int(table.packets.frame[row]) for row in (asked[0], acknowledged[0])), 2)
    return ""


def _taken_secured(case: Case) -> str:
    """The same for a request inside of TLS: what the server sends at once behind the handshake are its session tickets (RFC 8446 §4.6.1)."""
    if (
        case.probe is None
        or case.probe.result.outcome is not Outcome.TIMEOUT
        or case.probe.timeout_s * 1e9 < 2 * _AT_ONCE_NS
    ):
        return ""
    table, times = case.table, case.table.packets.time_ns
    for flow in target_flows(case) or ():
        asked = [row for row in flow.forward.tolist() if table.payload_len[row] > 0]
        back = _before_the_clients_end(case, flow.forward.tolist(), flow.reverse.tolist())
        if not asked or any(int(table.tcp_flags[row]) & (Flag.FIN | Flag.RST) for row in back):
            continue
        last, end = asked[-1], (int(table.seq[asked[-1]]) + int(table.payload_len[asked[-1]])) % (1 << 32)
        took = [row for row in back if int(table.ack[row]) == end and times[row] >= times[last]]
        late = any(table.payload_len[row] > 0 and times[row] > times[last] + _AT_ONCE_NS for row in back)
        if took and not late:
            return frame_numbers((int(table.packets.frame[row]) for row in (last, took[0])), 2)
    return ""


def _hung_up(case: Case) -> str:
    """The frames of the whole request and of the end that the target answered it with, in its own namespace; ``""`` where a byte came first, or it was not so."""
    if case.journey is None:
        return ""
    table = case.table
    inside = {
        number for number, point in enumerate(case.points) if point.place == case.intent.target and not point.dropped
    }
    sent = _sizes(case, case.journey.inner.flows)
    for flow in case.journey.inner.flows:
        if flow.point not in inside or not sent <= _sizes(case, [flow]):
            continue
        asked = [row for row in flow.forward.tolist() if table.payload_len[row] > 0]
        back = _before_the_clients_end(case, flow.forward.tolist(), flow.reverse.tolist())
        if not asked or any(table.payload_len[row] > 0 for row in back) or _heard(case, flow.forward.tolist(), back):
            continue
        begun = int(table.packets.time_ns[asked[0]])
        ends = [row for row in back if int(table.tcp_flags[row]) & (Flag.FIN | Flag.RST)]
        if ends and int(table.packets.time_ns[ends[0]]) >= begun:
            return frame_numbers((int(table.packets.frame[row]) for row in (asked[0], ends[0])), 2)
    return ""


def _before_the_clients_end(case: Case, forth: list[int], rows: list[int]) -> list[int]:
    """What was sent before the client gave up: what the server sends then answers that."""
    flags, times = case.table.tcp_flags, case.table.packets.time_ns
    ends = [int(times[row]) for row in forth if int(flags[row]) & (Flag.FIN | Flag.RST)]
    return [row for row in rows if not ends or int(times[row]) < min(ends)]


def _heard(case: Case, forth: list[int], back: list[int]) -> bool:
    """Whether the client acknowledges more than the server's SYN, and a FIN right behind it: bytes of the server's, seen or not.

    True also where no SYN-ACK tells.
    """
    table = case.table
    opened = [int(table.seq[row]) for row in back if int(table.tcp_flags[row]) & Flag.SYN]
    if not opened:
        return True
    first = (opened[0] + 1) % (1 << 32)
    ended = any(int(table.tcp_flags[row]) & Flag.FIN and int(table.seq[row]) == first for row in back)
    nothing = {first, (first + 1) % (1 << 32)} if ended else {first}
    before = _before_the_clients_end(case, forth, forth)
    acks = {int(table.ack[row]) for row in before if int(table.tcp_flags[row]) & Flag.ACK}
    return bool(acks - nothing)
