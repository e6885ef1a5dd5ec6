"""Contradictions: what keeps packets that look like a working connection from proving one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.causes.proof.served import ended_by_server, target_flows
from netprobe.decode.table import Flag, Kind
from netprobe.evidence.model import Outcome, Resolution
from netprobe.forward.model import PredictedOutcome
from netprobe.model.hop import Direction
from netprobe.paths.story import Symptom
from netprobe.state.engine.model import NOT_RUNNING, ContainerState
from netprobe.state.sharing import is_absent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from netprobe.causes.case import Case
    from netprobe.evidence.model import Place, Probe
    from netprobe.journeys.model import Connection
    from netprobe.paths.story import Observation
    from netprobe.state.model import Host

_HANDS_ON = frozenset({"nat/PREROUTING", "nat/OUTPUT", "docker-proxy"})
GOOD = frozenset({Outcome.CONNECTED, Outcome.REPLIED, Outcome.ANSWERED})

#: What the packets of a run may show, had all of them been captured, by what its prober saw.
_SHOWN = {
    Outcome.CONNECTED: {Symptom.OK, Symptom.OTHER_ENDPOINT},
    Outcome.REPLIED: {Symptom.OK, Symptom.OTHER_ENDPOINT},
    Outcome.ANSWERED: {Symptom.OK, Symptom.OTHER_ENDPOINT},
    Outcome.REFUSED: {Symptom.REFUSED},
    Outcome.NO_TLS: {Symptom.NO_HANDSHAKE, Symptom.OTHER_ENDPOINT},
    Outcome.RESET: {Symptom.CLOSED, Symptom.NO_RESPONSE, Symptom.NO_HANDSHAKE},
    Outcome.CLOSED: {Symptom.CLOSED, Symptom.NO_RESPONSE, Symptom.NO_HANDSHAKE},
    Outcome.TIMEOUT: {Symptom.SILENCE, Symptom.NO_PACKETS, Symptom.DELIVERED, Symptom.NO_RESPONSE},
    Outcome.UNREACHABLE: {Symptom.UNREACHABLE, Symptom.NO_PACKETS},
    Outcome.DENIED: {
        Symptom.NO_PACKETS,
        Symptom.UNREACHABLE,
    },  # EACCES: ICMPv6 "administratively prohibited" as well (net/ipv6/icmp.c)
    Outcome.NO_NAME: {
        *(Symptom.NO_ANSWER, Symptom.SILENCE, Symptom.REFUSED, Symptom.UNREACHABLE, Symptom.NO_PACKETS),
    },
    Outcome.BROKEN: set(Symptom),
    Outcome.NOT_RUN: set(),
}


def shown(case: Case) -> set[Symptom]:
    """What the connection's packets show; and, where those do not fit what the prober saw, all that it may have been."""
    symptom = case.story.symptom
    if symptom is Symptom.UNFINISHED or _by_proxy_alone(case.story, case.probe):
        return {symptom}
    fitting = _SHOWN[case.probe.result.outcome] if case.probe is not None else {symptom}
    # What answered a failed lookup may be among the packets that are missing: then silence fits, and is not all. A response that the prober got is.
    unnamed = case.probe is not None and case.probe.result.outcome is Outcome.NO_NAME
    answered = case.probe is not None and case.probe.lookup.rcode is not None and symptom is Symptom.NO_ANSWER
    named = not unnamed or answered
    whole = symptom in fitting and named and symptom is not Symptom.NO_PACKETS and not case.story.good
    whose = _by_others(case) if symptom is Symptom.NO_HANDSHAKE else set()
    return {symptom, *whose} if whole else {symptom, *fitting}


def _by_others(case: Case) -> set[Symptom]:
    """What a TLS handshake that failed may be beside.

    Whose it was is not known where the target's own namespace was not watched; where that did not send the end, somebody on the way refused what the client sent.
    """
    if case.story.reached is None:
        return {Symptom.OTHER_ENDPOINT}
    flows, told = target_flows(case), case.story.tls
    ended = told is not None and bool(told.end) and not told.server.records
    return {Symptom.REFUSED} if flows and ended and not ended_by_server(case, flows) else set()


def not_the_target(case: Case) -> str | None:
    """One sentence when it looks like a working connection, and that the target itself took it is not proved; None: it is."""
    return (
        _somebody_else(case)
        or _handed_on(case)
        or _whose_name(case)
        or _whose_socket(case)
        or _not_known_alive(case)
        or _dead_as_far_as_known(case)
    )


def _handed_on(case: Case) -> str | None:
    """One sentence when a host's own rules or docker-proxy hand it on to a container, and no engine was there to ask who that is."""
    told, target = case.prediction, case.intent.target
    if told is None or target is None or target.container is not None or told.outcome is not PredictedOutcome.UNKNOWN:
        return None
    here = [step for step in told.steps if step.place == target and step.direction is Direction.REQUEST]
    on = next((step for step in here if step.stage in _HANDS_ON), None)
    if on is None or on.what.endswith("nothing changes"):
        return None
    by = f"{on.rule}: {on.what}" if on.rule else on.what
    return f"{target.host} hands it on ({by}): who answered is not known, {told.unknown}"


