"""Who asked, where a capture begins with an answer: a datagram from a service's port to a port that nobody is asked at."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from netprobe.decode.table import Kind
from netprobe.flows.build import first_row
from netprobe.journeys.model import Connection

if TYPE_CHECKING:
    from netprobe.decode.table import PacketTable

LOWEST_EPHEMERAL = 1024  # ports below it are services' (RFC 6335 section 6)
ASKED_AT = frozenset({1900, 5355})  # SSDP and LLMNR: a group is asked, and each answers from that port
ASKED_FROM_LOW_PORTS = frozenset({1812, 1813, 2049, 4500, 4789, 5353, 6081})  # RADIUS, NFS, IKE, VXLAN, mDNS, GENEVE


def turned(connection: Connection, table: PacketTable) -> Connection:
    """Return a connection of datagrams with its client where that is: the sender of its first packet, unless that packet is an answer by its ports."""
    first = connection.flows[0]
    if first.kind != Kind.UDP or not len(first.forward) or int(first.forward[0]) != first_row(first, table):
        return connection
    asked_at = first.client.port < LOWEST_EPHEMERAL or first.client.port in ASKED_AT
    answers = asked_at and first.server.port >= LOWEST_EPHEMERAL and first.server.port not in ASKED_AT
    if not answers or first.server.port in ASKED_FROM_LOW_PORTS or first.server.for_many:
        return connection
    return Connection(
        flows=tuple(
            replace(flow, client=flow.server, server=flow.client, forward=flow.reverse, reverse=flow.forward)
            for flow in connection.flows
        )
    )
