"""A connection's own columns, gathered from its rows: when it was answered, what each end said, how it ended. One entry a connection."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from netprobe.correlate.kept import KeptColumns
from netprobe.decode.table import Kind
from netprobe.values import dataclass

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from netprobe.correlate.joined import Joined
    from netprobe.correlate.sights import Index, Mask, Sights

NEVER_NS = 1 << 62
KEPT_BYTES = 1 << 28
"""Of columns by the connection's sides."""
_HALF = 1 << 31  # a sequence number more than this ahead is behind
_NUMBER = 0xFFFFFFFF


@dataclass(frozen=True, slots=True, kw_only=True)
class SaidBytes:
    """What one end of each TCP connection said, as the point that saw most of it tells (:class:`netprobe.journeys.relay.Said`).

    Attributes:
        size: int64 (c,), bytes; -1 where its first sequence number is not known.
        begun_ns: int64 (c,), when its first byte was seen; :data:`NEVER_NS` not.
        ended: bool (c,), it sent a FIN. reset: bool (c,), it sent an RST.
    """

    size: Index
    begun_ns: Index
    ended: Mask
    reset: Mask


class Talks:
    """Connections of joined rows. Sides are the connection's: a turned row's are swapped."""

    def __init__(self, sights: Sights, joined: Joined) -> None:
        self.sights, self.joined = sights, joined
        self.first = joined.first_row
        self._kept = KeptColumns(KEPT_BYTES)

    def __len__(self) -> int:
        return len(self.first)

    def sided(self, name: str, side: int) -> NDArray[Any]:
        """A column of n rows, of the connection's side."""
        return self._kept.get((name, side), lambda: self._turned(name, side))

    def _turned(self, name: str, side: int) -> NDArray[Any]:
        out = self.sights.column(name, side)
        turned = np.flatnonzero(self.joined.turned)
        if not len(turned):
            return out
        out = out.copy()
        out[turned] = self.sights.column(name, 1 - side)[turned]
        return out

    def time(self, name: str, side: int) -> Index:
        """A time of a side, :data:`NEVER_NS` where there is none."""
        times = self.sided(name, side)
        return np.where(times >= 0, times - self.sights.shift_ns, NEVER_NS)

    def least(self, values: NDArray[Any]) -> NDArray[Any]:
        """The least of each connection's rows."""
        return np.minimum.reduceat(values[self.joined.order], self.joined.begin[:-1]) if len(self) else values[:0]

    def most(self, values: NDArray[Any]) -> NDArray[Any]:
        """The most of them."""
        return np.maximum.reduceat(values[self.joined.order], self.joined.begin[:-1]) if len(self) else values[:0]

    @cached_property
    def kind(self) -> NDArray[np.uint8]:
        """:class:`Kind`."""
        return np.asarray(self.sights.kind[self.first])

    @cached_property
    def start_ns(self) -> Index:
        """When the first packet was seen."""
        return np.asarray(self.sights.first_ns[self.first])

    @cached_property
    def last_ns(self) -> Index:
        """When any point saw the last one."""
        return np.asarray(self.most(self.sights.last_ns))

    @cached_property
    def accepted_ns(self) -> Index:
        """When who was dialled could first have acted: the SYN-ACK nearest to it, or the datagram; :data:`NEVER_NS` it was not."""
        answered = np.where(self.sights.reply_isn >= 0, self.time("head_ns", 1), NEVER_NS)
        asked = np.where(self.sided("packets", 0) > 0, self.time("head_ns", 0), -1)
        reached = np.asarray(self.most(asked))
        datagram = np.where(reached >= 0, reached, NEVER_NS)
        return np.where(
            self.kind == int(Kind.TCP), self.least(answered), np.where(self.kind == int(Kind.UDP), datagram, NEVER_NS)
        )

    @cached_property
    def answered(self) -> Mask:
        """Whether any row holds an answer."""
        return np.asarray(self.most(self.sided("packets", 1)) > 0)

    def ended_ns(self, side: int) -> Index:
        """When a side first sent a FIN or RST, where it was seen first; :data:`NEVER_NS` it did not."""
        return np.minimum(self.time("fin_ns", side), self.time("rst_ns", side))[self.first]

    def spoke_ns(self, side: int) -> Index:
        """When a side sent its first byte, where it was seen first; :data:`NEVER_NS` it did not."""
        return self.time("data_ns", side)[self.first]

    @cached_property
    def said(self) -> tuple[SaidBytes, SaidBytes]:
        """What the client said, and the server."""
        return self._said(0), self._said(1)

    def _said(self, side: int) -> SaidBytes:
        fin = self.sided("fin_ns", side) >= 0
        size = self._sizes(side, fin)
        return SaidBytes(
            size=np.asarray(self.most(size)),
            begun_ns=np.asarray(self.least(self.time("data_ns", side))),
            ended=np.asarray(self.most(fin & (size >= 0))),
            reset=np.asarray(self.most((self.sided("rst_ns", side) >= 0) & (size >= 0))),
        )

    def _sizes(self, side: int, fin: Mask) -> Index:
        """Of each row, by the numbers that the side sent and those that the other acknowledged."""
        isn = (self.sights.isn, self.sights.reply_isn)[side]
        if side == 0:
            acknowledged = (self.sights.head("ack", 1) - 1) & _NUMBER
            isn = np.where((isn < 0) & (self.sights.reply_isn >= 0), acknowledged, isn)
        following, taken = self.sided("next", side), self.sided("acked", 1 - side)
        sent = np.where(following >= 0, (following - isn - 1 - fin) & _NUMBER, 0)
        sent = np.where(sent < _HALF, sent, 0)
        heard = np.where(taken >= 0, (taken - isn - 1) & _NUMBER, 0)
        heard = np.where(heard < _HALF, heard, 0)
        return np.where(isn >= 0, np.where(fin, sent, np.maximum(sent, heard)), -1)
