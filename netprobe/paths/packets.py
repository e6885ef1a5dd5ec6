"""The packets of a journey: which there are, where they were seen, and who answered."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from netprobe.decode.table import Flag
from netprobe.journeys.hops import icmp_error, is_advice, reply_row, request_row
from netprobe.paths.story import Answerer, Observation, Symptom
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netprobe.decode.table import PacketTable
    from netprobe.evidence.model import CapturePoint
    from netprobe.flows.model import Flow
    from netprobe.journeys.model import Connection, Journey
    from netprobe.paths.story import Intent


@dataclass(frozen=True, slots=True)
class JourneyPackets:
    """The packets of one journey and the points that were watched, by what was asked."""

    table: PacketTable
    points: Sequence[CapturePoint]
    intent: Intent

    def _came(self, journey: Journey) -> bool:
        """Whether an answer came to the client, and was not only sent; where its own namespace was not sniffed, what was sent counts."""
        mine = [flow for flow in journey.outer.flows if self._at_client(flow)]
        stray = [flow for flow in journey.stray.flows if self._at_client(flow)] if journey.stray is not None else []
        return not mine or any(len(flow.reverse) for flow in mine) or bool(stray)

    def _icmp(self, base: Observation, connection: Connection, errors: list[int]) -> Observation:
        row = errors[0]
        port = (int(self.table.ip_version[row]), int(self.table.icmp_type[row]), int(self.table.icmp_code[row])) in (
            (4, 3, 3),
            (6, 1, 4),
        )
        symptom = Symptom.REFUSED if port else Symptom.UNREACHABLE
        return self._answered(base, symptom, connection, errors, icmp_error(self.table, row))

    def _answered(
        self, base: Observation, symptom: Symptom, connection: Connection, rows: list[int], what: str
    ) -> Observation:
        return replace(
            base,
            symptom=symptom,
            frames=(*base.frames, self._frame(rows[0])),
            answerer=self._answerer(connection, rows),
            detail=what,
        )

    def _answerer(self, connection: Connection, rows: list[int]) -> Answerer:
        """The target, when the answer was seen in its namespace (or there is nothing behind the last point to tell otherwise)."""
        if not rows:
            return Answerer.NOBODY
        target = self.intent.target
        if target is None:
            return Answerer.UNKNOWN
        inside = self._target_points()
        if target.container is None:
            seen = {self.points[int(self.table.packets.point[row])].place for row in rows}
            if any(place.host == target.host and place.container is not None for place in seen):
                return Answerer.UNKNOWN
            return Answerer.TARGET if self._reached(connection) else Answerer.HOST
        if not inside:
            return Answerer.UNKNOWN
        return Answerer.TARGET if any(int(self.table.packets.point[row]) in inside for row in rows) else Answerer.HOST

    def _target_points(self) -> set[int]:
        return {index for index, point in enumerate(self.points) if point.place == self.intent.target}

    def _reached(self, connection: Connection) -> bool | None:
        """Whether the connection was seen in the target's namespace; None when nothing (or not all) was sniffed there."""
        if self._elsewhere(connection):
            return False
        inside = self._target_points()
        if not inside:
            return None
        if any(flow.point in inside for flow in connection.flows):
            return True
        if self.intent.source != self.intent.target and all(self.points[index].interface == "lo" for index in inside):
            return None  # what comes from elsewhere comes by another interface
        if any(self.points[index].dropped for index in inside) or self._strays(connection, inside):
            return None
        return False

    def _strays(self, connection: Connection, inside: set[int]) -> bool:
        """Whether packets between the same ends were seen there that could not be joined: their first ones may be missing."""
        table, flow = self.table, connection.flows[-1]
        here = np.isin(table.packets.point, list(inside)) & (table.kind == flow.kind)
        ends = (np.uint64(flow.client.lo), np.uint64(flow.server.lo))
        forth = (table.src_lo == ends[0]) & (table.dst_lo == ends[1])
        back = (table.src_lo == ends[1]) & (table.dst_lo == ends[0])
        return bool(np.any(here & (forth | back)))

    def _elsewhere(self, connection: Connection) -> bool:
        """Whether it came to a container that is neither the source nor the target."""
        if self.intent.target is None or self.intent.source is None:
            return False
        places = {self.points[flow.point].place for flow in connection.flows}
        return any(
            place.container is not None and place not in (self.intent.source, self.intent.target) for place in places
        )

    def _patient(self, connection: Connection) -> bool:
        return self.intent.probed or self._sent(connection) > 1

    def _sent(self, connection: Connection) -> int:
        """How often the client sent its first packet, at the point that saw most of it."""
        counts = []
        for flow in connection.flows:
            row = request_row(flow, self.table)
            if row is not None:
                same = self.table.seq[flow.forward] == self.table.seq[row]
                counts.append(int(np.count_nonzero(same)))
        return max(counts, default=0)

    def _rows(self, connection: Connection, wanted: Flag) -> list[int]:
        """The server's packets with these flags, at all points, by time."""
        rows = [
            r for flow in connection.flows for r in flow.reverse.tolist() if flags_of(self.table, r) & wanted == wanted
        ]
        return self._by_time(rows)

    def _errors(self, connection: Connection) -> list[int]:
        rows = [row for flow in connection.flows for row in flow.errors]
        return self._by_time([row for row in rows if not is_advice(self.table, row)])

    def _by_time(self, rows: list[int]) -> list[int]:
        return sorted(rows, key=lambda row: (int(self.table.packets.time_ns[row]), row))

    def _first(self, connection: Connection, *, request: bool) -> int | None:
        find = request_row if request else reply_row
        rows = [row for flow in connection.flows if (row := find(flow, self.table)) is not None]
        return self._by_time(rows)[0] if rows else None

    def _frame(self, row: int) -> int:
        return int(self.table.packets.frame[row])

    def _us(self, one: int, other: int) -> int:
        return (int(self.table.packets.time_ns[other]) - int(self.table.packets.time_ns[one])) // 1000

    def _at_client(self, flow: Flow) -> bool:
        """Whether a point of the client's own namespace saw it, and lost nothing."""
        point, source = self.points[flow.point], self.intent.source
        here = source is not None and (point.host, point.container) == (source.host, source.container)
        return here and not point.dropped

    def _heard(self, connection: Connection) -> tuple[Flow | None, int | None]:
        """The flow that saw most of what the client heard, up to a reset of the server's, and that reset.

        A reset counts wherever it was seen: what the server goes on sending behind whoever sent it, the client does not take any more.
        Bytes that were sent are not bytes that came: where the client's own namespace was sniffed, what was seen there counts.
        """
        heard: list[tuple[int | None, Flow]] = []
        mine = [flow for flow in connection.flows if self._at_client(flow)]
        for flow in connection.flows:
            resets = np.flatnonzero(self.table.tcp_flags[flow.reverse] & int(Flag.RST))
            if len(resets):
                heard.append((int(flow.reverse[resets[0]]), replace(flow, reverse=flow.reverse[: resets[0]])))
        flows = heard or [(None, flow) for flow in mine or connection.flows]
        reset, most = max(flows, key=lambda each: len(each[1].reverse), default=(None, None))
        return most, reset


def flags_of(table: PacketTable, row: int) -> int:
    """The TCP flags of one packet."""
    return int(table.tcp_flags[row])
