"""Predicted obstacles as findings: what would stop a packet that nobody sent, and what stands behind the first blocker."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from netprobe.causes.base import undone
from netprobe.causes.catalogue import explaining
from netprobe.causes.proof.blocked import met_by
from netprobe.forward.compare import described
from netprobe.forward.model import Barrier, PredictedOutcome
from netprobe.forward.question import predict_probe
from netprobe.model.hop import Direction
from netprobe.model.report import Confidence, Finding, Where
from netprobe.state.effects.commands import fixed
from netprobe.state.effects.texts import NotModelled
from netprobe.state.model import World

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.evidence.model import Place
    from netprobe.forward.model import Obstacle, Prediction


def behind(case: Case, cause: Finding) -> tuple[Finding, ...] | None:
    """Return what still stands in the way once the cause's remedy was carried out, in the packet's order; None: it cannot be told.

    The walk is predicted again from the state as the commands leave it. Advice is taken to undo the obstacle that it is for, and no other.
    """
    prediction = case.prediction
    if prediction is None or prediction.outcome is PredictedOutcome.WORKS:
        return None  # the state shows nothing of it: no more of what its remedy does
    if not any(remedy.commands for remedy in cause.remedies):
        return _behind_first(case, prediction)
    try:
        hosts = fixed(case.world.before, cause.remedies)
    except NotModelled:
        return None
    after = predict_probe(case.probe, hosts)
    if after is None or PredictedOutcome.UNKNOWN in {after.outcome, after.beyond}:
        return None
    left = after.obstacles
    if left and any((each.place, each.label, each.text) == _which(left[0]) for each in prediction.obstacles[:1]):
        return None  # by the state the remedy changes nothing: then the state does not tell what it does
    then = replace(case, world=World(before=hosts, after=hosts), prediction=after)
    return tuple(predicted_finding(then, each) for each in left)


def _which(obstacle: Obstacle) -> tuple[Place, str, str]:
    return obstacle.place, obstacle.label, obstacle.text


def _behind_first(case: Case, prediction: Prediction) -> tuple[Finding, ...] | None:
    """What stands behind the first obstacle, which is passed in thought; None where it cannot be, or the state does not tell."""
    if PredictedOutcome.UNKNOWN in {prediction.outcome, prediction.beyond} or not prediction.obstacles:
        return None
    if prediction.beyond is not PredictedOutcome.WORKS and len(prediction.obstacles) == 1:
        return None
    return tuple(predicted_finding(case, each) for each in prediction.obstacles[1:])


def blocker(case: Case, prediction: Prediction) -> Finding | None:
    """Return the first predicted obstacle as a finding; None when there is none."""
    return predicted_finding(case, prediction.obstacles[0]) if prediction.obstacles else None


def predicted_finding(case: Case, obstacle: Obstacle) -> Finding:
    """Return one predicted obstacle as a finding. It is likely at best: no packet showed it."""
    whom = "the answer" if obstacle.direction is Direction.REPLY else "the request"
    whom = "what follows the handshake" if obstacle.later else whom
    does = "rejects" if obstacle.rejects else "drops"
    what = described(obstacle)
    cause = explaining(case, obstacle)
    return Finding(
        code=cause.code if cause else obstacle.barrier.value,
        summary=f"{what} {does} {whom}" if obstacle.barrier is Barrier.RULE else f"{whom} ends there: {what}",
        where=Where(host=obstacle.place.host, component=obstacle.label, rule=obstacle.text or None),
        evidence=met_by(obstacle.rule) if obstacle.rule is not None else (),
        remedies=cause.undo(case, obstacle) if cause else undone(case, obstacle),
        confidence=Confidence.LIKELY,
    )
