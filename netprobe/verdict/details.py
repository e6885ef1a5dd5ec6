"""What a page shows beside the report, from the same case: nothing of it reaches the verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netprobe.decode.layers import layers
from netprobe.journeys.hops import packet
from netprobe.journeys.ladder import ladder
from netprobe.model.details import Compared, Details, Mark, PacketWalk, RuleStep, ShownPacket
from netprobe.model.hop import Direction
from netprobe.model.ladder import Arrow
from netprobe.model.point import PointName
from netprobe.topology.build import build

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from netprobe.causes.case import Case
    from netprobe.evidence.model import Evidence
    from netprobe.forward.model import Obstacle, Prediction, WalkStep
    from netprobe.model.hop import Hop
    from netprobe.model.ladder import Ladder
    from netprobe.model.report import Report
    from netprobe.model.trace import TraceStep, TraceWalk
    from netprobe.state.model import World
    from netprobe.topology.model import Topology
    from netprobe.verdict.prediction import Unsent

MOST_PACKETS = 48
KEPT_BYTES = 256  # of a packet
_CHANGING = ("DNAT", "SNAT", "MASQUERADE", "REDIRECT", "TPROXY", "docker-proxy")
_STOPPING = frozenset({"drop", "reject"})


def details_of(case: Case, report: Report, evidence: Evidence) -> Details:
    """Return what was observed in detail, beside what the state says of it."""
    rungs = None if case.journey is None else ladder(case.journey, case.table, case.points, case.hops)
    prediction = case.prediction
    shown = _shown(case, rungs)
    return Details(
        topology=_topology(case.world, evidence),
        ladder=rungs,
        by_state=walks_by_state(prediction),
        by_kernel=tuple(_traced(walk) for walk in report.trace or ()),
        compared=_compared(prediction.hops, case.hops) if prediction is not None else (),
        unknown=prediction.unknown if prediction is not None else "",
        packets=tuple(_packet(case, row) for row in shown),
        left=max(_captured(case) - len(shown), 0),
    )


def details_ahead(unsent: Unsent, evidence: Evidence) -> Details:
    """Return what is known of a question that nobody asked."""
    prediction = unsent.prediction
    return Details(
        topology=_topology(unsent.world, evidence),
        by_state=walks_by_state(prediction),
        unknown=prediction.unknown if prediction is not None else "",
    )


def _topology(world: World, evidence: Evidence) -> Topology | None:
    """The hosts before the probe; None where neither state nor a capture point's name tells of any."""
    points = [PointName(each.host, each.container, each.interface) for each in evidence.points]
    if not world.before and not any(each.host for each in points):
        return None
    return build(world.before, points, evidence.limits)


def walks_by_state(prediction: Prediction | None) -> tuple[PacketWalk, ...]:
    """The steps by namespace and direction, in order; the obstacle that the packet does not pass closes the last."""
    if prediction is None:
        return ()
    steps = [(str(each.place), each.direction, _step(each)) for each in prediction.steps]
    steps += [(str(each.place), each.direction, _obstacle(each)) for each in prediction.obstacles[:1]]
    out: list[PacketWalk] = []
    for place, direction, step in steps:
        if out and (out[-1].place, out[-1].direction) == (place, direction):
            out[-1] = PacketWalk(place=place, direction=direction, steps=(*out[-1].steps, step))
        else:
            out.append(PacketWalk(place=place, direction=direction, steps=(step,)))
    return tuple(out)


def _step(step: WalkStep) -> RuleStep:
    return RuleStep(
        where=step.stage,
        rule=str(step.rule or ""),
        text=getattr(step.rule, "text", ""),
        what=step.what,
        mark=Mark.CHANGES if step.what.startswith(_CHANGING) else Mark.PASSES,
    )


def _obstacle(obstacle: Obstacle) -> RuleStep:
    does = "rejects it" if obstacle.rejects else "stops it"
    return RuleStep(
        where=str(obstacle.hook or obstacle.barrier.value),
        rule=obstacle.label,
        text=obstacle.text,
        what=f"{does}: {obstacle.message}" if obstacle.message else does,
        mark=Mark.STOPS,
    )


