"""Flows that carry the same packets, joined into connections across points, bridges, routers and NAT.

Each flow yields identity tokens; flows that share one are the same connection (union-find). Tokens hold only what NAT keeps:

========  ==============================================================================================
TCP       the SYN's (sequence number, TSval, window), or its 5-tuple; the SYN-ACK's (sequence number, acknowledgement); the client's
          endpoint with the sequence number that the SYN-ACK expects: an answer may come from another address, by a way of its own;
          without a handshake: (sequence, acknowledgement, length) of data packets
UDP       payload (length and first bytes) with the client endpoint: bridges and DNAT keep both
ICMP      echo payload and sequence number with the client's address (NAT may rewrite the identifier)
DNS       message id with the client's endpoint, or with the server's: the embedded server's replies come from port 53
          although the query went to another one (libnetwork's DNAT inside the container's namespace)
========  ==============================================================================================

Source NAT changes a datagram's client endpoint: such copies are joined in a second pass (:func:`_forwarded`) by payload, a TTL one
lower, and time. Equal payload to one server alone is no identity: many clients send the same bytes.

IP ids are not identity: Linux sends 0 for many (net/ipv4/ip_output.c: with DF set). Checksums are not: they are partial on veth.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netprobe.decode.table import SYN, SYN_ACK, Kind
from netprobe.flows.build import first_row
from netprobe.journeys.model import Connection

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Sequence

    from numpy.typing import NDArray

    from netprobe.decode.table import PacketTable
    from netprobe.flows.model import Flow, PackedEndpoint

TOKENS_A_FLOW = 8  # packets looked at for tokens in each direction: enough to join, bounded for long flows
DIGEST_BYTES = 64
FORWARD_DELAY_NS = 1_000_000_000  # a forwarded datagram that is a second late is another one


def connections(flows: Sequence[Flow], table: PacketTable) -> tuple[Connection, ...]:
    """Join flows into connections.

    Args:
        flows: all flows of a capture.
        table: the packet table that their rows index.

    Returns:
        Connections in order of their first packet; each flow is in exactly one.
    """
    groups = _Groups(len(flows))
    prints = Prints(table)
    bearers: dict[tuple[Hashable, ...], list[int]] = {}
    for index, flow in enumerate(flows):
        for token in _tokens(flow, table, prints):
            bearers.setdefault(token, []).append(index)
    for token, indexes in bearers.items():
        if len(indexes) > 1 and (token[0] == "dns" or _one_connection([flows[index] for index in indexes], table)):
            for index in indexes[1:]:
                groups.union(indexes[0], index)
    joined = [_connection([flows[i] for i in members], table) for members in groups.members()]
    joined = _forwarded_copies(joined, table, prints)
    joined.sort(key=lambda connection: start_ns(connection, table))
    return tuple(joined)


def _one_connection(flows: list[Flow], table: PacketTable) -> bool:
    """Whether flows that share a token can be one connection.

    Port scanners send one sequence number (and source port) to many ports: then one point sees one client with several servers. A router
    shows the same only where one point sees both its sides (an ``any`` capture and DNAT), and then the later copy's TTL is one lower. A
    hairpin's second copy has another source. What a point saw the answer of alone is no connection of its own.
    """
    seen: dict[tuple[int, int, PackedEndpoint], Flow] = {}
    asked = (flow for flow in flows if len(flow.forward))
    for flow in sorted(asked, key=lambda each: int(table.packets.time_ns[first_row(each, table)])):
        earlier = seen.setdefault((flow.point, flow.vlan, flow.client), flow)
        if earlier.server != flow.server and _ttl(earlier, table) - _ttl(flow, table) != 1:
            return False
    return True


def _ttl(flow: Flow, table: PacketTable) -> int:
    return int(table.ttl[flow.forward[0]]) if len(flow.forward) else 0


def start_ns(connection: Connection, table: PacketTable) -> int:
    """When the connection's first packet was seen (Unix time, ns)."""
    return int(table.packets.time_ns[first_row(connection.flows[0], table)])


def _connection(flows: list[Flow], table: PacketTable) -> Connection:
    flows.sort(key=lambda flow: (int(table.packets.time_ns[first_row(flow, table)]), flow.number))
    return Connection(flows=tuple(flows))


class _Groups:
    """Union-find over flow indexes, with path halving."""

    def __init__(self, count: int) -> None:
        self._parent = list(range(count))

    def find(self, item: int) -> int:
        parent = self._parent
        while parent[item] != item:
            parent[item] = parent[parent[item]]
            item = parent[item]
        return item

    def union(self, one: int, other: int) -> None:
        one, other = self.find(one), self.find(other)
        if one != other:
            self._parent[max(one, other)] = min(one, other)

    def members(self) -> list[list[int]]:
        grouped: dict[int, list[int]] = {}
        for item in range(len(self._parent)):
            grouped.setdefault(self.find(item), []).append(item)
        return list(grouped.values())


