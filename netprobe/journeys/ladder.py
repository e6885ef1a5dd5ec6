"""The ladder of a journey: each of its packets once, with every point that saw it. From numbers in the packets, as the hops are.

A packet is known again by what bridges, routers and NAT leave alone: a segment's numbers, flags and length; a datagram's or an echo's content.
Of equal ones (retransmissions) the n-th at one point is the n-th at another. Segments that a network card joined or cut (GRO, TSO) are other packets at
the points behind it, and shown as such.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netprobe.decode.table import Kind
from netprobe.journeys.hops import joined_by, packet
from netprobe.journeys.spoken import spoken
from netprobe.model.endpoint import Ends
from netprobe.model.hop import Direction
from netprobe.model.ladder import Arrow, Gap, Ladder, LadderColumn, Sight
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from netprobe.decode.table import PacketTable
    from netprobe.evidence.model import CapturePoint
    from netprobe.flows.model import Flow
    from netprobe.journeys.model import Journey
    from netprobe.model.hop import Hop
    from netprobe.model.ladder import Rung

WINDOW = 64  # packets of each direction and point that are looked at, at the beginning and at the end
FIRST, LAST = 28, 14  # rungs that are shown of a long connection
_DIGEST = 64  # bytes of a datagram


@dataclass(frozen=True, slots=True, kw_only=True)
class _Track:
    """One column with its flow; None: nothing was seen there."""

    column: LadderColumn
    flow: Flow | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """One row of the packet table at one column: whose it is, and the n-th of its kind there (from the end: below 0)."""

    column: int
    row: int
    direction: Direction
    leg: int
    key: Hashable
    nth: int


def ladder(journey: Journey, table: PacketTable, points: Sequence[CapturePoint], hops: Sequence[Hop]) -> Ladder:
    """Return the ladder of a journey.

    Args:
        journey: the joined connections.
        table: the packet table.
        points: the capture points.
        hops: the journey's, in order: they order the columns and say what is missing.
    """
    tracks = _tracks(journey, points, hops)
    seen = [each for index, track in enumerate(tracks) if track.flow for each in _seen_at(index, track, table)]
    start = min((int(table.packets.time_ns[each.row]) for each in seen), default=0)
    arrows = _arrows(seen, table, start)
    missing = _missing(tracks, hops)
    arrows = [_with_loss(each, hops, missing) for each in arrows]
    dns = bool(table.is_dns(seen[0].row)) if seen else False
    return Ladder(
        columns=tuple(track.column for track in tracks),
        rungs=tuple(_folded(arrows, tracks)),
        relay=joined_by(dns=dns) if journey.proxied else "",
    )


def _tracks(journey: Journey, points: Sequence[CapturePoint], hops: Sequence[Hop]) -> list[_Track]:
    """The columns: in the order of the request's hops, then what the answer alone passed; leg by leg."""
    left = {number: list(leg.flows) for number, leg in enumerate(journey.legs, 1)}
    if journey.stray is not None:
        left[1] += [each for each in journey.stray.flows if each not in left[1]]
    out: list[_Track] = []
    for hop in (each for each in hops if each.direction is Direction.REQUEST):
        flow = _taken(left.get(hop.leg, []), points, hop)
        out.append(_track(hop.point, hop.leg, flow, hop.seen))
    for leg, flows in left.items():
        at = max((index for index, each in enumerate(out, 1) if each.column.leg <= leg), default=0)
        out[at:at] = [_track(points[flow.point].name, leg, flow, True) for flow in flows]
    return out


def _taken(flows: list[Flow], points: Sequence[CapturePoint], hop: Hop) -> Flow | None:
    """Take the flow of a hop out of those that are left: at its point, with its addresses where one point saw several."""
    if not hop.seen or hop.packet is None:
        return None
    there = [each for each in flows if points[each.point].name == hop.point]
    ends = Ends(hop.packet.src, hop.packet.dst)
    exact = [each for each in there if _ends(each) == ends and max(each.vlan, -1) == _tag(hop)]
    found = next(iter([*exact, *there]), None)
    if found is not None:
        flows.remove(found)
    return found


def _tag(hop: Hop) -> int:
    return -1 if hop.packet is None or hop.packet.vlan is None else hop.packet.vlan


def _track(point: str, leg: int, flow: Flow | None, seen: bool | None) -> _Track:
    tag = "" if flow is None or flow.vlan < 0 else str(flow.vlan)
    ends = None if flow is None else _ends(flow)
    return _Track(column=LadderColumn(point=point, leg=leg, ends=ends, seen=seen, tag=tag), flow=flow)


def _ends(flow: Flow) -> Ends:
    port = flow.kind != Kind.ICMP
    return Ends(flow.client.unpack(port=port), flow.server.unpack(port=port))


