"""docker-proxy: two connections that belong together although no packet is the same.

What cannot be otherwise (docker-proxy: cmd/docker-proxy/tcp_proxy_linux.go, moby): it accepts first and dials then, so the
outer SYN-ACK precedes the inner SYN; it copies payload unchanged; it dials from the host, so the inner client is an address
of the host (the bridge's gateway address). Where host state names the proxy's process, its command line maps the two ends exactly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.decode.table import SYN_ACK, Kind
from netprobe.journeys.join import same_payload, start_ns
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netprobe.decode.table import PacketTable
    from netprobe.flows.model import Flow
    from netprobe.journeys.model import Connection

DIAL_DELAY_NS = 1_000_000_000  # docker-proxy dials at once; a second covers a loaded host
STREAM_BYTES = 4096  # how much of two streams is compared
LONGEST = 8 << 16  # bytes of a packet: GSO_MAX_SIZE of Linux's linux/netdevice.h
RELAY_NS = 5_000_000  # what two sniffers may differ about an end
FIN_OR_RST = 0x05
HANDSHAKE_DELAY_NS = 50_000_000  # without payload only a dial that follows at once counts


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapping:
    """What host state says about one proxy: outer port and inner endpoint (addresses as text), and its process."""

    proto: str
    host_port: int
    container_address: str
    container_port: int
    process: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """An outer connection's inner one, and what joins them."""

    inner: Connection
    joined_by: tuple[str, ...]
    process: str | None = None


def inner_of(
    outer: Connection,
    others: Sequence[Connection],
    table: PacketTable,
    mappings: Sequence[Mapping] = (),
    gateways: frozenset[str] = frozenset(),
) -> tuple[Pair, ...]:
    """The connections that may be ``outer``'s inner leg.

    Args:
        outer: the connection that may end at a docker-proxy.
        others: all connections of the capture.
        table: the packet table.
        mappings: the proxies that host state names; empty when unknown.
        gateways: addresses of the hosts' bridges; empty when unknown.

    Returns:
        The best candidates: one when the join is clear, several when it is ambiguous, none when there is no proxy.
    """
    accepted = _accepted_ns(outer, table)
    if accepted is None:
        return ()
    pairs = [pair for other in others if (pair := _pair(outer, accepted, other, table, mappings, gateways)) is not None]
    if not pairs:
        return ()
    best = max(len(pair.joined_by) for pair in pairs)
    return tuple(pair for pair in pairs if len(pair.joined_by) == best)


def _pair(
    outer: Connection,
    accepted: int,
    inner: Connection,
    table: PacketTable,
    mappings: Sequence[Mapping],
    gateways: frozenset[str],
) -> Pair | None:
    if inner is outer or inner.kind != outer.kind or outer.kind == Kind.ICMP:
        return None
    dialled = start_ns(inner, table)
    if not 0 <= dialled - accepted < DIAL_DELAY_NS or not _from_another_address(outer, inner):
        return None
    payload = _same_payload(outer, inner, table)
    if outer.kind == Kind.TCP and _other_life(outer, inner, table):
        return None
    mapping = _mapping(outer, inner, mappings)
    if payload is False or (payload is None and outer.kind == Kind.UDP and mapping is None):
        return None
    joined = ["order"] + (["payload"] if payload else [])
    if inner.flows[0].client.address in gateways:
        joined.append("gateway source")
    if mapping is not None:
        joined.append("proxy process")
    elif payload is None and dialled - accepted >= HANDSHAKE_DELAY_NS:
        return None
    return Pair(inner=inner, joined_by=tuple(joined), process=mapping.process if mapping else None)


def _accepted_ns(outer: Connection, table: PacketTable) -> int | None:
    """When the proxy could first have acted: the outer SYN-ACK (nearest the server), or the outer datagram."""
    if outer.kind == Kind.UDP:
        times = [int(table.packets.time_ns[flow.forward[0]]) for flow in outer.flows if len(flow.forward)]
        return max(times, default=None)
    times = [
        int(table.packets.time_ns[row])
        for flow in outer.flows
        for row in flow.reverse.tolist()
        if table.tcp_flags[row] & SYN_ACK == SYN_ACK
    ]
    return min(times, default=None)


def _from_another_address(outer: Connection, inner: Connection) -> bool:
    """A proxy's own connection: not the client's endpoint, not the same server endpoint, not back to the client's port."""
    clients = {flow.client for flow in outer.flows}
    servers = {flow.server for flow in outer.flows}
    first = inner.flows[0]
    return first.client not in clients and first.server not in servers and first.server not in clients


