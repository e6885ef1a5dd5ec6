"""The rules of a join: when two flows that bear one token are one connection. Every limit stands here.

One coincidence joins nothing. Beside the token (``tokens.py``) count, each where it can tell:

* **time**: a packet is in flight for a moment, an answer comes while somebody waits, and a sequence number lives as long as its connection;
* **TTL**: addresses and ports are rewritten by who routes (net/ipv4/ip_forward.c), so that the later copy's TTL is lower: by one at one point,
  where both sides of a router are seen, and nothing else tells its two frames from two questions of one client. Only a sender's own clock
  (TSval) makes a segment one of a kind, wherever it comes again;
* **the link**: who routes a packet is the one that it was sent to, and then the one that sends it;
* **what came back**: two connections have two servers' sequence numbers, or answers that differ; what a router handed on comes back through it,
  so that one point sees the answer to it first, with a TTL that is higher by one; where nothing came back, an IP id that is none of many;
* **how many**: what a point saw of many senders in a moment is a flood, and tells none of them from another; a packet that many bear at any time, a
  sequence number with which many begin, a clock that stands still, join only what has the same ends as far as NAT leaves them;
* **the point**: one point sees one 5-tuple once at a time, so that two lives of it are two connections;
* **direction**: only what saw no question can be the answer to one that saw no answer.

A rule sees two flows at a time and reads columns alone, so that it can be asked of many pairs at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from netprobe.decode.table import SYN_ACK, Kind
from netprobe.journeys.tokens import NO_CLOCK

if TYPE_CHECKING:
    from collections.abc import Hashable

    from netprobe.decode.table import PacketTable
    from netprobe.flows.model import Flow
    from netprobe.journeys.tokens import Prints

FLIGHT_NS = 1_000_000_000  # a copy that is a second late is another packet
ORDER_NS = 50_000_000  # what the clocks of two points may differ about which of them saw a packet first
WAIT_NS = 64_000_000_000  # nobody waits longer for the answer to one packet (Linux: a SYN's sixth copy, 63 s later)
LIFE_NS = 128_000_000_000  # the last copy of a SYN that is not answered (tcp_syn_retries = 6: 127 s)
NO_STATION = frozenset({-1, 0})  # link addresses that tell nobody: not in the capture, and lo's
MOST_APART = 1 << 30  # of the sequence numbers of one connection, seen at two points at one time
FIRST_FREE_PORT = 1024  # ports below, and the ones of the groups, are many senders' own


class Copy(NamedTuple):
    """A packet that bears a token, as its columns have it: what the rules of a packet read.

    Attributes:
        time_ns: Unix time, ns. ttl: TTL or hop limit. sender, receiver: link addresses; -1 not in the capture, 0 lo.
        ip_id: IPv4 identification; 0 or -1 where it tells nothing. clocked: its sender's own clock (TSval) is in it.
        place, flow: the flow that it is of, and its place among all.
    """

    time_ns: int
    ttl: int
    sender: int
    receiver: int
    ip_id: int
    clocked: bool
    place: int
    flow: Flow


def same_packet(table: PacketTable, one: Copy, other: Copy, prints: Prints) -> bool:
    """Whether two packets (the earlier first) with one token are copies of one, seen at two places on its way."""
    first, second = one.flow, other.flow
    delay, apart = other.time_ns - one.time_ns, first.point != second.point
    if delay > FLIGHT_NS:
        return False
    if same_ends(first, second):
        return apart or first.vlan != second.vlan
    returns = one.clocked and _returns(one, other)
    if not apart and not returns and _one_wire(one, other):
        return False
    hops = one.ttl - other.ttl
    if hops < 0 and apart and delay < ORDER_NS:
        hops = -hops  # only stamped before the other
    fewest, most = (0 if one.clocked and (apart or returns) else 1), (255 if apart or one.clocked else 1)
    if not fewest <= hops <= most or differ_in_answer(first, second, prints):
        return False
    return apart or one.clocked or _comes_back(table, one, other, prints)


def _comes_back(table: PacketTable, asked: Copy, handed_on: Copy, prints: Prints) -> bool:
    """Whether what answered both of one point may be one packet: it meets first who handed the question on, and leaves there with a lower TTL.

    Where nothing came back, an IP id in both is what tells a router's two frames from two questions: NAT keeps it, and two senders draw their own.
    """
    outer, inner = (_answers(table, copy.flow, prints) for copy in (asked, handed_on))
    if not inner:
        return not outer and asked.ip_id > 0
    ttl, time = table.ttl, table.packets.time_ns
    both = [(outer[answer], inner[answer]) for answer in outer.keys() & inner.keys()]
    return not both or any(ttl[last] < ttl[first] and time[first] <= time[last] for last, first in both)


def _answers(table: PacketTable, flow: Flow, prints: Prints) -> dict[Hashable, int]:
    """What answers a flow, and the row that did first: a SYN-ACK's number, an echo's with its payload, a datagram's payload."""
    rows = flow.reverse[:8].tolist()
    if flow.kind == Kind.TCP:
        return {int(table.seq[row]): row for row in reversed(rows) if table.tcp_flags[row] & SYN_ACK == SYN_ACK}
    return {(int(table.seq[row]), prints.of(row)): row for row in reversed(rows)}


