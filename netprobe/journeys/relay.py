"""What a relay does with bytes: it hands on all of them, unchanged, in both directions, and none before it came.

So two connections are refuted by what either carried alone: by content where the bytes were kept, by numbers where they were cut off. How much
was said is told by sequence and acknowledgement numbers (RFC 9293 section 3.4), not by the packets that a capture holds: an acknowledgement tells
of a segment that the sniffer lost.
"""

from __future__ import annotations

from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from netprobe.decode.table import SYN_ACK, Flag, Kind
from netprobe.journeys.stream import stream
from netprobe.journeys.tokens import same_payload
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from netprobe.decode.table import PacketTable
    from netprobe.flows.model import Flow
    from netprobe.journeys.model import Connection

STALL_NS = 1_000_000_000  # what was not handed on by then never will be: docker-proxy copies at once
EARLY_NS = 50_000_000  # what the clocks of two points may differ about which byte came first
_HALF = 1 << 31  # a sequence number more than this ahead is behind


class Relayed(StrEnum):
    """Whether the bytes of two connections can be one relay's."""

    NO = "no"
    UNKNOWN = "unknown"  # nothing was said yet, or one side of it was not captured
    LENGTHS = "lengths"  # as many bytes in both directions; which ones was not kept
    PAYLOAD = "payload"  # the same bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What one end of a TCP connection said.

    Attributes:
        size: bytes, as far as any packet tells.
        begun_ns: when its first byte was seen (Unix time, ns); None: not seen.
        ended: it sent a FIN. reset: it sent an RST.
    """

    size: int
    begun_ns: int | None
    ended: bool
    reset: bool


class Words:
    """Both sides of one connection, read once however many others they are held against."""

    def __init__(self, connection: Connection, table: PacketTable) -> None:
        """Take a connection of a packet table."""
        self.connection = connection
        self._table = table

    @cached_property
    def streams(self) -> tuple[bytes, bytes]:
        """The first bytes of the client and of the server, where they were seen first."""
        flow = self.connection.flows[0]
        return stream(flow, self._table, "forward"), stream(flow, self._table, "reverse")

    @cached_property
    def said(self) -> tuple[Said | None, Said | None]:
        """What the client said, and the server."""
        return said(self.connection, self._table, "forward"), said(self.connection, self._table, "reverse")

    @cached_property
    def last_ns(self) -> int:
        """When any point saw its last packet (Unix time, ns)."""
        rows = (rows for flow in self.connection.flows for rows in (flow.forward, flow.reverse))
        return max(int(self._table.packets.time_ns[each[-1]]) for each in rows if len(each))

    @cached_property
    def ended_ns(self) -> tuple[int | None, int | None]:
        """When the client and the server first sent a FIN or RST, where they were seen first."""
        return self._ended_ns(self.connection.flows[0].forward), self._ended_ns(self.connection.flows[0].reverse)

    def _ended_ns(self, rows: NDArray[np.int64]) -> int | None:
        ends = rows[(self._table.tcp_flags[rows] & int(Flag.FIN | Flag.RST)) != 0]
        return int(self._table.packets.time_ns[ends].min()) if len(ends) else None

    def spoke(self, direction: str, before_ns: int | None = None) -> bool:
        """Whether one side sent a byte (before a time)."""
        flow = self.connection.flows[0]
        rows = flow.forward if direction == "forward" else flow.reverse
        rows = rows[self._table.payload_len[rows] > 0]
        return bool(len(rows)) and (before_ns is None or int(self._table.packets.time_ns[rows].min()) < before_ns)

    @cached_property
    def both_spoke(self) -> tuple[bool, bool]:
        """Whether the client ever sent a byte, and the server."""
        return self.spoke("forward"), self.spoke("reverse")


def relayed(outer: Words, inner: Words, table: PacketTable) -> Relayed:
    """Tell whether ``inner`` may carry what ``outer`` did, handed on."""
    if outer.connection.kind == Kind.UDP:
        return _datagrams(outer.connection, inner.connection, table)
    verdict = Relayed.UNKNOWN
    for one, other in zip(outer.streams, inner.streams, strict=True):
        length = min(len(one), len(other))
        if one[:length] != other[:length]:
            return Relayed.NO
        verdict = Relayed.PAYLOAD if length else verdict
    if outer.both_spoke[1] and not any(len(flow.reverse) for flow in inner.connection.flows):
        return Relayed.NO  # whence should the proxy have what it said?
    lengths = _lengths(outer, inner)
    return lengths if Relayed.NO is lengths or verdict is Relayed.UNKNOWN else verdict


def _datagrams(outer: Connection, inner: Connection, table: PacketTable) -> Relayed:
    """Of datagrams the first of each direction: the question, and its answer where both have one."""
    asked = [int(flow.forward[0]) for flow in (outer.flows[-1], inner.flows[0]) if len(flow.forward)]
    answered = [next((int(flow.reverse[0]) for flow in each.flows if len(flow.reverse)), -1) for each in (outer, inner)]
    if len(asked) < len((outer, inner)):
        return Relayed.NO
    if min(answered) >= 0 and not _only_lengths(table, answered) and not same_payload(table, *answered):
        return Relayed.NO
    if _only_lengths(table, asked):
        return Relayed.UNKNOWN
    return Relayed.PAYLOAD if same_payload(table, *asked) else Relayed.NO


def _only_lengths(table: PacketTable, rows: Sequence[int]) -> bool:
    """Whether two datagrams are equally long, and no byte of one of them was kept: then only their lengths can agree."""
    lengths = {int(table.payload_len[row]) for row in rows}
    return len(lengths) == 1 and lengths != {0} and any(not table.payload(row) for row in rows)


def _lengths(outer: Words, inner: Words) -> Relayed:
    """By numbers alone: nothing is handed on that was not said, and what was said is handed on."""
    (asked, heard), (handed_on, answered) = outer.said, inner.said
    ways = [(asked, handed_on), (answered, heard)]
    if any(source is None or sink is None for source, sink in ways):
        return Relayed.UNKNOWN
    known = [(source, sink) for source, sink in ways if source is not None and sink is not None]
    broken = any(each.reset for pair in known for each in pair)
    last = max(outer.last_ns, inner.last_ns)  # up to when both were seen to live
    if any(_not_a_relay(source, sink, last, broken=broken) for source, sink in known):
        return Relayed.NO
    total = sum(source.size for source, _ in known)
    whole = all(source.size == sink.size for source, sink in known)
    return Relayed.LENGTHS if total and whole else Relayed.UNKNOWN


def _not_a_relay(source: Said, sink: Said, last_ns: int, *, broken: bool) -> bool:
    """Whether one direction cannot be a relay's: more came out than went in, or before it did, or what went in stayed there."""
    if sink.size > source.size:
        return True
    if source.begun_ns is not None and sink.begun_ns is not None and sink.begun_ns < source.begun_ns - EARLY_NS:
        return True
    if sink.ended and not broken and sink.size < source.size:
        return True
    waited = source.begun_ns is not None and last_ns - source.begun_ns > STALL_NS
    return waited and not broken and source.size > 0 and sink.size == 0