def _same_payload(outer: Connection, inner: Connection, table: PacketTable) -> bool | None:
    """Whether the payload agrees; None when either carries none yet, or was cut to its headers (then their lengths agree)."""
    if outer.kind == Kind.UDP:
        rows = [int(flow.forward[0]) for flow in (outer.flows[-1], inner.flows[0]) if len(flow.forward)]
        if len(rows) == 2 and _only_lengths(table, rows):
            return None
        return len(rows) == 2 and same_payload(table, rows[0], rows[1])
    verdict: bool | None = None
    for direction in ("forward", "reverse"):
        one, other = (stream(c.flows[0], table, direction) for c in (outer, inner))
        if not one or not other:
            continue
        length = min(len(one), len(other))
        if one[:length] != other[:length]:
            return False
        verdict = True
    return verdict


def _only_lengths(table: PacketTable, rows: Sequence[int]) -> bool:
    """Whether two datagrams are equally long, and no byte of one of them was kept: then only their lengths can agree."""
    lengths = {int(table.payload_len[row]) for row in rows}
    return len(lengths) == 1 and lengths != {0} and any(not table.payload(row) for row in rows)


def _other_life(outer: Connection, inner: Connection, table: PacketTable) -> bool:
    """Whether the inner connection cannot be the outer's, by what a relay hands on: every byte, and the client's end.

    Only an outer connection whose client ended it has handed on all that it ever will. An inner one that then carried bytes where the
    outer carried none, or that the proxy ended before the client did (and the server had not), belongs to somebody else.
    """
    ended = _end_ns(outer, table, "forward")
    if ended is None:
        return False
    if start_ns(inner, table) > ended:
        return True
    for direction, before in (("forward", None), ("reverse", ended)):
        if _bytes(inner, table, direction, before) and not _bytes(outer, table, direction, None):
            return True
    mine, server = _end_ns(inner, table, "forward"), _end_ns(inner, table, "reverse")
    return mine is not None and mine < ended - RELAY_NS and (server is None or server > mine)


def _bytes(connection: Connection, table: PacketTable, direction: str, before: int | None) -> int:
    """Payload bytes of one direction (on the wire), where wanted only what was sent before a time."""
    flow = connection.flows[0]
    rows = flow.forward if direction == "forward" else flow.reverse
    return sum(
        int(table.payload_len[row])
        for row in rows.tolist()
        if table.payload_len[row] > 0 and (before is None or int(table.packets.time_ns[row]) < before)
    )


def _end_ns(connection: Connection, table: PacketTable, direction: str) -> int | None:
    """When one side first sent a FIN or RST."""
    flow = connection.flows[0]
    rows = flow.forward if direction == "forward" else flow.reverse
    times = [int(table.packets.time_ns[row]) for row in rows.tolist() if int(table.tcp_flags[row]) & FIN_OR_RST]
    return min(times, default=None)


def stream(flow: Flow, table: PacketTable, direction: str, limit: int = STREAM_BYTES, *, filled: bool = False) -> bytes:
    """The first bytes of one direction's payload, in sequence order, retransmissions once.

    A gap ends the stream: what follows it is not returned. So does what the snap length cut off a packet, or, `filled`, zeros stand for it.
    """
    rows = flow.forward if direction == "forward" else flow.reverse
    isn = flow.isn if direction == "forward" else flow.reply_isn
    segments = sorted(
        ((int(table.seq[row]) - (isn + 1 if isn is not None else 0)) & 0xFFFFFFFF, row)
        for row in rows.tolist()
        if table.payload_len[row] > 0
    )
    out = bytearray()
    base = 0 if isn is not None or not segments else segments[0][0]
    for offset, row in segments:
        position = offset - base
        if position > len(out) or len(out) >= limit:
            break
        part = table.payload(row)
        if filled:
            part += bytes(max(min(int(table.payload_len[row]), LONGEST) - len(part), 0))
        out += part[len(out) - position :]
    return bytes(out[:limit])


def _mapping(outer: Connection, inner: Connection, mappings: Sequence[Mapping]) -> Mapping | None:
    ports = {flow.server.port for flow in outer.flows}
    server = inner.flows[0].server
    proto = inner.flows[0].proto
    for mapping in mappings:
        if (
            mapping.proto == proto
            and mapping.host_port in ports
            and (mapping.container_address, mapping.container_port) == (server.address, server.port)
        ):
            return mapping
    return None
