"""UDP answers that came from another address than the asked one: docker-proxy answers a container from the bridge's address."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import replace
from typing import TYPE_CHECKING

from netprobe.decode.table import Kind
from netprobe.journeys.join import start_ns
from netprobe.journeys.model import Connection
from netprobe.journeys.same import WAIT_NS
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netprobe.decode.table import PacketTable
    from netprobe.flows.model import PackedEndpoint


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
                came = (first.client, first.server.port) if _answers_alone(each) else (first.server, first.client.port)
                sent = self._sent.setdefault(came, _Sent([], []))
                sent.starts.append(start_ns(each, table))
                sent.places.append(place)

    def reply_to(self, outer: Connection) -> Connection | None:
        """What came back to the client's port from the dialled port of another address, after the request; None for what was answered."""
        if outer.kind != Kind.UDP or any(len(flow.reverse) for flow in outer.flows):
            return None
        if self._symmetric(outer):
            return None
        begun = start_ns(outer, self._table)
        places = []
        for asked in {(flow.client, flow.server.port) for flow in outer.flows} & self._sent.keys():
            sent = self._sent[asked]
            after = bisect_left(sent.starts, begun)
            if after < len(sent.places) and self._connections[sent.places[after]] is outer:
                after += 1  # a datagram between one address and port and itself is no answer to itself
            if after < len(sent.starts) and sent.starts[after] - begun <= WAIT_NS:
                places.append(sent.places[after])
        return self._connections[min(places)] if places else None

    def _symmetric(self, outer: Connection) -> bool:
        """Whether both ends have one port and no group was asked: then what another sends there (NetBIOS, IKE, NTP) is as likely its own."""
        flow = outer.flows[0]
        if flow.client.port != flow.server.port or flow.server.for_many:
            return False
        link = int(self._table.eth_dst[flow.forward[0]]) if len(flow.forward) else -1
        return link < 0 or not link >> 40 & 1


def as_sent(stray: Connection | None) -> Connection | None:
    """A stray answer with its sender as the client, also where its packets say themselves that they are answers (DNS)."""
    if stray is None or not _answers_alone(stray):
        return stray
    return Connection(
        flows=tuple(
            replace(flow, client=flow.server, server=flow.client, forward=flow.reverse, reverse=flow.forward)
            for flow in stray.flows
        )
    )


def _answers_alone(connection: Connection) -> bool:
    return not any(len(flow.forward) for flow in connection.flows)