def _one_wire(one: Copy, other: Copy) -> bool:
    """Whether one station sent both packets, or both are for one: who routes receives the one and sends the other."""
    return (one.sender == other.sender > 0) or (one.receiver == other.receiver > 0)


def _returns(one: Copy, other: Copy) -> bool:
    """Whether the copy goes back to the station that sent the packet, under another source: a bridge's hairpin, where netfilter rewrites what is not routed."""
    return one.sender == other.receiver > 0 and one.flow.client != other.flow.client


def copy_of(table: PacketTable, place: int, flow: Flow, row: int) -> Copy:
    """One row as the rules read it."""
    columns = (table.packets.time_ns, table.ttl, table.eth_src, table.eth_dst, table.ip_id)
    time, ttl, sender, receiver, ip_id = (int(column[row]) for column in columns)
    clocked = flow.kind == Kind.TCP and int(table.tsval[row]) not in NO_CLOCK
    return Copy(time, ttl, sender, receiver, ip_id, clocked, place, flow)


def same_connection(table: PacketTable, one: Flow, other: Flow) -> bool:
    """Whether two flows between the same two ends (the earlier first) are one connection, seen at two points or in two VLANs."""
    starts = first_ns(table, other) - first_ns(table, one)
    if one.isn is not None and other.isn is not None:
        return (
            one.isn == other.isn and (starts <= LIFE_NS or _clocked(table, one, other)) and not _one_place(one, other)
        )
    if one.point == other.point or starts > last_ns(table, one) - first_ns(table, one) + FLIGHT_NS:
        return False
    if one.kind == Kind.TCP:
        return _near(table, one, other)
    return one.kind == Kind.ICMP or not _shared(one)


def rewritten_numbers(table: PacketTable, one: Flow, other: Flow) -> bool:
    """Whether a middlebox may have given a connection between the same two ends other sequence numbers (RFC 6528 section 5, SYNPROXY)."""
    begun = one.isn is not None and other.isn is not None and one.client == other.client
    at_once = first_ns(table, other) - first_ns(table, one) <= FLIGHT_NS
    return begun and at_once and one.point != other.point and _ttl(table, one) != _ttl(table, other)


def is_answer(table: PacketTable, asked: Flow, answering: Flow) -> bool:
    """Whether a flow that saw no question may hold the answer to one that saw none, by when it came."""
    waited = first_ns(table, answering) - first_ns(table, asked)
    return -ORDER_NS <= waited <= WAIT_NS


def excluded(table: PacketTable, one: Flow, other: Flow) -> bool:
    """Whether two flows cannot be one connection, whatever joins each of them to a third.

    One point shows a connection once, unless it sees both sides of what routes it; what it saw one direction of alone is no second one.
    """
    if one.point != other.point:
        return False
    if same_ends(one, other):
        return one.vlan == other.vlan
    if _halves(one, other) or _halves(other, one) or _ttl(table, one) != _ttl(table, other):
        return False
    first, second = (copy_of(table, each.number, each, _head(each)) for each in (one, other))
    if second.time_ns < first.time_ns:
        first, second = second, first
    return not (first.clocked and _returns(first, second))


def asks(flow: Flow) -> bool:
    """Whether a flow holds the question of what it is: a SYN, a datagram, an echo request."""
    return flow.isn is not None if flow.kind == Kind.TCP else len(flow.forward) > 0


