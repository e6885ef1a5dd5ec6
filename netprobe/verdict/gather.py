"""The case: packets and state of one run side by side, with the path that the packets show and the way that the state predicts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from netprobe.causes.case import Case
from netprobe.causes.proof.attribution import attribute
from netprobe.evidence.model import Place
from netprobe.forward.plan import itinerary
from netprobe.forward.question import predict_probe, request_of
from netprobe.journeys.chosen import lookup_is_it
from netprobe.journeys.hops import ExpectedPoint, hops
from netprobe.model.hop import Direction
from netprobe.model.http import parse
from netprobe.paths.classify import answered_elsewhere, classify
from netprobe.paths.http import is_other
from netprobe.paths.observe import observe
from netprobe.paths.story import Symptom
from netprobe.state.counted import Counters
from netprobe.verdict.target import (
    asks_for_host,
    behind_translation,
    first_destination,
    led_to_itself,
    target_is_dead,
)
from netprobe.verdict.unseen import Whole, unseen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netprobe.decode.table import PacketTable
    from netprobe.evidence.model import Evidence, Probe
    from netprobe.forward.model import Prediction
    from netprobe.journeys.model import Journey
    from netprobe.model.hop import Hop
    from netprobe.model.report import Clock
    from netprobe.paths.story import Intent, Observation
    from netprobe.state.model import World


def gather(evidence: Evidence, table: PacketTable, world: World, intent: Intent, journey: Journey | None) -> Case:
    """Join the packets' side and the state's side of a run.

    Args:
        evidence: the run.
        table: its packets, decoded.
        world: its hosts' state, before and after.
        intent: whom the request is for.
        journey: the connection in question; None when it left no packet.
    """
    prediction = predict_probe(evidence.probe, world.before, still=Counters(world).still)
    intent = behind_translation(evidence.probe, world, intent, prediction)
    story = observe(journey, table, evidence.points, intent)
    run = Whole(evidence=evidence, table=table, world=world, intent=intent)
    story = unseen(run, prediction, story, journey)
    seen = _hops(evidence, table, world, journey, prediction, delivered=story.good)
    way = classify(journey, seen, evidence.points, intent, story)
    dead = story.accepted and target_is_dead(evidence.probe, world)
    if dead and intent.target is not None and asks_for_host(evidence.probe, world):
        # An address of the host was dialled, and a process of the host has the port that a stopped container would publish.
        intent, dead = replace(intent, target=Place(host=intent.target.host)), False
        story = observe(journey, table, evidence.points, intent)
        way = classify(journey, seen, evidence.points, intent, story)
    unclear = journey is not None and bool(journey.unknowns)
    story = _told(story, evidence.probe)
    itself = story.accepted and led_to_itself(evidence.probe, world, intent, prediction)
    if dead or (not itself and answered_elsewhere(story, way, intent, unclear=unclear)):
        story = replace(story, symptom=Symptom.OTHER_ENDPOINT)
    named = attribute(seen, evidence.points, world, intent.proto.transport)
    last, missing = _edge(named, story)
    return Case(
        probe=evidence.probe,
        points=evidence.points,
        table=table,
        journey=journey,
        hops=named,
        story=story,
        way=way,
        intent=intent,
        world=world,
        captured=evidence.packets if len(evidence.packets) else None,
        last_seen=last,
        first_missing=missing,
        prediction=prediction,
    )


def _told(story: Observation, probe: Probe | None) -> Observation:
    """With what the prober was told by HTTP, or heard instead, where no packet that was kept says so."""
    head = probe.result.head.encode("latin-1", "replace") if probe is not None and not lookup_is_it(probe) else b""
    if not head or story.http is not None or story.begins:
        return story
    http = parse(head + b"\n\n")
    if http is not None:
        return replace(story, http=http)
    other = story.symptom in (Symptom.NO_RESPONSE, Symptom.CLOSED) and is_other(head)
    return replace(story, begins=head) if other else story


def _hops(
    evidence: Evidence,
    table: PacketTable,
    world: World,
    journey: Journey | None,
    prediction: Prediction | None,
    *,
    delivered: bool,
) -> tuple[Hop, ...]:
    if journey is None:
        return ()
    return hops(
        journey,
        table,
        evidence.points,
        _stops(evidence, world),
        dialled=first_destination(evidence.probe),
        delivered=delivered,
        predicted=_sequences(prediction),
    )


def _sequences(told: Prediction | None) -> dict[tuple[Direction, int], list[str]]:
    """The predicted points of each direction and leg, in order."""
    found: dict[tuple[Direction, int], list[str]] = {}
    for hop in told.hops if told else ():
        found.setdefault((hop.direction, hop.leg), []).append(hop.point)
    return found


def _stops(evidence: Evidence, world: World) -> tuple[ExpectedPoint, ...]:
    """The itinerary as plain stops; empty where state does not tell."""
    probe = evidence.probe
    if probe is None or not world.before:
        return ()
    if lookup_is_it(probe) or probe.dialled is None:
        return ()
    way = itinerary(world.before, request_of(probe, probe.dialled), probe.target_at)
    return tuple(
        ExpectedPoint(point=stop.point, optional=stop.optional, observable=stop.sees_unicast) for stop in way.stops
    )


def _edge(every: Sequence[Hop], story: Observation) -> tuple[str | None, str | None]:
    """The last point that saw the journey, and the first behind it that should have and did not."""
    way_back = [hop for hop in every if hop.direction is Direction.REPLY and hop.seen]
    errors = [hop for hop in way_back if hop.is_error]
    if story.symptom is Symptom.SILENCE and 0 < len(errors) < len(way_back):
        # a repetition of the request was refused behind the answer, which is what is followed
        return next(hop.point for hop in reversed(way_back) if not hop.is_error), errors[0].point
    forth = [hop for hop in every if hop.direction is Direction.REQUEST]
    missing = [hop for hop in forth if hop.seen is False]
    seen = [hop for hop in forth if hop.seen]
    if missing or not way_back or story.good:
        return (seen[-1].point if seen else None), (missing[0].point if missing else None)
    lost = [hop for hop in every if hop.direction is Direction.REPLY and hop.seen is False]
    if not lost and story.symptom is Symptom.SILENCE:
        return way_back[-1].point, None
    return (way_back[-1].point if lost else seen[-1].point if seen else None), (lost[0].point if lost else None)


def resolved(case: Case) -> frozenset[str]:
    """The addresses whose link address belongs to this way: by the state its next hops; by the packets its ends."""
    found = set(case.prediction.resolved) if case.prediction else set()
    if case.probe is not None:
        found |= {each for each in (case.probe.dialled, case.probe.target_address) if each}
    for hop in case.hops:
        found |= {hop.packet.src.address, hop.packet.dst.address} if hop.packet else set()
    return frozenset(found)


def clocks_of(case: Case, clocks: Sequence[Clock]) -> tuple[Clock, ...]:
    """Return the clocks of hosts that saw the journey."""
    host_of = {point.name: point.host or point.name for point in case.points}
    hosts = {host_of[hop.point] for hop in case.hops if hop.seen}
    return tuple(clock for clock in clocks if clock.host in hosts)
