"""Where flows begin among the packets of the same ends: behind a long silence, and at the SYN of another connection (``flows/lives.py``).

Most of that is told for all packets at once. What a SYN behind another packet of its ends means depends on what was seen of the connection so far:
those SYNs alone are walked one by one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netprobe.decode.table import ABSENT, SYN, SYN_ACK, Flag, Kind
from netprobe.flows.lives import AGAIN_NS, LIFE_NS, NEAR
from netprobe.flowtable.segments import latest
from netprobe.flowtable.state import PLAIN_SEEN, SYN_ACK_SEEN
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from netprobe.decode.chunk import Ints, Mask
    from netprobe.flowtable.options import TrackOptions

_RST, _END = int(Flag.RST), int(Flag.RST | Flag.FIN)
_SEQUENCE = 1 << 32
_FLAGS = 0xFF


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordered:
    """Packets ordered by their ends, each pair's in file order.

    Attributes:
        time, side, flags, seq, ack: int64 (n,), of each packet; flags -1 where it is no TCP.
        kind: (n,), ``decode.table.Kind``.
        starts: int64 (g,), where each pair of ends begins.
        known: bool (g,), whether a flow of it was seen before.
        quiet_from: int64 (g,), then: the time of its last packet.
        state, acked: (g,), then: its flow's :data:`~netprobe.flowtable.state.STATE`, and its ``acked`` (g, 2).
    """

    time: Ints
    side: Ints
    flags: Ints
    seq: Ints
    ack: Ints
    kind: NDArray[np.uint8]
    starts: Ints
    known: Mask
    quiet_from: Ints
    state: NDArray[np.void]
    acked: Ints


def bits(flags: Ints) -> Ints:
    """What a segment adds to a connection's ``bits``; 0 for what is no TCP."""
    shown: Ints = np.where(flags >= 0, flags & _FLAGS, 0)
    shown |= np.where((shown & SYN_ACK) == SYN_ACK, SYN_ACK_SEEN, 0)
    shown |= np.where((flags >= 0) & ((shown & (SYN | _RST)) == 0), PLAIN_SEEN, 0)
    return shown


def begin(packets: Ordered, options: TrackOptions) -> Mask:
    """Tell at which packets a flow begins.

    Args:
        packets: all packets of a chunk that count.
        options: how long flows may be silent; with ``merge`` only new ends begin one.
    """
    out = np.zeros(len(packets.time), np.bool_)
    out[packets.starts[~packets.known]] = True
    if options.merge or not len(out):
        return out
    quiet = np.diff(packets.time, prepend=0)
    old = packets.starts[packets.known]
    quiet[old] = packets.time[old] - packets.quiet_from[packets.known]
    quiet[packets.starts[~packets.known]] = 0
    for kind in np.flatnonzero(np.bincount(packets.kind)).tolist():
        out |= (packets.kind == kind) & (quiet > options.idle(kind))
    syn = (packets.kind == Kind.TCP) & (packets.flags & SYN_ACK == SYN)
    if (syn & ~out).any():
        places = _walked(packets, out, syn)
        out[_new(packets, places, out, syn, quiet)] = True
    return out


def _walked(packets: Ordered, begun: Mask, syn: Mask) -> Ints:
    """Where something happens to ends that have a SYN to decide about: their SYNs, and where a flow of theirs begins or goes on."""
    group = np.zeros(len(begun), np.int64)
    group[packets.starts[1:]] = 1
    group = np.cumsum(group)
    some = np.zeros(len(packets.starts), np.bool_)
    some[group[syn & ~begun]] = True
    first = np.zeros(len(begun), np.bool_)
    first[packets.starts] = True
    return np.flatnonzero((first | begun | syn) & some[group])


