"""What the packets show: did the request get there, who answered, and how. Packets alone decide; the prober is only a witness.

"Works" means, *tcp*: the handshake reached a socket in the target's own namespace (with docker-proxy: the inner
connection's too) and neither side's peer reset or closed it within 200 ms; *http*: a complete response; *https*: the TLS handshake, and
(by the prober, as all of it is encrypted) a complete response; *udp*: a reply, or the
datagram at the target and no ICMP error; *icmp*: the echo reply; *dns*: an answer.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from netprobe.decode.table import Flag, Kind
from netprobe.evidence.model import SPEAK_HTTP, Proto
from netprobe.flows.build import source
from netprobe.journeys.hops import icmp_error, is_advice, reply_row, request_row
from netprobe.journeys.stream import row_at, stream
from netprobe.model.http import HEAD_BYTES, parse
from netprobe.paths.captured import Teller
from netprobe.paths.http import asked, complete, is_other
from netprobe.paths.questions import Answered, questions, strangers
from netprobe.paths.story import Answerer, Observation, Symptom
from netprobe.paths.tcp import talk_of
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netprobe.decode.table import PacketTable
    from netprobe.decode.tls import Side
    from netprobe.evidence.model import CapturePoint
    from netprobe.flows.model import Flow, PackedEndpoint
    from netprobe.journeys.model import Connection, Journey
    from netprobe.model.http import HttpAnswer
    from netprobe.paths.questions import DnsQuestion
    from netprobe.paths.story import Intent
    from netprobe.paths.tcp import Talk
    from netprobe.paths.tls import TlsExchange

HOLD_NS = 200_000_000  # a close or reset within 200 ms after the handshake is a failure
IDLE_NS = 1_000_000_000  # more than the way there and back, and what a server needs to read a Finished
BEGINS_BYTES = 64  # of what is no response
TLS_BYTES = 1 << 18  # of each side: a handshake, and the first records behind it
_NOT_TAKEN = (Symptom.SILENCE, Symptom.REFUSED, Symptom.UNREACHABLE, Symptom.IN_PART)
_TRUNCATED = "The answer is truncated: the client has to ask again over TCP."
HTTP_BYTES = 64 << 20  # a response is read whole as far as it was captured; the capture itself is bounded


def observe(journey: Journey | None, table: PacketTable, points: Sequence[CapturePoint], intent: Intent) -> Observation:
    """The packets' story of one journey (None: nothing of it was seen)."""
    if journey is None:
        return Observation(symptom=Symptom.NO_PACKETS)
    look = _Look(table, points, intent)
    if journey.outer.kind == Kind.TCP:
        return look.tcp(journey)
    if intent.proto is Proto.DNS:
        return look.dns(journey.outer)
    asked = questions(journey.outer, table, journey.stray) if intent.plain else ()
    return look.lookup(journey, asked) if asked else look.datagram(journey)


