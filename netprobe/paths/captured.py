"""The story of a TCP connection of captures from elsewhere, told by its numbers: what was captured of it, and what follows from that."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netprobe.paths.story import Symptom
from netprobe.paths.tcp import ACK, RST, TcpStage, of_one_flow
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from netprobe.decode.table import PacketTable
    from netprobe.flows.model import Flow, PackedEndpoint
    from netprobe.paths.tcp import Half, Talk


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What is said of a connection: its symptom, one phrase, the rows that show it beside the request, and what is missing of it."""

    symptom: Symptom
    detail: str = ""
    rows: tuple[int, ...] = ()
    part: str = ""


@dataclass(frozen=True, slots=True)
class Teller:
    """What tells it.

    Attributes:
        talk: the connection's packets at all points.
        flows: of the connection; the ends of the first are named.
        table: the packet table.
    """

    talk: Talk
    flows: Sequence[Flow]
    table: PacketTable

    @property
    def flow(self) -> Flow:
        """The flow whose ends are named."""
        return self.flows[0]

    def told(self) -> Told:
        """Tell how far it came. ASKED and REFUSED, where other packets of the capture count too, are told by whoever asks."""
        match self.talk.stage:
            case TcpStage.ESTABLISHED:
                return Told(symptom=Symptom.OK, rows=self._accepted(), part=self._missing())
            case TcpStage.ANSWERED:
                return self._in_part(self._unacknowledged(), self._accepted())
            case TcpStage.ABANDONED:
                reset = int(self.talk.client.rows[self.talk.client.having(RST)][0])
                words = f"{self._was_accepted()}, and the client reset it ({self._frame(reset)}) in place of acknowledging that"
                return self._in_part(words, (*self._accepted(), reset))
            case TcpStage.REFUSED:
                return Told(symptom=Symptom.REFUSED, detail="RST" + self._and_accepted())
            case TcpStage.ASKED:
                return self._asked()
            case _:
                return self._in_part(self._middle(), ())

    def _in_part(self, detail: str, rows: tuple[int, ...]) -> Told:
        return Told(symptom=Symptom.IN_PART, detail=detail, rows=rows)

    def _accepted(self) -> tuple[int, ...]:
        return tuple(self.talk.answers[:1].tolist())

    def _was_accepted(self) -> str:
        count = self._most(self.talk.answers)
        times = (
            f", {count} times from {self._frame(self.talk.answers[0])} on"
            if count > 1
            else f", {self._frame(self.talk.answers[0])}"
        )
        return f"it was accepted (SYN-ACK{times})"

    def _and_accepted(self) -> str:
        answers = self.talk.answers
        return f"; a SYN-ACK came behind it ({self._frame(answers[0])})" if len(answers) else ""

    def _unacknowledged(self) -> str:
        """What to say of a SYN-ACK that nothing acknowledges."""
        talk = self.talk
        if not len(talk.client):
            return f"{self._was_accepted()}; nothing that the client sent was captured, so that its part of it is not known"
        resets = talk.resets(talk.server)
        if len(resets):
            return (
                f"{self._was_accepted()}, and the server reset it ({self._frame(resets[0])}) before it was acknowledged"
            )
        accepted = self._time(talk.answers[0])
        again = [row for row in talk.client.rows[talk.client.bare_syn].tolist() if self._time(row) > accepted]
        if again:
            return f"{self._was_accepted()}, and the client sent its SYN again ({self._frame(again[0])}): that answer did not come to it"
        if self._most(talk.answers) > 1:
            return f"{self._was_accepted()}, and no acknowledgement of that was captured"
        return f"{self._was_accepted()}, and the capture has nothing of it behind that"

    def _asked(self) -> Told:
        """A SYN that nothing acknowledges; who answered something else speaks of another connection."""
        others = self.talk.server.rows[~self.talk.server.bare_syn]
        if not len(others):
            return self._both_opened()
        first = int(others[0])
        if first in self.talk.of_others:
            words = f"the SYN was answered with a SYN-ACK that acknowledges another number ({self._frame(first)}), as by who accepts an older SYN between the same ports, which a client resets"
        elif int(self.table.tcp_flags[first]) & RST:
            words = f"the SYN was answered with a RST that does not acknowledge it ({self._frame(first)}), of which a client takes no notice"
        else:
            words = f"the SYN was answered with an ACK of another connection ({self._frame(first)}), as by who still has an older one between the same ports"
        return self._in_part(words, (first,))

    def _both_opened(self) -> Told:
        """A SYN from either side and no acknowledgement of one (a simultaneous open, RFC 9293 section 3.5); or the client's alone."""
        opened = self.talk.server.rows[self.talk.server.bare_syn]
        if not len(opened):
            return Told(symptom=Symptom.SILENCE)
        first = int(opened[0])
        words = f"the SYN was answered with a SYN that acknowledges nothing ({self._frame(first)}), as where both sides open at once, and neither acknowledges the other's"
        return self._in_part(words, (first,))

    def _missing(self) -> str:
        """What the capture lacks of a connection that stands."""
        talk, flow = self.talk, self.flow
        if not len(talk.server):
            return f"The capture holds only what {flow.client.unpack()} sent: what that acknowledges shows that it was answered."
        if not len(talk.client):
            return (
                f"The capture holds only what {flow.server.unpack()} sent: what that acknowledges shows what it heard."
            )
        asked, accepted = bool(talk.client.syn.any()), bool(len(talk.answers)) or bool(talk.server.syn.any())
        if asked and not accepted:
            return "Its SYN-ACK was not captured: what was sent behind it shows that it came."
        if accepted and not asked:
            return "Its SYN was not captured: the SYN-ACK answers it."
        if not asked:
            return f"The capture begins in the middle of the connection: that {flow.client.unpack()} opened it is taken from the ports."
        return ""

    def _middle(self) -> str:
        """Packets of the middle of a connection from which nothing follows."""
        client, server = self.talk.client, self.talk.server
        resets = np.concatenate([client.rows[client.having(RST)], server.rows[server.having(RST)]])
        if len(client) and len(server):
            return f"the capture has the middle of a connection, {self._sent(client, self.flow.client)} and {self._sent(server, self.flow.server)}, and neither acknowledges the other"
        half, end = (client, self.flow.client) if len(client) else (server, self.flow.server)
        if len(resets) == len(half):
            return f"the capture has no more of this connection than {self._sent(half, end)}"
        return f"the capture has the middle of a connection, {self._sent(half, end)}, and nothing from the other side"

    def _sent(self, half: Half, end: PackedEndpoint) -> str:
        """How many packets a side sent, and what they are: ``3 packets from 10.0.0.1:80 (the last a RST, frame 7)``."""
        count = self._most(half.rows)
        last = half.rows[half.having(RST)]
        reset = (
            f"the last a RST, {self._frame(last[-1])}"
            if len(last) and count > 1
            else f"a RST, {self._frame(last[-1])}"
            if len(last)
            else ""
        )
        copies = self._repeated(half)
        again = f"the same data {copies} times, from {self._frame(half.rows[0])} on" if copies > 1 else ""
        said = ", ".join(filter(None, (again, reset)))
        return f"{count} packet{'s' if count != 1 else ''} from {end.unpack()}" + (f" ({said})" if said else "")

    def _repeated(self, half: Half) -> int:
        """How often the bytes were sent that were sent most often."""
        seen = np.isin(half.rows, of_one_flow(self.flows, half.rows[half.size > 0]))
        begin = np.sort(half.begin[seen & half.having(ACK)])
        runs = np.flatnonzero(np.diff(begin, prepend=begin[:1] - 1, append=begin[-1:] + 1))
        return int(np.diff(runs).max(initial=0))

    def _most(self, rows: NDArray[np.int64]) -> int:
        """How many of them one point saw, under one pair of addresses."""
        return len(of_one_flow(self.flows, rows))

    def _time(self, row: int) -> int:
        return int(self.table.packets.time_ns[row])

    def _frame(self, row: int) -> str:
        return f"frame {int(self.table.packets.frame[row])}"
