"""The story of datagrams, of echoes, and of questions to name servers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from netprobe.decode.table import Kind
from netprobe.flows.build import source
from netprobe.paths.packets import JourneyPackets
from netprobe.paths.questions import Answered, strangers
from netprobe.paths.story import Answerer, Observation, Symptom
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netprobe.flows.model import PackedEndpoint
    from netprobe.journeys.model import Connection, Journey
    from netprobe.paths.questions import DnsQuestion

_TRUNCATED = "The answer is truncated: the client has to ask again over TCP."


@dataclass(frozen=True, slots=True)
class Datagrams(JourneyPackets):
    """Everything else than TCP."""

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
            return self._by_another(journey, answered, replies[0])
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

    def _by_another(self, journey: Journey, answered: Observation, reply: int) -> Observation:
        """A capture's question that another address answered than the one that was asked: as it has to be where a group was asked.

        A proxy that listens at every address answers from the one that its route back has: what it was asked was answered.
        """
        outer, inner = journey.outer, journey.inner
        asked, other = outer.flows[0].server.address, source(self.table, reply).address
        request = self._first(outer, request=True)
        if request is not None and self._for_many(outer, request):
            part = f"It was sent to {self._group(outer.flows[0].server)}, and {other} answered."
            return replace(answered, symptom=Symptom.OK, answerer=Answerer.UNKNOWN, part=part)
        if inner is not outer and self._replies(inner):
            part = f"The answer came from {other}: a client whose socket is connected to {asked} does not take it."
            answerer = self._answerer(inner, self._replies(inner))
            return replace(answered, symptom=Symptom.OK, answerer=answerer, part=part)
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

    def dns(self, journey: Journey) -> Observation:
        """A DNS exchange: an answer, a response without one, or silence (an answer that did not come to the client is none)."""
        connection = journey.outer
        request = self._first(connection, request=True)
        if request is None:
            return Observation(symptom=Symptom.NO_PACKETS, patient=False)
        base = Observation(symptom=Symptom.SILENCE, frames=(self._frame(request),), patient=self.intent.probed)
        replies = self._replies(connection)
        good = [row for row in replies if self._answers(row)]
        if not replies:
            errors = self._errors(connection)
            return self._icmp(base, connection, errors) if errors else base
        if not self._came(journey):
            return replace(base, frames=(*base.frames, self._frame(replies[0])), detail="an answer that did not come")
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
