"""What the kernel told, as answers."""

from __future__ import annotations

from netprobe.model.endpoint import Endpoint
from netprobe.model.hop import Direction
from netprobe.model.rule import RuleRef
from netprobe.model.trace import TraceStep, TraceWalk

MET = TraceStep(rule=RuleRef(table="nat", chain="DOCKER", number=2), verdict="accept")
DROPPED = TraceStep(rule=RuleRef(table="filter", chain="FORWARD", policy=True), verdict="drop")


def walk(*steps: TraceStep) -> TraceWalk:
    ends = Endpoint("192.0.2.1", 41000), Endpoint("192.0.2.2", 80)
    return TraceWalk(host="server2", direction=Direction.REQUEST, leg=1, src=ends[0], dst=ends[1], steps=steps)


def test_only_the_last_step_can_have_dropped_it() -> None:
    assert walk(MET, DROPPED).dropped_by is DROPPED
    assert walk(DROPPED, MET).dropped_by is None
    assert walk().dropped_by is None
