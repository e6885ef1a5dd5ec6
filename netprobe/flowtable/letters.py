"""A flow's history in Zeek's letters (docs.zeek.org, conn.log), as Zeek writes it: ``update_history`` and ``TCP_Endpoint`` of its TCP analyzer.

A segment has one letter: with two of SYN, FIN, RST an I (FIN and RST) or a Q; with one of them S, H, F or R, also where it has payload; else D with
payload, A with ACK alone. D, A, Q, I are written once a side; the others again where their sequence number is another than the last one's of the same
kind (S and H are one). Behind it T (retransmitted payload), W (a window of 0) and G (a gap) at the first of them, the tenth, the hundredth and so on.
Here a gap is a segment that begins behind what was expected; Zeek's is known when what is missing was acknowledged. ``^`` is never written: who the
client is, is known at the end.

While a flow is tracked the letter is upper-case for side 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netprobe.decode.table import SYN_ACK, Flag
from netprobe.flowtable.columns import HISTORY
from netprobe.flowtable.segments import begins, firsts, ranks, tens
from netprobe.values import dataclass

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from netprobe.decode.chunk import Ints, Mask
    from netprobe.flowtable.batch import Batch
    from netprobe.flowtable.sequence import SequenceEvents

_ONCE = b"DAQI"
_SMALL = 0x20
_WHOLE = 1 << 32
_CONTROL = int(Flag.FIN | Flag.SYN | Flag.RST)
_ACK = int(Flag.ACK)
_BOTH = int(Flag.FIN | Flag.RST)
_STEPS = 4  # letters that one packet may have, in order


@dataclass(frozen=True, slots=True, kw_only=True)
class Letters:
    """Letters to be written: where their packets are in the batch, their order within one packet, which."""

    at: Ints
    step: Ints
    letter: NDArray[np.uint8]


def segments(batch: Batch, told: SequenceEvents) -> None:
    """Write what TCP segments add to their flows' histories; windows of 0 are counted on the way."""
    flags, payload = batch.column("tcp_flags").astype(np.int64), batch.column("payload_len")
    control = flags & _CONTROL
    some = np.flatnonzero(control)
    which = control[some]
    single = (which & (which - 1)) == 0
    many, one = some[~single], some[single]
    plain = control == 0
    data = plain & (payload > 0)
    parts = [
        _once(batch, np.flatnonzero(data), 0),
        _once(batch, np.flatnonzero(plain & ~data & (flags & _ACK != 0)), 1),
        _once(batch, many[flags[many] & _BOTH != _BOTH], 2),
        _once(batch, many[flags[many] & _BOTH == _BOTH], 3),
        *_each(batch, one, flags[one], np.maximum(payload[one], 0)),
        *_scaled(batch, told, np.flatnonzero(plain & (batch.column("window") == 0))),
    ]
    _write(batch, parts)


def datagrams(batch: Batch) -> None:
    """Write what datagrams add: D, once a side."""
    _write(batch, [_once(batch, np.flatnonzero(batch.column("payload_len") > 0), 0)])


def _once(batch: Batch, events: Ints, mark: int) -> Letters:
    events = firsts(events, batch.segment)
    life, side = batch.segment[events] >> 1, batch.segment[events] & 1
    new = (batch.states["marks"][life, side] >> mark & 1) == 0
    batch.states["marks"][life, side] |= np.uint8(1 << mark)
    return _letters(events[new], 0, _ONCE[mark])


def _letters(at: Ints, step: int, letter: int) -> Letters:
    return Letters(at=at, step=np.full(len(at), step), letter=np.full(len(at), letter, np.uint8))


def _each(batch: Batch, one: Ints, flags: Ints, payload: Ints) -> list[Letters]:
    """SYN, FIN and RST: again where the number is another."""
    seq = batch.column("seq")[one]
    out = []
    for flag, name in ((Flag.SYN, "last_syn"), (Flag.FIN, "last_fin"), (Flag.RST, "last_rst")):
        which = np.flatnonzero(flags & flag)
        number = seq[which]
        if flag == Flag.FIN:  # it stands behind the payload
            number = (number + payload[which]) % _WHOLE
        new = _another(batch, one[which], number, name)
        letter = np.full(len(which), ord(flag.name[0] if flag.name else "?"), np.uint8)
        if flag == Flag.SYN:
            letter[flags[which] & SYN_ACK == SYN_ACK] = ord("H")
        out.append(Letters(at=one[which[new]], step=np.zeros(int(new.sum()), np.int64), letter=letter[new]))
    return out


def _another(batch: Batch, at: Ints, number: Ints, name: str) -> Mask:
    """Whether each number differs from the one before it of its side."""
    segment = batch.segment[at]
    starts = begins(segment)
    life, side = segment[starts] >> 1, segment[starts] & 1
    last = batch.states[name]
    before = np.append(0, number[:-1])[: len(number)]
    before[starts] = last[life, side]
    ends = np.append(starts[1:], len(at))[: len(starts)] - 1
    last[life, side] = number[ends]
    return np.asarray(before != number, np.bool_)


def _scaled(batch: Batch, told: SequenceEvents, closed: Ints) -> list[Letters]:
    """T, W, G by powers of ten; of what is counted already but windows of 0."""
    number = len(batch.starts)
    counts = np.bincount(batch.number[closed], minlength=number).astype(np.int32)
    batch.flows["zero_windows"][batch.life, batch.side] += counts
    out = []
    for step, (letter, at, counted) in enumerate(
        (
            (b"T", told.resent, batch.states["resent"]),
            (b"W", closed, batch.flows["zero_windows"]),
            (b"G", told.gaps, batch.flows["gaps"]),
        ),
        1,
    ):
        segment = batch.segment[at]
        starts = begins(segment)
        run = np.diff(starts, append=len(at))
        before = counted[segment[starts] >> 1, segment[starts] & 1] - run
        out.append(_letters(at[tens(np.repeat(before, run) + ranks(segment) + 1)], step, letter[0]))
    return out


def _write(batch: Batch, parts: list[Letters]) -> None:
    at = np.concatenate([part.at for part in parts])
    if not len(at):
        return
    step, letter = (np.concatenate([getattr(part, name) for part in parts]) for name in ("step", "letter"))
    order = np.argsort(batch.place[at] * _STEPS + step)
    at, letter = at[order], letter[order]
    life, side = batch.segment[at] >> 1, batch.segment[at] & 1
    starts = begins(life)
    run = np.diff(starts, append=len(life))
    events = batch.flows["events"]
    had = np.maximum(events[life[starts]], 0)
    column = np.repeat(had, run) + ranks(life)
    fits = column < HISTORY
    batch.flows["history"][life[fits], column[fits]] = (letter | np.where(side == 1, _SMALL, 0).astype(np.uint8))[fits]
    events[life[starts]] = np.minimum(had + run, HISTORY)
