"""How far two clocks are apart is believed where two packets agree: one alone may be another's double, minutes later.

A question that is asked every ten minutes in the same words, from one port, is two packets that look like one; if one host saw the first and the other
the second, they would put the clocks ten minutes apart, and join whatever lies so far from each other. So a packet that lies farther from itself than
packets are in flight counts where another one of another exchange lies as far: another TCP packet, whose numbers are its own, or one of other ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netprobe.correlate.rules import FLIGHT_NS
from netprobe.correlate.sights import mixed
from netprobe.values import dataclass

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from netprobe.correlate.sights import Index, Mask

    Hashes = NDArray[np.uint64]

_ALIKE_NS = 1_000_000_000  # two clocks go apart by less, between one packet and the next that is as far
_CLOCKS = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenPackets:
    """Packets that several clocks may have seen.

    Attributes:
        packet: uint64 (m,), which one. exchange: uint64 (m,), what it is part of. clock: int64 (m,). time_ns: int64 (m,).
    """

    packet: Hashes
    exchange: Hashes
    clock: Index
    time_ns: Index


def agreed(seen: SeenPackets) -> tuple[Mask, list[int]]:
    """Tell which of them say how far clocks are apart.

    Returns:
        bool (m,); and the clocks of which some packet would, and nothing agrees with it.
    """
    order = np.lexsort((seen.time_ns, seen.clock, seen.packet))
    packet, clock = seen.packet[order], seen.clock[order]
    first = order[_begins(packet) | _begins(clock)]
    new = _begins(seen.packet[first])
    reference = first[np.flatnonzero(new)][np.cumsum(new) - 1]
    one, two = reference[~new], first[~new]
    sure = _with_another(seen, one, two)
    wrong = _of(seen, two[~sure])
    known, doubted = (np.unique(seen.clock[np.append(one[which], two[which])]) for which in (sure, ~sure))
    return ~np.isin(_of(seen, np.arange(len(seen.packet))), wrong), np.setdiff1d(doubted, [0, *known]).tolist()


def _with_another(seen: SeenPackets, one: Index, two: Index) -> Mask:
    """Whether another exchange puts the same two clocks as far apart as each pair does, or the pair itself hardly does."""
    apart = seen.time_ns[two] - seen.time_ns[one]
    pair = seen.clock[one] * _CLOCKS + seen.clock[two]
    order = np.lexsort((apart, pair))
    new = _begins(pair[order])
    new[1:] |= np.diff(apart[order]) > _ALIKE_NS
    begins, run = np.flatnonzero(new), np.cumsum(new) - 1
    exchange = seen.exchange[two][order]
    out = np.abs(apart) <= FLIGHT_NS
    if len(begins):
        several = np.minimum.reduceat(exchange, begins) != np.maximum.reduceat(exchange, begins)
        out[order] |= several[run]
    return np.asarray(out, np.bool_)


def _of(seen: SeenPackets, at: Index) -> Hashes:
    return mixed([seen.packet[at], seen.clock[at]])


def _begins(ordered: NDArray[np.uint64] | Index) -> Mask:
    out = np.ones(len(ordered), np.bool_)
    out[1:] = ordered[1:] != ordered[:-1]
    return out
