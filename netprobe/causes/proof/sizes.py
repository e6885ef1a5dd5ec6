"""Whether packets were lost between two hosts for their size: the large ones all, the small ones of the same ends none."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from netprobe.causes.proof.hooks import last_hop
from netprobe.causes.proof.obstacle import silent_points
from netprobe.decode.table import Kind
from netprobe.model.hop import Direction
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from netprobe.causes.case import Case
    from netprobe.evidence.model import CapturePoint
    from netprobe.flows.model import Flow
    from netprobe.journeys.model import Connection

_ENOUGH = 3  # large packets that all got lost, while small ones before and behind them passed
_ECHO = frozenset({0, 8, 128, 129})


@dataclass(frozen=True, slots=True, kw_only=True)
class LostBySize:
    """What left ``here`` and never came in ``there``.

    Attributes:
        here, there: interfaces of two hosts.
        lost: bytes (IP) of the smallest packet that was lost. passed: of the largest that was not.
        times: how many were lost. frames: their numbers.
        through: of netprobe's own echoes between source and target, the largest that came back, and the smallest that did not; None where
            none tell, or they do not lie between the two.
    """

    here: CapturePoint
    there: CapturePoint
    lost: int
    passed: int
    times: int
    frames: tuple[int, ...]
    through: tuple[int, int] | None = None

    @property
    def largest(self) -> int | None:
        """The largest packet that passes, in bytes; None where that is not known to the byte."""
        low, high = self.through or (self.passed, self.lost)
        return low if high == low + 1 else None


def lost_by_size(case: Case) -> LostBySize | None:
    """The large packets of this connection that the network between two hosts loses; None where that is not shown."""
    if case.intent.proto.transport == "icmp":
        return _told(case, _echo(case))
    legs = case.journey.legs if case.journey else ()
    return _told(case, next((found for connection in legs for found in _segments(case, connection)), None))


def _told(case: Case, found: LostBySize | None) -> LostBySize | None:
    """The same with what netprobe's own echoes told of the sizes between."""
    through = case.probe.result.through if case.probe is not None else None
    if found is None or through is None or not found.passed <= through[0] < through[1] <= found.lost:
        return found
    return replace(found, through=through)


def _between_hosts(case: Case, here: CapturePoint, there: CapturePoint) -> bool:
    """Whether they are the two ends of what lies between two hosts: outer interfaces, one behind the other on the way, both whole."""
    ends = {here.name, there.name}
    if here.host == there.host or not ends <= silent_points(case):
        return False
    ways = [[hop.point for hop in case.hops if hop.direction is direction] for direction in Direction]
    beside = any({one, other} == ends for way in ways for one, other in itertools.pairwise(way))
    return beside and _is_outer(case, here) and _is_outer(case, there)


def _is_outer(case: Case, point: CapturePoint) -> bool:
    host = case.before(point.host)
    link = host.own.link(point.interface) if host is not None and point.container is None else None
    return link is not None and not link.is_bridge and not link.master and not link.loopback


def _segments(case: Case, connection: Connection) -> Iterator[LostBySize]:
    if any(flow.errors for flow in connection.flows):
        return  # somebody told the sender
    outer = [number for number in connection.points if _is_outer(case, case.points[number])]
    ends = {
        (here, there)
        for here, there in itertools.permutations(outer, 2)
        if _between_hosts(case, case.points[here], case.points[there])
    }
    if not ends:
        return
    for one, other in itertools.permutations(connection.flows, 2):
        if (one.point, other.point) in ends:
            for back in (False, True):
                yield from _held(case, one, other, back=back)


def _held(case: Case, one: Flow, other: Flow, *, back: bool) -> Iterator[LostBySize]:
    """One direction of one connection at two points."""
    table = case.table
    sent, came = (one.reverse, other.reverse) if back else (one.forward, other.forward)
    if not len(sent) or not len(came):
        return
    beyond = {int(table.seq[row]) for row in came.tolist() if table.payload_len[row] > 0}
    lost = [row for row in sent.tolist() if table.payload_len[row] > 0 and int(table.seq[row]) not in beyond]
    whole = all(table.dont_frag[row] or table.ip_version[row] == 6 for row in lost)
    if len(lost) < _ENOUGH or not whole:
        return
    least, most = min(int(table.ip_len[row]) for row in lost), max(int(table.ip_len[row]) for row in came.tolist())
    time = table.packets.time_ns
    alive = int(time[came].max()) > int(time[lost[0]])
    if most < least and alive:
        yield _found(case, one.point, other.point, least, most, np.array(lost))


def _echo(case: Case) -> LostBySize | None:
    """The probe's echo (or its answer) was lost, and a smaller one between the same ends came through."""
    hop, table = last_hop(case), case.table
    names = {point.name: number for number, point in enumerate(case.points)}
    if hop is None or hop.packet is None or case.first_missing not in names or case.last_seen not in names:
        return None
    here, there = names[case.last_seen or ""], names[case.first_missing]
    frames = table.packets.frame
    mine = np.flatnonzero(frames == (hop.packet.frame or -1))
    if not _between_hosts(case, case.points[here], case.points[there]) or len(mine) != 1:
        return None
    row = int(mine[0])
    same = (table.kind == Kind.ICMP) & np.isin(table.icmp_type, sorted(_ECHO))
    for name in ("src_hi", "src_lo", "dst_hi", "dst_lo"):
        column = getattr(table, name)
        same &= column == column[row]
    came = np.flatnonzero(same & (table.packets.point == there) & (table.ip_len > 0))
    size = int(table.ip_len[row])
    fragile = bool(table.dont_frag[row]) or int(table.ip_version[row]) == 6
    if not len(came) or not fragile or int(table.ip_len[came].max()) >= size:
        return None
    passed = int(table.ip_len[came].max())
    lost = np.flatnonzero(same & (table.packets.point == here) & (table.ip_len > passed))
    return _found(case, here, there, int(table.ip_len[lost].min()), passed, lost)


def _found(case: Case, here: int, there: int, lost: int, passed: int, rows: NDArray[np.int64]) -> LostBySize:
    numbers = tuple(int(each) for each in case.table.packets.frame[rows])
    return LostBySize(
        here=case.points[here], there=case.points[there], lost=lost, passed=passed, times=len(numbers), frames=numbers
    )
