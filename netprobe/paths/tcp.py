"""A TCP connection's state as a capture shows it, by sequence and acknowledgement numbers (RFC 9293 sections 3.4 to 3.10).

What was captured is part of what was sent: the beginning, the end or one direction may be missing, and packets may stand in another order
than they were sent in. Numbers tell what happened all the same: an acknowledgement of what nobody saw shows that it was sent and came.
Numbers are relative here: 0 is the first byte that a side sends behind its SYN (which is -1).
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from netprobe.decode.table import SYN, SYN_ACK, Flag
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from netprobe.decode.table import PacketTable
    from netprobe.flows.model import Flow

    Ints = NDArray[np.int64]
    Mask = NDArray[np.bool_]

NEAR = 1 << 22  # bytes by which a number may lie beyond all that was captured, and still be this connection's
WHOLE_WINDOW = 1 << 16  # bytes that nobody sends without an acknowledgement, unless a window is scaled
_HALF, _WHOLE = 1 << 31, 1 << 32
_NONE = -(1 << 62)  # of what was not there
FIN, RST, ACK = int(Flag.FIN), int(Flag.RST), int(Flag.ACK)


class TcpStage(StrEnum):
    """How far a connection came, as far as the capture shows it."""

    NOTHING = "nothing"  # no packet
    ASKED = "asked"  # a SYN, and nothing that answers it: no SYN-ACK, or one that acknowledges another number
    REFUSED = "refused"  # a reset that acknowledges the SYN, and nobody took it all the same
    ANSWERED = "answered"  # a SYN-ACK, and no sign that the client took it
    ABANDONED = "abandoned"  # a SYN-ACK, and the client's reset in place of an acknowledgement
    ESTABLISHED = "established"
    PART = "part"  # packets of its middle from which nothing follows


@dataclass(frozen=True, slots=True, kw_only=True)
class Half:
    """What one side sent, in order of time.

    Attributes:
        rows: of the packet table.
        flags, size, window: as in the packet table.
        begin, end: relative sequence numbers, of the first byte and behind the last (a FIN counts one, a SYN that stands at -1 too).
        ack: the other side's relative number that it acknowledges; very low where it acknowledges none.
    """

    rows: Ints
    flags: Ints
    size: Ints
    window: Ints
    begin: Ints
    end: Ints
    ack: Ints

    def having(self, flag: int) -> Mask:
        """Which packets have this flag."""
        return np.asarray((self.flags & flag) != 0, np.bool_)

    @property
    def syn(self) -> Mask:
        """Which packets open: a SYN, with an acknowledgement or without."""
        return self.having(SYN)

    @property
    def bare_syn(self) -> Mask:
        """Which packets ask for a connection: a SYN that acknowledges nothing."""
        return np.asarray((self.flags & SYN_ACK) == SYN, np.bool_)

    @property
    def syn_ack(self) -> Mask:
        """Which packets accept one."""
        return np.asarray((self.flags & SYN_ACK) == SYN_ACK, np.bool_)

    @property
    def plain(self) -> Mask:
        """Which packets neither open nor reset, and acknowledge: every packet of a connection that stands."""
        return np.asarray(((self.flags & (SYN | RST)) == 0) & self.having(ACK), np.bool_)

    @property
    def sent(self) -> int:
        """Behind the last byte that it sent (a FIN counts one; a reset sends none)."""
        return int(self.end[~self.having(RST)].max(initial=_NONE))

    @property
    def acked(self) -> int:
        """The furthest that it acknowledges of the other side, in packets of a connection that stands."""
        return int(self.ack[self.plain].max(initial=_NONE))

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """Both halves of one connection.

    Attributes:
        client, server: what each sent.
        known: whether the client's and the server's first sequence number is known: a SYN of theirs, or an answer to it, was captured.
    """

    client: Half
    server: Half
    known: tuple[bool, bool]

    @property
    def stage(self) -> TcpStage:
        """How far it came."""
        if not len(self.client) and not len(self.server):
            return TcpStage.NOTHING
        if self._established():
            return TcpStage.ESTABLISHED
        if self._accepting.any() and not self._refused_first():
            return self._answered()
        if not self.client.bare_syn.any():
            return TcpStage.PART
        return TcpStage.REFUSED if len(self.refusals) else TcpStage.ASKED

    @property
    def refusals(self) -> Ints:
        """The rows of resets that answer the SYN: they acknowledge it, or what it carried (RFC 9293 section 3.10.7.3)."""
        carried = int(self.client.size[self.client.bare_syn].max(initial=0))
        answers = (
            self.server.having(RST) & self.server.having(ACK) & (self.server.ack >= 0) & (self.server.ack <= carried)
        )
        return self.server.rows[answers]

    @property
    def answers(self) -> Ints:
        """The rows of the SYN-ACKs that accept the SYN."""
        return self.server.rows[self._accepting]

    @property
    def of_others(self) -> Ints:
        """The rows of the SYN-ACKs that acknowledge another number: they accept an older SYN, and the client resets them."""
        return self.server.rows[self.server.syn_ack & ~self._accepting]

    @property
    def _accepting(self) -> Mask:
        """Which SYN-ACKs acknowledge a SYN, or what it carried (RFC 9293 section 3.10.7.3); all, where no SYN was captured."""
        asked = self.client.bare_syn
        if not asked.any():
            return self.server.syn_ack
        begins = (
            np.unique(self.client.begin[asked]) + 1
        )  # several, where a point shows other numbers than the first one
        carried = int(self.client.size[asked].max())
        behind = begins[np.maximum(np.searchsorted(begins, self.server.ack, side="right") - 1, 0)]
        over = self.server.ack - behind
        return np.asarray(self.server.syn_ack & (over >= 0) & (over <= carried), np.bool_)

    @property
    def served(self) -> bool:
        """Whether the server sent data, seen or known by numbers: its end stands behind some, or the client acknowledges it."""
        if self.server.size.max(initial=0) > 0:
            return True
        if not self.known[1]:
            return True  # what it sent before is not in the capture
        ended = self.server.having(FIN)
        behind = self.server.begin[(ended | self._valid_resets(self.server, self.client))].max(initial=0)
        return bool(behind > 0 or self.client.acked > int(ended.any()))

    @property
    def client_closed_first(self) -> bool:
        """Whether the server's end acknowledges the client's."""
        ends = self.client.end[self.client.having(FIN)]
        if not len(ends):
            return False
        return bool((self.server.ack[self.server.having(FIN)] >= ends.max()).any())

    def resets(self, half: Half) -> Ints:
        """The rows of a side's resets that the other side takes: their number is the one that is due."""
        return half.rows[self._valid_resets(half, self.server if half is self.client else self.client)]

    def _refused_first(self) -> bool:
        """Whether a refusal came before any SYN-ACK: the client takes the first answer, and resets what comes behind."""
        refusals = self.refusals
        first = self.server.rows[self._accepting | np.isin(self.server.rows, refusals)]
        return bool(len(refusals) and first[0] == refusals[0])

    def _valid_resets(self, half: Half, other: Half) -> Mask:
        """Resets in the other side's window (RFC 5961 section 3): not below what it acknowledged."""
        due = max(half.sent, other.acked)
        if due == _NONE:
            return half.having(RST)
        known = self.known[0] if half is self.client else self.known[1]
        low = max(other.acked, 0 if known else due - NEAR)
        return np.asarray(half.having(RST) & (half.begin >= low) & (half.begin <= due + NEAR), np.bool_)

    def _answered(self) -> TcpStage:
        given_up = self.client.having(RST) & (self.client.begin >= 0) & (self.client.begin <= max(self.client.sent, 0))
        return TcpStage.ABANDONED if given_up.any() else TcpStage.ANSWERED

    def _established(self) -> bool:
        """Whether both sides had agreed: one acknowledges the other's SYN, or what came behind it."""
        if self.known[0] or self.known[1]:
            return self._client_went_on() or self._server_went_on()
        return self._in_the_middle()

    def _client_went_on(self) -> bool:
        """The client acknowledges the server's SYN: it heard the answer, seen or not."""
        mine = self.client
        goes = mine.having(ACK) & ~mine.having(RST)
        if self.known[1]:
            return bool((goes & _within(mine.ack, 0, self.server.sent)).any())
        return bool((goes & ~mine.syn & _within(mine.begin, 0, mine.sent)).any())

    def _server_went_on(self) -> bool:
        """The server speaks as one does who heard the acknowledgement of its SYN."""
        theirs = self.server
        goes = theirs.plain & _within(theirs.ack, 0, max(self.client.sent, 0))
        if self.known[1]:
            goes &= _within(theirs.begin, 0, theirs.sent)
        return self.known[0] and bool(goes.any())

    def _in_the_middle(self) -> bool:
        """Packets of the middle: both sides', which acknowledge one another; or one side's alone, by which it heard the other."""
        if self.client.plain.any() and self.server.plain.any():
            return self._answers(self.client, self.server) or self._answers(self.server, self.client)
        half = self.client if self.client.plain.any() else self.server
        ack, begin = half.ack[half.plain], half.begin[half.plain]
        return bool(len(ack) and (np.ptp(ack) > 0 or np.ptp(begin) > WHOLE_WINDOW))

    @staticmethod
    def _answers(one: Half, other: Half) -> bool:
        """Whether one side acknowledges what the other sent, or all that it sends behind."""
        low, high = int(other.begin[other.plain].min()), int(other.end[other.plain].max())
        return bool((one.plain & (one.ack >= low - NEAR) & (one.ack <= high + NEAR)).any())


