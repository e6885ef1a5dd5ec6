"""Who is meant: the namespaces that the question names, what was dialled for it, and whether who answered can be the one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from netprobe.decode.table import Kind
from netprobe.evidence.model import Outcome, Proto, Resolution
from netprobe.forward.model import PredictedOutcome
from netprobe.forward.question import dialled_by, predict_probe
from netprobe.journeys.chosen import lookup_is_it
from netprobe.model.endpoint import Endpoint
from netprobe.model.hop import Direction
from netprobe.model.rule import RuleRef
from netprobe.paths.story import Intent
from netprobe.state.counted import Counters
from netprobe.state.engine.model import NOT_RUNNING
from netprobe.state.lookup import bridge_points, canonical, host_with
from netprobe.state.sharing import is_absent

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.evidence.model import Evidence, Place, Probe
    from netprobe.forward.model import Prediction
    from netprobe.journeys.model import Connection
    from netprobe.state.model import World

_DESTINATION = frozenset({"nat/PREROUTING", "nat/OUTPUT"})
PROTO_OF = {Kind.TCP: Proto.TCP, Kind.UDP: Proto.UDP, Kind.ICMP: Proto.ICMP}


def intent_of(evidence: Evidence, world: World, outer: Connection | None) -> Intent:
    """Return whom the request is for; for captures from elsewhere no more than what the chosen connection speaks."""
    probe = evidence.probe
    if probe is None:
        kind = outer.kind if outer is not None else Kind.TCP
        return Intent(proto=PROTO_OF[kind], plain=True)
    proto = Proto.DNS if lookup_is_it(probe) else probe.proto
    target = canonical(world.before, probe.target_at) if probe.target_at else None
    return Intent(
        source=canonical(world.before, probe.source_at),
        target=target,
        proto=proto,
        probed=probe.result.outcome not in (Outcome.BROKEN, Outcome.NOT_RUN),
        answered=probe.result.outcome in (Outcome.ANSWERED, Outcome.REPLIED),
        alerted=probe.result.outcome is Outcome.NO_TLS,
        bridge_points=bridge_points(world.before),
    )


def target_is_dead(probe: Probe | None, world: World) -> bool:
    """Whether the target container is known not to answer, before and after: whoever answered is somebody else."""
    place = probe.target_at if probe is not None else None
    if probe is None or place is None or place.container is None:
        return False
    if is_absent(probe, world.before) and is_absent(probe, world.after):
        return True
    if canonical(world.before, place) == canonical(world.before, probe.source_at):
        return False  # source and target are one namespace, whoever owned it once
    found = [
        hosts[place.host].container(place.container) for hosts in (world.before, world.after) if place.host in hosts
    ]
    return len(found) == 2 and all(each is not None and each.state in NOT_RUNNING for each in found)


def asks_for_host(probe: Probe | None, world: World) -> bool:
    """Whether TARGET, as typed, is an address or a host's name (and not a container's)."""
    if probe is None:
        return False
    return probe.lookup.how is Resolution.LITERAL or probe.lookup.name in world.before


def behind_translation(probe: Probe | None, world: World, intent: Intent, told: Prediction | None) -> Intent:
    """The intent for an address of a host. Of several that have it, the one to which it is routed is meant.

    Whom a translation by others than the engine leads to is, where without it nobody answers there.

    One-to-one NAT, host ports of a CNI plug-in, and so on. A rule that takes the port from who has it is another story (foreign-nat).
    """
    target = intent.target
    if told is None or target is None or told.arrives in (None, target):
        return intent
    if target.container is None and _has_it_too(probe, world, told.arrives):
        return replace(intent, target=told.arrives)
    return replace(intent, target=told.arrives) if _by_others_alone(probe, world, intent, told) else intent


def led_to_itself(probe: Probe | None, world: World, intent: Intent, told: Prediction | None) -> bool:
    """Whether others' rules lead what is for an address of a host to a process of that host itself (another port, 127.0.0.1), and nothing else answers there."""
    if told is None or intent.target is None or told.arrives != intent.target:
        return False
    return told.outcome is PredictedOutcome.WORKS and _by_others_alone(probe, world, intent, told)


def _by_others_alone(probe: Probe | None, world: World, intent: Intent, told: Prediction) -> bool:
    """Whether a rule of others than the engine translates what is for a host's own address there, without which nobody would answer."""
    target = intent.target
    for step in told.steps if asks_for_host(probe, world) and target is not None and target.container is None else ():
        rule, host = step.rule, world.before.get(step.place.host)
        moved = step.stage in _DESTINATION and step.direction is Direction.REQUEST and step.place == target
        if not moved or not isinstance(rule, RuleRef) or host is None or host.engine.owns(rule):
            continue
        without = predict_probe(probe, world.before, frozenset({(step.place, rule)}), still=Counters(world).still)
        if without is not None and without.outcome is PredictedOutcome.STOPPED:
            return True
    return False


def _has_it_too(probe: Probe | None, world: World, place: Place | None) -> bool:
    """Whether an address that was asked for as such is this host's own as well: one that several have is reached by any of them (VRRP, anycast)."""
    if probe is None or place is None or place.container is not None or probe.lookup.how is not Resolution.LITERAL:
        return False
    host = world.before.get(place.host)
    return host is not None and host_with({place.host: host}, probe.dialled or "") is not None


def first_destination(probe: Probe | None) -> Endpoint | None:
    """What a packet to the dialled endpoint is sent to; None where a lookup is the story or nothing was dialled."""
    if probe is None or lookup_is_it(probe) or probe.dialled is None:
        return None
    return Endpoint(probe.dialled, probe.dialled_port)


def dialled(case: Case) -> str | None:
    """Return ``ADDRESS:PORT/PROTO`` as it was dialled (``ADDRESS/icmp``); None when nothing was."""
    if case.probe is not None:
        return dialled_by(case.probe, case.transport)
    if case.journey is None:
        return None
    first = case.journey.outer.flows[0]
    return f"{first.server.unpack(port=first.kind != Kind.ICMP)}/{first.proto}"


def client(case: Case) -> str:
    """Return the client's address, for captures that name no source."""
    return case.journey.outer.flows[0].client.address if case.journey else "unknown"
