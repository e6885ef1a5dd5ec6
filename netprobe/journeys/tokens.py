"""What a flow's packets have that bridges, routers and NAT leave alone: the tokens by which flows of one connection find each other.

===========  ===============================================================================================================
``syn``      TCP: a SYN's sequence number and window, and its TSval; without a clock in it (RFC 7323) the IP id
``syn-ack``  TCP: a SYN-ACK's sequence and acknowledgement numbers, and its TSval or IP id
``data``     TCP without a handshake: sequence, acknowledgement, length, and TSval or IP id
``udp``      a datagram's payload (length and first bytes), and its IP id; DNS too
``echo``     an echo request's sequence number and payload, and its IP id (NAT may rewrite the identifier)
``ends``     the two endpoints, whichever began
``answer``   what the answer to a question must have: for a SYN the client's endpoint and the number that a SYN-ACK acknowledges; for a DNS
             query its message id, the client's endpoint and the server's address (the embedded DNS server answers from port 53 what went to
             another port: libnetwork's DNAT inside the container's namespace); for an echo its payload and the client's address
===========  ===============================================================================================================

A token is a sign and no proof: scanners, resolvers and load generators send equal packets to many. :mod:`netprobe.journeys.same` says what
else must agree. An IP id is compared and never taken for an identity: Linux sends 0 for many (net/ipv4/ip_output.c: with DF set), but no
router and no NAT of Linux changes it. Checksums are no sign: they are partial on veth.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from netprobe.decode.table import SYN, SYN_ACK, Kind

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Sequence

    from numpy.typing import NDArray

    from netprobe.decode.table import PacketTable
    from netprobe.flows.model import Flow

    Token = tuple["Sign", tuple[Hashable, ...]]

TOKENS_A_FLOW = 8  # packets looked at for tokens in each direction: enough to join, bounded for long flows
DIGEST_BYTES = 64
MANY = 4  # flows of one connection at one point: a router's two sides, two VLANs. What more bear there, many bear
STOPPED_NS = 1_000_000_000  # a clock in a segment goes on by then (RFC 7323 section 5.4: a tick is a second at most)
NO_CLOCK = (-1, 0, 0xFFFFFFFF)  # TSvals that tell no connection from another: none, and those that scanners send


class Sign(StrEnum):
    """What a token is a sign of: each has a rule of its own."""

    PACKET = "packet"  # the same packet
    ENDS = "ends"  # the same two ends
    ANSWER = "answer"  # a question and its answer


def tokens(flow: Flow, table: PacketTable, prints: Prints) -> Iterator[tuple[Token, int]]:
    """Every token of a flow, with the row of the packet that bears it."""
    if flow.kind == Kind.TCP:
        yield from _tcp(flow, table)
    elif flow.kind == Kind.UDP:
        yield from _udp(flow, table, prints)
    else:
        yield from _echo(flow, table, prints)
    rows = flow.forward if len(flow.forward) else flow.reverse
    ends = (flow.client, flow.server) if flow.client <= flow.server else (flow.server, flow.client)
    yield (Sign.ENDS, (flow.kind, *ends)), int(rows[0])


def _tcp(flow: Flow, table: PacketTable) -> Iterator[tuple[Token, int]]:
    if flow.isn is not None or flow.reply_isn is not None:
        yield from _handshake(flow, table)
        return
    for direction, rows in enumerate((flow.forward, flow.reverse)):
        for row in _heads(rows):
            if table.payload_len[row] > 0:
                numbers = (int(table.seq[row]), int(table.ack[row]), int(table.payload_len[row]))
                yield (Sign.PACKET, ("data", direction, *numbers, *_mark(table, row))), row


def _handshake(flow: Flow, table: PacketTable) -> Iterator[tuple[Token, int]]:
    for row in _heads(flow.forward):
        if table.tcp_flags[row] & SYN_ACK == SYN:
            seq = int(table.seq[row])
            yield (Sign.PACKET, ("syn", seq, int(table.window[row]), *_mark(table, row))), row
            if flow.reply_isn is None:
                yield (Sign.ANSWER, ("syn", (seq + 1) & 0xFFFFFFFF, flow.client)), row
    for row in _heads(flow.reverse):
        if table.tcp_flags[row] & SYN_ACK == SYN_ACK:
            ack = int(table.ack[row])
            yield (Sign.PACKET, ("syn-ack", int(table.seq[row]), ack, *_mark(table, row))), row
            if flow.isn is None:
                yield (Sign.ANSWER, ("syn", ack, flow.client)), row


def _mark(table: PacketTable, row: int) -> tuple[str, int]:
    """What else tells a segment from one that has the same numbers by chance, or by its sender's habit."""
    clock = int(table.tsval[row])
    return ("id", int(table.ip_id[row])) if clock in NO_CLOCK else ("clock", clock)


