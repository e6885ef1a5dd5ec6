"""Predicted obstacles as findings: what would stop a packet that nobody sent, and what stands behind the first blocker."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.causes.base import undone
from netprobe.causes.catalogue import explaining
from netprobe.forward.compare import described
from netprobe.forward.model import Barrier, PredictedOutcome
from netprobe.model.report import Confidence, Direction, Finding, Where

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.forward.model import Obstacle, Prediction


def behind(case: Case) -> tuple[Finding, ...] | None:
    """Return what stands behind the blocker, in the packet's order, if the state tells; None: it does not tell."""
    prediction = case.prediction
    if prediction is None or prediction.outcome is PredictedOutcome.UNKNOWN or not prediction.obstacles:
        return None
    if prediction.beyond is PredictedOutcome.UNKNOWN:
        return None
    if prediction.beyond is not PredictedOutcome.WORKS and len(prediction.obstacles) == 1:
        return None  # what lies behind an obstacle that cannot be passed in thought
    return tuple(predicted_finding(case, each) for each in prediction.obstacles[1:])


def blocker(case: Case, prediction: Prediction) -> Finding | None:
    """Return the first predicted obstacle as a finding; None when there is none."""
    return predicted_finding(case, prediction.obstacles[0]) if prediction.obstacles else None


def predicted_finding(case: Case, obstacle: Obstacle) -> Finding:
    """Return one predicted obstacle as a finding. It is likely at best: no packet showed it."""
    whom = "the answer" if obstacle.direction is Direction.REPLY else "the request"
    does = "rejects" if obstacle.rejects else "drops"
    what = described(obstacle)
    cause = explaining(case, obstacle)
    return Finding(
        code=cause.code if cause else obstacle.barrier.value,
        summary=f"{what} {does} {whom}" if obstacle.barrier is Barrier.RULE else f"{whom} ends there: {what}",
        where=Where(host=obstacle.place.host, component=obstacle.label, rule=obstacle.text or None),
        remedies=cause.undo(case, obstacle) if cause else undone(case, obstacle),
        confidence=Confidence.LIKELY,
    )
