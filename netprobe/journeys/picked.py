"""A connection that was chosen before its packets were looked at: by the flow table of a large capture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netprobe.decode.table import Kind, PacketTable
    from netprobe.flows.model import Flow, PackedEndpoint
    from netprobe.journeys.model import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class PickedConnection:
    """Where it was seen first.

    Attributes:
        point: index of the capture point.
        frame: the number of its first packet in its file.
        kind: TCP, UDP or ICMP.
        ends: both ends, whichever is the client.
    """

    point: int
    frame: int
    kind: Kind
    ends: frozenset[PackedEndpoint]

    def among(self, found: Sequence[Connection], table: PacketTable) -> Connection | None:
        """Return it; of several lives of one 5-tuple the one that has its first packet. None: its packets are no longer there."""
        lives = [each for each in found if any(self._may_be(flow) for flow in each.flows)]
        own = [each for each in lives if any(self._may_be(flow) and self._has(flow, table) for flow in each.flows)]
        return next(iter([*own, *lives]), None)

    def _may_be(self, flow: Flow) -> bool:
        return (flow.point, flow.kind) == (self.point, self.kind) and {flow.client, flow.server} == self.ends

    def _has(self, flow: Flow, table: PacketTable) -> bool:
        frames = table.packets.frame
        return any(bool((frames[rows] == self.frame).any()) for rows in (flow.forward, flow.reverse))
