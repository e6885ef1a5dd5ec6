"""Packets that a capture holds more than once, a packet at a time: as :mod:`netprobe.flowtable.repeats`.

The last packets stand in a ring. A chain through it, the last one first, links those whose identities fall into one bucket, each identity once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netprobe.compiled import row as c
from netprobe.compiled.arrays import NOWHERE
from netprobe.compiled.jit import compiled, inlined
from netprobe.compiled.key import TCP, UDP
from netprobe.flows.copies import AGAIN_NS, ALIKE_NS, ELSEWHERE_NS, MOST_ALIKE
from netprobe.flowtable.index import MULTIPLIER, SHIFT
from netprobe.flowtable.repeats import WINDOW

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    from netprobe.compiled.reads import Buffer, Row

    Ints = NDArray[np.int64]

_PLACE = WINDOW - 1
DEPTH_BITS, DEPTHS = 3, 7
_TO_BUCKET = np.uint64(48)
_BYTE = np.uint64(8)


@inlined
def _mixed(out: np.uint64, value: Any) -> np.uint64:
    out = (out ^ np.uint64(value)) * MULTIPLIER
    return out ^ (out >> SHIFT)


@compiled
def identity(b: Buffer, r: Row, seed: np.uint64) -> np.uint64:
    """Return what two sightings of one packet have in common; begun with its key's mix."""
    out = _mixed(_mixed(_mixed(seed, r[c.SRC_LO]), r[c.DST_LO]), r[c.SPORT])
    out = _mixed(_mixed(_mixed(out, r[c.SEQ]), r[c.ACK]), r[c.TCP_FLAGS])
    out = _mixed(_mixed(_mixed(out, r[c.WINDOW]), r[c.TSVAL]), r[c.TSECR])
    out = _mixed(_mixed(_mixed(out, r[c.PAYLOAD_LEN]), r[c.IP_ID]), r[c.ICMP_TYPE])
    out = _mixed(out, r[c.DNS_ID])
    at, kept = r[c.PAYLOAD_OFF], r[c.PAYLOAD_CAP]
    if r[c.KIND] != TCP and at >= 0:
        out = _mixed(out, _word(b, at, at + kept))
        out = _mixed(out, _word(b, at + kept // 2, at + kept))
        out = _mixed(out, _word(b, at + max(kept - 8, 0), at + kept))
    return out


@compiled
def _word(b: Buffer, at: int, end: int) -> np.uint64:
    """Eight bytes, zeros behind the end."""
    out = np.uint64(0)
    for place in range(at, at + 8):
        out = out << _BYTE | (np.uint64(b[place]) if place < end else np.uint64(0))
    return out


@inlined
def _slot(position: int) -> int:
    """Where a packet is kept: in as many rings as packets may be deep."""
    return (position >> DEPTH_BITS & _PLACE) + (position & DEPTHS) * WINDOW


@compiled
def _take_out(ring: NDArray[np.void], heads: Ints, bucket: np.int64, identity: np.uint64, position: int) -> int:
    """Return the position of the last packet that is the same, and take it out of its chain; :data:`NOWHERE` without one."""
    after, at = NOWHERE, heads[bucket]
    while (position >> DEPTH_BITS) - (at >> DEPTH_BITS) <= WINDOW:
        entry = ring[_slot(at)]
        if entry["identity"] == identity:
            if after == NOWHERE:
                heads[bucket] = entry["before"]
            else:
                ring[_slot(after)]["before"] = entry["before"]
            return at  # type: ignore[no-any-return]
        after, at = at, entry["before"]
    return NOWHERE


@compiled
def see(ring: NDArray[np.void], heads: Ints, identity: np.uint64, r: Row, time: int, key: Any, position: int) -> int:
    """Remember a packet, and return -1 where it is a copy; else how many copies before it count after all, each as this packet does.

    ``ring`` has the last packets, and ``heads`` where each bucket's chain begins; ``key`` is its key's row, and ``position`` its place in
    the capture, and below :data:`DEPTH_BITS` bits how deep it is inside of the packet there.
    """
    bucket = np.int64(identity >> _TO_BUCKET)
    found = _take_out(ring, heads, bucket, identity, position)
    chain, dropped, again, elsewhere = 1, 0, False, False
    if found != NOWHERE:
        was = ring[_slot(found)]
        apart = abs(time - was["time_ns"])
        elsewhere = was["ttl"] != r[c.TTL] or was["eth_src"] != r[c.ETH_SRC] or was["eth_dst"] != r[c.ETH_DST]
        again = apart < _limit(r, elsewhere)
        if apart < ELSEWHERE_NS:
            chain, dropped = was["chain"] + 1, was["dropped"]
    key["taken"] += 1
    key["again"] += again
    copy = again and (r[c.IP_ID] > 0 or elsewhere or 2 * key["again"] > key["taken"] - key["again"])
    alike = r[c.KIND] == UDP and chain > MOST_ALIKE
    copy = copy and not alike
    _remember(ring[_slot(position)], r, time, chain, dropped + copy)
    ring[_slot(position)]["identity"], ring[_slot(position)]["before"] = identity, heads[bucket]
    heads[bucket] = position
    if copy:
        return -1
    return dropped if alike and chain == MOST_ALIKE + 1 else 0


@inlined
def _limit(r: Row, elsewhere: bool) -> int:
    """How far apart, in ns, two sightings of one packet may be: as :func:`netprobe.flows.copies.between`."""
    if elsewhere:
        return ELSEWHERE_NS
    return AGAIN_NS if r[c.IP_ID] > 0 or r[c.TSVAL] > 0 else ALIKE_NS


@inlined
def _remember(entry: Any, r: Row, time: int, chain: int, dropped: int) -> None:
    entry["time_ns"], entry["chain"], entry["dropped"] = time, chain, dropped
    entry["ttl"], entry["eth_src"], entry["eth_dst"] = r[c.TTL], r[c.ETH_SRC], r[c.ETH_DST]
