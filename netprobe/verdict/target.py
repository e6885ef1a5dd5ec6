"""Who is meant: the namespaces that the question names, what was dialled for it, and whether who answered can be the one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.decode.table import Kind
from netprobe.evidence.model import Outcome, Proto, Resolution
from netprobe.forward.question import dialled_by
from netprobe.journeys.chosen import lookup_is_it
from netprobe.model.endpoint import Endpoint
from netprobe.model.point import point_name
from netprobe.paths.story import Intent
from netprobe.state.engine.model import NOT_RUNNING
from netprobe.state.lookup import canonical
from netprobe.state.sharing import is_absent

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.evidence.model import Evidence, Probe
    from netprobe.journeys.model import Connection
    from netprobe.state.model import World

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
        answered=probe.result.outcome is Outcome.ANSWERED,
        bridge_points=_bridge_points(world),
    )


def _bridge_points(world: World) -> frozenset[str] | None:
    if not any(host.own.links for host in world.before.values()):
        return None
    return frozenset(
        point_name(name, link.name)
        for name, host in world.before.items()
        for link in host.own.links or ()
        if link.master or link.is_bridge
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