@dataclass(frozen=True, slots=True)
class _Look:
    table: PacketTable
    points: Sequence[CapturePoint]
    intent: Intent

    def tcp(self, journey: Journey) -> Observation:
        """TCP and HTTP: the outer connection first, then docker-proxy's inner one."""
        first = self._handshake(journey.outer, 1)
        if not journey.proxied or first.symptom in _NOT_TAKEN:
            story = first
        else:
            inner = self._handshake(journey.inner, 2)
            story = first if inner.symptom is Symptom.OK and first.symptom is Symptom.CLOSED else inner
        if story.symptom is Symptom.OK and self.intent.proto is Proto.HTTP:
            return self._response(journey, story)
        if story.symptom in (Symptom.OK, Symptom.CLOSED) and (self.intent.proto is Proto.HTTPS or self.intent.plain):
            story = self._secured(journey, story)
        if story.symptom is Symptom.OK and self.intent.plain and story.tls is None:
            flow, _ = self._heard(journey.outer)
            return story if flow is None else replace(story, http=self._answer(flow))
        return story

    def _handshake(self, connection: Connection, leg: int) -> Observation:
        request = self._first(connection, request=True)
        base = Observation(symptom=Symptom.SILENCE, leg=leg, reached=self._reached(connection))
        if self.intent.plain:
            return self._by_numbers(connection, base, request)
        if request is None:
            return replace(base, symptom=Symptom.NO_PACKETS, patient=False)
        base = replace(base, frames=(self._frame(request),))
        accepted = self._rows(connection, Flag.SYN | Flag.ACK)
        if accepted:
            return self._after_accept(connection, base, accepted)
        resets = self._rows(connection, Flag.RST)
        errors = self._errors(connection)
        if resets:
            return self._answered(base, Symptom.REFUSED, connection, resets, "RST")
        if errors:
            return self._icmp(base, connection, errors)
        return replace(base, patient=self._patient(connection), detail=f"{self._sent(connection)} SYN, no answer")

    def _by_numbers(self, connection: Connection, base: Observation, request: int | None) -> Observation:
        """Captures from elsewhere begin, end and lack what they may: sequence and acknowledgement numbers tell."""
        talk = talk_of(connection.flows, self.table)
        told = Teller(talk, connection.flows, self.table).told()
        rows = tuple(dict.fromkeys([*([] if request is None else [request]), *told.rows]))
        base = replace(base, frames=tuple(self._frame(row) for row in rows))
        errors = self._errors(connection)
        match told.symptom:
            case Symptom.REFUSED:
                return self._answered(base, Symptom.REFUSED, connection, talk.refusals.tolist(), told.detail)
            case Symptom.SILENCE if errors:
                return self._icmp(base, connection, errors)
            case Symptom.SILENCE:
                sent = self._sent(connection)
                return replace(base, patient=self._patient(connection), detail=f"{sent} SYN, no answer")
        found = replace(base, symptom=told.symptom, detail=told.detail, part=told.part)
        if not told.rows and len(talk.server):
            found = replace(found, frames=(*base.frames, self._frame(int(talk.server.rows[0]))))
        found = replace(found, answerer=self._answerer(connection, talk.server.rows.tolist()))
        accepted = self._rows(connection, Flag.SYN | Flag.ACK)
        ended = len(talk.resets(talk.server)) or talk.server.having(Flag.FIN).any()
        if told.symptom is Symptom.OK and accepted and ended and not talk.served and not talk.client_closed_first:
            return self._unless_ended(connection, found, accepted[0], talk)
        return found

    def _after_accept(self, connection: Connection, base: Observation, accepted: list[int]) -> Observation:
        first = accepted[0]
        done = replace(base, frames=(*base.frames, self._frame(first)), answerer=self._answerer(connection, accepted))
        if not self._acknowledged(connection):
            return replace(
                done, symptom=Symptom.SILENCE, patient=self._patient(connection), detail="SYN-ACK, never acknowledged"
            )
        return self._unless_ended(connection, done, first)

    def _unless_ended(
        self, connection: Connection, done: Observation, first: int, talk: Talk | None = None
    ) -> Observation:
        """The story of an accepted connection: good, unless the server ended it at once; with its numbers, only a reset that the client takes counts."""
        taken = None if talk is None else frozenset(talk.resets(talk.server).tolist())
        for flow in connection.flows:
            ended = self._ended_early(flow, connection, taken)
            if ended is not None:
                name = "RST" if self.table.tcp_flags[ended] & Flag.RST else "FIN"
                after = self._us(first, ended)
                frames = (*done.frames, self._frame(ended))
                when = (
                    f"{after} µs after the SYN-ACK" if after >= 0 else "that stands before the SYN-ACK in the capture"
                )
                return replace(done, symptom=Symptom.CLOSED, frames=frames, detail=f"{name} {when}")
        return replace(done, symptom=Symptom.OK)

    def _ended_early(self, flow: Flow, connection: Connection, taken: frozenset[int] | None) -> int | None:
        """The server's FIN or RST within 200 ms after its SYN-ACK, unless the client closed first or data was served; of resets those that are taken (None: all)."""
        table = self.table
        opened = [row for row in flow.reverse.tolist() if _flags(table, row) & Flag.SYN]
        if not opened:
            return None
        start = int(table.packets.time_ns[opened[0]])
        client_end = min(
            (
                int(table.packets.time_ns[row])
                for each in (
                    (flow,) if len(flow.forward) else connection.flows
                )  # a point may have seen the answers alone
                for row in each.forward.tolist()
                if _flags(table, row) & (Flag.FIN | Flag.RST)
            ),
            default=None,
        )
        for row in flow.reverse.tolist():
            time = int(table.packets.time_ns[row])
            if client_end is not None and time >= client_end:
                return None
            if self._served(flow, row) and (self.intent.proto in SPEAK_HTTP or self.intent.plain):
                return None
            if taken is not None and _flags(table, row) & Flag.RST and row not in taken:
                continue
            if _flags(table, row) & (Flag.FIN | Flag.RST) and time - start < HOLD_NS:
                return int(row)
        return None

    def _served(self, flow: Flow, row: int) -> bool:
        """Whether a server's segment holds data, or is an end that data was sent before: that may come after it (lost, and sent again)."""
        behind = _flags(self.table, row) & Flag.FIN and flow.reply_isn is not None
        before = (int(self.table.seq[row]) - (flow.reply_isn or 0) - 1) & 0xFFFFFFFF if behind else 0
        return int(self.table.payload_len[row]) > 0 or 0 < before < 1 << 31

    def _acknowledged(self, connection: Connection) -> bool:
        """Whether the client went on after the SYN-ACK, at any point."""
        return any(_flags(self.table, row) & Flag.ACK for flow in connection.flows for row in flow.forward.tolist())

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
        mine = [row for flow in connection.flows for row in flow.forward.tolist() if _flags(self.table, row) & ending]
        theirs = [row for flow in connection.flows for row in flow.reverse.tolist() if _flags(self.table, row) & ending]
        first = next(iter(self._by_time(theirs)), None)
        if first is None or (mine and self._by_time([first, self._by_time(mine)[0]])[0] != first):
            return "", None
        return "RST" if _flags(self.table, first) & Flag.RST else "FIN", first

    def _ended(self, flow: Flow, came: int) -> bool:
        """Whether the server's end came, and all that it sent before: a FIN may overtake data that was lost."""
        for row in flow.reverse.tolist():
            if _flags(self.table, row) & Flag.FIN:
                sent = (
                    int(self.table.seq[row]) + int(self.table.payload_len[row]) - (flow.reply_isn or 0) - 1
                ) & 0xFFFFFFFF
                return flow.reply_isn is None or came >= min(sent, HTTP_BYTES)
        return False

    def _heard(self, connection: Connection) -> tuple[Flow | None, int | None]:
        """The flow that saw most of what the client heard, up to a reset of the server's, and that reset.

        A reset counts wherever it was seen: what the server goes on sending behind whoever sent it, the client does not take any more.
        Bytes that were sent are not bytes that came: where the client's own namespace was sniffed, what was seen there counts.
        """
        heard: list[tuple[int | None, Flow]] = []
        mine = [flow for flow in connection.flows if self._at_client(flow)]
        for flow in connection.flows:
            resets = np.flatnonzero(self.table.tcp_flags[flow.reverse] & int(Flag.RST))
            if len(resets):
                heard.append((int(flow.reverse[resets[0]]), replace(flow, reverse=flow.reverse[: resets[0]])))
        flows = heard or [(None, flow) for flow in mine or connection.flows]
        reset, most = max(flows, key=lambda each: len(each[1].reverse), default=(None, None))
        return most, reset

    def _at_client(self, flow: Flow) -> bool:
        """Whether a point of the client's own namespace saw it, and lost nothing."""
        point, source = self.points[flow.point], self.intent.source
        here = source is not None and (point.host, point.container) == (source.host, source.container)
        return here and not point.dropped

    def datagram(self, journey: Journey) -> Observation:
        """UDP and ICMP echo."""
        outer, inner = journey.outer, journey.inner
        request = self._first(outer, request=True)
        base = Observation(symptom=Symptom.SILENCE, leg=len(journey.legs), reached=self._reached(inner))
        if request is None:
            return self._answers_alone(outer, base)
        base = replace(base, frames=(self._frame(request),))
        replies = self._replies(outer)
        if not replies and journey.stray is not None:
            replies = sorted(row for flow in journey.stray.flows for row in flow.forward.tolist())
        answered = replace(base, frames=(*base.frames, self._frame(replies[0]))) if replies else base
        if replies and not self._came(journey):
            return replace(answered, patient=self._patient(outer), detail="an answer that did not come")
        if replies and self.intent.plain and not self._replies(outer):
            return self._by_another(outer, answered, replies[0])
        if replies:
            return replace(answered, symptom=Symptom.OK, answerer=self._answerer(inner, self._replies(inner)))
        for connection in (inner, outer):
            errors = self._errors(connection)
            if errors:
                return self._icmp(base, connection, errors)
        group = outer.flows[0].server
        if self.intent.plain and self._for_many(outer, request):
            return replace(
                base,
                symptom=Symptom.IN_PART,
                detail=f"it was sent to {self._group(group)}, of which nobody has to answer",
            )
        if base.reached and outer.kind == Kind.UDP and not self._replies(inner):
            return replace(
                base, symptom=Symptom.DELIVERED, patient=self.intent.probed, detail="no reply and no ICMP error"
            )
        return replace(base, patient=self._patient(outer), detail="no answer")

    def _for_many(self, outer: Connection, request: int) -> bool:
        return outer.flows[0].server.for_many or self._to_all(request)

    @staticmethod
    def _group(server: PackedEndpoint) -> str:
        return (
            f"a group ({server.address})" if server.for_many else f"all or a group on its link (for {server.address})"
        )

    def _by_another(self, outer: Connection, answered: Observation, reply: int) -> Observation:
        """A capture's question that another address answered than the one that was asked: as it has to be where a group was asked."""
        asked, other = outer.flows[0].server.address, source(self.table, reply).address
        request = self._first(outer, request=True)
        if request is not None and self._for_many(outer, request):
            part = f"It was sent to {self._group(outer.flows[0].server)}, and {other} answered."
            return replace(answered, symptom=Symptom.OK, answerer=Answerer.UNKNOWN, part=part)
        detail = f"{asked} did not answer; what came back came from {other} (frame {self._frame(reply)}), which a client that waits for an answer of {asked} does not take"
        return replace(answered, symptom=Symptom.IN_PART, detail=detail)

    def _answers_alone(self, outer: Connection, base: Observation) -> Observation:
        """What is said where no point saw the question: a capture from elsewhere may hold the answers alone."""
        replies = self._replies(outer)
        if not self.intent.plain or not replies:
            return replace(base, symptom=Symptom.NO_PACKETS, patient=False)
        who = outer.flows[0].server.unpack(port=outer.kind != Kind.ICMP)
        part = f"The capture holds only what {who} sent: the question that it answers was not captured."
        answerer = self._answerer(outer, replies)
        return replace(base, symptom=Symptom.OK, frames=(self._frame(replies[0]),), answerer=answerer, part=part)

    def _to_all(self, row: int) -> bool:
        """Whether a frame is for all on its link, or for a group of them: the first bit of its link address says so (IEEE 802)."""
        address = int(self.table.eth_dst[row])
        return address >= 0 and bool(address >> 40 & 1)

    def _came(self, journey: Journey) -> bool:
        """Whether an answer came to the client, and was not only sent; where its own namespace was not sniffed, what was sent counts."""
        mine = [flow for flow in journey.outer.flows if self._at_client(flow)]
        stray = [flow for flow in journey.stray.flows if self._at_client(flow)] if journey.stray is not None else []
        return not mine or any(len(flow.reverse) for flow in mine) or bool(stray)

    def dns(self, connection: Connection) -> Observation:
        """A DNS exchange: an answer, a response without one, or silence."""
        request = self._first(connection, request=True)
        if request is None:
            return Observation(symptom=Symptom.NO_PACKETS, patient=False)
        base = Observation(symptom=Symptom.SILENCE, frames=(self._frame(request),), patient=self.intent.probed)
        replies = self._replies(connection)
        good = [row for row in replies if self._answers(row)]
        if not replies:
            errors = self._errors(connection)
            return self._icmp(base, connection, errors) if errors else base
        deciding = (good or replies)[0]
        symptom = Symptom.OK if good else Symptom.NO_ANSWER
        frames = (*base.frames, self._frame(deciding))
        return replace(base, symptom=symptom, frames=frames, answerer=Answerer.TARGET, reached=True)

    def lookup(self, journey: Journey, asked: Sequence[DnsQuestion]) -> Observation:
        """DNS in captures from elsewhere: what holds for any datagram, and whether the answer is the question's, and holds one."""
        outer = journey.outer
        story = self.datagram(journey)
        if story.symptom is not Symptom.OK:
            return story
        first = next((each for each in asked if each.answer is not None and not each.failed), None)
        if first is not None:
            part = " ".join(filter(None, (story.part, _TRUNCATED if first.how is Answered.TRUNCATED else "")))
            rows = [row for row in (first.asked, first.answer) if row is not None]
            return replace(story, part=part, frames=tuple(self._frame(row) for row in rows))
        failed = next((each for each in asked if each.failed), None)
        if failed is not None:
            rows = [row for row in (failed.asked, failed.answer) if row is not None]
            return replace(story, symptom=Symptom.NO_ANSWER, frames=tuple(self._frame(row) for row in rows))
        other = strangers(outer, self.table, journey.stray)
        if not other:
            return story
        question = asked[0]
        detail = f"the query (id {question.id:#06x}) was not answered: what came has another id ({int(self.table.dns_id[other[0]]):#06x}, frame {self._frame(other[0])}), of which a resolver takes no notice"
        return replace(story, symptom=Symptom.IN_PART, detail=detail, frames=(*story.frames[:1], self._frame(other[0])))

    def _answers(self, row: int) -> bool:
        """Whether a DNS response has an answer; the prober's word, where its header was not kept."""
        if self.table.dns_id[row] < 0 or not self.table.is_dns(row):
            return self.intent.answered
        return bool(self.table.dns_answers[row] > 0 and self.table.dns_rcode[row] == 0)

    def _replies(self, connection: Connection) -> list[int]:
        return sorted(row for flow in connection.flows for row in flow.reverse.tolist())

    def _icmp(self, base: Observation, connection: Connection, errors: list[int]) -> Observation:
        row = errors[0]
        port = (int(self.table.ip_version[row]), int(self.table.icmp_type[row]), int(self.table.icmp_code[row])) in (
            (4, 3, 3),
            (6, 1, 4),
        )
        symptom = Symptom.REFUSED if port else Symptom.UNREACHABLE
        return self._answered(base, symptom, connection, errors, icmp_error(self.table, row))

    def _answered(
        self, base: Observation, symptom: Symptom, connection: Connection, rows: list[int], what: str
    ) -> Observation:
        return replace(
            base,
            symptom=symptom,
            frames=(*base.frames, self._frame(rows[0])),
            answerer=self._answerer(connection, rows),
            detail=what,
        )

    def _answerer(self, connection: Connection, rows: list[int]) -> Answerer:
        """The target, when the answer was seen in its namespace (or there is nothing behind the last point to tell otherwise)."""
        if not rows:
            return Answerer.NOBODY
        target = self.intent.target
        if target is None:
            return Answerer.UNKNOWN
        inside = self._target_points()
        if target.container is None:
            seen = {self.points[int(self.table.packets.point[row])].place for row in rows}
            if any(place.host == target.host and place.container is not None for place in seen):
                return Answerer.UNKNOWN
            return Answerer.TARGET if self._reached(connection) else Answerer.HOST
        if not inside:
            return Answerer.UNKNOWN
        return Answerer.TARGET if any(int(self.table.packets.point[row]) in inside for row in rows) else Answerer.HOST

    def _target_points(self) -> set[int]:
        return {index for index, point in enumerate(self.points) if point.place == self.intent.target}

    def _reached(self, connection: Connection) -> bool | None:
        """Whether the connection was seen in the target's namespace; None when nothing (or not all) was sniffed there."""
        if self._elsewhere(connection):
            return False
        inside = self._target_points()
        if not inside:
            return None
        if any(flow.point in inside for flow in connection.flows):
            return True
        if self.intent.source != self.intent.target and all(self.points[index].interface == "lo" for index in inside):
            return None  # what comes from elsewhere comes by another interface
        if any(self.points[index].dropped for index in inside) or self._strays(connection, inside):
            return None
        return False

    def _strays(self, connection: Connection, inside: set[int]) -> bool:
        """Whether packets between the same ends were seen there that could not be joined: their first ones may be missing."""
        table, flow = self.table, connection.flows[-1]
        here = np.isin(table.packets.point, list(inside)) & (table.kind == flow.kind)
        ends = (np.uint64(flow.client.lo), np.uint64(flow.server.lo))
        forth = (table.src_lo == ends[0]) & (table.dst_lo == ends[1])
        back = (table.src_lo == ends[1]) & (table.dst_lo == ends[0])
        return bool(np.any(here & (forth | back)))

    def _elsewhere(self, connection: Connection) -> bool:
        """Whether it came to a container that is neither the source nor the target."""
        if self.intent.target is None or self.intent.source is None:
            return False
        places = {self.points[flow.point].place for flow in connection.flows}
        return any(
            place.container is not None and place not in (self.intent.source, self.intent.target) for place in places
        )

    def _patient(self, connection: Connection) -> bool:
        return self.intent.probed or self._sent(connection) > 1

    def _sent(self, connection: Connection) -> int:
        """How often the client sent its first packet, at the point that saw most of it."""
        counts = []
        for flow in connection.flows:
            row = request_row(flow, self.table)
            if row is not None:
                same = self.table.seq[flow.forward] == self.table.seq[row]
                counts.append(int(np.count_nonzero(same)))
        return max(counts, default=0)

    def _rows(self, connection: Connection, wanted: Flag) -> list[int]:
        """The server's packets with these flags, at all points, by time."""
        rows = [
            r for flow in connection.flows for r in flow.reverse.tolist() if _flags(self.table, r) & wanted == wanted
        ]
        return self._by_time(rows)

    def _errors(self, connection: Connection) -> list[int]:
        rows = [row for flow in connection.flows for row in flow.errors]
        return self._by_time([row for row in rows if not is_advice(self.table, row)])

    def _by_time(self, rows: list[int]) -> list[int]:
        return sorted(rows, key=lambda row: (int(self.table.packets.time_ns[row]), row))

    def _first(self, connection: Connection, *, request: bool) -> int | None:
        find = request_row if request else reply_row
        rows = [row for flow in connection.flows if (row := find(flow, self.table)) is not None]
        return self._by_time(rows)[0] if rows else None

    def _frame(self, row: int) -> int:
        return int(self.table.packets.frame[row])

    def _us(self, one: int, other: int) -> int:
        return (int(self.table.packets.time_ns[other]) - int(self.table.packets.time_ns[one])) // 1000


def _speaks(table: PacketTable, flow: Flow) -> int:
    """The packet with the first byte of the server's stream, of a flow that has one."""
    return next(int(row) for row in flow.reverse.tolist() if table.payload_len[row] > 0)


def _flags(table: PacketTable, row: int) -> int:
    return int(table.tcp_flags[row])
