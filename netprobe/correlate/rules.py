"""The rules of :mod:`netprobe.journeys.same` over arrays: when two rows that bear one token are one connection.

Each takes two equally long arrays of rows and answers for each pair. Limits stand where that module has them.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from netprobe.decode.table import Kind
from netprobe.journeys.join import MOST_AT_A_POINT
from netprobe.journeys.same import FIRST_FREE_PORT, FLIGHT_NS, LIFE_NS, MOST_APART, ORDER_NS, is_free

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from netprobe.correlate.sights import Index, Mask, Sights

__all__ = [
    "FLIGHT_NS",
    "MOST_AT_A_POINT",
    "differ_in_answer",
    "excluded",
    "free_port",
    "likeness",
    "rewritten_numbers",
    "same_connection",
    "same_packet",
    "sent_again",
]

_MOST_TTL = 255
TICK_NS = 1_000_000  # of the clock in a segment, at its fastest


def same_packet(sights: Sights, one: Index, two: Index, side: int) -> Mask:
    """Whether the packets of one side (the earlier row's first) are copies of one, seen at two places on its way."""
    delay = sights.head_ns(side)[two] - sights.head_ns(side)[one]
    apart = _apart(sights, one, two)
    ends = sights.same_ends(one, two)
    clocked = sights.clocked(side)[one]
    returns = clocked & _returns(sights, one, two, side)
    hops = sights.head("ttl", side)[one].astype(np.int64) - sights.head("ttl", side)[two]
    hops = np.where((hops < 0) & apart & (delay < ORDER_NS), -hops, hops)
    fewest = np.where(clocked & (apart | returns), 0, 1)
    most = np.where(apart | clocked, _MOST_TTL, 1)
    moved = (hops >= fewest) & (hops <= most) & ~differ_in_answer(sights, one, two)
    moved &= apart | returns | ~_one_wire(sights, one, two, side)
    moved &= apart | clocked | _comes_back(sights, one, two, side)
    seen_twice = sights.place[one] != sights.place[two]
    seen_twice &= sights.tcp[one] | (hops != 0) | ~sights.other_tunnel(one, two)  # a datagram of another network's
    return np.asarray((delay >= 0) & (delay <= FLIGHT_NS) & np.where(ends, seen_twice, moved))


def sent_again(sights: Sights, one: Index, two: Index) -> Mask:
    """Whether a row (the later) begins with a SYN that another point, or the other side of a router, saw as the first one's repetition.

    Who repeats a SYN has been silent for a while, and its clock (TSval) went on no faster than time did (RFC 7323: a tick is a millisecond at least).
    """
    waited = sights.head_ns(0)[two] - sights.head_ns(0)[one]
    meanwhile = (waited >= 0) & (sights.head_ns(0)[two] - sights.last_ns[one] <= FLIGHT_NS) & (waited <= LIFE_NS)
    tsval = sights.head("tsval", 0)
    ticks = (tsval[two] - tsval[one]) & 0xFFFFFFFF
    clocked = sights.clocked(0)
    goes_on = np.where(clocked[one], (ticks > 0) & (ticks <= waited // TICK_NS + ORDER_NS // TICK_NS), True)
    hops = sights.head("ttl", 0)[one].astype(np.int64) - sights.head("ttl", 0)[two]
    apart = _apart(sights, one, two)
    routed = (hops >= np.where(clocked[one] & apart, 0, 1)) & (hops <= np.where(apart, _MOST_TTL, 1))
    routed &= apart | ~_one_wire(sights, one, two, 0)
    again = (sights.column("syns", 0)[one] > 1) & (clocked[one] == clocked[two])
    return np.asarray(again & meanwhile & goes_on & routed & ~differ_in_answer(sights, one, two))


def _apart(sights: Sights, one: Index, two: Index) -> Mask:
    point = sights.column("point")
    return np.asarray(point[one] != point[two])


def _one_wire(sights: Sights, one: Index, two: Index, side: int) -> Mask:
    """Whether one station sent both packets, or both are for one: who routes receives the one and sends the other."""
    sender, receiver = sights.head("from", side), sights.head("to", side)
    return np.asarray(
        ((sender[one] == sender[two]) & (sender[one] > 0)) | ((receiver[one] == receiver[two]) & (receiver[one] > 0))
    )


def _returns(sights: Sights, one: Index, two: Index, side: int) -> Mask:
    """Whether the copy goes back to the station that sent the packet, under another source (a bridge's hairpin)."""
    sender, receiver = sights.head("from", side), sights.head("to", side)
    return np.asarray((sender[one] == receiver[two]) & (sender[one] > 0) & ~sights.same_end(one, 0, two, 0))


def _comes_back(sights: Sights, one: Index, two: Index, side: int) -> Mask:
    """Whether what answered both of one point may be one packet: it meets first who handed the question on, and leaves there with a lower TTL."""
    if side:  # the answer itself: it comes to the outer connection last
        return np.zeros(len(one), np.bool_)
    outer, inner = sights.sent(1)[one], sights.sent(1)[two]
    silent = (
        ~inner & ~outer & ((sights.head("ip_id", 0)[one] > 0) | sights.tcp[one])
    )  # how many bear a SYN's number tells
    ttl, time = sights.head("ttl", 1), sights.head_ns(1)
    lower = (ttl[one] < ttl[two]) & (time[two] <= time[one])
    return np.where(inner, ~outer | lower, silent)


def differ_in_answer(sights: Sights, one: Index, two: Index) -> Mask:
    """Whether both were answered, and not by the same packet."""
    mine, theirs = sights.reply_isn[one], sights.reply_isn[two]
    numbers = (mine >= 0) & (theirs >= 0) & (mine != theirs)
    both = sights.sent(1)[one] & sights.sent(1)[two]
    return np.where(sights.tcp[one], numbers, both & ~same_print(sights, one, two, 1))


def same_print(sights: Sights, one: Index, two: Index, side: int) -> Mask:
    """Whether a side's first datagrams carry one payload, as far as both were kept alike."""
    length, kept, digest = (sights.head(name, side) for name in ("length", "kept", "digest"))
    return np.asarray((length[one] == length[two]) & ((kept[one] != kept[two]) | (digest[one] == digest[two])))


def excluded(sights: Sights, one: Index, two: Index) -> Mask:
    """Whether two rows of one point (the earlier first) cannot be one connection, whatever joins each of them to a third."""
    straight, turned = sights.same_ends(one, two), sights.turned_ends(one, two)
    halves = _halves(sights, one, two) | _halves(sights, two, one)
    ttl = sights.standing("ttl")
    clocked = np.where(sights.sent(0), sights.clocked(0), sights.clocked(1))[one]
    sender, receiver = sights.standing("from"), sights.standing("to")
    returns = clocked & (sender[one] == receiver[two]) & (sender[one] > 0) & ~sights.same_end(one, 0, two, 0)
    rewritten = ~halves & (ttl[one] == ttl[two]) & ~returns
    return np.asarray(np.where(straight | turned, sights.place[one] == sights.place[two], rewritten))


def _halves(sights: Sights, asked: Index, answering: Index) -> Mask:
    """Whether the one saw the question alone, and the other no question."""
    return np.asarray(sights.asks[asked] & ~sights.sent(1)[asked] & ~sights.asks[answering])


def same_connection(sights: Sights, one: Index, two: Index) -> Mask:
    """Whether two rows between the same two ends (the earlier first) are one connection, seen at two points or in two VLANs."""
    starts = sights.first_ns[two] - sights.first_ns[one]
    known = (sights.isn[one] >= 0) & (sights.isn[two] >= 0)
    tsval = sights.head("tsval", 0)
    clocks = sights.clocked(0)[one] & sights.clocked(0)[two] & (tsval[one] == tsval[two])
    together = starts <= sights.last_ns[one] - sights.first_ns[one] + FLIGHT_NS
    begun = (sights.isn[one] == sights.isn[two]) & ((starts <= LIFE_NS) | clocks)
    begun &= together | ~sights.common[one]
    begun &= (sights.place[one] != sights.place[two]) & ~differ_in_answer(sights, one, two)
    meet = _apart(sights, one, two) & together & ~sights.other_tunnel(one, two)
    kind = sights.kind[one]
    midway = np.where(kind == int(Kind.TCP), _near(sights, one, two), (kind == int(Kind.ICMP)) | ~_shared(sights, one))
    return np.where(known, begun, meet & midway)


def rewritten_numbers(sights: Sights, one: Index, two: Index) -> Mask:
    """Whether a middlebox may have given a connection between the same two ends other sequence numbers (RFC 6528 section 5, SYNPROXY)."""
    begun = (sights.isn[one] >= 0) & (sights.isn[two] >= 0) & sights.same_end(one, 0, two, 0)
    ttl = sights.standing("ttl")
    at_once = sights.first_ns[two] - sights.first_ns[one] <= FLIGHT_NS
    return np.asarray(begun & at_once & _apart(sights, one, two) & (ttl[one] != ttl[two]))


def _near(sights: Sights, one: Index, two: Index) -> Mask:
    """Whether the sequence numbers of either direction are those of one connection; ends may be turned."""
    turned = ~sights.same_end(one, 0, two, 0)
    ahead = _near_side(sights, one, two, 0, turned)
    back = _near_side(sights, one, two, 1, turned)
    return np.asarray(np.where(ahead >= 0, ahead == 1, back != 0))


def _near_side(sights: Sights, one: Index, two: Index, side: int, turned: Mask) -> NDArray[np.int8]:
    """1 near, 0 far, -1 one of them sent nothing."""
    other = np.where(turned, 1 - side, side)
    seq = np.where(other == 0, sights.head("seq", 0)[two], sights.head("seq", 1)[two])
    sent = sights.sent(side)[one] & np.where(other == 0, sights.sent(0)[two], sights.sent(1)[two])
    apart = (seq - sights.head("seq", side)[one]) & 0xFFFFFFFF
    near = np.minimum(apart, (1 << 32) - apart) < MOST_APART
    return np.where(sent, near, -1).astype(np.int8)


def _shared(sights: Sights, row: Index) -> Mask:
    """Whether others may have the same two ends at the same time: a port of a service at both, a group, or no address yet."""
    free = np.zeros(len(row), np.bool_)
    many = np.zeros(len(row), np.bool_)
    four = sights.column("version")[row] == 4
    for side in (0, 1):
        free |= free_port(sights.column("port", side)[row])
        high, low = sights.column("hi", side)[row], sights.column("lo", side)[row]
        group = np.where(four, (low == 0) | (low >> np.uint64(28) >= 0xE), high >> np.uint64(56) == 0xFF)
        many |= group | ((high == 0) & (low == 0))
    return ~free | many


def free_port(port: NDArray[np.int32]) -> Mask:
    """Whether a kernel may give a port to who dials."""
    return np.asarray((port >= FIRST_FREE_PORT) & ~np.isin(port, _services()))


@cache
def _services() -> tuple[int, ...]:
    """Ports from the first free one on that are some service's."""
    return tuple(each for each in range(FIRST_FREE_PORT, 1 << 13) if not is_free(each))


def likeness(sights: Sights, one: Index, two: Index) -> Index:
    """How many of the four parts of a 5-tuple two rows have in common: which copy is whose, where several may be."""
    out = np.zeros(len(one), np.int64)
    for side in (0, 1):
        port = sights.column("port", side)
        out += sights.same_address(one, side, two, side)
        out += port[one] == port[two]
    return out