def _udp(flow: Flow, table: PacketTable, prints: Prints) -> Iterator[tuple[Token, int]]:
    for row in _heads(flow.forward):
        yield (Sign.PACKET, ("udp", prints.of(row), prints.doubt(row, flow), int(table.ip_id[row]))), row
    if len(flow.forward) and len(flow.reverse):
        return
    server = flow.server.version, flow.server.hi, flow.server.lo
    for row in _heads(flow.forward if len(flow.forward) else flow.reverse):
        if table.is_dns(row):
            yield (Sign.ANSWER, ("dns", int(table.dns_id[row]), flow.client, server)), row


def _echo(flow: Flow, table: PacketTable, prints: Prints) -> Iterator[tuple[Token, int]]:
    for row in _heads(flow.forward):
        said = (int(table.seq[row]), prints.of(row), prints.doubt(row, flow))
        yield (Sign.PACKET, ("echo", *said, int(table.ip_id[row]))), row
    if len(flow.forward) and len(flow.reverse):
        return
    for row in _heads(flow.forward if len(flow.forward) else flow.reverse):
        said = (int(table.seq[row]), prints.of(row), prints.doubt(row, flow))
        yield (Sign.ANSWER, ("echo", *said, flow.client.hi, flow.client.lo)), row


def with_clocks_that_go(flows: Sequence[Flow], table: PacketTable) -> PacketTable:
    """The table without TSvals that many flows of one point have for longer than a tick: who generates load, or rewrites, has no clock."""
    first = [
        int(rows[0]) for flow in flows if flow.kind == Kind.TCP for rows in (flow.forward, flow.reverse) if len(rows)
    ]
    at = np.array(first, np.int64)
    tsval, point, time = table.tsval[at], table.packets.point[at], table.packets.time_ns[at]
    order = np.lexsort((time, point, tsval))
    tsval, point, time = tsval[order], point[order], time[order]
    begins = np.flatnonzero(np.append(True, (tsval[1:] != tsval[:-1]) | (point[1:] != point[:-1]))[: len(order)])
    ends = np.append(begins[1:], len(order)) - 1 if len(begins) else begins
    still = (ends - begins >= MANY) & (time[ends] - time[begins] > STOPPED_NS) & ~np.isin(tsval[begins], NO_CLOCK)
    stopped = np.unique(tsval[begins[still]])
    return replace(table, tsval=np.where(np.isin(table.tsval, stopped), -1, table.tsval)) if len(stopped) else table


def common_numbers(flows: Sequence[Flow]) -> frozenset[int]:
    """Initial sequence numbers with which many flows of one point begin."""
    count = Counter((flow.point, flow.isn) for flow in flows if flow.isn is not None)
    return frozenset(number for (_, number), times in count.items() if times > MANY and number is not None)


def _heads(rows: NDArray[np.int64]) -> list[int]:
    heads: list[int] = rows[:TOKENS_A_FLOW].tolist()
    return heads


class Prints:
    """What identifies a datagram's payload: its length on the wire and its first bytes, as many as every capture of that length kept.

    Captures with different snap lengths cut the same datagram differently.
    """

    def __init__(self, table: PacketTable) -> None:
        self._table = table
        kept, length = np.maximum(table.payload_cap, 0), table.payload_len
        cut = np.flatnonzero((table.kind != Kind.TCP) & (kept < np.minimum(length, DIGEST_BYTES)))
        order = cut[np.lexsort((kept[cut], length[cut]))]
        lengths, first = np.unique(length[order], return_index=True)
        self._fewest = dict(zip(lengths.tolist(), kept[order][first].tolist(), strict=True))

    def of(self, row: int) -> tuple[int, bytes]:
        """Return what can be compared of one row's payload."""
        length = int(self._table.payload_len[row])
        return length, self._table.payload(row)[: self._fewest.get(length, DIGEST_BYTES)]

    def doubt(self, row: int, flow: Flow) -> int | None:
        """Return what must agree beside a payload that was cut: the client's port or identifier, which NAT mostly keeps."""
        return flow.client.port if int(self._table.payload_len[row]) in self._fewest else None


def same_payload(table: PacketTable, one: int, other: int) -> bool:
    """Say whether two datagrams carry the same payload, as far as both were kept. Cut down to nothing, they do not say so."""
    length = int(table.payload_len[one])
    kept = min(len(table.payload(one)), len(table.payload(other)), DIGEST_BYTES)
    if length != int(table.payload_len[other]) or (length > 0 and kept == 0):
        return False
    return table.payload(one)[:kept] == table.payload(other)[:kept]
