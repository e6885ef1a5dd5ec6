"""How far each TCP connection came, by the numbers in a flow table's columns: the rules of :mod:`netprobe.paths.tcp` for many at once.

A row holds first and last numbers where that module has every packet's. Where these do not decide, the connection is said to be captured in part.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from netprobe.correlate.reasons import Reason
from netprobe.correlate.view import NEVER
from netprobe.paths.connections import HOLD_NS
from netprobe.paths.tcp import ACK, FIN, NEAR, RST, WHOLE_WINDOW

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from netprobe.correlate.view import Ints, JoinedRows, Mask

_WHOLE, _HALF = 1 << 32, 1 << 31
_LETTERS = b"ADFRSH"
_SEGMENT = 1 << 16  # no segment is longer


class SideColumns:
    """What the rows' columns say of either side's segments; every attribute is one value a row, ``c`` the asking side's, ``s`` the other's."""

    def __init__(self, view: JoinedRows) -> None:
        self.view = view
        first, second = _letters(view)
        turned = view.ask == 1
        self.letters = np.where(turned, second, first), np.where(turned, first, second)
        self.c, self.s = view.asking, view.answering

    def sent(self, side: int, letter: bytes) -> Mask:
        """Whether a side (0: the asking one) sent what that letter of Zeek's history stands for."""
        return np.asarray(self.letters[side] & 1 << _LETTERS.index(letter) != 0, np.bool_)

    def plain(self, side: int) -> Mask:
        """Whether it sent a segment that neither opens nor resets, and acknowledges."""
        of = self.s if side else self.c
        data = self.sent(side, b"D") & (of("data_ns") != of("rst_ns"))
        opened = (of("syns") > 0) & (of("payload") <= of("head_length"))  # RFC 7413: a SYN may carry data
        some = self.sent(side, b"A") | self.sent(side, b"F") | (data & ~opened)
        return np.asarray(some & (of("flags") & ACK != 0), np.bool_)


def tcp_reasons(view: JoinedRows) -> NDArray[np.uint8]:
    """Why each connection has its verdict, if it is TCP: uint8 (c,), :class:`Reason`. TLS is not looked at."""
    segments = SideColumns(view)
    c, s = segments.c, segments.s
    stood = view.any_of(_stood(segments))
    accepts = _accepts(segments)
    accepted = view.any_of(accepts)
    asked = view.any_of(c("syns") > 0)
    refused = _refused(segments)
    refused_ns = view.least(np.where(refused, s("rst_ns"), NEVER))
    accepted_ns = view.least(np.where(accepts, _or_never(view.column("syn_ack_ns")), NEVER))
    of_others = (c("syns") > 0) & (s("syn_acks") > 0) & ~_acknowledges_syn(segments, "head_ack")
    reset = view.any_of(segments.sent(0, b"R") & ~of_others)  # else the SYN-ACK that it resets is another's
    answered_oddly = view.any_of((s("packets") > 0) & ~refused) & asked
    no_answer = icmp_reasons(view)
    told = np.select(
        [
            stood & ~_closed(segments),
            stood,
            accepted & (accepted_ns < refused_ns) & reset,
            accepted & (accepted_ns < refused_ns),
            ~asked,
            view.any_of(refused),
            answered_oddly,
        ],
        [
            *(Reason.NONE, Reason.CLOSED, Reason.GIVEN_UP, Reason.NOT_ACKNOWLEDGED),
            *(Reason.IN_PART, Reason.REFUSED, Reason.OTHERS_ANSWER),
        ],
        no_answer,
    )
    return told.astype(np.uint8)


def _letters(view: JoinedRows) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Which of the letters each side's history has, as bits: of side 0 (upper case), of side 1."""
    table = np.zeros((2, 256), np.uint8)
    for bit, letter in enumerate(_LETTERS):
        table[0, letter] = table[1, letter | 0x20] = 1 << bit
    history = view.column("history")
    length = int(np.minimum(view.column("events"), history.shape[1]).max(initial=0))
    out = [np.bitwise_or.reduce(letters[history[:, :length]], axis=1) for letters in table]
    return out[0], out[1]


