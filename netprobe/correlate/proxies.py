"""docker-proxy at scale: which connection is whose inner one, by the rules of :mod:`netprobe.journeys.proxy` over columns.

Candidates are not all pairs: an inner connection begins at the gateway of its server's subnet, and is held against those outer ones that were
accepted just before and carry the same first bytes; where one of them carries none, against those accepted in the moment that a dial takes.
Several that fit are told apart by when they were said, handed on and ended, where each can have one partner alone; else it stays unclear.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from netprobe.correlate.relayed import NO, UNKNOWN, other_life, relayed
from netprobe.correlate.rules import free_port
from netprobe.correlate.sights import mixed
from netprobe.correlate.talks import NEVER_NS
from netprobe.decode.table import Kind
from netprobe.journeys.proxy import DIAL_DELAY_NS, HANDSHAKE_DELAY_NS, RELAY_NS
from netprobe.journeys.select import MOST_NEAR, OUTER_NS
from netprobe.values import dataclass

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from netprobe.correlate.sights import Index, Mask, Sights
    from netprobe.correlate.talks import Talks

MOST_BEFORE = 64  # outer connections that carry the same bytes, accepted before an inner one began: a dial is quick
MOST_AT_ONCE = 16  # with nothing but order: more of them prove nothing
_MOST_ROWS = 16  # of an outer connection that are held against an inner one
_PRIVATE = ((10, 24), (0xAC1, 20), (0xC0A8, 16))  # RFC 1918: 10/8, 172.16/12, 192.168/16
_ULA = 0x7E  # RFC 4193: fc00::/7


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """int64 (m,) each: an outer connection, its inner one.

    unclear: int64 (k,), outer connections with several that fit. possible: int64 (p,), both ends of what fits and was not paired.
    """

    outer: Index
    inner: Index
    unclear: Index
    possible: Index


def proxied(talks: Talks) -> Pairs:
    """The pairs of all connections that begin at a gateway."""
    inner = np.flatnonzero(_from_a_gateway(talks.sights, talks.first) & (talks.kind != int(Kind.ICMP)))
    one, two = _candidates(talks, inner) if len(inner) else (inner, inner)
    if not len(one):
        return Pairs(outer=one, inner=two, unclear=one, possible=one)
    fit = _may_be_its_own(talks, one, two)
    one, two = one[fit], two[fit]
    tcp = talks.kind[one] == int(Kind.TCP)
    fit = ~(tcp & other_life(talks, one, two))
    one, two = one[fit], two[fit]
    proof = relayed(talks, one, two)
    waited = talks.start_ns[two] - talks.accepted_ns[one]
    datagram = talks.kind[one] == int(Kind.UDP)
    fit = (proof != NO) & ((proof != UNKNOWN) | (~datagram & (waited < HANDSHAKE_DELAY_NS)))
    one, two, said = one[fit], two[fit], proof[fit] != UNKNOWN
    alone = said | _few_begin(talks, one)
    pairs = _told_apart(talks, one[alone], two[alone], said[alone])
    doubtful = np.setdiff1d(one[~alone], pairs.outer)
    left = ~np.isin(one, pairs.outer) & ~np.isin(two, pairs.inner)
    possible = np.union1d(one[left], two[left])
    return replace(pairs, unclear=np.union1d(pairs.unclear, doubtful), possible=possible)


def _few_begin(talks: Talks, which: Index) -> Mask:
    """Whether so few connections begin beside these that order tells."""
    begun = talks.start_ns[which]
    last = np.searchsorted(talks.start_ns, begun + OUTER_NS, side="right")
    return np.asarray(last - np.searchsorted(talks.start_ns, begun) <= MOST_NEAR)


def _candidates(talks: Talks, inner: Index) -> tuple[Index, Index]:
    """(outer, inner): of the same first bytes within the time of a dial, or at once."""
    accepted = talks.accepted_ns < NEVER_NS
    parts = [_before(talks, np.flatnonzero(accepted), inner, None, HANDSHAKE_DELAY_NS, MOST_AT_ONCE)]
    for side in (0, 1):
        digest = mixed([talks.kind, *(talks.sided(f"data_{name}", side)[talks.first] for name in ("kept", "digest"))])
        spoke = talks.sided("data_kept", side)[talks.first] > 0
        own = inner[spoke[inner]]
        outer = np.flatnonzero(accepted & spoke)
        outer = outer[np.isin(digest[outer], digest[own])]
        parts.append(_before(talks, outer, own, digest, DIAL_DELAY_NS, MOST_BEFORE))
    pairs = np.concatenate(parts)
    single = np.unique(pairs[:, 0] * len(talks) + pairs[:, 1])
    return single // len(talks), single % len(talks)


def _before(
    talks: Talks, outer: Index, inner: Index, token: NDArray[np.uint64] | None, within_ns: int, most: int
) -> Index:
    """int64 (m, 2): each inner connection with the outer ones of its token that were accepted within a time before it; none where they are too many."""
    token = mixed([talks.kind]) if token is None else token
    which = np.concatenate([outer, inner])
    time = np.concatenate([talks.accepted_ns[outer], talks.start_ns[inner]])
    dials = np.repeat([False, True], [len(outer), len(inner)])
    order = np.lexsort((dials, time, token[which]))
    which, time, dials, value = which[order], time[order], dials[order], token[which[order]]
    accepting = np.cumsum(~dials)  # how many outer ones stand up to here
    position = np.flatnonzero(~dials)
    found = [np.zeros((0, 2), np.int64)]
    at = np.flatnonzero(dials)
    for back in range(1, most + 1):
        at = at[accepting[at] >= back]
        before = position[accepting[at] - back]
        near = (value[before] == value[at]) & (time[at] - time[before] < within_ns)
        at, before = at[near], before[near]
        if not len(at):
            break
        found.append(np.stack([which[before], which[at]], 1))
    pairs = np.concatenate(found)
    return np.asarray(pairs[pairs[:, 0] != pairs[:, 1]])


def _may_be_its_own(talks: Talks, one: Index, two: Index) -> Mask:
    """Whether a proxy that was dialled may have dialled it: from an address and a port of its own, to another server, and back to nobody."""
    sights, joined = talks.sights, talks.joined
    first = talks.first[two]
    begin, size = joined.begin[one], joined.begin[one + 1] - joined.begin[one]
    fits = free_port(sights.column("port", 0)[first]) & (talks.kind[one] == talks.kind[two])
    mine_asks, mine_serves, theirs_asks = (np.zeros(len(one), np.bool_) for _ in range(3))
    for number in range(min(int(size.max(initial=0)), _MOST_ROWS)):
        row = joined.order[np.minimum(begin + number, begin + size - 1)]
        turned = joined.turned[row]
        for side in (0, 1):
            client = turned == bool(side)  # whether this side of the row is the outer connection's client
            fits &= ~(client & sights.same_end(first, 0, row, side))
            fits &= ~sights.same_end(first, 1, row, side)
            mine = sights.same_address(first, 0, row, side)
            mine_asks |= client & mine
            mine_serves |= ~client & mine
            theirs_asks |= client & sights.same_address(first, 1, row, side)
    return np.asarray(fits & (~mine_asks | mine_serves) & ~(theirs_asks & mine_serves))


def _from_a_gateway(sights: Sights, row: Index) -> Mask:
    """Whether each row's client looks like the gateway of a bridge that its server is on: the first address of a private subnet."""
    high, low = ([sights.column(name, side)[row] for side in (0, 1)] for name in ("hi", "lo"))
    other = ~sights.same_address(row, 0, row, 1)
    private = np.zeros(len(row), np.bool_)
    for net, shift in _PRIVATE:
        private |= low[0] >> np.uint64(shift) == np.uint64(net)
    four = private & (low[0] >> np.uint64(16) == low[1] >> np.uint64(16)) & (low[0] & np.uint64(0xFF) == 1)
    six = (high[0] == high[1]) & (high[0] >> np.uint64(57) == np.uint64(_ULA)) & (low[0] == 1)
    return np.asarray(other & np.where(sights.column("version")[row] == 4, four, six))


