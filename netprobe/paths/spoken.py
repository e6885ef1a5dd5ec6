"""What was said over a connection that came about: HTTP as far as it can be read, and the TLS handshake."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from netprobe.decode.table import Flag
from netprobe.evidence.model import Proto
from netprobe.journeys.stream import row_at, stream
from netprobe.model.http import HEAD_BYTES, parse
from netprobe.paths.http import asked, complete, is_other
from netprobe.paths.packets import JourneyPackets, flags_of
from netprobe.paths.story import Observation, Symptom
from netprobe.values import dataclass

if TYPE_CHECKING:
    from netprobe.decode.table import PacketTable
    from netprobe.decode.tls import Side
    from netprobe.flows.model import Flow
    from netprobe.journeys.model import Connection, Journey
    from netprobe.model.http import HttpAnswer
    from netprobe.paths.tls import TlsExchange

IDLE_NS = 1_000_000_000  # more than the way there and back, and what a server needs to read a Finished
BEGINS_BYTES = 64  # of what is no response
TLS_BYTES = 1 << 18  # of each side: a handshake, and the first records behind it
HTTP_BYTES = 64 << 20  # a response is read whole as far as it was captured; the capture itself is bounded


@dataclass(frozen=True, slots=True)
class Spoken(JourneyPackets):
    """What each side said."""

    def _response(self, journey: Journey, story: Observation) -> Observation:
        """HTTP: a complete response, before any reset of the server's (or in its name)."""
        flow, reset = self._heard(journey.outer)
        if flow is None:
            return replace(story, symptom=Symptom.NO_RESPONSE)
        data = stream(flow, self.table, "reverse", HTTP_BYTES, filled=True)  # of a body, the length is what counts
        ended = self._ended(flow, len(data))
        whole = complete(data, ended=ended)
        cut = any(self.table.payload_cap[r] < self.table.payload_len[r] for r in flow.reverse.tolist())
        story = replace(story, http=self._answer(flow))
        if whole or (cut and (self.intent.answered if self.intent.probed else ended)):
            return story
        kept = stream(flow, self.table, "reverse")
        begins = kept[:BEGINS_BYTES] if is_other(kept) else b""
        what = f"{len(data)} bytes of {'something that is not HTTP' if begins else 'a response that is not complete'}"
        what = what if data else "no byte of a response"
        story = replace(story, frames=(*story.frames, self._frame(_speaks(self.table, flow)))) if begins else story
        if reset is None:
            return replace(story, symptom=Symptom.NO_RESPONSE, detail=what, begins=begins)
        frames, what = (*story.frames, self._frame(reset)), f"{what}, then a RST"
        return replace(story, symptom=Symptom.NO_RESPONSE, frames=frames, detail=what, begins=begins)

    def _answer(self, flow: Flow) -> HttpAnswer | None:
        """What a flow's response says, and to which request; None where it begins with no status line, or that was not kept."""
        found = parse(stream(flow, self.table, "reverse", HEAD_BYTES))
        if found is None:
            return None
        request, host, more = asked(stream(flow, self.table, "forward"))
        return replace(found, request=request, host=host, more=more, frame=self._frame(_speaks(self.table, flow)))

    def _secured(self, journey: Journey, story: Observation) -> Observation:
        """TLS: how the handshake went; what comes behind it is the prober's to tell. For captures from elsewhere no more than that it failed."""
        from netprobe.paths.tls import FAILED, Handshake

        if story.symptom is Symptom.CLOSED and story.reached is False:
            return story  # who closed it stands before the target
        found = self._exchange(journey.outer)
        story = replace(story, tls=found)
        if found is not None and found.handshake in FAILED:
            frames = tuple(dict.fromkeys((*story.frames, *found.frames)))
            return replace(story, symptom=Symptom.NO_HANDSHAKE, frames=frames, detail=found.detail)
        if self.intent.plain or story.symptom is Symptom.CLOSED:
            return story
        if self.intent.alerted:
            return replace(story, symptom=Symptom.NO_HANDSHAKE, detail="an alert that is encrypted")
        done = found is None or found.handshake is Handshake.DONE
        if self.intent.answered and done:
            return story
        what = found.detail if found is not None and not done else "no whole response"
        return replace(story, symptom=Symptom.NO_RESPONSE, detail=what)

    def _exchange(self, connection: Connection) -> TlsExchange | None:
        """The TLS handshake as the client saw it; None where it said nothing, what was said was not kept, or is no TLS."""
        from netprobe.decode.tls import ClientHello, read_side
        from netprobe.paths.tls import Handshake, TlsExchange, judge_handshake

        flow, _ = self._heard(connection)
        if flow is None:
            return None
        client = read_side(stream(flow, self.table, "forward", TLS_BYTES))
        server = read_side(stream(flow, self.table, "reverse", TLS_BYTES))
        said, answered = (self._first_said(rows.tolist()) for rows in (flow.forward, flow.reverse))
        if client.client_hello is None and said is not None and answered is None and self.intent.proto is Proto.HTTPS:
            client = replace(client, client_hello=ClientHello())  # not kept; the probe says nothing else first
        end, ended = self._end(connection)
        handshake = judge_handshake(client, server, end)
        unread = answered is not None and not server.records and not server.foreign
        if handshake is Handshake.NONE or unread:
            return None
        if handshake is Handshake.ENDED and client.data and not client.says_alert and self._waited(flow, ended):
            handshake = Handshake.DONE
        alert = self._alert(flow, client, server) if handshake in (Handshake.REFUSED, Handshake.DECLINED) else None
        rows = dict.fromkeys((said, answered, alert, ended if handshake is Handshake.ENDED else None))
        return TlsExchange(
            handshake=handshake,
            client=client,
            server=server,
            end=end,
            time_ns=int(self.table.packets.time_ns[answered]) if answered is not None else None,
            frames=tuple(self._frame(row) for row in rows if row is not None),
        )

    def _alert(self, flow: Flow, client: Side, server: Side) -> int | None:
        """The packet of the alert that ended a handshake."""
        way, side = ("reverse", server) if server.alert is not None and server.alert.fatal else ("forward", client)
        return None if side.alert_at is None else row_at(flow, self.table, way, side.alert_at)

    def _waited(self, flow: Flow, ended: int | None) -> bool:
        """Whether the server ended a capture's connection a good while after what the client said last: who refuses a Finished does so at once."""
        said = [
            int(self.table.packets.time_ns[row]) for row in flow.forward.tolist() if self.table.payload_len[row] > 0
        ]
        late = ended is not None and int(self.table.packets.time_ns[ended]) - max(said, default=0) > IDLE_NS
        return self.intent.plain and bool(said) and late

    def _first_said(self, rows: list[int]) -> int | None:
        """The first of these packets that carries a byte."""
        return next((row for row in rows if self.table.payload_len[row] > 0), None)

    def _end(self, connection: Connection) -> tuple[str, int | None]:
        """``FIN`` or ``RST``, and the row: how the server ended the connection, where it did so before the client; else ``""`` and None."""
        ending = Flag.FIN | Flag.RST
        mine = [row for flow in connection.flows for row in flow.forward.tolist() if flags_of(self.table, row) & ending]
        theirs = [
            row for flow in connection.flows for row in flow.reverse.tolist() if flags_of(self.table, row) & ending
        ]
        first = next(iter(self._by_time(theirs)), None)
        if first is None or (mine and self._by_time([first, self._by_time(mine)[0]])[0] != first):
            return "", None
        return "RST" if flags_of(self.table, first) & Flag.RST else "FIN", first

    def _ended(self, flow: Flow, came: int) -> bool:
        """Whether the server's end came, and all that it sent before: a FIN may overtake data that was lost."""
        for row in flow.reverse.tolist():
            if flags_of(self.table, row) & Flag.FIN:
                sent = (
                    int(self.table.seq[row]) + int(self.table.payload_len[row]) - (flow.reply_isn or 0) - 1
                ) & 0xFFFFFFFF
                return flow.reply_isn is None or came >= min(sent, HTTP_BYTES)
        return False


def _speaks(table: PacketTable, flow: Flow) -> int:
    """The packet with the first byte of the server's stream, of a flow that has one."""
    return next(int(row) for row in flow.reverse.tolist() if table.payload_len[row] > 0)