def _within(number: Ints, low: int, high: int) -> Mask:
    return np.asarray((number >= low) & (number <= max(high, low) + NEAR), np.bool_)


def talk_of(flows: Sequence[Flow], table: PacketTable) -> Talk:
    """Read the packets of one connection, seen at one point or at several.

    Args:
        flows: of one connection; NAT leaves the numbers alone.
        table: the packet table.
    """
    forward, reverse = (_by_time([getattr(flow, way) for flow in flows], table) for way in ("forward", "reverse"))
    isn = next((flow.isn for flow in flows if flow.isn is not None), None)
    reply = next((flow.reply_isn for flow in flows if flow.reply_isn is not None), None)
    mine = _base(table, forward, reverse, isn)
    theirs = _base(table, reverse, forward, reply)
    return Talk(
        client=_half(table, forward, mine, theirs),
        server=_half(table, reverse, theirs, mine),
        known=(_opens(table, forward, isn) or reply is not None, _opens(table, reverse, reply)),
    )


def of_one_flow(flows: Sequence[Flow], rows: Ints) -> Ints:
    """Those of the rows that the flow has that has most: of several points, or of both sides of NAT at one, each saw the same packets."""
    parts = [rows[np.isin(rows, way)] for flow in flows for way in (flow.forward, flow.reverse)]
    return max(parts, key=len, default=rows)


