"""UDP answers that came from another address than the asked one: docker-proxy answers a container from the bridge's address."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from netprobe.decode.table import Kind
from netprobe.journeys.join import start_ns
from netprobe.journeys.same import WAIT_NS
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netprobe.decode.table import PacketTable
    from netprobe.flows.model import PackedEndpoint
    from netprobe.journeys.model import Connection


@dataclass(slots=True)
class _Sent:
    """What one endpoint was sent from one port: when each connection began, and its place among all."""

    starts: list[int]
    places: list[int]


class Strays:
    """The datagrams of a capture by whom they came to and from which port, so that each question finds its answer at once."""

    def __init__(self, connections: Sequence[Connection], table: PacketTable) -> None:
        """Keep what can be an answer.

        Args:
            connections: all of a capture, in order of their first packet.
            table: the packet table.
        """
        self._connections = connections
        self._table = table
        self._sent: dict[tuple[PackedEndpoint, int], _Sent] = {}
        for place, each in enumerate(connections):
            if each.kind == Kind.UDP:
                first = each.flows[0]
                sent = self._sent.setdefault((first.server, first.client.port), _Sent([], []))
                sent.starts.append(start_ns(each, table))
                sent.places.append(place)

    def reply_to(self, outer: Connection) -> Connection | None:
        """What came back to the client's port from the dialled port of another address, after the request; None for what was answered."""
        if outer.kind != Kind.UDP or any(len(flow.reverse) for flow in outer.flows):
            return None
        begun = start_ns(outer, self._table)
        places = []
        for asked in {(flow.client, flow.server.port) for flow in outer.flows} & self._sent.keys():
            sent = self._sent[asked]
            after = bisect_left(sent.starts, begun)
            if after < len(sent.starts) and sent.starts[after] - begun <= WAIT_NS:
                places.append(sent.places[after])
        return self._connections[min(places)] if places else None
