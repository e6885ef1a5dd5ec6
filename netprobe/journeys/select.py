"""Which connection is the one in question: the probe's own, the failed lookup's, or the one that a person chose."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING

import numpy as np

from netprobe.decode.table import Kind
from netprobe.decode.unread import tunnel_of
from netprobe.flows.build import first_row
from netprobe.flows.expression import FlowExpr
from netprobe.flows.model import PROTO_NAME, FlowSummary
from netprobe.journeys import choice
from netprobe.journeys.join import start_ns
from netprobe.journeys.proxy import inner_of
from netprobe.journeys.same import last_ns
from netprobe.journeys.stray import Strays
from netprobe.journeys.unanswered import unanswered
from netprobe.state.engine import EMBEDDED_DNS

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

    from netprobe.decode.table import PacketTable
    from netprobe.evidence.model import CapturePoint, Probe
    from netprobe.flows.expression import Moment
    from netprobe.flows.model import Flow
    from netprobe.journeys.model import Connection

LOOKUP_NS = 30_000_000_000  # no resolver asks on for a question that is older: glibc gives up after 5 s twice a server (resolv.conf(5)), three servers
OUTER_NS = 2_000_000_000  # an inner connection begins within this of the outer one: its handshake, and the dial delay
MOST_NEAR = 16  # more connections than this at once: order proves nothing, and a listing shows them all
KINDS = {name: kind for kind, name in PROTO_NAME.items()}
ANY_ADDRESS = ("0.0.0.0", "::", "")  # noqa: S104 - a socket that never got an address of its own


def of_probe(connections: Sequence[Connection], points: Sequence[CapturePoint], probe: Probe) -> Connection | None:
    """The probe's own connection: its local port, and the dialled endpoint where a point saw that.

    A host that dials its own address is never seen doing so: DNAT in OUTPUT rewrites the destination before any tap. Then the local
    endpoint decides: the answer, which lo shows translated back already, has the dialled one, and nothing that was sent. A run whose prober died knows no local port: then the dialled endpoint decides, if only one connection has it.
    Its local address may be another than the packets': the host's own source NAT is seen behind it alone, and routing may choose by protocol and
    port; then the dialled endpoint and the local port decide. None when the probe left no packet.
    """
    kind = KINDS[probe.proto.transport]
    mine = [c for c in connections if c.kind == kind and any(_at_source(flow, points, probe) for flow in c.flows)]
    exact = [c for c in mine if any(_dialled(flow, probe) and _local(flow, probe) for flow in c.flows)]
    if probe.result.local is None:
        return exact[0] if len(exact) == 1 else None
    sent = [c for c in mine if any(_local(flow, probe) and len(flow.forward) for flow in c.flows)]
    chosen = (
        [c for c in exact if c in sent]
        or sent
        or exact
        or [c for c in mine if any(_local(flow, probe) for flow in c.flows)]
        or [c for c in mine if any(_dialled(flow, probe) and _local_port(flow, probe) for flow in c.flows)]
    )
    return chosen[0] if chosen else None


def _at_source(flow: Flow, points: Sequence[CapturePoint], probe: Probe) -> bool:
    return points[flow.point].host in ("", probe.source_at.host)


def _dialled(flow: Flow, probe: Probe) -> bool:
    remote = probe.result.remote or ((probe.dialled, probe.dialled_port or 0) if probe.dialled else None)
    if remote is None or flow.server.address != remote[0]:
        return False
    return flow.kind == Kind.ICMP or flow.server.port == remote[1]


def _local(flow: Flow, probe: Probe) -> bool:
    if probe.result.local is None:
        return True
    address = probe.result.local[0]
    return _local_port(flow, probe) and (address in ANY_ADDRESS or flow.client.address == address)


def _local_port(flow: Flow, probe: Probe) -> bool:
    return probe.result.local is not None and flow.client.port == probe.result.local[1]


def of_lookup(
    connections: Sequence[Connection], table: PacketTable, points: Sequence[CapturePoint], probe: Probe
) -> tuple[Connection, ...]:
    """The lookup's own DNS exchanges, in order; the last one decided.

    Where the embedded DNS server was asked, its exchanges are those; what it forwarded is not the source's own question. A response
    without its query is a late answer to a question from before the capture.
    """
    mine = {i for i, point in enumerate(points) if point.host in ("", probe.source_at.host)}
    own = {i for i, point in enumerate(points) if point.place == probe.source_at}
    asked = tuple(c for c in connections if is_dns(c, table) and c.points & mine)
    asked = tuple(c for c in asked if c.points & own) or asked  # others of that host ask too
    embedded = tuple(c for c in asked if c.flows[0].server.address in EMBEDDED_DNS) or asked
    return tuple(c for c in embedded if any(len(flow.forward) for flow in c.flows)) or embedded


def forwarded_query(outer: Connection, connections: Sequence[Connection], table: PacketTable) -> Connection | None:
    """What the embedded DNS server asked on, for one question: a later exchange with the same question."""
    if outer.flows[0].server.address not in EMBEDDED_DNS:
        return None
    begun = start_ns(outer, table)
    for other in connections:
        later = other is not outer and 0 <= start_ns(other, table) - begun <= LOOKUP_NS
        if later and other.flows[0].server.address not in EMBEDDED_DNS and same_question(outer, other, table):
            return other
    return None


def same_question(one: Connection, other: Connection, table: PacketTable) -> bool:
    """Whether the second may be the first handed on: with the same message id (the embedded server keeps it); of equal length where none was kept."""
    if not is_dns(other, table):
        return False
    ids, theirs = dns_ids(one, table), dns_ids(other, table)
    if ids and theirs:
        return bool(ids & theirs)
    lengths, their_lengths = (
        {int(table.payload_len[row]) for flow in each.flows for row in flow.forward.tolist()} for each in (one, other)
    )
    return not ids and not theirs and bool(lengths & their_lengths)


def dns_ids(connection: Connection, table: PacketTable) -> set[int]:
    """The message ids of a DNS exchange's queries."""
    return {
        number
        for flow in connection.flows
        for number in table.dns_id[flow.forward[table.is_dns(flow.forward)]].tolist()
        if number >= 0
    }