def _by_time(parts: Sequence[Ints], table: PacketTable) -> Ints:
    rows = np.concatenate([*parts, np.zeros(0, np.int64)]).astype(np.int64)
    return rows[np.lexsort((rows, table.packets.time_ns[rows]))]


def _opens(table: PacketTable, rows: Ints, isn: int | None) -> bool:
    return isn is not None or bool((table.tcp_flags[rows] & SYN).any())


def _base(table: PacketTable, rows: Ints, other: Ints, isn: int | None) -> int:
    """The number of a side's first byte: behind its SYN; what the answer to its SYN acknowledges; else of what was captured first."""
    if isn is not None:
        return isn + 1
    opened = rows[(table.tcp_flags[rows] & SYN) != 0]
    if len(opened):
        return int(table.seq[opened[0]]) + 1
    accepted = other[(table.tcp_flags[other] & SYN_ACK) == SYN_ACK]
    if len(accepted):
        return int(table.ack[accepted[0]])
    steady = rows[(table.tcp_flags[rows] & RST) == 0]
    if len(steady):
        return int(table.seq[steady[0]])
    heard = other[(table.tcp_flags[other] & (ACK | RST)) == ACK]
    return int(table.ack[heard[0]]) if len(heard) else int(table.seq[rows[0]]) if len(rows) else 0


def _half(table: PacketTable, rows: Ints, base: int, other: int) -> Half:
    flags = table.tcp_flags[rows].astype(np.int64)
    size = np.maximum(table.payload_len[rows], 0).astype(np.int64)
    begin = _relative(table.seq[rows], base)
    ack = np.where((flags & ACK) != 0, _relative(table.ack[rows], other), _NONE)
    opening, ending = (flags & SYN) != 0, (flags & FIN) != 0
    return Half(
        rows=rows,
        flags=flags,
        size=size,
        window=table.window[rows].astype(np.int64),
        begin=begin,
        end=begin + size + opening + ending,
        ack=ack,
    )


def _relative(number: Ints, base: int) -> Ints:
    """Sequence numbers as distances from a first one, also where a stream is longer than 4 GiB: step by step."""
    steps = np.diff(number, prepend=base)
    return np.cumsum((steps + _HALF) % _WHOLE - _HALF)