def said(connection: Connection, table: PacketTable, direction: str) -> Said | None:
    """What one end said, as the point that saw most of it tells; None where its first sequence number is not known."""
    found = [each for flow in connection.flows if (each := _said(flow, table, direction)) is not None]
    if not found:
        return None
    begun = [each.begun_ns for each in found if each.begun_ns is not None]
    return Said(
        size=max(each.size for each in found),
        begun_ns=min(begun, default=None),
        ended=any(each.ended for each in found),
        reset=any(each.reset for each in found),
    )


def _said(flow: Flow, table: PacketTable, direction: str) -> Said | None:
    mine, theirs = (flow.forward, flow.reverse) if direction == "forward" else (flow.reverse, flow.forward)
    isn = flow.isn if direction == "forward" else flow.reply_isn
    isn = _acknowledged_isn(flow, table) if isn is None and direction == "forward" else isn
    if isn is None:
        return None
    flags, length = table.tcp_flags[mine], np.maximum(table.payload_len[mine], 0)
    ends = (table.seq[mine] + length - isn - 1) & 0xFFFFFFFF
    taken = (table.ack[theirs][(table.tcp_flags[theirs] & int(Flag.ACK)) > 0] - isn - 1) & 0xFFFFFFFF
    fin = (flags & int(Flag.FIN)) > 0
    most = int(ends[fin].min()) if fin.any() else _HALF
    reached = np.concatenate([ends[length > 0], taken])
    spoken = mine[length > 0]
    return Said(
        size=min(int(reached[reached < _HALF].max(initial=0)), most),
        begun_ns=int(table.packets.time_ns[spoken[0]]) if len(spoken) else None,
        ended=bool(fin.any()),
        reset=bool(((flags & int(Flag.RST)) > 0).any()),
    )


def _acknowledged_isn(flow: Flow, table: PacketTable) -> int | None:
    """The client's initial sequence number by the SYN-ACK, where the SYN itself was not captured."""
    answers = flow.reverse[(table.tcp_flags[flow.reverse] & SYN_ACK) == SYN_ACK]
    return (int(table.ack[answers[0]]) - 1) & 0xFFFFFFFF if len(answers) else None
