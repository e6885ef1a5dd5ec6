"""The story of a TCP connection, and of docker-proxy's inner one: accepted, refused, in part, ended early."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from netprobe.decode.table import Flag
from netprobe.evidence.model import SPEAK_HTTP, Proto
from netprobe.paths.captured import Teller
from netprobe.paths.packets import flags_of
from netprobe.paths.spoken import Spoken
from netprobe.paths.story import Observation, Symptom
from netprobe.paths.tcp import talk_of
from netprobe.values import dataclass

if TYPE_CHECKING:
    from netprobe.flows.model import Flow
    from netprobe.journeys.model import Connection, Journey
    from netprobe.paths.tcp import Talk

HOLD_NS = 200_000_000  # a close or reset within 200 ms after the handshake is a failure
_NOT_TAKEN = (Symptom.SILENCE, Symptom.REFUSED, Symptom.UNREACHABLE, Symptom.IN_PART)


@dataclass(frozen=True, slots=True)
class Connections(Spoken):
    """TCP, and what was said over it."""

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
        talk = talk_of(connection.flows, self.table)
        if len(talk.answers):
            return self._after_accept(connection, base, talk.answers.tolist())
        resets = self._rows(connection, Flag.RST)
        errors = self._errors(connection)
        if resets:
            return self._answered(base, Symptom.REFUSED, connection, resets, "RST")
        if errors:
            return self._icmp(base, connection, errors)
        answer = "a SYN-ACK that acknowledges another number" if len(talk.of_others) else "no answer"
        return replace(base, patient=self._had_time(connection, leg), detail=f"{self._sent(connection)} SYN, {answer}")

    def _had_time(self, connection: Connection, leg: int) -> bool:
        """Whether an answer had its time: a TCP probe has its connection when docker-proxy takes it, and does not wait for the inner one."""
        content = leg > 1 and self.intent.proto is Proto.TCP
        return self._sent(connection) > 1 if content else self._patient(connection)

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
        ended = len(talk.resets(talk.server)) or talk.server.having(Flag.FIN).any()
        accepted = talk.answers.tolist()
        if told.symptom is Symptom.OK and accepted and ended and not talk.served and not talk.client_closed_first:
            return self._unless_ended(connection, found, accepted[0], talk)
        return found

    def _after_accept(self, connection: Connection, base: Observation, accepted: list[int]) -> Observation:
        first = accepted[0]
        done = replace(base, frames=(*base.frames, self._frame(first)), answerer=self._answerer(connection, accepted))
        if not self._acknowledged(connection):
            return replace(
                done,
                symptom=Symptom.SILENCE,
                patient=self._had_time(connection, base.leg),
                detail="SYN-ACK, never acknowledged",
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
        opened = [row for row in flow.reverse.tolist() if flags_of(table, row) & Flag.SYN]
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
                if flags_of(table, row) & (Flag.FIN | Flag.RST)
            ),
            default=None,
        )
        for row in flow.reverse.tolist():
            time = int(table.packets.time_ns[row])
            if client_end is not None and time >= client_end:
                return None
            if self._served(flow, row) and (self.intent.proto in SPEAK_HTTP or self.intent.plain):
                return None
            if taken is not None and flags_of(table, row) & Flag.RST and row not in taken:
                continue
            if flags_of(table, row) & (Flag.FIN | Flag.RST) and time - start < HOLD_NS:
                return int(row)
        return None

    def _served(self, flow: Flow, row: int) -> bool:
        """Whether a server's segment holds data, or is an end that data was sent before: that may come after it (lost, and sent again)."""
        behind = flags_of(self.table, row) & Flag.FIN and flow.reply_isn is not None
        before = (int(self.table.seq[row]) - (flow.reply_isn or 0) - 1) & 0xFFFFFFFF if behind else 0
        return int(self.table.payload_len[row]) > 0 or 0 < before < 1 << 31

    def _acknowledged(self, connection: Connection) -> bool:
        """Whether the client went on after the SYN-ACK, at any point."""
        return any(flags_of(self.table, row) & Flag.ACK for flow in connection.flows for row in flow.forward.tolist())
