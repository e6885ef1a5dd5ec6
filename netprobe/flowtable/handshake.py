"""TCP's three-way handshake (RFC 9293 section 3.5), as columns: when its segments passed, with which numbers, and who began it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netprobe.decode.table import SYN, SYN_ACK, Flag
from netprobe.flowtable.begins import bits
from netprobe.flowtable.segments import firsts, lasts
from netprobe.values import dataclass

if TYPE_CHECKING:
    from netprobe.decode.chunk import Ints, Mask
    from netprobe.flowtable.batch import Batch

_ACK, _NOT_PLAIN = int(Flag.ACK), int(Flag.SYN | Flag.RST)
_NEVER = 1 << 62
_WHOLE = 1 << 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """The round trip that a handshake tells, of each flow of a chunk.

    Attributes:
        place: int64, behind which packet (``Batch.place``) it is known; -1 from the chunk's beginning.
        round_ns: int64, the round trip.
    """

    place: Ints
    round_ns: Ints


def handshake(batch: Batch) -> Timed:
    """Note the handshakes of a batch of TCP segments in their flows' rows."""
    flags = batch.column("tcp_flags").astype(np.int64)
    _flags(batch, flags)
    syns = np.flatnonzero(flags & SYN_ACK == SYN)
    replies = np.flatnonzero(flags & SYN_ACK == SYN_ACK)
    count, segment = len(batch.flows), batch.segment
    first_syn = _places(batch, firsts(syns, segment))
    first_reply = _places(batch, firsts(replies, segment))
    _who(batch, first_syn, first_reply)
    _initial(batch, syns, replies)
    answered = _answered(batch, syns, first_reply)
    acked = _acked(batch, flags, answered)
    flows = batch.flows
    known = (flows["ack_ns"] >= 0) & (flows["syn_ns"] >= 0)
    trip = np.where(known, flows["ack_ns"] - flows["syn_ns"], 0)
    return Timed(place=np.where(known, acked, _NEVER)[:count], round_ns=trip)


def _places(batch: Batch, events: Ints) -> Ints:
    """The place of each side's event, (flows, 2); where there is none a place behind all."""
    out = np.full(2 * len(batch.flows), _NEVER)
    out[batch.segment[events]] = batch.place[events]
    return out.reshape(-1, 2)


def _flags(batch: Batch, flags: Ints) -> None:
    flows, states, life, side = batch.flows, batch.states, batch.life, batch.side
    shown = np.bitwise_or.reduceat(bits(flags), batch.starts)
    np.bitwise_or.at(states["bits"], life, shown.astype(np.uint16))
    flows["flags"][life, side] |= (shown & 0xFF).astype(np.uint16)
    ends = batch.ends
    states["seq"][life, side] = batch.column("seq")[ends]
    events = lasts(np.flatnonzero(flags & _ACK), batch.segment)
    flows["acked"][batch.segment[events] >> 1, batch.segment[events] & 1] = batch.column("ack")[events]


def _who(batch: Batch, syn: Ints, reply: Ints) -> None:
    """Who sent the first SYN, the first SYN-ACK, and whose handshake is timed."""
    states = batch.states
    for name, place in (("syn_first", syn), ("reply_first", reply)):
        there = (place.min(axis=1) < _NEVER) & (states[name] < 0)
        states[name][there] = place.argmin(axis=1)[there]
    opens, answers = syn.min(axis=1), reply.min(axis=1)
    side = np.where(opens < answers, syn.argmin(axis=1), 1 - reply.argmin(axis=1))
    there = (np.minimum(opens, answers) < _NEVER) & (states["opener"] < 0)
    states["opener"][there] = side[there]


