"""Segments that a host did not translate, and the resets that answered them: found in the packets of each connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netprobe.causes.proof.obstacle import silent_points
from netprobe.decode.table import Flag, Kind
from netprobe.state.lookup import has_address
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netprobe.causes.case import Case
    from netprobe.flows.model import Flow, PackedEndpoint
    from netprobe.journeys.model import Connection
    from netprobe.state.model import Host


MASK = 0xFFFFFFFF
HALF = 1 << 31  # sequence numbers are compared in this circle (RFC 9293 section 3.4)


@dataclass(frozen=True, slots=True, kw_only=True)
class Untranslated:
    """A segment of the connection that a host did not translate, and the reset to it.

    Attributes:
        host, point: where both were seen.
        sender: who sent the segment, as that point shows it.
        due: what its source should have been translated to; None: its destination was the host's, and should have been translated.
        segment, reset: rows of the packet table.
        within: the points behind the translation. ``due`` None: they saw neither.
        acked: how much of the sender's the other side had acknowledged until then, None where that was not seen.
        ends: the connection as conntrack knows it: as its first packet came to the host.
        later: a row of what came from within after the reset, None if nothing did.
    """

    host: Host
    point: str
    sender: PackedEndpoint
    due: PackedEndpoint | None
    segment: int
    reset: int
    within: tuple[str, ...]
    acked: int | None
    ends: tuple[str, int, str, int]
    later: int | None


def untranslated(case: Case) -> Iterator[Untranslated]:
    """Every segment that a host should have translated and did not, and that was reset."""
    sniffed = silent_points(case)
    for connection in case.journey.legs if case.journey else ():
        for flow in connection.flows:
            point = case.points[flow.point]
            host = case.before(point.host)
            if host is None or point.container is not None or point.name not in sniffed:
                continue
            for forth in (True, False):
                yield from _kept(case, connection, flow, host, forth=forth)
            yield from _let_out(case, connection, flow, host)


def _behind(case: Case, connection: Connection, flow: Flow, host: Host, *, forth: bool) -> list[Flow]:
    """The connection's flows behind the host's translation, at points whose silence means something."""
    sniffed = silent_points(case)
    return [
        each
        for each in connection.flows
        if each.point != flow.point
        and case.points[each.point].host == host.name
        and case.points[each.point].name in sniffed
        and (each.server != flow.server if forth else each.client != flow.client)
    ]


def _kept(case: Case, connection: Connection, flow: Flow, host: Host, *, forth: bool) -> Iterator[Untranslated]:
    """Those that the host took for its own: client to server (``forth``) through a DNAT, server to client through a masquerade."""
    sender, receiver = (flow.client, flow.server) if forth else (flow.server, flow.client)
    inner = _behind(case, connection, flow, host, forth=forth)
    if not inner or not has_address(host.own, receiver.address):
        return
    segments, resets = (flow.forward, flow.reverse) if forth else (flow.reverse, flow.forward)
    inside = [row for each in inner for row in (each.forward if forth else each.reverse).tolist()]
    for reset in resets.tolist():
        if not _flags(case, reset) & Flag.RST or _ended(case, [flow, *inner], reset) or _seen(case, inner, reset):
            continue
        asked = [row for row in segments.tolist() if _is_answered(case, row, reset) and not _went_on(case, row, inside)]
        if asked:
            yield Untranslated(
                host=host,
                point=case.points[flow.point].name,
                sender=sender,
                due=None,
                segment=asked[-1],
                reset=reset,
                within=tuple(dict.fromkeys(case.points[each.point].name for each in inner)),
                acked=_acked(case, resets.tolist(), asked[-1]),
                ends=_ends(flow if forth else inner[0]),
                later=_later(case, inner, reset, forth=forth),
            )


def _let_out(case: Case, connection: Connection, flow: Flow, host: Host) -> Iterator[Untranslated]:
    """Those of a container behind a DNAT that left with its own address, and that the client reset."""
    inner = _behind(case, connection, flow, host, forth=True)
    if not inner or not has_address(host.own, flow.server.address):
        return
    sender = inner[0].server
    inside = [row for each in inner for row in each.reverse.tolist()]
    strays = [
        row for row in _rows(case, flow.point, sender, flow.client) if not _went_on(case, row, flow.reverse.tolist())
    ]
    for reset in _rows(case, flow.point, flow.client, sender):
        if not _flags(case, reset) & Flag.RST or _ended(case, [flow, *inner], reset) or not _seen(case, inner, reset):
            continue
        asked = [row for row in strays if _is_answered(case, row, reset) and _went_on(case, row, inside)]
        if asked:
            yield Untranslated(
                host=host,
                point=case.points[flow.point].name,
                sender=sender,
                due=flow.server,
                segment=asked[-1],
                reset=reset,
                within=tuple(dict.fromkeys(case.points[each.point].name for each in inner)),
                acked=_acked(case, flow.forward.tolist(), asked[-1]),
                ends=_ends(flow),
                later=None,
            )


def _rows(case: Case, point: int, source: PackedEndpoint, target: PackedEndpoint) -> list[int]:
    """The TCP segments between two ends that a point saw, whatever connection they were taken for."""
    table = case.table
    wanted = (table.packets.point == point) & (table.kind == Kind.TCP)
    wanted &= (
        (table.src_hi == np.uint64(source.hi)) & (table.src_lo == np.uint64(source.lo)) & (table.sport == source.port)
    )
    wanted &= (
        (table.dst_hi == np.uint64(target.hi)) & (table.dst_lo == np.uint64(target.lo)) & (table.dport == target.port)
    )
    return [int(row) for row in np.flatnonzero(wanted)]


def _is_answered(case: Case, row: int, reset: int) -> bool:
    """Whether this reset is the answer to that segment (RFC 9293 §3.5.2): its sequence number is the segment's acknowledgement."""
    acks = _flags(case, row) & (Flag.ACK | Flag.RST | Flag.SYN) == Flag.ACK
    return acks and _time(case, row) <= _time(case, reset) and case.table.ack[row] == case.table.seq[reset]