def _stood(segments: SideColumns) -> Mask:
    """Whether both sides had agreed, as far as a row shows: one acknowledges the other's SYN, or what came behind it."""
    c, s = segments.c, segments.s
    mine_known = (c("syns") > 0) | (s("syn_acks") > 0)
    theirs_known = (s("syn_acks") > 0) | (s("syns") > 0)
    mine, theirs = segments.plain(0), segments.plain(1)
    base = np.where(c("isn") >= 0, c("isn"), s("head_ack") - 1)
    heard = _within(c("acked"), s("isn"), s("next"), s("payload"))
    both_open = heard & (c("syn_acks") > 0)  # RFC 9293 section 3.5: its SYN-ACK acknowledges the other's SYN
    client_went_on = (mine & np.where(theirs_known, heard, c("next") >= 0)) | both_open
    first = _accepts(segments) | _within(s("head_ack"), base, c("next"), c("payload"))
    server_went_on = theirs & mine_known & first & _within(s("acked"), base, c("next"), c("payload"))
    known = mine_known | theirs_known
    return np.asarray(
        np.where(known, client_went_on | server_went_on, _in_the_middle(segments, mine, theirs)), np.bool_
    )


def _accepts(segments: SideColumns) -> Mask:
    """Whether a SYN-ACK acknowledges the SYN, or what it carried (RFC 9293 section 3.10.7.3), where the row has that: an older SYN's is reset."""
    c, s = segments.c, segments.s
    own = (c("syns") == 0) | (c("isn") < 0) | _answers_syn(segments)
    return np.asarray((s("syn_acks") > 0) & own, np.bool_)


def _answers_syn(segments: SideColumns) -> Mask:
    """Whether the server's first packet or its last one acknowledges the SYN, or what it carried."""
    return _acknowledges_syn(segments, "head_ack") | _acknowledges_syn(segments, "acked")


def _acknowledges_syn(segments: SideColumns, name: str) -> Mask:
    """Whether that number of the server's does."""
    number, isn, carried = segments.s(name), segments.c("isn"), np.maximum(segments.c("head_length"), 0)
    return np.asarray((number >= 0) & ((number - isn - 1) % _WHOLE <= carried), np.bool_)


def _within(number: Ints, isn: Ints, following: Ints, payload: Ints) -> Mask:
    """Whether a number is behind a first one, and not far beyond what was sent; in a stream that is longer than half the numbers, near its end."""
    span = np.where(following >= 0, (following - isn - 1) % _WHOLE, 0)
    inside = (number - isn - 1) % _WHOLE <= span + NEAR
    near = np.abs(_apart(number, following)) <= NEAR
    return np.asarray((number >= 0) & (isn >= 0) & (inside | ((payload >= _HALF) & near)), np.bool_)


def _apart(one: Ints, other: Ints) -> Ints:
    """``one - other`` as signed distances of sequence numbers."""
    return (one - other + _HALF) % _WHOLE - _HALF


def _in_the_middle(segments: SideColumns, mine: Mask, theirs: Mask) -> Mask:
    """Packets of the middle: both sides', which acknowledge one another; or one side's alone, by which it heard the other."""
    c, s = segments.c, segments.s
    both = _answers(c, s) | _answers(s, c)
    alone = (mine & _went_on(c)) | (theirs & _went_on(s))
    return np.where(mine & theirs, both, alone)


def _answers(one: Any, other: Any) -> Mask:
    """Whether one side acknowledges what the other sent in the capture, or all that it sends behind."""
    low = _apart(one("acked"), other("head_seq")) >= -NEAR
    high = _apart(one("acked"), other("next")) <= NEAR
    return np.asarray((one("acked") >= 0) & (other("next") >= 0) & (low | (other("payload") >= _HALF)) & high, np.bool_)


def _went_on(of: Any) -> Mask:
    """Whether one side alone shows that it heard the other: it acknowledges more and more, or sends more than anyone does unanswered."""
    more = (of("head_ack") >= 0) & (of("acked") >= 0) & (of("head_ack") != of("acked"))
    length = (of("next") - of("head_seq")) % _WHOLE
    much = (of("next") >= 0) & (of("payload") > WHOLE_WINDOW + _SEGMENT) & (length > WHOLE_WINDOW + _SEGMENT)
    return np.asarray((of("flags") & RST == 0) & (more | much), np.bool_)


