"""TCP sequence numbers (RFC 9293 section 3.4): what was sent again, what came in another order, and where something is missing.

A side's numbers are unwrapped, each against the segment before it: a difference is the signed 32-bit one. What ends beyond all before it is new, and
where it does not begin there, a gap was left. What brings nothing new closes a gap that was left just before (another order), or is a retransmission;
but a keep-alive (RFC 9293 section 3.8.4) is neither. A side's first segment sets where it begins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netprobe.decode.table import Flag
from netprobe.flowtable.segments import latest, running_max, running_sum
from netprobe.values import dataclass

if TYPE_CHECKING:
    from netprobe.decode.chunk import Ints, Mask
    from netprobe.flowtable.batch import Batch
    from netprobe.flowtable.handshake import Timed

REORDERED_NS = 3_000_000  # how late what closes a gap may come, at least; a round trip where that is longer
_CONTROL = int(Flag.SYN | Flag.FIN | Flag.RST)
_HALF, _WHOLE = 1 << 31, 1 << 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """Segments that count for the sequence numbers, by side.

    Attributes:
        at: int64 (m,), which packets of the batch.
        starts, life, side: where each side's begin, and whose they are.
        begin, end: int64 (m,), unwrapped.
        before: int64 (m,), how far the side had come before each.
        first: bool (m,), the first segment of a side at all.
    """

    at: Ints
    starts: Ints
    life: Ints
    side: Ints
    begin: Ints
    end: Ints
    before: Ints
    first: Mask

    @property
    def new(self) -> Mask:
        """Segments that bring something new."""
        return self.end > self.before

    @property
    def gap(self) -> Mask:
        """Segments that leave a gap."""
        return self.new & (self.begin > self.before) & ~self.first

    def spread(self, values: Ints) -> Ints:
        """A value a side as a value a segment."""
        return np.repeat(values, np.diff(self.starts, append=len(self.at)))


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceEvents:
    """What the history says of segments: places in the batch of each."""

    resent: Ints
    gaps: Ints


def numbers(batch: Batch, timed: Timed) -> SequenceEvents:
    """Count the sequence numbers of a batch of TCP segments, and change their flows' rows.

    Args:
        batch: TCP segments.
        timed: from which packet on each flow's round trip is known.
    """
    flags, payload = batch.column("tcp_flags").astype(np.int64), np.maximum(batch.column("payload_len"), 0)
    sent = _unwrapped(batch, payload + (flags & Flag.FIN) + (flags >> 1 & 1))
    old = ~sent.new & ~sent.first
    probe = (payload[sent.at] == 1) & (flags[sent.at] & _CONTROL == 0) & (sent.begin == sent.before - 1)
    old &= ~probe
    time = batch.column("time_ns")[sent.at]
    gap = sent.gap
    late = _late(batch, sent, np.flatnonzero(old), gap, time, timed)
    again = old.copy()
    again[late] = False
    again_at = np.flatnonzero(again)
    resent = again_at[payload[sent.at[again_at]] > 0]
    holes = np.flatnonzero(gap)
    for name, places in (("gaps", holes), ("out_of_order", late), ("retransmits", again_at)):
        batch.flows[name][sent.life, sent.side] += _counts(sent, places)
    batch.states["resent"][sent.life, sent.side] += _counts(sent, resent)
    _note(batch, sent, time, gap)
    return SequenceEvents(resent=sent.at[resent], gaps=sent.at[holes])


def _unwrapped(batch: Batch, length: Ints) -> Sent:
    life, side = batch.life, batch.side
    unknown = batch.flows["next"][life, side] < 0
    counts = length > 0
    counts[batch.starts[unknown]] = True
    at = np.flatnonzero(counts)
    number = batch.number[at]
    starts = np.flatnonzero(np.diff(number, prepend=-1))
    each = number[starts]
    unknown, life, side = unknown[each], life[each], side[each]
    raw = batch.column("seq")[at] + length[at]
    base = np.where(unknown, raw[starts], batch.states["sent"][life, side])
    top = np.where(unknown, raw[starts], batch.flows["next"][life, side])
    step = np.diff(raw, prepend=0)
    step[starts] = raw[starts] - base
    run = np.diff(starts, append=len(at))
    end = np.repeat(base, run) + running_sum((step + _HALF) % _WHOLE - _HALF, starts)
    over = np.repeat(top, run)
    before = np.append(0, (running_max(np.maximum(end - over, 0), starts) + over)[:-1])[: len(at)]
    before[starts] = top
    first = np.zeros(len(at), np.bool_)
    first[starts[unknown]] = True
    return Sent(
        at=at, starts=starts, life=life, side=side, begin=end - length[at], end=end, before=before, first=first
    )  # fmt: skip


def _late(batch: Batch, sent: Sent, old: Ints, gap: Mask, time: Ints, timed: Timed) -> Ints:
    """Which of the segments that bring nothing new close a gap that was left just before them."""
    if not len(old):
        return old
    left = latest(gap, sent.starts)[old]
    since = np.where(left >= 0, time[left], sent.spread(batch.flows["gap_ns"][sent.life, sent.side])[old])
    life = sent.spread(sent.life)[old]
    reach = np.where(batch.place[sent.at[old]] > timed.place[life], timed.round_ns[life], 0)
    return old[(since >= 0) & (time[old] - since <= np.maximum(reach, REORDERED_NS))]


def _counts(sent: Sent, places: Ints) -> Ints:
    if not len(places):
        return np.zeros(len(sent.starts), np.int32)
    which = np.searchsorted(sent.starts, places, side="right") - 1
    return np.bincount(which, minlength=len(sent.starts)).astype(np.int32)


def _note(batch: Batch, sent: Sent, time: Ints, gap: Mask) -> None:
    """Keep how far each side came, and when it did, and when it last left a gap."""
    flows, ends = batch.flows, np.append(sent.starts[1:], len(sent.at)) - 1 if len(sent.starts) else sent.starts
    flows["next"][sent.life, sent.side] = np.maximum(sent.before[ends], sent.end[ends])
    batch.states["sent"][sent.life, sent.side] = sent.end[ends]
    for name, which in (("next_ns", sent.new | sent.first), ("gap_ns", gap)):
        places = np.flatnonzero(which)
        whose = np.searchsorted(sent.starts, places, side="right") - 1
        flows[name][sent.life[whose], sent.side[whose]] = time[places]