def _seen_at(column: int, track: _Track, table: PacketTable) -> Iterator[_Seen]:
    flow = track.flow
    assert flow is not None  # noqa: S101 - the caller looked
    ways = (
        (Direction.REQUEST, flow.forward),
        (Direction.REPLY, flow.reverse),
        (Direction.REPLY, np.array(flow.errors, np.int64)),
    )
    for direction, rows in ways:
        whole = len(rows) <= 2 * WINDOW
        heads = rows.tolist() if whole else rows[:WINDOW].tolist()
        tails = [] if whole else rows[: -WINDOW - 1 : -1].tolist()
        for chosen, step in ((heads, 1), (tails, -1)):
            counted: dict[Hashable, int] = {}
            for row in chosen:
                key = _key(table, row)
                counted[key] = counted.get(key, 0) + step
                yield _Seen(
                    column=column, row=row, direction=direction, leg=track.column.leg, key=key, nth=counted[key]
                )


def _key(table: PacketTable, row: int) -> Hashable:
    """What a packet keeps on its way."""
    kind = Kind(int(table.kind[row]))
    columns: tuple[NDArray[np.integer], ...]
    if kind == Kind.TCP:
        columns = table.seq, table.ack, table.tcp_flags, table.payload_len
    elif kind == Kind.ICMP_ERROR:
        columns = table.icmp_type, table.icmp_code, table.inner_seq, table.inner_proto
    else:
        columns = table.icmp_type, table.seq, table.payload_len, table.dns_id
    numbers = tuple(int(column[row]) for column in columns)
    said = b"" if kind in (Kind.TCP, Kind.ICMP_ERROR) else table.payload(row)[:_DIGEST]
    return kind, numbers, said


def _arrows(seen: Iterable[_Seen], table: PacketTable, start_ns: int) -> list[Arrow]:
    """The packets in order of time, each with its sights."""
    groups: dict[Hashable, list[_Seen]] = {}
    for each in seen:
        groups.setdefault((each.leg, each.direction, each.key, each.nth), []).append(each)
    arrows = [_arrow(group, table, start_ns) for group in groups.values()]
    return sorted(arrows, key=lambda arrow: min(sight.time_us for sight in arrow.sights))


def _arrow(group: list[_Seen], table: PacketTable, start_ns: int) -> Arrow:
    back = group[0].direction is Direction.REPLY
    group = sorted(group, key=lambda each: each.column, reverse=back)
    first = group[0]
    sights = tuple(
        Sight(
            column=each.column,
            time_us=round((int(table.packets.time_ns[each.row]) - start_ns) / 1000, 3),
            frame=int(table.packets.frame[each.row]),
        )
        for each in group
    )
    size = max(int(table.payload_len[first.row]), 0)
    return Arrow(
        direction=first.direction,
        leg=first.leg,
        info=packet(table, first.row).info,
        size=size,
        says=spoken(table.payload(first.row)) if size else "",
        sights=sights,
        again=first.nth > 1,
    )


def _missing(tracks: Sequence[_Track], hops: Sequence[Hop]) -> dict[tuple[Direction, int], int]:
    """Direction and leg -> the first column where a packet should have come and did not."""
    found: dict[tuple[Direction, int], int] = {}
    for hop in hops:
        if hop.seen is False and (hop.direction, hop.leg) not in found:
            place = [
                index
                for index, each in enumerate(tracks)
                if (each.column.point, each.column.leg) == (hop.point, hop.leg)
            ]
            if place:
                found[hop.direction, hop.leg] = place[0]
    return found


def _with_loss(arrow: Arrow, hops: Sequence[Hop], missing: dict[tuple[Direction, int], int]) -> Arrow:
    """An arrow that ends where the hops say that such packets are missed."""
    lost = missing.get((arrow.direction, arrow.leg))
    told = {
        (hop.packet.info, hop.point)
        for hop in hops
        if hop.seen and hop.packet is not None and hop.direction is arrow.direction and hop.leg == arrow.leg
    }
    columns = {sight.column for sight in arrow.sights}
    if lost is None or lost in columns or arrow.info not in {info for info, _ in told}:
        return arrow
    return Arrow(
        direction=arrow.direction, leg=arrow.leg, info=arrow.info, size=arrow.size, says=arrow.says, sights=arrow.sights,
        lost=lost, again=arrow.again,
    )  # fmt: skip


def _folded(arrows: Sequence[Arrow], tracks: Sequence[_Track]) -> Iterator[Rung]:
    """The first and the last of many, and between them how many are left out."""
    flows = [track.flow for track in tracks if track.flow is not None]
    most = max((len(flow.forward) + len(flow.reverse) + len(flow.errors) for flow in flows), default=0)
    if len(arrows) <= FIRST + LAST and most <= 4 * WINDOW:
        yield from arrows
        return
    first, last = arrows[:FIRST], arrows[-LAST:]
    yield from first
    yield Gap(
        packets=max(most, len(arrows)) - FIRST - LAST,
        from_us=first[-1].sights[0].time_us,
        until_us=last[0].sights[0].time_us,
    )
    yield from last
