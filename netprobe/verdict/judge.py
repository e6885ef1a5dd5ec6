"""The verdict: packets decide, the prober must not contradict them, and a cause must be proved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.causes.catalogue import cause_of
from netprobe.causes.proof.contradictions import contradiction, not_the_target
from netprobe.evidence.model import LimitKind
from netprobe.model.report import Verdict
from netprobe.paths.story import Symptom
from netprobe.values import dataclass

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.evidence.model import Evidence
    from netprobe.model.report import Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The verdict, its cause when it fails, and why it could not be told when it could not."""

    verdict: Verdict
    cause: Finding | None = None
    unknowns: tuple[str, ...] = ()


def judge(case: Case, evidence: Evidence) -> Judgement:
    """Judge a case. Where contact with a host was lost meanwhile, what came afterwards (packets and state) is missing."""
    if any(limit.kind is LimitKind.HOST for limit in evidence.limits):
        return Judgement(verdict=Verdict.UNDETERMINED)
    contradicted = contradiction(case.story, case.probe)
    cause = None if contradicted else cause_of(case)
    if cause is not None:
        return Judgement(verdict=Verdict.FAILS, cause=cause)
    if case.story.symptom is Symptom.NO_PACKETS:
        return Judgement(verdict=Verdict.UNDETERMINED)
    if contradicted:
        return Judgement(verdict=Verdict.UNDETERMINED, unknowns=(contradicted,))
    if case.story.good:
        return _good(case)
    unknown = () if case.story.patient else ("the capture may have ended before an answer came",)
    return Judgement(verdict=Verdict.UNDETERMINED, unknowns=unknown)


def _good(case: Case) -> Judgement:
    """It looks like a working connection: whether it is the target's own must not be open."""
    if case.journey is not None and case.journey.unknowns:
        return Judgement(verdict=Verdict.UNDETERMINED)
    unproved = not_the_target(case)
    if unproved:
        return Judgement(verdict=Verdict.UNDETERMINED, unknowns=(unproved,))
    if case.probe is not None and case.probe.fail and case.story.http is None:
        return Judgement(verdict=Verdict.UNDETERMINED, unknowns=("the status of the response was not kept",))
    return Judgement(verdict=Verdict.WORKS)