def _halves(asked: Flow, answering: Flow) -> bool:
    """Whether the one saw the question alone, and the other no question."""
    return asks(asked) and not len(asked.reverse) and not asks(answering)


def same_ends(one: Flow, other: Flow) -> bool:
    """Whether neither end was rewritten."""
    return one.client == other.client and one.server == other.server


def ends_tell(one: Flow, other: Flow) -> bool:
    """Whether so much of two flows' ends is the same that a packet which many send is one: the client's port, and its address or the server's end.

    That is what DNAT leaves of them, and MASQUERADE where it keeps the port.
    """
    port = one.client.port
    free = one.kind == Kind.ICMP or is_free(port)
    whose = one.client[:3] == other.client[:3] or one.server == other.server
    return same_ends(one, other) or (port == other.client.port and free and whose)


def likeness(one: Flow, other: Flow) -> int:
    """How many of the four parts of a 5-tuple two flows have in common: which copy is whose, where several may be."""
    return sum(
        (
            one.client[:3] == other.client[:3],
            one.client.port == other.client.port,
            one.server[:3] == other.server[:3],
            one.server.port == other.server.port,
        )
    )


def differ_in_answer(one: Flow, other: Flow, prints: Prints) -> bool:
    """Whether both were answered, and not by the same packets."""
    if one.kind == Kind.TCP:
        return None not in (one.reply_isn, other.reply_isn) and one.reply_isn != other.reply_isn
    if not len(one.reverse) or not len(other.reverse):
        return False
    mine, theirs = ({prints.of(row) for row in flow.reverse[:8].tolist()} for flow in (one, other))
    return not mine & theirs


def _one_place(one: Flow, other: Flow) -> bool:
    """Whether both are lives of one 5-tuple at one point."""
    return one.point == other.point and one.vlan == other.vlan and same_ends(one, other)


def _clocked(table: PacketTable, one: Flow, other: Flow) -> bool:
    """Whether their SYNs bear one time of the sender's own clock, whatever the clocks of the points say."""
    mine, theirs = (int(table.tsval[flow.forward[0]]) for flow in (one, other))
    return mine == theirs and mine not in NO_CLOCK


def _near(table: PacketTable, one: Flow, other: Flow) -> bool:
    """Whether the sequence numbers of either direction are those of one connection."""
    for mine, theirs in ((one.forward, other.forward), (one.reverse, other.reverse)):
        if len(mine) and len(theirs):
            apart = (int(table.seq[theirs[0]]) - int(table.seq[mine[0]])) & 0xFFFFFFFF
            return min(apart, (1 << 32) - apart) < MOST_APART
    return True


def _shared(flow: Flow) -> bool:
    """Whether others may have the same two ends at the same time: a port of a service at both, a group, or no address yet."""
    ends = flow.client, flow.server
    free = any(is_free(end.port) for end in ends)
    return not free or any(_for_many(end.version, end.hi, end.lo) for end in ends)


def is_free(port: int) -> bool:
    """Whether a kernel may give a port to who dials: none of a service's, which answers and calls from it (FTP's 20, SSDP, mDNS, LLMNR)."""
    return port >= FIRST_FREE_PORT and port not in _GROUP_PORTS


_GROUP_PORTS = frozenset({1900, 3702, 5353, 5355})  # SSDP, WS-Discovery, mDNS, LLMNR


def _for_many(version: int, high: int, low: int) -> bool:
    """A group's address, the broadcast address, or none."""
    if version == 4:
        return low == 0 or low >> 28 >= 0xE
    return high >> 56 == 0xFF or (high, low) == (0, 0)


def _head(flow: Flow) -> int:
    return int(flow.forward[0] if len(flow.forward) else flow.reverse[0])


def _ttl(table: PacketTable, flow: Flow) -> int:
    return int(table.ttl[_head(flow)])


def first_ns(table: PacketTable, flow: Flow) -> int:
    """When a flow's first packet was seen (Unix time, ns)."""
    return min(int(table.packets.time_ns[rows[0]]) for rows in (flow.forward, flow.reverse) if len(rows))


def last_ns(table: PacketTable, flow: Flow) -> int:
    """When its last packet was seen (Unix time, ns)."""
    return max(int(table.packets.time_ns[rows[-1]]) for rows in (flow.forward, flow.reverse) if len(rows))