def _traced(walk: TraceWalk) -> PacketWalk:
    times = f", {walk.count} packets" if walk.count > 1 else ""
    return PacketWalk(
        place=walk.host,
        direction=walk.direction,
        packet=f"{walk.src} → {walk.dst} {walk.info}".rstrip() + times,
        steps=tuple(map(_traced_step, walk.steps)),
    )


def _traced_step(step: TraceStep) -> RuleStep:
    mark = Mark.STOPS if step.verdict in _STOPPING else Mark.PASSES
    return RuleStep(
        where="", rule=str(step.rule), text="" if step.rule.policy else step.rule.text, what=step.verdict, mark=mark
    )


def _compared(predicted: Sequence[Hop], observed: Sequence[Hop]) -> tuple[Compared, ...]:
    """Both ways side by side: what both have once, and before it what one of them has alone."""
    out: list[Compared] = []
    for direction in Direction:
        ours = [hop for hop in predicted if hop.direction is direction]
        theirs = [hop for hop in observed if hop.direction is direction]
        out += _aligned(ours, theirs)
    return tuple(out)


def _aligned(predicted: list[Hop], observed: list[Hop]) -> Iterator[Compared]:
    """The points of both in order; a point that both have is one line (the first that matches, as both ways are short and in order)."""
    left = list(observed)
    for hop in predicted:
        at = next((index for index, each in enumerate(left) if (each.point, each.leg) == (hop.point, hop.leg)), None)
        if at is None:
            yield Compared(predicted=hop, observed=None)
            continue
        yield from (Compared(predicted=None, observed=each) for each in left[:at])
        yield Compared(predicted=hop, observed=left[at])
        left = left[at + 1 :]
    yield from (Compared(predicted=None, observed=each) for each in left)


def _shown(case: Case, rungs: Ladder | None) -> list[int]:
    """The rows of the packets to show: those that tell most, in order of their numbers."""
    wanted = [*_of_hops(case.hops), *(_of_ladder(rungs) if rungs is not None else ())]
    packets = case.table.packets
    rows = np.flatnonzero(np.isin(packets.frame, [frame for _, frame in wanted])).tolist()
    row_of = {(case.points[int(packets.point[row])].name, int(packets.frame[row])): row for row in rows}
    found = [row_of[each] for each in dict.fromkeys(wanted) if each in row_of]
    return sorted(found[:MOST_PACKETS], key=lambda row: int(packets.frame[row]))


def _captured(case: Case) -> int:
    """How many packets of the journey were captured, at all points together."""
    flows = [flow for leg in (case.journey.legs if case.journey is not None else ()) for flow in leg.flows]
    return sum(len(flow.forward) + len(flow.reverse) + len(flow.errors) for flow in flows)


def _of_hops(hops: Iterable[Hop]) -> Iterator[tuple[str, int]]:
    for hop in hops:
        if hop.seen and hop.packet is not None:
            yield hop.point, hop.packet.frame


def _of_ladder(rungs: Ladder) -> Iterator[tuple[str, int]]:
    """The first sight of each packet, then all others."""
    arrows = [rung for rung in rungs.rungs if isinstance(rung, Arrow)]
    for sights in ([arrow.sights[:1] for arrow in arrows], [arrow.sights[1:] for arrow in arrows]):
        for sight in (each for some in sights for each in some):
            yield rungs.columns[sight.column].point, sight.frame


def _packet(case: Case, row: int) -> ShownPacket:
    packets, point = case.table.packets, case.points[int(case.table.packets.point[row])]
    told = packet(case.table, row)
    return ShownPacket(
        point=point.name,
        frame=told.frame,
        words=f"{told.src} → {told.dst} {told.info}",
        time_ns=int((case.captured or packets).time_ns[row]),
        size=int(packets.origlen[row]),
        layers=layers(case.table, row, point.linktype),
        raw=packets.raw(row)[:KEPT_BYTES],
    )
