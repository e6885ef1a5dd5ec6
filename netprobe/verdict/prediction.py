"""The report of a run that sent nothing (``--predict``): what would happen by the hosts' state, and what could not be known."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from netprobe.causes.case import Case
from netprobe.decode import decode
from netprobe.evidence.model import Proto, Resolution
from netprobe.forward.model import PredictedOutcome
from netprobe.forward.question import path_of, predict_probe
from netprobe.model.report import PathCode, Report, Verdict
from netprobe.paths.classify import Way
from netprobe.paths.observe import Intent, Observation, Symptom
from netprobe.state.build import build_world
from netprobe.state.lookup import canonical
from netprobe.state.sharing import is_absent
from netprobe.verdict.behind import behind, blocker
from netprobe.verdict.target import dialled_by

if TYPE_CHECKING:
    from netprobe.evidence.model import Evidence, Probe
    from netprobe.forward.model import Prediction
    from netprobe.model.report import Finding

_NOTHING_SENT = "predicted from the hosts' state: nothing was sent"


def predicted(evidence: Evidence, probe: Probe) -> Report:
    """Report a prediction."""
    case = case_of(evidence, probe)
    prediction = case.prediction
    cause = blocker(case, prediction) if prediction is not None else None
    verdict = _verdict(case, prediction)
    return Report(
        target=probe.target,
        source=probe.source,
        dialled=dialled_by(probe, case.transport),
        verdict=verdict,
        path=(path_of(prediction, case.intent) if prediction else None) or PathCode.NONE,
        resolution=probe.lookup.how.value,
        predicted_path=path_of(prediction, case.intent) if prediction else None,
        why=_why(case, prediction, cause),
        cause=cause if verdict is Verdict.FAILS else None,
        after=behind(case, cause) if verdict is Verdict.FAILS and cause is not None else None,
        hops=tuple(replace(hop, seen=None) for hop in prediction.hops) if prediction else (),
        assumptions=(_NOTHING_SENT, *(f"name: {step}" for step in probe.lookup.steps if "engine's state" in step)),
        unknowns=tuple(filter(None, (prediction.unknown if prediction else _no_walk(probe), *_limits(evidence)))),
        sent=False,
        way=probe.way,
        timing_ms=probe.timing_ms,
    )


def case_of(evidence: Evidence, probe: Probe) -> Case:
    """Return the case of a question that nobody asked: the state of its hosts, and no packet."""
    world = build_world(evidence)
    intent = Intent(
        source=canonical(world.before, probe.source_at),
        target=canonical(world.before, probe.target_at) if probe.target_at else None,
        proto=probe.proto,
    )
    return Case(
        probe=probe,
        points=(),
        table=decode(evidence.packets, evidence.points),
        journey=None,
        hops=(),
        story=Observation(symptom=Symptom.NO_PACKETS),
        way=Way(),
        intent=intent,
        world=world,
        prediction=predict_probe(probe, world.before),
    )


def _verdict(case: Case, prediction: Prediction | None) -> Verdict:
    if prediction is None or prediction.outcome is PredictedOutcome.UNKNOWN:
        return Verdict.UNDETERMINED
    if prediction.outcome is not PredictedOutcome.WORKS:
        return Verdict.FAILS
    if _is_absent(case):
        return Verdict.UNDETERMINED
    meant = case.intent.target
    if (
        meant is not None
        and prediction.arrives is not None
        and prediction.arrives != meant
        and case.intent.proto is not Proto.DNS
    ):
        return Verdict.UNDETERMINED
    return Verdict.WORKS


def _why(case: Case, prediction: Prediction | None, cause: Finding | None) -> str:
    if prediction is None:
        return "Nothing was sent, and nothing could be predicted."
    if prediction.outcome is PredictedOutcome.UNKNOWN:
        return f"Nothing was sent; how it would end is unknown from here: {prediction.unknown}."
    if cause is not None:
        return f"Nothing was sent; by the hosts' state {cause.summary}."
    if prediction.arrives is not None and case.intent.target not in (None, prediction.arrives):
        return (
            f"Nothing was sent; by the hosts' state it would come to {prediction.arrives}, not to {case.intent.target}."
        )
    if prediction.outcome is PredictedOutcome.WORKS and _is_absent(case):
        return f"Nothing was sent; by the hosts' state another container of the same network namespace would answer, not {case.named.name if case.named else case.intent.target}."
    steps = [f"{step.rule}: {step.what}" for step in prediction.steps if step.rule]
    return "Nothing was sent; by the hosts' state it would arrive and be answered" + (
        f" ({'; '.join(steps)})." if steps else "."
    )


def _is_absent(case: Case) -> bool:
    """Whether the named container has no part in its namespace: whoever answers there is somebody else."""
    return case.probe is not None and is_absent(case.probe, case.world.before)


def _no_walk(probe: Probe) -> str:
    if probe.lookup.how is Resolution.FAILED:
        said = probe.lookup.steps[-1] if probe.lookup.steps else "no address"
        return f"{probe.lookup.name}: {said}"
    return f"the state of {probe.source_at.host} is not known"


def _limits(evidence: Evidence) -> tuple[str, ...]:
    return tuple(f"{limit.subject}: {limit.why}" for limit in evidence.limits)
