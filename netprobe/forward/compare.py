"""Prediction held against the packets: any difference is a finding, whichever of the two is to blame for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.forward.model import Barrier, PredictedOutcome
from netprobe.model.hop import Direction
from netprobe.values import dataclass

if TYPE_CHECKING:
    from netprobe.forward.model import Obstacle, Prediction
    from netprobe.model.hop import Hop


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What the packets show.

    Attributes:
        hops: the journey.
        sniffed: the points whose silence means something: sniffed, and nothing was lost there.
        good: it worked: the connection reached what was dialled.
    """

    hops: tuple[Hop, ...]
    sniffed: frozenset[str]
    good: bool


def differences(prediction: Prediction, observed: Observed) -> tuple[str, ...]:
    """One sentence for each difference; none where the two agree, or where the prediction does not tell."""
    return tuple(
        filter(
            None, (_outcome(prediction, observed), _not_seen(prediction, observed), _off_the_way(prediction, observed))
        )
    )


def _outcome(prediction: Prediction, observed: Observed) -> str:
    if prediction.outcome is PredictedOutcome.WORKS and not observed.good:
        return "the rules, routes and sockets that were read let its first packet through, and yet it does not work"
    stopped = prediction.outcome in {PredictedOutcome.STOPPED, PredictedOutcome.REPLY_LOST}
    if stopped and observed.good and prediction.obstacles[0].barrier is not Barrier.PAUSED:  # the kernel accepts for it
        return f"{described(prediction.obstacles[0])} should stop it, by what was read, and yet it works"
    return ""


def described(obstacle: Obstacle) -> str:
    """``filter/FORWARD #1 (-A FORWARD -j DROP) on server2``; of neighbour discovery also what it stops."""
    words = obstacle.text if obstacle.label in obstacle.text else f"{obstacle.label} ({obstacle.text})"
    words = words if obstacle.text else obstacle.label
    words += (
        f", which {'rejects' if obstacle.rejects else 'drops'} the {obstacle.message},"
        if obstacle.asked and obstacle.barrier is not Barrier.ARP_IGNORED
        else ""
    )
    named = obstacle.label == obstacle.place.container  # its name says where
    return f"{words} on {obstacle.place.host if named else obstacle.place}"


def _points(hops: tuple[Hop, ...]) -> list[str]:
    return [hop.point for hop in hops if hop.seen and hop.direction is Direction.REQUEST]


def _not_seen(prediction: Prediction, observed: Observed) -> str:
    seen = set(_points(observed.hops))
    missing = [point for point in _points(prediction.hops) if point in observed.sniffed and point not in seen]
    return (
        f"by the rules and routes that were read it should have come by {missing[0]}, and was not seen there"
        if missing
        else ""
    )


def _off_the_way(prediction: Prediction, observed: Observed) -> str:
    if prediction.outcome is PredictedOutcome.UNKNOWN:
        return ""
    predicted = {hop.point for hop in prediction.hops if hop.direction is Direction.REQUEST}
    strange = [point for point in _points(observed.hops) if point not in predicted]
    return (
        f"it was seen at {strange[0]}, where by the rules and routes that were read it does not pass" if strange else ""
    )