def _refused(segments: SideColumns) -> Mask:
    """Whether a reset answers the SYN: it acknowledges that, or what it carried (RFC 9293 section 3.10.7.3)."""
    c, s = segments.c, segments.s
    asked = (c("syns") > 0) & (c("isn") >= 0)
    return np.asarray(asked & (s("flags") & RST != 0) & _answers_syn(segments), np.bool_)


def _closed(segments: SideColumns) -> Mask:
    """Whether the server ended it within 200 ms after its SYN-ACK, had sent nothing, and the client had not ended it before: bool (c,)."""
    view, c, s = segments.view, segments.c, segments.s
    ended_ns = np.minimum(_or_never(s("fin_ns")), _or_never(s("rst_ns")))
    gone_ns = np.minimum(_or_never(c("fin_ns")), _or_never(c("rst_ns")))
    anywhere = view.least(gone_ns)[view.joined.connection]
    gone_ns = np.where(c("packets") > 0, gone_ns, anywhere)  # a point may have seen the answers alone
    begun = view.column("syn_ack_ns")
    soon = (begun >= 0) & (ended_ns != NEVER) & (ended_ns - begun < HOLD_NS) & (ended_ns < gone_ns)
    numbered = s("isn") >= 0
    sent = numbered & (s("next") >= 0) & ((s("next") - s("isn") - 1) % _WHOLE > 1)
    heard = numbered & (c("acked") >= 0) & ((c("acked") - s("isn") - 1) % _WHOLE > (s("flags") & FIN != 0))
    served = view.any_of((s("payload") > 0) | sent | (heard & ((c("acked") - s("isn") - 1) % _WHOLE < _HALF)))
    return view.any_of(np.asarray(soon, np.bool_)) & ~served


def in_doubt(view: JoinedRows, told: NDArray[np.uint8]) -> Mask:
    """Of which connections a packet that no column keeps may decide: what was captured in part, and an end that the client's may precede."""
    ended = view.any_of(view.asking("flags") & (FIN | RST) != 0) | view.any_of(view.answering("flags") & RST != 0)
    return np.asarray((told == Reason.IN_PART) | ((told == Reason.CLOSED) & ended), np.bool_)


def _or_never(time_ns: Ints) -> Ints:
    return np.where(time_ns >= 0, time_ns, NEVER)


#: (IP version, type, code; -1 any) of ICMP errors -> what they say (RFC 792, 1812, 4443).
_ICMP = (
    (4, 3, 3, Reason.PORT_UNREACHABLE),
    (6, 1, 4, Reason.PORT_UNREACHABLE),
    (4, 3, 1, Reason.HOST_UNREACHABLE),
    (6, 1, 3, Reason.HOST_UNREACHABLE),
    (4, 3, 0, Reason.NETWORK_UNREACHABLE),
    (6, 1, 0, Reason.NETWORK_UNREACHABLE),
    (4, 3, 9, Reason.PROHIBITED),
    (4, 3, 10, Reason.PROHIBITED),
    (4, 3, 13, Reason.PROHIBITED),
    (6, 1, 1, Reason.PROHIBITED),
    (4, 3, 4, Reason.TOO_BIG),
    (6, 2, -1, Reason.TOO_BIG),
    (4, 11, -1, Reason.TIME_EXCEEDED),
    (6, 3, -1, Reason.TIME_EXCEEDED),
)


def icmp_reasons(view: JoinedRows) -> NDArray[np.uint8]:
    """What an ICMP error says of each connection, of several the first; :attr:`Reason.NO_ANSWER` where none does. uint8 (c,)."""
    if not view.column("errors").any():
        return np.full(len(view.joined), Reason.NO_ANSWER, np.uint8)
    version, kind, code = (view.column(name) for name in ("version", "error_type", "error_code"))
    advice = (version == 4) & ((kind == 4) | (kind == 5))  # source quench, redirect: nothing was lost
    error = (view.column("errors") > 0) & ~advice
    named = np.full(len(kind), Reason.UNREACHABLE, np.uint8)
    for number, its_type, its_code, reason in _ICMP:
        fits = (version == number) & (kind == its_type)
        named[fits & ((its_code < 0) | (code == its_code))] = reason
    time = np.where(error, view.column("error_ns") - view.joined.shift_ns, NEVER)
    first = view.least(time)
    said = view.least(np.where(error & (time == first[view.joined.connection]), named, np.uint8(255)))
    return np.where(first == NEVER, Reason.NO_ANSWER, said).astype(np.uint8)
