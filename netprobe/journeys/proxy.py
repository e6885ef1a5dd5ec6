"""docker-proxy: two connections that belong together although no packet is the same.

What cannot be otherwise (docker-proxy: cmd/docker-proxy/tcp_proxy_linux.go, moby): it accepts first and dials then, so the
outer SYN-ACK precedes the inner SYN; it copies payload unchanged, all of it, and nothing before it came (``relay.py``); it dials from the
host, so the inner client is an address of the host: the bridge's gateway address, on the container's own subnet. Where host state names the
proxy's process, its command line maps the two ends exactly.

Order alone proves nothing: a server that calls its client back (FTP's active mode, RFC 959 section 3.2) or asks its database dials too. An
inner connection that begins at the outer client's own address is a proxy's only where that is the dialled address too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.decode.table import SYN_ACK, Kind
from netprobe.journeys.join import start_ns
from netprobe.journeys.relay import STALL_NS, Relayed, Words, relayed
from netprobe.journeys.same import is_free
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netprobe.decode.table import PacketTable
    from netprobe.flows.model import PackedEndpoint
    from netprobe.journeys.model import Connection

DIAL_DELAY_NS = 1_000_000_000  # docker-proxy dials at once; a second covers a loaded host
RELAY_NS = 5_000_000  # what two sniffers may differ about an end
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
    words = Words(outer, table)
    pairs = [pair for other in others if (pair := _pair(words, accepted, other, table, mappings, gateways)) is not None]
    if not pairs:
        return ()
    best = max(len(pair.joined_by) for pair in pairs)
    return tuple(pair for pair in pairs if len(pair.joined_by) == best)


def _pair(
    words: Words,
    accepted: int,
    inner: Connection,
    table: PacketTable,
    mappings: Sequence[Mapping],
    gateways: frozenset[str],
) -> Pair | None:
    outer = words.connection
    if inner is outer or inner.kind != outer.kind or outer.kind == Kind.ICMP:
        return None
    waited = start_ns(inner, table) - accepted
    if not 0 <= waited < DIAL_DELAY_NS or not _may_be_its_own(outer, inner):
        return None
    mapping = _mapping(outer, inner, mappings)
    first = inner.flows[0]
    gateway = first.client.address in gateways
    if mapping is None and not gateway and not _from_a_gateway(first.client, first.server):
        return None
    if mapping is None and _calls_back(outer, inner):
        return None
    theirs = Words(inner, table)
    if outer.kind == Kind.TCP and _other_life(words, theirs, table):
        return None
    payload = relayed(words, theirs, table)
    if payload is Relayed.NO or (payload is Relayed.UNKNOWN and outer.kind == Kind.UDP and mapping is None):
        return None
    if mapping is None and payload is Relayed.UNKNOWN and waited >= HANDSHAKE_DELAY_NS:
        return None
    proofs = {
        "order": True,
        payload.value: payload in (Relayed.PAYLOAD, Relayed.LENGTHS),
        "gateway source": gateway,
        "proxy process": mapping is not None,
    }
    joined = tuple(proof for proof, holds in proofs.items() if holds)
    return Pair(inner=inner, joined_by=joined, process=mapping.process if mapping else None)


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


def _may_be_its_own(outer: Connection, inner: Connection) -> bool:
    """Whether a proxy that was dialled may have dialled it: from an address and a port of its own, to another server, and not back to the client's port."""
    clients, servers = ({getattr(flow, end) for flow in outer.flows} for end in ("client", "server"))
    first = inner.flows[0]
    if first.client in clients or first.server in servers or first.server in clients or not is_free(first.client.port):
        return False
    mine = first.client.address
    return mine not in {end.address for end in clients} or mine in {end.address for end in servers}


def _calls_back(outer: Connection, inner: Connection) -> bool:
    """Whether whoever was dialled dials the client in turn; a container that asks for its own published port is dialled from the gateway."""
    clients, servers = ({getattr(flow, end).address for flow in outer.flows} for end in ("client", "server"))
    first = inner.flows[0]
    return first.server.address in clients and first.client.address in servers


def _from_a_gateway(client: PackedEndpoint, server: PackedEndpoint) -> bool:
    """Whether one address looks like the gateway of a bridge that the other is on: the first of a private subnet, as Docker gives it out.

    Docker's own pools are /16 and /20 (daemon.json, default-address-pools), of ULA /64 (RFC 4193).
    """
    if client.version != server.version or (client.hi, client.lo) == (server.hi, server.lo):
        return False
    if client.version != 4:
        return client.hi == server.hi and client.hi >> 57 == _ULA >> 57 and client.lo == 1
    private = any(client.lo >> shift == net for net, shift in _PRIVATE)
    return private and client.lo >> 16 == server.lo >> 16 and client.lo & 0xFF == 1


_PRIVATE = ((10, 24), (0xAC1, 20), (0xC0A8, 16))  # RFC 1918: 10/8, 172.16/12, 192.168/16
_ULA = 0xFC00_0000_0000_0000  # RFC 4193: fc00::/7


def _other_life(outer: Words, inner: Words, table: PacketTable) -> bool:
    """Whether the inner connection cannot be the outer's, by what a relay hands on: every byte, and the client's end.

    Only an outer connection whose client ended it has handed on all that it ever will. An inner one that then carried bytes where the
    outer carried none, or that the proxy ended before the client did (and the server had not), belongs to somebody else.
    """
    ended, _ = outer.ended_ns
    if ended is None:
        return False
    if start_ns(inner.connection, table) > ended:
        return True
    asked, answered = outer.both_spoke
    if (inner.spoke("forward") and not asked) or (inner.spoke("reverse", ended) and not answered):
        return True
    mine, server = inner.ended_ns
    if mine is None:
        return server is None and _seen_until(inner.connection, table) > ended + STALL_NS
    return mine < ended - RELAY_NS and (server is None or server > mine)


def _seen_until(connection: Connection, table: PacketTable) -> int:
    """When its last packet was seen."""
    flow = connection.flows[0]
    return max(int(table.packets.time_ns[rows[-1]]) for rows in (flow.forward, flow.reverse) if len(rows))


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
