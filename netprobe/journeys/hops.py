"""A journey's hops: its deciding packet at every capture point, in order, and what changed from hop to hop.

Order: topology first (the itinerary that host state gives), the clock only where topology is silent. One request packet (SYN,
datagram, echo request) and one reply packet (SYN-ACK, else RST, else the first answer) tell the way; the other packets
tell the verdict. A point is ``seen=False`` only when it lies behind the last point that saw the packet, was sniffed without loss, and can see
such packets at all.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from netprobe.decode.address import mac
from netprobe.decode.table import SYN, SYN_ACK, TAG_UNKNOWN, Flag, Kind
from netprobe.flows.build import ECHO_REQUEST, destination, source
from netprobe.flows.model import PROTO_NAME
from netprobe.journeys.pieces import goes_on
from netprobe.model.endpoint import Ends
from netprobe.model.hop import Change, Direction, Hop, HopPacket
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from netprobe.decode.table import PacketTable
    from netprobe.evidence.model import CapturePoint
    from netprobe.flows.model import Flow
    from netprobe.journeys.model import Connection, Journey
    from netprobe.model.endpoint import Endpoint

ECHO_REPLY = {4: 0, 6: 129}
_ADVICE = ((4, 4), (4, 5))  # IP version and ICMP type
_COMPARED = 64  # bytes of two datagrams
_LOOKED_AT = 4096  # packets at each point, for one that all of them saw
_CARRIED = 1 << 16  # bytes that a SYN may carry (RFC 7413), beside its own number


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedPoint:
    """One point that host state expects on the way.

    Attributes:
        point: the capture point's name.
        optional: passed on some paths only; its silence means nothing.
        observable: False where this point cannot see the packet (a bridge's own tap and switched unicast).
    """

    point: str
    optional: bool = False
    observable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """One packet of the journey at one point.

    Attributes:
        leg: index of the connection (0, or 1 behind docker-proxy).
        flow: the flow that it belongs to.
        row: its row in the packet table.
        count: how often the same packet was seen there (retransmissions).
    """

    leg: int
    flow: Flow
    row: int
    count: int


def sightings(connection: Connection, table: PacketTable, direction: Direction, leg: int) -> list[Sighting]:
    """The deciding packet of one direction at every point that saw it, in order of time."""
    found = []
    shared = _seen_by_all(connection, table, direction)
    for flow in connection.flows:
        row = request_row(flow, table) if direction is Direction.REQUEST else reply_row(flow, table)
        row = shared.get(flow.number, row)
        if row is not None:
            rows = (
                flow.forward
                if direction is Direction.REQUEST
                else np.append(flow.reverse, np.array(flow.errors, np.int64))
            )
            found.append(Sighting(leg=leg, flow=flow, row=row, count=_copies(table, rows, row)))
    found.sort(key=lambda seen: (int(table.packets.time_ns[seen.row]), seen.row))
    forward = direction is Direction.REQUEST
    return [seen for seen in found if seen is found[0] or not goes_on(table, found[0].flow, seen.flow, forward=forward)]


def _seen_by_all(connection: Connection, table: PacketTable, direction: Direction) -> dict[int, int]:
    """Of a TCP connection whose handshake was not captured, the first packet that every point saw: flow -> row; empty where there is none.

    Captures do not begin at one time: the first packet at each point need not be the same.
    """
    flows = connection.flows
    known = any(flow.isn is not None or flow.reply_isn is not None for flow in flows)
    if known or len(flows) < 2 or connection.kind != Kind.TCP:
        return {}
    sent = [flow.forward if direction is Direction.REQUEST else flow.reverse for flow in flows]
    firsts = [_first_of_each(table, rows[:_LOOKED_AT]) for rows in sent]
    common = next((key for key in firsts[0] if all(key in each for each in firsts)), None)
    if common is None:
        return {}
    return {flow.number: first[common] for flow, first in zip(flows, firsts, strict=True)}


def _first_of_each(table: PacketTable, rows: NDArray[np.int64]) -> dict[tuple[int, ...], int]:
    """Numbers, flags and length of a segment -> the row that had them first."""
    found: dict[tuple[int, ...], int] = {}
    columns = (table.seq, table.ack, table.tcp_flags, table.payload_len)
    for *key, row in zip(*(column[rows].tolist() for column in columns), rows.tolist(), strict=True):
        found.setdefault(tuple(key), row)
    return found


def request_row(flow: Flow, table: PacketTable) -> int | None:
    """The SYN, else the first packet that the client sent."""
    rows = flow.forward.tolist()
    if flow.kind == Kind.TCP:
        for row in rows:
            if table.tcp_flags[row] & SYN_ACK == SYN:
                return int(row)
    return int(rows[0]) if rows else None


def reply_row(flow: Flow, table: PacketTable) -> int | None:
    """The SYN-ACK, else the reset that refused, else the first packet that the server sent, else the ICMP error that answered."""
    if flow.kind == Kind.TCP and len(flow.reverse):
        return _tcp_reply(flow, table)
    rows = flow.reverse.tolist() or [row for row in flow.errors if not is_advice(table, row)]
    return int(rows[0]) if rows else None


def is_advice(table: PacketTable, row: int) -> bool:
    """Whether an ICMP message tells the sender to do otherwise, and nothing was lost: source quench, redirect."""
    return (int(table.ip_version[row]), int(table.icmp_type[row])) in _ADVICE


def _tcp_reply(flow: Flow, table: PacketTable) -> int:
    """Of what the server sent, the packet that tells: resets of the connection's end are not among them while there is another."""
    rows = flow.reverse.tolist()
    accepted = [row for row in rows if table.tcp_flags[row] & SYN_ACK == SYN_ACK]
    resets = [row for row in rows if table.tcp_flags[row] & Flag.RST]
    refusals = [
        row for row in resets if flow.isn is not None and 0 < (table.ack[row] - flow.isn) % (1 << 32) < _CARRIED
    ]
    taken = [row for row in accepted if table.seq[row] == flow.reply_isn]
    heard = flow.reply_isn is not None and bool((table.ack[flow.forward] == (flow.reply_isn + 1) % (1 << 32)).any())
    answers = taken if heard or not refusals else [row for row in rows if row in accepted or row in refusals]
    others = [row for row in rows if row not in resets]
    return int((answers or others or rows)[0])


def _copies(table: PacketTable, rows: NDArray[np.int64], row: int) -> int:
    """How often this very packet (its numbers and flags, or the datagram) was seen."""
    for column in (table.kind, table.seq, table.ack, table.tcp_flags, table.payload_len, table.dns_id):
        rows = rows[column[rows] == column[row]]
    if table.kind[row] != Kind.UDP:
        return len(rows)
    said = table.payload(row)[:_COMPARED]
    return sum(table.payload(each)[:_COMPARED] == said for each in rows.tolist())


def hops(
    journey: Journey,
    table: PacketTable,
    points: Sequence[CapturePoint],
    stops: Sequence[ExpectedPoint] = (),
    *,
    dialled: Endpoint | None = None,
    delivered: bool = False,
    predicted: Mapping[tuple[Direction, int], Sequence[str]] | None = None,
) -> tuple[Hop, ...]:
    """All hops of a journey: the request's, then the reply's.

    Args:
        journey: the joined connections.
        table: the packet table.
        points: the capture points.
        stops: the itinerary from source to target, empty when unknown.
        dialled: what the client dialled (ICMP: no port), None unknown: a destination that differs at the very
            first point was rewritten on the source itself (DNAT in OUTPUT).
        delivered: True when the way back needs no missing hops (the connection works).
        predicted: the points of each direction and leg (from 1) in the order in which host state has them pass, a point as often as
            it is passed.
    """
    every = [seen for direction in Direction for seen in _all(journey, table, direction)]
    start = min((int(table.packets.time_ns[seen.row]) for seen in every), default=0)
    out: list[Hop] = []
    for direction in Direction:
        sequence = {leg - 1: names for (way, leg), names in (predicted or {}).items() if way is direction}
        ordered = _ordered(_all(journey, table, direction), table, points, _along(stops, direction), sequence)
        seen = [_hop(sighting, previous, table, points, direction, start) for previous, sighting in _pairs(ordered)]
        if direction is Direction.REQUEST:
            seen = _from_dialled(seen, dialled)
        legs = {sighting.leg for sighting in ordered}
        if direction is Direction.REQUEST or (seen and not delivered):
            seen = _with_missing(
                seen, points, _along(stops, direction), direction, max(legs, default=0) + 1, delivered=delivered
            )
        out += seen
    return tuple(out)


def _from_dialled(seen: list[Hop], dialled: Endpoint | None) -> list[Hop]:
    if not seen or seen[0].packet is None or dialled is None or dialled == seen[0].packet.dst:
        return seen
    change = Change(field="dst", before=dialled, after=seen[0].packet.dst, by="NAT")
    return [replace(seen[0], changes=(change,)), *seen[1:]]


def _along(stops: Sequence[ExpectedPoint], direction: Direction) -> Sequence[ExpectedPoint]:
    return stops if direction is Direction.REQUEST else tuple(reversed(stops))


def _all(journey: Journey, table: PacketTable, direction: Direction) -> list[Sighting]:
    legs = list(enumerate(journey.legs))
    if direction is Direction.REPLY:
        legs.reverse()
    found = [seen for leg, connection in legs for seen in sightings(connection, table, direction, leg)]
    if direction is Direction.REPLY and journey.stray is not None:
        found += sightings(journey.stray, table, Direction.REQUEST, 0)
    return found


def _ordered(
    found: list[Sighting],
    table: PacketTable,
    points: Sequence[CapturePoint],
    stops: Sequence[ExpectedPoint],
    predicted: Mapping[int, Sequence[str]],
) -> list[Sighting]:
    """Topology first, where it knows every point of a leg; else the TTL, then the order of time (which ``found`` is in)."""
    place = {stop.point: index for index, stop in enumerate(stops)}
    out: list[Sighting] = []
    for leg in dict.fromkeys(seen.leg for seen in found):
        group = [seen for seen in found if seen.leg == leg]
        names = [points[seen.flow.point].name for seen in group]
        order = _places(names, predicted.get(leg, ())) or _places(names, [stop.point for stop in stops])
        if order:
            out += [group[index] for index in sorted(range(len(group)), key=order.__getitem__)]
        elif all(name in place for name in names) and _one_packet(group, table):
            out += _passing_twice(group, table, points, place)
        else:
            out += _falling(group, table)
    return out


def _falling(group: list[Sighting], table: PacketTable) -> list[Sighting]:
    """One packet's sightings (in order of time) by its TTL, which no router raises; as they are where they are not one packet's."""
    one = {(int(table.kind[seen.row]), int(table.tcp_flags[seen.row])) for seen in group}
    return sorted(group, key=lambda seen: -int(table.ttl[seen.row])) if len(one) == 1 else group


def _places(names: Sequence[str], sequence: Sequence[str]) -> list[int]:
    """Where each name stands in a sequence, the n-th sighting at a point at its n-th place; empty where one has no place."""
    free: dict[str, list[int]] = {}
    for index, name in enumerate(sequence):
        free.setdefault(name, []).append(index)
    places = [free[name].pop(0) if free.get(name) else -1 for name in names]
    return [] if -1 in places else places


def _one_packet(group: list[Sighting], table: PacketTable) -> bool:
    """Whether all are sightings of one packet, and not of a reset, say, behind the SYN."""
    return len({(int(table.tcp_flags[seen.row]), int(table.seq[seen.row])) for seen in group}) == 1


def _passing_twice(
    group: list[Sighting], table: PacketTable, points: Sequence[CapturePoint], place: Mapping[str, int]
) -> list[Sighting]:
    """One leg's sightings where a point saw the packet twice: a router with one wire, or a host that it came back to.

    Each router lowers the TTL, and between two routers a host is passed once, so that its own clock orders its points there. Hosts
    stand where topology has those of their points that are passed once.
    """
    names = [points[seen.flow.point].name for seen in group]
    stays: dict[tuple[int, str], list[tuple[bool, int]]] = {}
    for seen, name in zip(group, names, strict=True):
        stay = (-int(table.ttl[seen.row]), points[seen.flow.point].host)
        stays.setdefault(stay, []).append((names.count(name) > 1, place[name]))

    def key(seen: Sighting) -> tuple[int, int, int]:
        ttl, host = -int(table.ttl[seen.row]), points[seen.flow.point].host
        return ttl, min(stays[ttl, host])[1], int(table.packets.time_ns[seen.row])

    return sorted(group, key=key)


def _pairs(ordered: list[Sighting]) -> list[tuple[Sighting | None, Sighting]]:
    return list(zip([None, *ordered], ordered, strict=False))


def _hop(
    seen: Sighting,
    previous: Sighting | None,
    table: PacketTable,
    points: Sequence[CapturePoint],
    direction: Direction,
    start_ns: int,
) -> Hop:
    return Hop(
        point=points[seen.flow.point].name,
        seen=True,
        time_us=round((int(table.packets.time_ns[seen.row]) - start_ns) / 1000, 3),
        packet=packet(table, seen.row),
        changes=() if previous is None else changes(table, previous, seen),
        direction=direction,
        leg=seen.leg + 1,
        count=seen.count,
    )


def _with_missing(
    seen: list[Hop],
    points: Sequence[CapturePoint],
    stops: Sequence[ExpectedPoint],
    direction: Direction,
    leg: int,
    *,
    delivered: bool,
) -> list[Hop]:
    """Put in the points that could not observe the packet, and behind the last sighting those that should have and did not."""
    sniffed = {point.name: point for point in points}
    place = {stop.point: index for index, stop in enumerate(stops)}
    last = max((place[hop.point] for hop in seen if hop.point in place), default=-1)
    out = list(seen)
    for index, stop in enumerate(stops):
        if stop.point not in sniffed or any(hop.point == stop.point for hop in seen):
            continue
        blind = not stop.observable or bool(sniffed[stop.point].dropped)
        if blind and not stop.optional:
            at = next((i for i, hop in enumerate(out) if place.get(hop.point, -1) > index), len(out))
            out.insert(
                at, Hop(point=stop.point, seen=None, direction=direction, leg=out[at - 1].leg if out[:at] else 1)
            )
        elif index > last and not delivered and not stop.optional:
            out.append(Hop(point=stop.point, seen=False, direction=direction, leg=leg))
    return out


def packet(table: PacketTable, row: int) -> HopPacket:
    """What one row shows to people."""
    kind = Kind(int(table.kind[row]))
    with_port = kind in (Kind.TCP, Kind.UDP)
    return HopPacket(
        src=source(table, row).unpack(port=with_port),
        dst=destination(table, row).unpack(port=with_port),
        proto="icmp" if kind == Kind.ICMP_ERROR else PROTO_NAME.get(kind, "ip"),
        info=_info(table, row, kind),
        ttl=_absent(int(table.ttl[row])),
        src_mac=_mac(int(table.eth_src[row])),
        dst_mac=_mac(int(table.eth_dst[row])),
        vlan=_absent(int(table.vlan[row])),
        frame=int(table.packets.frame[row]),
        vlan_inner=_absent(int(table.vlan_inner[row])),
        tag_known=int(table.vlan[row]) != TAG_UNKNOWN,
    )


def _absent(value: int) -> int | None:
    return None if value < 0 else value


def _mac(value: int) -> str | None:
    return None if value < 0 else mac(value)


def _info(table: PacketTable, row: int, kind: Kind) -> str:
    if kind == Kind.TCP:
        flags = Flag(int(table.tcp_flags[row]) & 0xFF)
        names = [name for name, bit in (("SYN", Flag.SYN), ("FIN", Flag.FIN), ("RST", Flag.RST)) if flags & bit]
        if flags & Flag.ACK and (names != ["RST"]):
            names.append("ACK")
        return "-".join(names) or "no flags"
    if kind == Kind.ICMP_ERROR:
        return icmp_error(table, row)
    if kind == Kind.ICMP:
        version, icmp_type = int(table.ip_version[row]), int(table.icmp_type[row])
        names_by_type = {ECHO_REQUEST.get(version): "echo request", ECHO_REPLY.get(version): "echo reply"}
        return names_by_type.get(icmp_type, f"type {icmp_type}")
    if table.is_dns(row):
        return "DNS query" if table.dns_qr[row] == 0 else "DNS response"
    return f"{int(table.payload_len[row])} bytes"


# Names as Wireshark and RFC 792, 1812, 4443 have them: (IP version, type, code); code -1: any.
_ERRORS = {
    (4, 3, 0): "network unreachable",
    (4, 3, 1): "host unreachable",
    (4, 3, 2): "protocol unreachable",
    (4, 3, 3): "port unreachable",
    (4, 3, 4): "fragmentation needed",
    (4, 3, 9): "network administratively prohibited",
    (4, 3, 10): "host administratively prohibited",
    (4, 3, 13): "communication administratively prohibited",
    (4, 4, -1): "source quench",
    (4, 5, -1): "redirect",
    (4, 11, -1): "time exceeded",
    (6, 1, 0): "no route",
    (6, 1, 1): "administratively prohibited",
    (6, 1, 3): "address unreachable",
    (6, 1, 4): "port unreachable",
    (6, 2, -1): "packet too big",
    (6, 3, -1): "time exceeded",
    (4, 12, -1): "parameter problem",
    (6, 4, -1): "parameter problem",
}


def _error(version: int, icmp_type: int, code: int) -> str:
    named = _ERRORS.get((version, icmp_type, code)) or _ERRORS.get((version, icmp_type, -1))
    return f"ICMP {named or f'type {icmp_type} code {code}'}"


def icmp_error(table: PacketTable, row: int) -> str:
    """The name of an ICMP error: ``ICMP port unreachable``."""
    return _error(int(table.ip_version[row]), int(table.icmp_type[row]), int(table.icmp_code[row]))


def changes(table: PacketTable, one: Sighting, other: Sighting) -> tuple[Change, ...]:
    """What differs between two sightings of one packet, with the kind of mechanism that packets alone prove.

    The rule or process is filled in by ``causes.attribution`` from host state.
    """
    left, right = packet(table, one.row), packet(table, other.row)
    return differences(left, right, joined="" if one.leg == other.leg else joined_by(dns=bool(table.is_dns(one.row))))


def joined_by(*, dns: bool) -> str:
    """Who dialled the connection behind another one."""
    return "embedded DNS server" if dns else "docker-proxy"


def differences(left: HopPacket, right: HopPacket, *, joined: str = "") -> tuple[Change, ...]:
    """What differs between one packet at two points; ``joined``: who dialled anew in between, ``""`` nobody."""
    if joined:
        ends = Ends(left.src, left.dst), Ends(right.src, right.dst)
        return (Change(field="connection", before=ends[0], after=ends[1], by=joined),)
    out = []
    if left.src != right.src:
        out.append(Change(field="src", before=left.src, after=right.src, by="NAT"))
    if left.dst != right.dst:
        out.append(Change(field="dst", before=left.dst, after=right.dst, by="NAT"))
    if left.ttl is not None and right.ttl is not None and left.ttl != right.ttl:
        out.append(Change(field="ttl", before=str(left.ttl), after=str(right.ttl), by="routing"))
    by = "routing" if left.ttl != right.ttl else "link"
    for name in ("src_mac", "dst_mac"):
        before, after = getattr(left, name), getattr(right, name)
        if before and after and before != after:
            out.append(Change(field=name, before=before, after=after, by=by))
    if left.tag != right.tag and left.tag_known and right.tag_known:
        tags = left.tag or "untagged", right.tag or "untagged"
        out.append(
            Change(field="vlan", before=tags[0], after=tags[1], by="routing" if by == "routing" else "VLAN interface")
        )
    return tuple(out)