def _told_apart(talks: Talks, one: Index, two: Index, said: Mask) -> Pairs:
    """One partner for each, or none."""
    best = np.zeros(len(talks), np.bool_)
    best[one[said]] = True
    taken = np.zeros(len(talks), np.bool_)
    taken[two[said]] = True
    keep = said | ~(best[one] | taken[two])
    one, two, said = one[keep], two[keep], said[keep]
    several = (_count(talks, one) > 1) | (_count(talks, two) > 1)
    unclear = np.unique(one[_count(talks, one) > 1])
    sharp = ~several | (said & _in_step(talks, one, two))
    one, two = one[sharp], two[sharp]
    alone = (_count(talks, one) == 1) & (_count(talks, two) == 1)
    many = np.concatenate([unclear, one[~alone]])
    one, two = one[alone], two[alone]
    return Pairs(outer=one, inner=two, unclear=np.setdiff1d(many, one), possible=many[:0])


def _count(talks: Talks, which: Index) -> Index:
    return np.asarray(np.bincount(which, minlength=len(talks))[which])


def _in_step(talks: Talks, one: Index, two: Index) -> Mask:
    """Whether the one was dialled, said and ended when the other was: within the time that a relay takes."""
    steps = [(talks.accepted_ns[one], talks.start_ns[two]), (talks.spoke_ns(0)[one], talks.spoke_ns(0)[two])]
    steps.append((talks.spoke_ns(1)[two], talks.spoke_ns(1)[one]))
    first, last = (np.minimum(talks.ended_ns(0)[which], talks.ended_ns(1)[which]) for which in (one, two))
    out = np.abs(first - last) <= RELAY_NS
    for before, behind in steps:
        out &= (behind - before >= -RELAY_NS) & (behind - before <= RELAY_NS)
    return np.asarray(out)
