"""Exchanges that got no answer: a person who looks for what is wrong looks for these, whatever else a capture holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.decode.table import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netprobe.decode.table import PacketTable
    from netprobe.journeys.model import Connection


def unanswered(connections: Sequence[Connection], table: PacketTable) -> frozenset[int]:
    """Return the connections (by ``id()``) that no answer came to.

    A name server's error is no answer where no other question of that client's was answered with a record: of a search list that is
    tried, the last one counts.
    """
    helped = {flow.client.address for each in connections if _has_record(each, table) for flow in each.flows}
    return frozenset(
        id(each)
        for each in connections
        if not any(len(flow.reverse) for flow in each.flows)
        or (_failed(each, table) and not any(flow.client.address in helped for flow in each.flows))
    )


def _has_record(connection: Connection, table: PacketTable) -> bool:
    """Whether a name server answered with a record."""
    return any(table.dns_answers[row] > 0 for row in _said(connection, table)[1])


def _failed(connection: Connection, table: PacketTable) -> bool:
    """Whether a name server answered, by errors alone, or to another question."""
    every, fitting = _said(connection, table)
    return bool(every) and all(table.dns_rcode[row] > 0 for row in fitting)


def _said(connection: Connection, table: PacketTable) -> tuple[list[int], list[int]]:
    """The rows of a name server's answers, and of those that answer a question which was captured (without one: all)."""
    if connection.kind != Kind.UDP or not any(len(flow.reverse) for flow in connection.flows):
        return [], []
    dns = [
        (row, way is flow.reverse)
        for flow in connection.flows
        for way in (flow.forward, flow.reverse)
        for row in way[table.is_dns(way) & (table.dns_id[way] >= 0)].tolist()
    ]
    asked = {int(table.dns_id[row]) for row, back in dns if not back}
    rows = [row for row, back in dns if back and table.dns_qr[row] == 1]
    return rows, [row for row in rows if not asked or int(table.dns_id[row]) in asked]
