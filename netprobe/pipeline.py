"""``analyze(evidence) -> Report``: the whole pure chain, in order. No I/O, no clock, no randomness from here on.

decode -> flows -> journeys -> paths (packets) and state, then causes (both), then the report.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from netprobe.causes.case import Case
from netprobe.causes.catalogue import cause_of, notes_of, still_possible
from netprobe.causes.firewall.forward import STOPPED
from netprobe.causes.proof.attribution import attribute
from netprobe.causes.proof.contradictions import contradiction, not_the_target
from netprobe.causes.proof.drops import counted, traced_drop
from netprobe.causes.proof.hooks import endpoint
from netprobe.causes.proof.kernel_drops import kernel_drops, supported, untold
from netprobe.causes.proof.traced import walks
from netprobe.causes.service.endpoint import NOT_RUNNING
from netprobe.decode import decode
from netprobe.decode.table import Kind
from netprobe.errors import UsageFault
from netprobe.evidence.model import LimitKind, Outcome, Place, Proto, Resolution
from netprobe.flows.build import build
from netprobe.forward.plan import itinerary
from netprobe.forward.question import foresee, path_of
from netprobe.journeys.arp import exchanges, with_names
from netprobe.journeys.clocks import on_one_clock
from netprobe.journeys.hops import Stop, hops
from netprobe.journeys.join import connections
from netprobe.journeys.model import Journey
from netprobe.journeys.proxy import Mapping, inner_of
from netprobe.journeys.select import candidates, forwarded_query, is_dns, of_lookup, of_probe, stray_reply, summary
from netprobe.model.report import Direction, Report, Verdict
from netprobe.paths.classify import answered_elsewhere, classify
from netprobe.paths.observe import Aim, Observation, Symptom, observe
from netprobe.state.build import build_world
from netprobe.state.lookup import canonical
from netprobe.state.sharing import is_absent
from netprobe.verdict.behind import behind
from netprobe.verdict.prediction import foretell
from netprobe.verdict.why import why

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from netprobe.decode.table import PacketTable
    from netprobe.evidence.model import CapturePoint, Evidence, Limit, Probe
    from netprobe.flows.expression import FlowExpr
    from netprobe.flows.model import FlowSummary
    from netprobe.forward.model import Prediction
    from netprobe.journeys.model import Connection
    from netprobe.model.report import Clock, Finding, Hop
    from netprobe.state.model import World

PROTO_OF = {Kind.TCP: Proto.TCP, Kind.UDP: Proto.UDP, Kind.ICMP: Proto.ICMP}


class SeveralFlows(UsageFault):
    """A capture from elsewhere has several connections and nobody said which (exit 2).

    Attributes:
        flows: the connections to choose from, in order of time.
    """

    def __init__(self, flows: tuple[FlowSummary, ...]) -> None:
        super().__init__(
            f"the capture has {len(flows)} connections", "choose one with --flow, for example --flow " + _example(flows)
        )
        self.flows = flows


def _example(flows: tuple[FlowSummary, ...]) -> str:
    return f"'{flows[0].src}>{flows[0].dst}/{flows[0].proto}'" if flows else "ADDRESS:PORT"


def analyze(evidence: Evidence, flow: FlowExpr | None = None) -> Report:
    """Explain one run.

    Args:
        evidence: a live run's or a saved one's; or captures from elsewhere.
        flow: which connection, for captures without a probe of their own.

    Raises:
        SeveralFlows: captures from elsewhere with several connections, and ``flow`` does not single one out.
        UsageFault: captures without any connection, or none that ``flow`` matches.
    """
    if evidence.probe is not None and evidence.probe.predict:
        return foretell(evidence, evidence.probe)
    evidence = _doubting(evidence)
    source = evidence.probe.source_at.host if evidence.probe else None
    world = build_world(evidence)
    decoded = decode(evidence.packets, evidence.points)
    table, clocks = on_one_clock(decoded, evidence.points, source, world.before)
    found = connections(build(table), table)
    outer = _chosen(evidence, table, found, flow)
    aim = _aim(evidence, world, outer)
    journey = _journey(outer, found, table, world) if outer is not None else None
    return _report(evidence, table, world, aim, journey, clocks)


def _doubting(evidence: Evidence) -> Evidence:
    """Treat a point that was sniffed in part as one that lost packets: who knows what passed afterwards?"""
    in_part = {limit.subject for limit in evidence.limits if limit.kind is LimitKind.PART}
    points = [
        replace(point, dropped=max(point.dropped or 0, 1)) if point.name in in_part else point
        for point in evidence.points
    ]
    return replace(evidence, points=tuple(points))


def _chosen(
    evidence: Evidence, table: PacketTable, found: Sequence[Connection], flow: FlowExpr | None
) -> Connection | None:
    probe = evidence.probe
    if probe is not None and flow is None:
        if _lookup_is_it(probe):
            exchanges = of_lookup(found, table, evidence.points, probe)
            return exchanges[-1] if exchanges else None
        return of_probe(found, evidence.points, probe)
    chosen = candidates(found, table, flow)
    if not chosen:
        cut = [limit.why for limit in evidence.limits if limit.kind is LimitKind.FILE]
        if cut and not len(evidence.packets):
            raise UsageFault(
                f"the file holds no packet: {cut[0]}", "it was cut short before its packets; save it again"
            )
        what = "that --flow asks for" if flow else "of TCP, UDP or ICMP echo"
        hint = "without --flow the connections are listed" if flow else "check the file with tcpdump -r FILE"
        raise UsageFault(f"the capture has no connection {what}", hint)
    if len(chosen) > 1:
        start = int(table.packets.time_ns.min()) if len(table) else 0
        raise SeveralFlows(tuple(summary(each, table, evidence.points, start) for each in chosen))
    return chosen[0]


def _lookup_is_it(probe: Probe) -> bool:
    """The lookup is the story itself: it failed, or it is what was asked."""
    return probe.lookup.how is Resolution.FAILED or probe.proto is Proto.DNS


def _aim(evidence: Evidence, world: World, outer: Connection | None) -> Aim:
    probe = evidence.probe
    if probe is None:
        kind = outer.kind if outer is not None else Kind.TCP
        return Aim(proto=PROTO_OF[kind], plain=True)
    proto = Proto.DNS if _lookup_is_it(probe) else probe.proto
    target = canonical(world.before, probe.target_at) if probe.target_at else None
    return Aim(
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
        f"{name}/{link.name}"
        for name, host in world.before.items()
        for link in host.own.links or ()
        if link.master or link.kind == "bridge"
    )


def _target_is_dead(probe: Probe | None, world: World) -> bool:
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


def _asks_for_host(probe: Probe | None, world: World) -> bool:
    """Whether TARGET, as typed, is an address or a host's name (and not a container's)."""
    if probe is None:
        return False
    name = re.split(r"[@:/]", probe.target.removeprefix("http://"))[0]
    return probe.lookup.how is Resolution.LITERAL or name in world.before


def _journey(outer: Connection, found: Sequence[Connection], table: PacketTable, world: World) -> Journey:
    """The connection, with docker-proxy's inner one where there is one."""
    if is_dns(outer, table):
        asked_on = forwarded_query(outer, found, table)
        return Journey(legs=(outer, asked_on) if asked_on else (outer,))
    pairs = inner_of(outer, found, table, _mappings(world), _gateways(world))
    stray = stray_reply(outer, found, table)
    if len(pairs) > 1:
        unknown = f"{len(pairs)} connections could be docker-proxy's inner one: it was not joined"
        return Journey(legs=(outer,), stray=stray, unknowns=(unknown,))
    if not pairs:
        return Journey(legs=(outer,), stray=stray)
    pair = pairs[0]
    assumptions = (
        []
        if pair.process
        else [f"two connections are taken for docker-proxy's, joined by {' and '.join(pair.joined_by)}"]
    )
    return Journey(legs=(outer, pair.inner), joined_by=pair.joined_by, stray=stray, assumptions=tuple(assumptions))