def _initial(batch: Batch, syns: Ints, replies: Ints) -> None:
    """Initial sequence numbers, and which of two that a server offered was taken."""
    flows, states, seq = batch.flows, batch.states, batch.column("seq")
    each = firsts(syns, batch.segment)
    life, side = batch.segment[each] >> 1, batch.segment[each] & 1
    new = states["syn_isn"][life, side] < 0
    states["syn_isn"][life[new], side[new]] = seq[each[new]]
    last = lasts(syns, batch.segment)
    _last_syn(batch, last)
    shown = firsts(np.sort(np.concatenate((syns, replies))), batch.segment)
    life, side = batch.segment[shown] >> 1, batch.segment[shown] & 1
    new = flows["isn"][life, side] < 0
    set_at = np.full((len(flows), 2), -1)
    set_at[life[new], side[new]] = batch.place[shown[new]]
    flows["isn"][life[new], side[new]] = seq[shown[new]]
    by_reply = np.isin(shown[new], replies)
    states["of_reply"][life[new], side[new]] = by_reply
    _taken_up(batch, flows["isn"], set_at, 1)
    life, side = batch.segment[replies] >> 1, batch.segment[replies] & 1
    other = (seq[replies] != flows["isn"][life, side]) & (states["of_reply"][life, side] == 1)
    other &= states["isn2"][life, side] < 0
    each = firsts(replies[other], batch.segment)
    life, side = batch.segment[each] >> 1, batch.segment[each] & 1
    set_at[:] = -1
    set_at[life, side] = batch.place[each]
    states["isn2"][life, side] = seq[each]
    _taken_up(batch, states["isn2"], set_at, 2)


def _last_syn(batch: Batch, last: Ints) -> None:
    place = np.full((len(batch.flows), 2), -1)
    place[batch.segment[last] >> 1, batch.segment[last] & 1] = batch.place[last]
    there = place.max(axis=1) >= 0
    batch.states["syn_side"][there] = place.argmax(axis=1)[there]


def _taken_up(batch: Batch, isn: Ints, set_at: Ints, bit: int) -> None:
    """Note whose initial numbers the other side acknowledges, behind the packets that had them."""
    open_ = (isn >= 0) & (batch.states["of_reply"] == 1) & (batch.states["got"] & bit == 0)
    if not open_.any():
        return
    other = 1 - batch.side
    wanted = np.where(open_[batch.life, other], (isn[batch.life, other] + 1) % _WHOLE, -2)
    run = np.diff(batch.starts, append=len(batch))
    hit = np.flatnonzero(batch.column("ack") == np.repeat(wanted, run))
    life, side = batch.segment[hit] >> 1, 1 - (batch.segment[hit] & 1)
    after = batch.place[hit] > set_at[life, side]
    batch.states["got"][life[after], side[after]] |= np.uint8(bit)


def _answered(batch: Batch, syns: Ints, reply: Ints) -> Ints:
    """Note SYN and SYN-ACK. Returns where in the chunk the SYN-ACK stands: -1 before it, a place behind all where there is none."""
    flows, opener, time = batch.flows, batch.states["opener"].astype(np.int64), batch.column("time_ns")
    flow = np.arange(len(flows))
    answered = np.where(flows["syn_ack_ns"] >= 0, -1, reply[flow, 1 - np.maximum(opener, 0)])
    answered[opener < 0] = _NEVER
    life, side = batch.segment[syns] >> 1, batch.segment[syns] & 1
    each = lasts(syns[(side == opener[life]) & (batch.place[syns] < answered[life])], batch.segment)
    flows["syn_ns"][batch.segment[each] >> 1] = time[each]
    new = np.flatnonzero((answered >= 0) & (answered < _NEVER))
    if len(new):
        of_place = np.empty(int(batch.place.max()) + 1, np.int64)
        of_place[batch.place] = time
        flows["syn_ack_ns"][new] = of_place[answered[new]]
    return answered


def _acked(batch: Batch, flags: Ints, answered: Ints) -> Ints:
    """Note the ACK behind it. Returns where it stands, as :func:`_answered` does."""
    flows, opener = batch.flows, batch.states["opener"]
    out = np.where(flows["ack_ns"] >= 0, -1, _NEVER)
    wanted = (flows["ack_ns"] < 0) & (answered < _NEVER)
    side_wanted: Mask = wanted[batch.life] & (opener[batch.life] == batch.side)
    if not side_wanted.any():
        return out
    which = np.repeat(side_wanted, np.diff(batch.starts, append=len(batch)))
    which &= (flags & _ACK != 0) & (flags & _NOT_PLAIN == 0)
    places = np.flatnonzero(which)
    places = firsts(places[batch.place[places] > answered[batch.segment[places] >> 1]], batch.segment)
    life = batch.segment[places] >> 1
    flows["ack_ns"][life] = batch.column("time_ns")[places]
    out[life] = batch.place[places]
    return out
