"""The report of packets: what they show, beside what the hosts' state says.

decode -> flows -> journeys -> paths (packets) and state -> predict, then causes (both), then the report.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from netprobe.causes.catalogue import notes_of, trouble
from netprobe.causes.proof.kernel_drops import kernel_drops
from netprobe.causes.proof.traced import walks
from netprobe.decode.decoder import decode
from netprobe.decode.unread import unread
from netprobe.evidence.model import LimitKind, Resolution
from netprobe.flows.build import build
from netprobe.forward.question import path_of
from netprobe.journeys.chosen import choose, journey_of
from netprobe.journeys.clocks import on_one_clock, unaligned
from netprobe.journeys.join import connections
from netprobe.journeys.neighbours import exchanges, with_names
from netprobe.journeys.picked import PickedConnection
from netprobe.journeys.turned import turned
from netprobe.journeys.untimed import timed
from netprobe.model.report import Report, Verdict
from netprobe.state.build import build_world
from netprobe.verdict.alternatives import alternatives
from netprobe.verdict.behind import behind
from netprobe.verdict.beside import names_beside
from netprobe.verdict.gather import clocks_of, gather, resolved
from netprobe.verdict.judge import judge
from netprobe.verdict.marks import shows_engine
from netprobe.verdict.supposed import suppose
from netprobe.verdict.target import client, dialled, intent_of
from netprobe.verdict.unknowns import assumptions, unknowns
from netprobe.verdict.why import why

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.evidence.model import Evidence
    from netprobe.flows.expression import FlowExpr
    from netprobe.journeys.model import Connection
    from netprobe.model.report import Alternative, Clock
    from netprobe.model.tls import TlsFacts
    from netprobe.verdict.judge import Judgement


def observed(evidence: Evidence, flow: FlowExpr | PickedConnection | None) -> Report:
    """Report a run that sent something, or captures. Raises as :func:`netprobe.pipeline.analyze` does."""
    return examined(evidence, flow)[0]


def examined(evidence: Evidence, flow: FlowExpr | PickedConnection | None) -> tuple[Report, Case]:
    """The same, with the case that the report was made of."""
    probe = evidence.probe
    decoded = timed(decode(evidence.packets, evidence.points))
    if probe is None and not isinstance(flow, PickedConnection):  # of which that is said already, of all packets
        more = (*unread(decoded, evidence.points), *unaligned(decoded, evidence.points))
        evidence = replace(evidence, limits=(*evidence.limits, *more))
    evidence = _partly_sniffed(evidence)
    world = build_world(evidence)
    table, clocks = on_one_clock(decoded, evidence.points, probe.source_at.host if probe else None, world.before)
    found = connections(build(table), table)
    outer = choose(evidence, table, found, flow)
    if outer is not None and probe is None:
        outer = turned(outer, table)
    journey = journey_of(outer, found, table, world) if outer is not None else None
    case = gather(evidence, table, world, intent_of(evidence, world, outer), journey)
    judged = judge(case, evidence)
    possible = _possible(case, evidence, outer) if judged.verdict is Verdict.UNDETERMINED else ()
    return _report(case, evidence, judged, clocks_of(case, clocks), possible), case


def _possible(case: Case, evidence: Evidence, outer: Connection | None) -> tuple[Alternative, ...]:
    """What may be the cause; beside the case, what it would be if what could not be read held nothing unusual."""
    if not shows_engine(evidence, case.table):
        return ()  # the causes are those of container hosts
    supposed = suppose(evidence)
    if supposed is None:
        return alternatives(case)
    world = build_world(supposed.evidence)
    intent = intent_of(supposed.evidence, world, outer)
    return alternatives(case, gather(supposed.evidence, case.table, world, intent, case.journey), supposed.words)


def _partly_sniffed(evidence: Evidence) -> Evidence:
    """Treat a point that was sniffed in part as one that lost packets: who knows what passed afterwards?"""
    in_part = {limit.subject for limit in evidence.limits if limit.kind is LimitKind.PART}
    points = [
        replace(point, dropped=max(point.dropped or 0, 1)) if point.name in in_part else point
        for point in evidence.points
    ]
    return replace(evidence, points=tuple(points))


def _tls(case: Case) -> TlsFacts | None:
    if case.story.tls is None and (case.probe is None or case.probe.result.tls is None):
        return None
    from netprobe.verdict.tls import tls_facts

    return tls_facts(case)


def _report(
    case: Case, evidence: Evidence, judged: Judgement, clocks: tuple[Clock, ...], possible: tuple[Alternative, ...]
) -> Report:
    probe = case.probe
    notes = notes_of(case, judged.cause)
    return Report(
        target=probe.target if probe else dialled(case) or "the capture",
        source=probe.source if probe else client(case),
        dialled=dialled(case),
        verdict=judged.verdict,
        path=case.way.path,
        segments=case.way.segments,
        vlan=case.way.vlan,
        resolution=(probe.lookup.how if probe else Resolution.LITERAL).value,
        predicted_path=path_of(case.prediction, case.intent) if case.prediction else None,
        why=why(case, judged.verdict, judged.cause, trouble(notes)),
        cause=judged.cause,
        findings=notes,
        after=behind(case, judged.cause) if judged.cause is not None else None,
        hops=case.hops,
        last_seen=case.last_seen,
        first_missing=None if judged.verdict is Verdict.WORKS else case.first_missing,
        assumptions=assumptions(case, judged.verdict, clocks),
        unknowns=unknowns(case, evidence, judged),
        alternatives=tuple(each.code for each in possible),
        alternatives_why=possible,
        clocks=clocks,
        trace=walks(case),
        drops=kernel_drops(case),
        neighbours=with_names(exchanges(case.table, case.points, resolved(case)), case.world.before),
        http=case.story.http,
        tls=_tls(case),
        way=probe.way if probe else "",
        beside=names_beside(case.world.before, case.hops),
        timing_ms=probe.timing_ms if probe else {},
    )