class _Life:
    """A TCP connection as its SYNs tell: the first SYN's number of each side, the last SYN's side, all flags so far."""

    __slots__ = ("bits", "isn", "last")

    def __init__(self, isn: list[int], last: int, seen: int) -> None:
        self.isn, self.last, self.bits = isn, last, seen

    def ended_by(self, side: int, number: int, quiet: int) -> bool:
        """Whether a SYN, not the first one, is of another connection."""
        if self.isn[side] == number:
            return quiet > AGAIN_NS and (quiet > LIFE_NS or self._over())
        return self.last == side or bool(self.bits & _FLAGS & ~SYN)

    def _over(self) -> bool:
        stood = SYN_ACK_SEEN | PLAIN_SEEN
        return self.bits & stood == stood and bool(self.bits & _END)

    def add(self, side: int, number: int) -> None:
        if self.isn[side] < 0:
            self.isn[side] = number
        self.last = side


def _new(packets: Ordered, places: Ints, begun: Mask, syn: Mask, quiet: Ints) -> list[int]:
    """The SYNs at which another connection begins."""
    out = []
    seen = np.bitwise_or.reduceat(bits(packets.flags), places).tolist()
    numbers = _numbers_before(packets, places)
    first = np.isin(places, packets.starts)
    columns = (places, packets.side[places], packets.seq[places], quiet[places], begun[places], syn[places], first)
    life, begins_at = _Life([-1, -1], -1, 0), -1
    for at, shown, number, (place, side, seq, silence, new, is_syn, is_first) in zip(
        range(len(places)), seen, numbers, zip(*(column.tolist() for column in columns), strict=True), strict=True
    ):
        if new:
            life, begins_at = _Life([-1, -1], -1, 0), place
        elif is_first:
            life, begins_at = _known(packets, at, places), -1
        if is_syn:
            another = life.ended_by(side, seq, silence) if life.last >= 0 else _older(number, begins_at, seq)
            if another and not new:
                life = _Life([-1, -1], -1, 0)
                begins_at = place
                out.append(place)
            life.add(side, seq)
        life.bits |= shown
    return out


def _known(packets: Ordered, at: int, places: Ints) -> _Life:
    """The connection that went on at the beginning of a chunk."""
    state = packets.state[int(np.searchsorted(packets.starts, places[at]))]
    return _Life(state["syn_isn"].tolist(), int(state["syn_side"]), int(state["bits"]))


def _numbers_before(packets: Ordered, places: Ints) -> Iterator[tuple[int, int, int, int]]:
    """For each place: where the sender's last segment is and its number, where the other side's last one with ACK is and what it acknowledged.

    What stands before the chunk is at -1; a number of -1 is not known.
    """
    group = np.searchsorted(packets.starts, places, side="right") - 1
    side = packets.side[places]
    tcp = packets.flags >= 0
    own = np.stack([latest(tcp & (packets.side == which), packets.starts)[places] for which in (0, 1)])
    answers = tcp & (packets.flags & Flag.ACK != 0)
    other = np.stack([latest(answers & (packets.side == which), packets.starts)[places] for which in (0, 1)])
    place = np.arange(len(places))
    mine, theirs = own[side, place], other[1 - side, place]
    before = np.where(packets.known[group], packets.state["seq"][group, side], ABSENT)
    acked = np.where(packets.known[group], packets.acked[group, 1 - side], ABSENT)
    number = np.where(mine >= 0, packets.seq[mine], before)
    acknowledged = np.where(theirs >= 0, packets.ack[theirs], acked)
    return zip(mine.tolist(), number.tolist(), theirs.tolist(), acknowledged.tolist(), strict=True)


def _older(number: tuple[int, int, int, int], begins_at: int, seq: int) -> bool:
    """Whether what was captured of a connection before its first SYN is of another one, by its numbers."""
    mine, own, theirs, acked = number
    known = [value for place, value in ((mine, own), (theirs, acked)) if value >= 0 and place >= begins_at]
    return any((value - seq) % _SEQUENCE > NEAR for value in known)
