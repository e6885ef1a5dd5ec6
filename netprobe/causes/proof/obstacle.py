"""An obstacle is proved where state and packets say the same: the walk through the hosts' state ends at it, and the packets came just as far.

The walk is taken through the state before the probe and through that after it: an obstacle that came or went meanwhile proves nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.causes.proof.frames import frame_numbers
from netprobe.forward.compare import Observed, differences
from netprobe.forward.model import PredictedOutcome
from netprobe.model.hop import Direction
from netprobe.paths.story import Symptom

if TYPE_CHECKING:
    from netprobe.causes.case import Case
    from netprobe.evidence.model import Place
    from netprobe.forward.model import Barrier, Obstacle, Prediction
    from netprobe.model.neighbours import NeighbourExchange


def met(case: Case, *barriers: Barrier) -> Obstacle | None:
    """Return the obstacle that stops this connection, if it is one of these and the packets agree with the walk up to it."""
    before, after = predicted(case, *barriers), case.prediction_after
    if before is None or after is None or not after.obstacles:
        return None
    obstacle, then = before.obstacles[0], after.obstacles[0]
    if (then.barrier, then.place, then.label) != (obstacle.barrier, obstacle.place, obstacle.label):
        return None
    return obstacle if _agrees(case, before, obstacle.direction) else None


def predicted(case: Case, *barriers: Barrier) -> Prediction | None:
    """Return the prediction by the state before the probe, if one of these is the first obstacle; whatever the packets say."""
    told = case.prediction
    if told is None or told.outcome not in {PredictedOutcome.STOPPED, PredictedOutcome.REPLY_LOST}:
        return None
    return told if told.obstacles[0].barrier in barriers else None


def _agrees(case: Case, told: Prediction, direction: Direction) -> bool:
    """Whether the packets came as far as the walk, and no further."""
    if case.story.good:
        return False
    reply = direction is Direction.REPLY  # an error that came, of a repetition, is none
    seen = {hop.point for hop in case.hops if hop.seen and hop.direction is direction and not (reply and hop.is_error)}
    passed = {hop.point for hop in told.hops if hop.direction is direction}
    expected = [hop.point for hop in told.hops if hop.seen and hop.direction is direction]
    sniffed = silent_points(case)
    if differences(told, Observed(hops=case.hops, sniffed=sniffed, good=False)):
        return False
    if direction is Direction.REPLY and not (seen if case.story.reached is None else _is_reached(case, told)):
        return False  # an answer that was seen tells that it was reached, where no point lies in the target's own namespace
    if not expected:
        return not seen and (direction is Direction.REPLY or case.story.symptom is Symptom.NO_PACKETS)
    return expected[-1] in seen and seen <= passed


def _is_reached(case: Case, told: Prediction) -> bool:
    """Whether the request came to whoever answers it: to another than who is meant, where the walk ends there and its last point saw it."""
    if case.story.reached or told.arrives in (None, case.intent.target):
        return bool(case.story.reached)
    last = [hop.point for hop in told.hops if hop.seen and hop.direction is Direction.REQUEST][-1:]
    asked = {hop.point for hop in case.hops if hop.seen and hop.direction is Direction.REQUEST}
    return bool(last) and last[0] in asked


def silent_points(case: Case) -> frozenset[str]:
    """Return the points whose silence means something: sniffed, and nothing was lost there."""
    return frozenset(point.name for point in case.points if not point.dropped)


def unanswered(case: Case, address: str, *, at: str | None = None) -> NeighbourExchange | None:
    """Return the exchange (ARP, neighbour discovery) in which nobody answered for an address (seen at a point, if given); None when somebody did, or nobody asked."""
    found = [each for each in case.neighbours if each.asked == address]
    if not found or any(each.answers for each in found):
        return None
    asked = [each for each in found if at is None or any(frame.point == at for frame in each.requests)]
    return asked[0] if asked else None


def asked_times(exchange: NeighbourExchange) -> str:
    """``asked 3 times at server1/c11/eth0, server1/eth1: frames 5, 8, 11``."""
    points = list(dict.fromkeys(frame.point for frame in exchange.requests))
    times = max(sum(frame.point == point for frame in exchange.requests) for point in points) if points else 0
    frames = frame_numbers((frame.frame for frame in exchange.requests), 6)
    often = "once" if times == 1 else f"{times} times"
    return f"{exchange.protocol}: who has {exchange.asked}? asked {often}, seen at {', '.join(points)}, no answer: {frames}"


def frames_at(case: Case, point: str | None, direction: Direction | None = None) -> str:
    """``frames 5, 9`` of the connection seen at a point (of one direction, if given); ``""`` when none was."""
    return frame_numbers(
        hop.packet.frame
        for hop in case.hops
        if hop.packet and hop.point == point and direction in {None, hop.direction}
    )


def whose(place: Place) -> str:
    """``container client on server2``, ``server2``: for sentences."""
    return f"container {place.container} on {place.host}" if place.container else place.host