def _somebody_else(case: Case) -> str | None:
    """One sentence when who answered was not seen, and by the hosts' state it is not the target."""
    told, target = case.prediction, case.intent.target
    if case.story.reached is not None or told is None or told.arrives is None or target in (None, told.arrives):
        return None
    return f"by the hosts' state it ends at {told.arrives}, not at {target}, and neither was seen to take it"


def _whose_name(case: Case) -> str | None:
    """One sentence when a search domain or a hosts line answered a container's lookup with an address outside, and whether a container has the name is not known."""
    probe, host = case.probe, case.before(case.probe.source_at.host) if case.probe else None
    if probe is None or probe.source_at.container is None or (host is not None and host.containers is not None):
        return None
    outside = probe.target_at is None or probe.target_at.container is None
    line = probe.lookup.how is Resolution.HOSTS_FILE and outside and "." not in (probe.lookup.name or "")
    if not line and not probe.lookup.answered:
        return None
    return f"whether {probe.lookup.name} is a container's name is not known without the containers of {probe.source_at.host}"


def _whose_socket(case: Case) -> str | None:
    """One sentence when the target shares somebody's namespace, and no host state tells whose socket answered."""
    probe, target = case.probe, case.intent.target
    if probe is None or target is None or target.container is None or probe.lookup.how is not Resolution.INVENTORY:
        return None
    asked = probe.lookup.name
    host = case.before(target.host)
    told = host is not None and host.containers is not None and host.namespace(target.container).sockets is not None
    if told or asked == target.container or asked in case.world.before:
        return None
    return (
        f"{asked} is in {target.container}'s network namespace: whose socket answered is not known without host state"
    )


def contradiction(story: Observation, probe: Probe | None) -> str | None:
    """One sentence when the prober saw another outcome than the packets show."""
    if probe is None or probe.result.outcome in (Outcome.NOT_RUN, Outcome.BROKEN):
        return None
    outcome = probe.result.outcome
    said_good = outcome in GOOD
    if said_good == story.good or (story.symptom is Symptom.DELIVERED and outcome is Outcome.TIMEOUT):
        return None
    if _by_proxy_alone(story, probe):
        return None
    if said_good and story.symptom in (Symptom.NO_ANSWER, Symptom.OTHER_ENDPOINT, Symptom.UNFINISHED):
        return None
    return f"the prober saw {outcome.value}, the packets show {story.symptom.value}: one of them is not whole"


def _by_proxy_alone(story: Observation, probe: Probe | None) -> bool:
    """Whether docker-proxy took the connection, which is all that a TCP probe asks for, and nothing answers docker-proxy's own."""
    connected = probe is not None and probe.result.outcome is Outcome.CONNECTED
    return connected and story.leg > 1 and story.symptom is Symptom.SILENCE


def _not_known_alive(case: Case) -> str | None:
    """One sentence when the state of the target container is not known, and no packet came from its application.

    The kernel completes the handshakes of a paused container, and takes bytes for it; a stopped one's port may be the host's own server's.
    """
    place = case.intent.target
    if case.probe is None or place is None or place.container is None or case.target is not None:
        return None
    if case.journey is None or case.journey.outer.kind != Kind.TCP:
        return None
    if case.story.reached is not True:
        return f"nothing of it was seen in {place.container}, and whether that runs is not known without host state"
    if _application_spoke(case, case.journey.inner):
        return None
    return f"{place.container} took it and said nothing: whether it is paused is not known without host state"


def _application_spoke(case: Case, connection: Connection) -> bool:
    """Whether the server sent a byte or an end: that takes a process that runs (a kernel alone sends SYN-ACK and ACK)."""
    table = case.table
    return any(
        table.payload_len[row] > 0 or int(table.tcp_flags[row]) & (Flag.FIN | Flag.RST)
        for flow in connection.flows
        for row in flow.reverse.tolist()
    )


def _dead_as_far_as_known(case: Case) -> str | None:
    """One sentence when at one moment the target could not have answered, and the state of the other moment is not known."""
    probe, place = case.probe, case.probe.target_at if case.probe else None
    if probe is None or place is None or place.container is None:
        return None
    moments = {"before": case.world.before, "after": case.world.after}
    for (when, this), other in zip(moments.items(), reversed(moments.values()), strict=True):
        host = other.get(place.host)
        told = host is not None and host.containers is not None and host.namespace(place.container).sockets is not None
        if not told and _is_dead(probe, this, place):
            return f"{when} the probe {place.container} could not have answered, and its state at the other moment is not known"
    return None


def _is_dead(probe: Probe, hosts: Mapping[str, Host], place: Place) -> bool:
    container = hosts[place.host].container(place.container or "") if place.host in hosts else None
    idle = container is not None and container.state in {*NOT_RUNNING, ContainerState.PAUSED}
    return idle or is_absent(probe, hosts)