def is_dns(connection: Connection, table: PacketTable) -> bool:
    """Whether a connection is a DNS exchange."""
    return connection.kind == Kind.UDP and any(
        len(rows) > 0 and bool(table.is_dns(rows).any())
        for flow in connection.flows
        for rows in (flow.forward, flow.reverse)
    )


def candidates(
    connections: Sequence[Connection], table: PacketTable, expr: FlowExpr | None = None
) -> tuple[Connection, ...]:
    """What a capture from elsewhere may be asked about: what is listed, or of all that there is what a person chose."""
    if expr is None:
        return listed(connections, table)
    if expr.number is not None:
        return numbered(connections, table)[expr.number - 1 : expr.number] if expr.number else ()
    chosen = tuple(c for c in connections if any(_matches(flow, expr) for flow in c.flows))
    return chosen if expr.moment is None else _at_that_time(chosen, table, expr.moment)


def listed(connections: Sequence[Connection], table: PacketTable) -> tuple[Connection, ...]:
    """The connections to choose from, in order of time."""
    return tuple(connections[each] for each in _listed(connections, table).tolist())


def numbered(connections: Sequence[Connection], table: PacketTable) -> tuple[Connection, ...]:
    """All connections by their numbers, from 1."""
    order = choice.numbered(_listed(connections, table), len(connections))
    return tuple(connections[each] for each in order.tolist())


def _listed(connections: Sequence[Connection], table: PacketTable) -> NDArray[np.int64]:
    if len(connections) < len(("one", "another")):
        return np.arange(len(connections))
    strays = Strays(connections, table)
    answers = {id(stray) for c in connections if (stray := strays.reply_to(c)) is not None}

    def mask(those: Collection[int]) -> NDArray[np.bool_]:
        return np.array([id(each) in those for each in connections], np.bool_)

    return choice.Choice(
        inner=mask(_inner_ones(connections, table)),
        answers=mask(answers),
        silent=mask(unanswered(connections, table)),
        names=np.array([is_dns(each, table) for each in connections], np.bool_),
    ).listed()


def _at_that_time(chosen: Sequence[Connection], table: PacketTable, moment: Moment) -> tuple[Connection, ...]:
    """What began at a time; else what was under way then."""
    start = int(table.packets.time_ns.min()) if len(table) else 0
    begun = np.array([start_ns(each, table) for each in chosen], np.int64)
    last = np.array([max(last_ns(table, flow) for flow in each.flows) for each in chosen], np.int64)
    return tuple(chosen[each] for each in choice.at(moment, begun - start, last - start).tolist())


def example(number: int, chosen: Connection, connections: Sequence[Connection], table: PacketTable) -> str:
    """What to give ``--flow`` for one connection and no other: its 5-tuple; its number, where others have that too."""
    first = chosen.flows[0]
    port = first.kind != Kind.ICMP
    text = f"{first.client.unpack(port=port)}>{first.server.unpack(port=port)}/{first.proto}"
    return text if len(candidates(connections, table, FlowExpr.parse(text))) == 1 else f"#{number}"


def _inner_ones(chosen: Sequence[Connection], table: PacketTable) -> set[int]:
    """The connections (by id()) that are a docker-proxy's inner one; only those that begin within its dial delay are looked at."""
    starts = [start_ns(each, table) for each in chosen]
    found = set()
    for connection, begun in zip(chosen, starts, strict=True):
        low, high = bisect_left(starts, begun), bisect_right(starts, begun + OUTER_NS)
        pairs = inner_of(connection, chosen[low:high], table) if high - low <= MOST_NEAR else ()
        if len(pairs) == 1:
            found.add(id(pairs[0].inner))
    return found


def _matches(flow: Flow, expr: FlowExpr) -> bool:
    icmp = flow.kind == Kind.ICMP
    return expr.matches(
        proto=flow.proto,
        src=flow.client.address,
        sport=None if icmp else flow.client.port,
        dst=flow.server.address,
        dport=None if icmp else flow.server.port,
    )


def summary(
    connection: Connection, table: PacketTable, points: Sequence[CapturePoint], start: int, number: int
) -> FlowSummary:
    """One line for a listing; ``start`` is the capture's first time in ns, ``number`` its place in the listing of all."""
    first = connection.flows[0]
    busiest = max(connection.flows, key=lambda flow: len(flow.forward) + len(flow.reverse))
    rows = [*busiest.forward.tolist(), *busiest.reverse.tolist()]
    port = first.kind != Kind.ICMP
    by_time = sorted(connection.flows, key=lambda flow: int(table.packets.time_ns[first_row(flow, table)]))
    return FlowSummary(
        proto=first.proto,
        src=first.client.unpack(port=port),
        dst=first.server.unpack(port=port),
        packets=len(rows),
        payload_bytes=sum(max(int(table.payload_len[row]), 0) for row in rows),
        points=tuple(dict.fromkeys(points[flow.point].name for flow in by_time)),
        first_us=(start_ns(connection, table) - start) / 1000,
        number=number,
        carries=tunnel_of(table, first_row(first, table)),
    )