def _mappings(world: World) -> tuple[Mapping, ...]:
    return tuple(
        Mapping(
            proto=proxy.proto,
            host_port=proxy.host_port,
            container_address=proxy.container_ip,
            container_port=proxy.container_port,
            process=f"docker-proxy pid {proxy.pid}",
        )
        for host in world.before.values()
        for proxy in host.proxies or ()
    )


def _gateways(world: World) -> frozenset[str]:
    return frozenset(
        address.address
        for host in world.before.values()
        for link in host.own.links or ()
        if link.kind == "bridge"
        for address in link.addresses
    )


def _stops(evidence: Evidence, world: World) -> tuple[Stop, ...]:
    """The itinerary as plain stops; empty where state does not tell."""
    probe = evidence.probe
    if probe is None or not world.before:
        return ()
    if _lookup_is_it(probe):
        return ()
    if probe.dialled is None:
        return ()
    transport = {Proto.HTTP: "tcp", Proto.DNS: "udp"}.get(probe.proto, probe.proto.value)
    way = itinerary(world.before, probe.source_at, probe.dialled, probe.dialled_port, transport, probe.target_at)
    return tuple(
        Stop(point=stop.point, optional=stop.optional, observable=stop.sees_unicast is True) for stop in way.stops
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judgement:
    verdict: Verdict
    cause: Finding | None = None
    unknowns: tuple[str, ...] = ()


def _report(
    evidence: Evidence,
    table: PacketTable,
    world: World,
    aim: Aim,
    journey: Journey | None,
    clocks: tuple[Clock, ...],
) -> Report:
    story = observe(journey, table, evidence.points, aim)
    stops = _stops(evidence, world)
    dialled = _first_destination(evidence.probe)
    told = foresee(evidence.probe, world.before)
    seen = (
        hops(journey, table, evidence.points, stops, dialled=dialled, delivered=story.good, foreseen=_sequences(told))
        if journey
        else ()
    )
    way = classify(journey, seen, evidence.points, aim, story)
    dead = story.good and _target_is_dead(evidence.probe, world)
    if dead and aim.target is not None and _asks_for_host(evidence.probe, world):
        # An address of the host was dialled, and a process of the host has the port that a stopped container would publish.
        aim, dead = replace(aim, target=Place(host=aim.target.host)), False
        story = observe(journey, table, evidence.points, aim)
        way = classify(journey, seen, evidence.points, aim, story)
    unclear = journey is not None and bool(journey.unknowns)
    if dead or answered_elsewhere(story, way, aim, unclear=unclear):
        story = replace(story, symptom=Symptom.OTHER_ENDPOINT)
    named = attribute(seen, evidence.points, world, aim.proto.value if aim.proto is not Proto.HTTP else "tcp")
    clocks = _clocks_of(clocks, named, evidence.points)
    last, missing = _edge(named, story)
    case = Case(
        probe=evidence.probe,
        points=evidence.points,
        table=table,
        journey=journey,
        hops=named,
        story=story,
        way=way,
        aim=aim,
        world=world,
        last_seen=last,
        first_missing=missing,
        prediction=told,
    )
    judged = _judge(case, lost=any(limit.kind is LimitKind.HOST for limit in evidence.limits))
    probe = evidence.probe
    works = judged.verdict is Verdict.WORKS
    return Report(
        target=probe.target if probe else _dialled(case) or "the capture",
        source=probe.source if probe else _client(case),
        dialled=_dialled(case),
        verdict=judged.verdict,
        path=way.path,
        segments=way.segments,
        vlan=way.vlan,
        resolution=(probe.lookup.how if probe else Resolution.LITERAL).value,
        predicted_path=path_of(case.prediction, aim) if case.prediction else None,
        why=why(case, judged.verdict, judged.cause),
        cause=None if judged.cause is None else supported(case, judged.cause),
        findings=notes_of(case, judged.cause),
        after=behind(case) if judged.cause is not None else None,
        hops=named,
        last_seen=last,
        first_missing=None if works else missing,
        assumptions=(*_assumptions(case, judged.verdict), *_clock_assumptions(clocks)),
        unknowns=(
            *judged.unknowns,
            *_unknowns(case, evidence, undetermined=judged.verdict is Verdict.UNDETERMINED),
            *(() if works else untold(case)),
        ),
        alternatives=still_possible(case) if judged.verdict is Verdict.UNDETERMINED else (),
        clocks=clocks,
        trace=walks(case),
        drops=kernel_drops(case),
        arp=with_names(exchanges(table, evidence.points, _resolved(case)), world.before),
        way=probe.way if probe else "",
        timing_ms=probe.timing_ms if probe else {},
    )


def _sequences(told: Prediction | None) -> dict[tuple[Direction, int], list[str]]:
    """The predicted points of each direction and leg, in order."""
    found: dict[tuple[Direction, int], list[str]] = {}
    for hop in told.hops if told else ():
        found.setdefault((hop.direction, hop.leg), []).append(hop.point)
    return found


def _resolved(case: Case) -> frozenset[str]:
    """The addresses whose ARP belongs to this way: by the state its next hops; by the packets its ends."""
    found = set(case.prediction.resolved) if case.prediction else set()
    if case.probe is not None:
        found |= {each for each in (case.probe.dialled, case.probe.target_address) if each}
    for hop in case.hops:
        for text in (hop.packet.src, hop.packet.dst) if hop.packet else ():
            found.add(endpoint(text)[0] or text)
    return frozenset(found)


def _first_destination(probe: Probe | None) -> str | None:
    """``ADDRESS:PORT`` as a packet to the dialled endpoint shows it; None where a lookup is the story or nothing was dialled."""
    if probe is None or _lookup_is_it(probe) or probe.dialled is None:
        return None
    if probe.dialled_port is None:
        return probe.dialled
    return (
        f"[{probe.dialled}]:{probe.dialled_port}" if ":" in probe.dialled else f"{probe.dialled}:{probe.dialled_port}"
    )


def _edge(every: Sequence[Hop], story: Observation) -> tuple[str | None, str | None]:
    """The last point that saw the journey, and the first behind it that should have and did not."""
    way_back = [hop for hop in every if hop.direction is Direction.REPLY and hop.seen]
    forth = [hop for hop in every if hop.direction is Direction.REQUEST]
    missing = [hop for hop in forth if hop.seen is False]
    seen = [hop for hop in forth if hop.seen]
    if missing or not way_back or story.good:
        return (seen[-1].point if seen else None), (missing[0].point if missing else None)
    lost = [hop for hop in every if hop.direction is Direction.REPLY and hop.seen is False]
    if not lost and story.symptom is Symptom.SILENCE:
        return way_back[-1].point, None
    return (way_back[-1].point if lost else seen[-1].point if seen else None), (lost[0].point if lost else None)


def _judge(case: Case, *, lost: bool) -> _Judgement:
    """Packets decide; the prober must not contradict them; a cause must be proved."""
    story, probe = case.story, case.probe
    if lost:  # what came afterwards, packets and state, is missing
        return _Judgement(verdict=Verdict.UNDETERMINED)
    doubt = contradiction(story, probe)
    cause = None if doubt else cause_of(case)
    if cause is not None:
        return _Judgement(verdict=Verdict.FAILS, cause=cause)
    if story.symptom is Symptom.NO_PACKETS:
        return _Judgement(verdict=Verdict.UNDETERMINED)
    if doubt:
        return _Judgement(verdict=Verdict.UNDETERMINED, unknowns=(doubt,))
    if story.good and case.journey is not None and case.journey.unknowns:
        return _Judgement(verdict=Verdict.UNDETERMINED)
    if story.good and (unproved := not_the_target(case)):
        return _Judgement(verdict=Verdict.UNDETERMINED, unknowns=(unproved,))
    if story.good:
        return _Judgement(verdict=Verdict.WORKS)
    if not story.patient:
        unknown = "the capture may have ended before an answer came"
        return _Judgement(verdict=Verdict.UNDETERMINED, unknowns=(unknown,))
    return _Judgement(verdict=Verdict.UNDETERMINED)


def _assumptions(case: Case, verdict: Verdict) -> tuple[str, ...]:
    found = [*(case.journey.assumptions if case.journey else ()), *case.way.assumptions]
    if case.aim.proto is Proto.DNS and bool(((case.table.dns_qr == 1) & (case.table.dns_id < 0)).any()):
        found.append(
            "whether the name server had an answer is the prober's word: the responses were captured without their contents"
        )
    if verdict is Verdict.WORKS:
        if case.story.symptom is Symptom.DELIVERED:
            found.append("no reply came: a socket is taken to be bound, since no ICMP error answered")
        if case.story.reached is None and case.probe is None:
            found.append("who answered is taken to be the target: nothing tells where it is")
        elif case.story.reached is None:
            found.append("who answered is taken to be the target: nothing was sniffed in its namespace")
        target = case.probe.target_at if case.probe else None
        if target is not None and target.container is not None and case.target is None:
            found.append(f"{target.container} is taken to be running and not paused: its state is not known")
    return tuple(dict.fromkeys(found))


def _clocks_of(clocks: Sequence[Clock], every: Sequence[Hop], points: Sequence[CapturePoint]) -> tuple[Clock, ...]:
    """The clocks of hosts that saw the journey."""
    host_of = {point.name: point.host or point.name for point in points}
    hosts = {host_of[hop.point] for hop in every if hop.seen}
    return tuple(clock for clock in clocks if clock.host in hosts)


def _clock_assumptions(clocks: Sequence[Clock]) -> tuple[str, ...]:
    return tuple(
        f"the clocks of {clock.host} and {clock.against} disagree: {clock.host}'s times are taken to be off by what frames seen on both show"
        + (", and as those contradict each other, only the way tells the order across the two" if clock.stepped else "")
        for clock in clocks
        if clock.corrected
    )


def _unknowns(case: Case, evidence: Evidence, *, undetermined: bool) -> tuple[str, ...]:
    found = [*(case.journey.unknowns if case.journey else ())]
    found += _said(limit for limit in evidence.limits if not _is_down(case, limit))
    found += [
        f"{name}: rules of iptables' legacy backend are not in the trace"
        for name, host in case.world.after.items()
        if host.traced is not None and host.legacy is not None and any(host.legacy.rules())
    ]
    proved = traced_drop(case)
    if proved is not None and undetermined:
        found.append(f"{proved.host}: {proved.counter} ({proved.text}); it is none of the known causes")
    if case.story.symptom in STOPPED and undetermined:
        found += [
            f"{drop.host}: {drop.counter} meanwhile ({drop.text}); whether by this packet is not certain"
            for drop in (counted(case) if proved is None else ())
        ]
    found += [
        f"{point.name}: {point.dropped} packets were lost by the sniffer"
        for point in evidence.points
        if point.dropped and not any(limit.subject == point.name for limit in evidence.limits)
    ]
    if (
        evidence.probe is not None
        and not evidence.before
        and not any(x.kind is LimitKind.STATE for x in evidence.limits)
    ):
        found.append("host state is not known: what the packets do not show is an assumption")
    return tuple(dict.fromkeys(found))


def _said(limits: Iterable[Limit]) -> list[str]:
    """One line a reason: what went wrong in the same way is named together."""
    subjects: dict[tuple[LimitKind, str], list[str]] = {}
    for limit in limits:
        subjects.setdefault((limit.kind, limit.why), []).append(limit.subject)
    return [f"{', '.join(names)}: {why}" for (_, why), names in subjects.items()]


def _is_down(case: Case, limit: Limit) -> bool:
    """Whether this is a point that could not be sniffed because its interface is known to be down: that is evidence."""
    parts = limit.subject.split("/")
    host = case.before(parts[0])
    if limit.kind not in (LimitKind.POINT, LimitKind.PART) or host is None or len(parts) not in (2, 3):
        return False
    link = host.namespace(parts[1] if len(parts) == 3 else None).link(parts[-1])
    return link is not None and not link.up


def _dialled(case: Case) -> str | None:
    probe = case.probe
    if probe is not None and probe.dialled is not None:
        if probe.dialled_port is None:
            return f"{probe.dialled}/icmp"
        address = f"[{probe.dialled}]" if ":" in probe.dialled else probe.dialled
        return f"{address}:{probe.dialled_port}/{case.transport}"
    if probe is None and case.journey is not None:
        first = case.journey.outer.flows[0]
        return f"{first.server.text(port=first.kind != Kind.ICMP)}/{first.proto}"
    return None


def _client(case: Case) -> str:
    return case.journey.outer.flows[0].client.address if case.journey else "unknown"
