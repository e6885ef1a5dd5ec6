"""What a relay does with bytes (:mod:`netprobe.journeys.relay`), over pairs of connections: all of them are handed on, and none before it came.

A row keeps the first bytes of each side, not all: two connections that differ in these are refuted, and two of which one packet held more than the
other's are left to their lengths.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netprobe.correlate.talks import NEVER_NS
from netprobe.decode.table import Kind
from netprobe.journeys.proxy import RELAY_NS
from netprobe.journeys.relay import EARLY_NS, STALL_NS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from netprobe.correlate.sights import Index, Mask
    from netprobe.correlate.talks import SaidBytes, Talks

NO, UNKNOWN, LENGTHS, PAYLOAD = range(4)


def other_life(talks: Talks, one: Index, two: Index) -> Mask:
    """Whether an inner connection cannot be the outer's, by what a relay hands on: every byte, and the client's end."""
    ended = talks.ended_ns(0)[one]
    asked, answered = (talks.spoke_ns(side)[one] < NEVER_NS for side in (0, 1))
    more = (talks.spoke_ns(0)[two] < NEVER_NS) & ~asked
    more |= (talks.spoke_ns(1)[two] < ended) & ~answered
    mine, server = talks.ended_ns(0)[two], talks.ended_ns(1)[two]
    lasts = (server == NEVER_NS) & (talks.sights.last_ns[talks.first[two]] > ended + STALL_NS)
    early = (mine < ended - RELAY_NS) & (server > mine)
    late = talks.start_ns[two] > ended
    return np.asarray((ended < NEVER_NS) & (late | more | np.where(mine == NEVER_NS, lasts, early)))


def relayed(talks: Talks, one: Index, two: Index) -> NDArray[np.int8]:
    """Whether the inner connections (``two``) may carry what the outer ones did: :data:`NO`, :data:`UNKNOWN`, :data:`LENGTHS`, :data:`PAYLOAD`."""
    out = np.where(talks.kind[one] == int(Kind.UDP), _datagrams(talks, one, two), _streams(talks, one, two))
    return out.astype(np.int8)


def _streams(talks: Talks, one: Index, two: Index) -> NDArray[np.int8]:
    differ, same = np.zeros(len(one), np.bool_), np.zeros(len(one), np.bool_)
    for side in (0, 1):
        kept, digest = (talks.sided(f"data_{name}", side)[talks.first] for name in ("kept", "digest"))
        comparable = (kept[one] == kept[two]) & (kept[one] > 0)
        differ |= comparable & (digest[one] != digest[two])
        same |= comparable & (digest[one] == digest[two])
    differ |= ~talks.answered[two] & (talks.spoke_ns(1)[one] < NEVER_NS)  # whence should the proxy have it?
    lengths = _lengths(talks, one, two)
    out = np.where(same, PAYLOAD, lengths)
    return np.where(differ | (lengths == NO), NO, out).astype(np.int8)


def _lengths(talks: Talks, one: Index, two: Index) -> NDArray[np.int8]:
    """By numbers alone: nothing is handed on that was not said, and what was said is handed on."""
    (asked, heard), said = talks.said, talks.said
    ways = ((asked, one, said[0], two), (said[1], two, heard, one))
    known = np.ones(len(one), np.bool_)
    broken = np.zeros(len(one), np.bool_)
    for source, mine, sink, theirs in ways:
        known &= (source.size[mine] >= 0) & (sink.size[theirs] >= 0)
        broken |= source.reset[mine] | sink.reset[theirs]
    last = np.maximum(talks.last_ns[one], talks.last_ns[two])
    wrong, whole, total = np.zeros(len(one), np.bool_), np.ones(len(one), np.bool_), np.zeros(len(one), np.int64)
    for source, mine, sink, theirs in ways:
        wrong |= _not_a_relay(source, mine, sink, theirs, last, broken)
        whole &= source.size[mine] == sink.size[theirs]
        total += source.size[mine]
    out = np.where(wrong, NO, np.where(whole & (total > 0), LENGTHS, UNKNOWN))
    return np.where(known, out, UNKNOWN).astype(np.int8)


def _not_a_relay(source: SaidBytes, mine: Index, sink: SaidBytes, theirs: Index, last_ns: Index, broken: Mask) -> Mask:
    """Whether one direction cannot be a relay's: more came out than went in, or before it did, or what went in stayed there."""
    went, came = source.size[mine], sink.size[theirs]
    begun, handed = source.begun_ns[mine], sink.begun_ns[theirs]
    early = (begun < NEVER_NS) & (handed < begun - EARLY_NS)
    short = sink.ended[theirs] & ~broken & (came < went)
    kept = (begun < NEVER_NS) & (last_ns - begun > STALL_NS) & ~broken & (went > 0) & (came == 0)
    return np.asarray((came > went) | early | short | kept)


def _datagrams(talks: Talks, one: Index, two: Index) -> NDArray[np.int8]:
    """Of datagrams the first of each direction: the question, and its answer where both have one."""
    joined = talks.joined
    last = joined.order[joined.begin[one + 1] - 1]
    asked = talks.sided("packets", 0)
    question = _same(talks, last, talks.first[two], 0)
    mine, theirs = _answering(talks)[one], _answering(talks)[two]
    answered = (mine >= 0) & (theirs >= 0)
    refuted = answered & (_same(talks, mine, theirs, 1) == NO)
    out = np.where(refuted, NO, question)
    return np.where((asked[last] > 0) & (asked[talks.first[two]] > 0), out, NO).astype(np.int8)


def _answering(talks: Talks) -> Index:
    """Each connection's first row with an answer; -1 none."""
    order = talks.joined.order
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    first = np.asarray(talks.least(np.where(talks.sided("packets", 1) > 0, rank, NEVER_NS)))
    return np.where(first < NEVER_NS, order[np.minimum(first, len(order) - 1)], -1)


def _same(talks: Talks, one: Index, two: Index, side: int) -> NDArray[np.int8]:
    """Whether the first datagrams of two rows' side are equal, as far as both were kept alike; equally long ones of which nothing was kept may be."""
    length, kept, digest = (talks.sided(f"head_{name}", side) for name in ("length", "kept", "digest"))
    long = length[one] == length[two]
    bare = long & (length[one] > 0) & ((kept[one] == 0) | (kept[two] == 0))
    same = long & (kept[one] == kept[two]) & (digest[one] == digest[two])
    return np.where(bare, UNKNOWN, np.where(same, PAYLOAD, NO)).astype(np.int8)