def _tokens(flow: Flow, table: PacketTable, prints: Prints) -> Iterator[tuple[Hashable, ...]]:
    if flow.kind == Kind.TCP:
        yield from _tcp_tokens(flow, table)
    elif flow.kind == Kind.UDP:
        yield from _udp_tokens(flow, table, prints)
    else:
        yield from _echo_tokens(flow, table, prints)


def _tcp_tokens(flow: Flow, table: PacketTable) -> Iterator[tuple[Hashable, ...]]:
    for row in _heads(flow.forward):
        if table.tcp_flags[row] & SYN_ACK == SYN:
            yield ("syn", int(table.seq[row]), int(table.tsval[row]), int(table.window[row]))
            yield ("syn", int(table.seq[row]), flow.client, flow.server)
            yield ("answered", (int(table.seq[row]) + 1) % (1 << 32), flow.client)
    for row in _heads(flow.reverse):
        if table.tcp_flags[row] & SYN_ACK == SYN_ACK:
            yield ("syn-ack", int(table.seq[row]), int(table.ack[row]))
            yield ("answered", int(table.ack[row]), flow.client)
    if flow.isn is not None or flow.reply_isn is not None:
        return
    for rows in (flow.forward, flow.reverse):
        for row in _heads(rows):
            if table.payload_len[row] > 0:
                yield ("data", int(table.seq[row]), int(table.ack[row]), int(table.payload_len[row]))


def _udp_tokens(flow: Flow, table: PacketTable, prints: Prints) -> Iterator[tuple[Hashable, ...]]:
    for row in _heads(flow.forward):
        if table.dns_id[row] >= 0:
            yield ("dns", int(table.dns_id[row]), "client", flow.client)
            yield ("dns", int(table.dns_id[row]), "server", flow.server)
        elif table.dns_qr[row] >= 0:  # its header was not kept
            yield ("dns", -1, "client", flow.client)
        yield ("udp", prints.of(row), flow.client)
    for row in _heads(flow.reverse):
        if table.dns_qr[row] >= 0:
            yield ("dns", int(table.dns_id[row]), "client", flow.client)


def _echo_tokens(flow: Flow, table: PacketTable, prints: Prints) -> Iterator[tuple[Hashable, ...]]:
    for row in _heads(flow.forward if len(flow.forward) else flow.reverse):  # an answer has what it answers
        yield ("echo", int(table.seq[row]), prints.of(row), prints.doubt(row, flow), flow.client.hi, flow.client.lo)


def _heads(rows: NDArray[np.int64]) -> list[int]:
    return [int(row) for row in rows[:TOKENS_A_FLOW]]


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


def _forwarded_copies(joined: list[Connection], table: PacketTable, prints: Prints) -> list[Connection]:
    """Merge datagram connections whose client endpoint source NAT rewrote (alone, or together with DNAT)."""
    by_print: dict[Hashable, list[Connection]] = {}
    kept = []
    for connection in joined:
        if connection.kind == Kind.TCP or not len(connection.flows[0].forward):
            kept.append(connection)
            continue
        row = int(connection.flows[0].forward[0])
        sequence = int(table.seq[row]) if connection.kind == Kind.ICMP else 0
        key = (connection.kind, sequence, prints.of(row), prints.doubt(row, connection.flows[0]))
        by_print.setdefault(key, []).append(connection)
    for group in by_print.values():
        group.sort(key=lambda connection: start_ns(connection, table))
        current = group[0]
        for other in group[1:]:
            if _forwarded(current, other, table):
                current = _connection([*current.flows, *other.flows], table)
            else:
                kept.append(current)
                current = other
        kept.append(current)
    return kept


def _forwarded(one: Connection, other: Connection, table: PacketTable) -> bool:
    """Whether ``other``'s datagram is ``one``'s, forwarded: a TTL one lower, at once. docker-proxy's starts with a fresh TTL."""
    last, first = (int(flow.forward[0]) if len(flow.forward) else None for flow in (one.flows[-1], other.flows[0]))
    if last is None or first is None:
        return False
    delay = int(table.packets.time_ns[first]) - int(table.packets.time_ns[last])
    return 0 <= delay < FORWARD_DELAY_NS and int(table.ttl[first]) == int(table.ttl[last]) - 1
