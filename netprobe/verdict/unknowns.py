"""What the report cannot know, and what it takes for granted: one sentence each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netprobe.causes.proof.blocked import STOPPED
from netprobe.causes.proof.drops import counted, traced_drop
from netprobe.causes.proof.kernel_drops import untold
from netprobe.evidence.model import LimitKind, Proto
from netprobe.model.point import PointName
from netprobe.model.report import Verdict
from netprobe.paths.story import Symptom

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from netprobe.causes.case import Case
    from netprobe.evidence.model import Evidence, Limit
    from netprobe.model.report import Clock
    from netprobe.verdict.judge import Judgement

_MOST_NAMED = 4  # of the interfaces of one file from elsewhere, which may be many


def assumptions(case: Case, verdict: Verdict, clocks: Sequence[Clock]) -> tuple[str, ...]:
    """Return what the verdict takes for granted, one sentence each."""
    found = [*(case.journey.assumptions if case.journey else ()), *case.way.assumptions]
    if case.intent.proto is Proto.DNS and bool(((case.table.dns_qr == 1) & (case.table.dns_id < 0)).any()):
        found.append(
            "whether the name server had an answer is the prober's word: the responses were captured without their contents"
        )
    if verdict is Verdict.WORKS:
        found += _taken(case)
    elif case.prediction is not None:
        found += case.prediction.assumed
    return (*dict.fromkeys(found), *_clock_assumptions(clocks))


def _taken(case: Case) -> Iterator[str]:
    """What a working connection rests on, beside what was seen."""
    if case.story.symptom is Symptom.DELIVERED:
        yield "no reply came: a socket is taken to be bound, since no ICMP error answered"
    if case.story.reached is None and case.probe is None:
        yield "who answered is taken to be the target: nothing tells where it is"
    elif case.story.reached is None:
        yield "who answered is taken to be the target: nothing was sniffed in its namespace"
    target = case.probe.target_at if case.probe else None
    if target is not None and target.container is not None and case.target is None:
        yield f"{target.container} is taken to be running and not paused: its state is not known"


def _clock_assumptions(clocks: Sequence[Clock]) -> tuple[str, ...]:
    return tuple(
        f"the clocks of {clock.host} and {clock.against} disagree: {clock.host}'s times are taken to be off by what frames seen on both show"
        + (", and as those contradict each other, only the way tells the order across the two" if clock.stepped else "")
        for clock in clocks
        if clock.corrected
    )


def unknowns(case: Case, evidence: Evidence, judgement: Judgement) -> tuple[str, ...]:
    """Return what could not be known, one sentence each: what kept the verdict open first."""
    found = [
        *(case.journey.unknowns if case.journey else ()),
        *_said(limit for limit in evidence.limits if not _is_down(case, limit)),
        *_not_traced(case),
        *_walk_ends(case, judgement),
        *(_drops(case) if judgement.verdict is Verdict.UNDETERMINED else ()),
        *_lost(evidence),
        *_empty(case, evidence),
    ]
    told = evidence.before or any(limit.kind is LimitKind.STATE for limit in evidence.limits)
    if evidence.probe is not None and not told:
        found.append("host state is not known: what the packets do not show is an assumption")
    reasons = () if judgement.verdict is Verdict.WORKS else untold(case)
    return (*judgement.unknowns, *dict.fromkeys(found), *reasons)


def _walk_ends(case: Case, judgement: Judgement) -> Iterator[str]:
    """Where the hosts' state does not tell how the packet goes on, and why."""
    told = case.prediction
    if judgement.verdict is Verdict.UNDETERMINED and told is not None and told.unknown:
        yield f"by the hosts' state its way is not known from here: {told.unknown}"


def _not_traced(case: Case) -> Iterator[str]:
    for name, host in case.world.after.items():
        if host.traced is not None and host.legacy is not None and any(host.legacy.rules()):
            yield f"{name}: rules of iptables' legacy backend are not in the trace"


def _drops(case: Case) -> Iterator[str]:
    """The rules that dropped something meanwhile, where none of the known causes is behind it."""
    proved = traced_drop(case)
    if proved is not None:
        yield f"{proved.host}: {proved.evidence} ({proved.rule.text}); it is none of the known causes"
    elif case.story.symptom in STOPPED:
        for drop in counted(case):
            yield f"{drop.host}: {drop.evidence} meanwhile ({drop.rule.text}); whether by this packet is not certain"


def _lost(evidence: Evidence) -> Iterator[str]:
    """The points that lost packets, but for those of which a limit says why."""
    said = {limit.subject for limit in evidence.limits}
    for point in evidence.points:
        if point.dropped and point.name not in said:
            yield f"{point.name}: {point.dropped} packets were lost by the sniffer"


def _empty(case: Case, evidence: Evidence) -> Iterator[str]:
    """The files from elsewhere that hold no packet, where nothing answered: whether they were running meanwhile, only who made them knows."""
    if case.probe is not None or case.story.symptom is not Symptom.SILENCE:
        return
    broken = {limit.subject for limit in evidence.limits} | {point.name for point in evidence.points if point.dropped}
    held = set(np.unique(evidence.packets.point).tolist())
    names = [each.name for at, each in enumerate(evidence.points) if at not in held and each.name not in broken]
    if names:
        more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
        yield f"{', '.join(names[:_MOST_NAMED])}{more}: no packet at all was captured; if the capture ran then, with a filter that fits, it did not come there"


def _said(limits: Iterable[Limit]) -> list[str]:
    """One line a reason: what went wrong in the same way is named together."""
    subjects: dict[tuple[LimitKind, str], list[str]] = {}
    for limit in limits:
        subjects.setdefault((limit.kind, limit.why), []).append(limit.subject)
    return [f"{', '.join(names)}: {why}" for (_, why), names in subjects.items()]


def _is_down(case: Case, limit: Limit) -> bool:
    """Whether this is a point that could not be sniffed because its interface is known to be down: that is evidence."""
    at = PointName.parse(limit.subject)
    host = case.before(at.host)
    if limit.kind not in (LimitKind.POINT, LimitKind.PART) or host is None:
        return False
    link = host.namespace(at.container).link(at.interface)
    return link is not None and not link.up
