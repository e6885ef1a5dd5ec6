"""The one journey that a report is about: which connection was asked about, and docker-proxy's inner one or the forwarded query behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.decode.unread import later_fragments, unread
from netprobe.errors import UsageFault
from netprobe.evidence.model import LimitKind, Proto, Resolution
from netprobe.flows.model import SeveralFlows
from netprobe.journeys.model import Journey
from netprobe.journeys.picked import PickedConnection
from netprobe.journeys.proxy import Mapping, inner_of
from netprobe.journeys.select import (
    candidates,
    example,
    forwarded_query,
    is_dns,
    numbered,
    of_lookup,
    of_probe,
    summary,
)
from netprobe.journeys.stray import Strays, as_sent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netprobe.decode.table import PacketTable
    from netprobe.evidence.model import Evidence, Limit, Probe
    from netprobe.flows.expression import FlowExpr
    from netprobe.journeys.model import Connection
    from netprobe.state.model import World


_MOST_SAID = 3
_UNREAD_HINT = "check the file with tcpdump -r FILE; where packets are in a tunnel, capture at its inner end: a container's interface, a bridge"


def choose(
    evidence: Evidence, table: PacketTable, found: Sequence[Connection], flow: FlowExpr | PickedConnection | None
) -> Connection | None:
    """Return the connection in question: the probe's own (None: it left no packet), or the one that ``flow`` singles out.

    Raises:
        SeveralFlows: captures from elsewhere with several connections, and ``flow`` does not single one out.
        UsageFault: captures without any connection, or none that ``flow`` matches.
    """
    if isinstance(flow, PickedConnection):
        return flow.among(found, table)
    probe = evidence.probe
    if probe is not None and flow is None:
        if lookup_is_it(probe):
            exchanges = of_lookup(found, table, evidence.points, probe)
            port = probe.result.local[1] if probe.result.local else None  # another name may be asked for afterwards
            last = [each for each in exchanges if each.flows[0].client.port == port]
            return next(iter([*last[-1:], *exchanges[-1:]]), None)
        return of_probe(found, evidence.points, probe)
    chosen = candidates(found, table, flow)
    if not chosen:
        beside = passed_over(evidence.limits, unread(table, evidence.points))
        parts = later_fragments(table)
        raise none_chosen(evidence.limits, flow, packets=len(evidence.packets), parts=parts, beside=beside)
    if len(chosen) > 1:
        raise _several(evidence, table, found, chosen)
    return chosen[0]


def _several(
    evidence: Evidence, table: PacketTable, found: Sequence[Connection], chosen: Sequence[Connection]
) -> SeveralFlows:
    """What to choose from, each with its number, and how the first of them is chosen."""
    start = int(table.packets.time_ns.min()) if len(table) else 0
    number = {id(each): place for place, each in enumerate(numbered(found, table), 1)}
    lines = tuple(summary(each, table, evidence.points, start, number[id(each)]) for each in chosen)
    beside = passed_over(evidence.limits, unread(table, evidence.points))
    return SeveralFlows(lines, example(lines[0].number, chosen[0], found, table), beside)


def none_chosen(limits: Sequence[Limit], flow: FlowExpr | None, *, packets: int, parts: int, beside: str) -> UsageFault:
    """What to say of a capture without the connection.

    Args:
        limits: what could not be observed.
        flow: what was asked for.
        packets: how many it holds.
        parts: how many of them are later fragments, which have no ports.
        beside: what :func:`passed_over` says.
    """
    cut = [limit.why for limit in limits if limit.kind is LimitKind.FILE]
    if cut and not packets:
        return UsageFault(f"the file holds no packet: {cut[0]}", "record or copy it again")
    if not packets:
        return UsageFault("the capture holds no packet", "nothing passed its interface and filter while it ran")
    what = "that --flow asks for" if flow else "of TCP, UDP or ICMP echo"
    if beside:
        return UsageFault(f"the capture has no connection {what}{beside}", _UNREAD_HINT)
    hint = "netprobe flows FILE lists its connections" if flow else "check the file with tcpdump -r FILE"
    if parts and not flow:
        hint = f"later fragments, of which it has {parts}, have no ports, and a filter on a port leaves them out or alone: capture without one"
    return UsageFault(f"the capture has no connection {what}", hint)


def passed_over(limits: Sequence[Limit], unread: Sequence[Limit]) -> str:
    """What else a capture holds, or would have held, in brackets.

    Args:
        limits: what could not be observed.
        unread: what is not read.
    """
    said = [f"{limit.subject}: {limit.why}" for limit in limits if limit.kind is LimitKind.FILE]
    said = list(dict.fromkeys([*said, *(f"{limit.subject}: {limit.why}" for limit in unread)]))
    return f" ({'; '.join(said[:_MOST_SAID])}{'; …' * (len(said) > _MOST_SAID)})" if said else ""


def lookup_is_it(probe: Probe) -> bool:
    """Whether the lookup is the story itself: it failed, or it is what was asked."""
    return probe.lookup.how is Resolution.FAILED or probe.proto is Proto.DNS


def journey_of(outer: Connection, found: Sequence[Connection], table: PacketTable, world: World) -> Journey:
    """Return the journey that a connection begins: with docker-proxy's inner connection, or the query handed on, where there is one."""
    if is_dns(outer, table):
        asked_on = forwarded_query(outer, found, table)
        stray = None if asked_on else as_sent(Strays(found, table).reply_to(outer))
        return Journey(legs=(outer, asked_on) if asked_on else (outer,), stray=stray)
    pairs = inner_of(outer, found, table, _mappings(world), _gateways(world))
    stray = as_sent(Strays(found, table).reply_to(outer))
    if len(pairs) > 1:
        unknown = f"{len(pairs)} connections could be docker-proxy's inner one: it was not joined"
        return Journey(legs=(outer,), stray=stray, unknowns=(unknown,))
    if not pairs:
        return Journey(legs=(outer,), stray=stray)
    pair = pairs[0]
    assumptions = (
        []
        if pair.process
        else [f"two connections are taken for docker-proxy's, joined by {' and '.join(pair.joined_by)}"]
    )
    return Journey(legs=(outer, pair.inner), joined_by=pair.joined_by, stray=stray, assumptions=tuple(assumptions))


def _mappings(world: World) -> tuple[Mapping, ...]:
    return tuple(
        Mapping(
            proto=proxy.proto,
            host_port=proxy.host_port,
            container_address=proxy.container_ip,
            container_port=proxy.container_port,
            process=f"docker-proxy pid {proxy.pid}",
        )
        for host in world.before.values()
        for proxy in host.proxies or ()
    )


def _gateways(world: World) -> frozenset[str]:
    return frozenset(
        address.address
        for host in world.before.values()
        for link in host.own.links or ()
        if link.is_bridge
        for address in link.addresses
    )
