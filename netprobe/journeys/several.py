"""The ladders of several connections at once, of packets that were taken for them: each is joined as one that is asked about alone is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.decode.decoder import decode
from netprobe.flows.build import build
from netprobe.journeys.clocks import on_one_clock
from netprobe.journeys.hops import hops
from netprobe.journeys.join import connections
from netprobe.journeys.ladder import ladder
from netprobe.journeys.model import Journey
from netprobe.journeys.stray import Strays, as_sent
from netprobe.journeys.untimed import timed
from netprobe.model.ladder import FlowLadder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netprobe.evidence.model import CapturePoint
    from netprobe.evidence.packets import Packets
    from netprobe.journeys.picked import PickedConnection


def ladders(
    packets: Packets,
    points: Sequence[CapturePoint],
    picked: Sequence[tuple[PickedConnection, PickedConnection | None]],
) -> list[FlowLadder | None]:
    """Return the ladder of each connection; None where its packets are not among these.

    Args:
        packets: those of all the connections, and ICMP errors about them, in file order.
        points: the capture points.
        picked: the connections, each with the one that a proxy opened for it.
    """
    table, _ = on_one_clock(timed(decode(packets, points)), points)
    found = connections(build(table), table)
    strays = Strays(found, table)
    out: list[FlowLadder | None] = []
    for one, behind in picked:
        outer = one.among(found, table)
        inner = behind.among(found, table) if behind is not None else None
        if outer is None:
            out.append(None)
            continue
        legs = (outer,) if inner is None or inner is outer else (outer, inner)
        journey = Journey(legs=legs, stray=as_sent(strays.reply_to(outer)))
        way = hops(journey, table, points)
        out.append(FlowLadder(ladder=ladder(journey, table, points, way), hops=way))
    return out