def _went_on(case: Case, segment: int, inside: list[int]) -> bool:
    """Whether a segment was seen behind the translation, alone or within a larger one (GRO, TSO)."""
    table = case.table
    if not table.payload_len[segment]:
        same = (table.seq[segment], table.ack[segment])
        return any((table.seq[row], table.ack[row]) == same for row in inside)
    return any(int(table.seq[segment] - table.seq[row]) & MASK < int(table.payload_len[row]) for row in inside)


def _ended(case: Case, flows: list[Flow], reset: int) -> bool:
    """Whether somebody ended the connection before this reset."""
    rows = [row for row in _all_rows(flows) if row != reset and _flags(case, row) & (Flag.FIN | Flag.RST)]
    return any(_time(case, row) <= _time(case, reset) for row in rows)


def _seen(case: Case, flows: list[Flow], reset: int) -> bool:
    """Whether this reset was seen there too."""
    return any(
        _flags(case, row) & Flag.RST and case.table.seq[row] == case.table.seq[reset] for row in _all_rows(flows)
    )


def _all_rows(flows: list[Flow]) -> list[int]:
    return [row for each in flows for row in (*each.forward.tolist(), *each.reverse.tolist())]


def _acked(case: Case, rows: list[int], segment: int) -> int | None:
    found = [row for row in rows if _flags(case, row) & Flag.ACK and _time(case, row) <= _time(case, segment)]
    return int(case.table.ack[found[-1]]) if found else None


def _later(case: Case, inner: list[Flow], reset: int, *, forth: bool) -> int | None:
    rows = [row for each in inner for row in (each.reverse if forth else each.forward).tolist()]
    return next((row for row in sorted(rows) if _time(case, row) > _time(case, reset)), None)


def _ends(flow: Flow) -> tuple[str, int, str, int]:
    return flow.client.address, flow.client.port, flow.server.address, flow.server.port


def _flags(case: Case, row: int) -> int:
    return int(case.table.tcp_flags[row])


def _time(case: Case, row: int) -> int:
    return int(case.table.packets.time_ns[row])
