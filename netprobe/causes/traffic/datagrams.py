"""Trouble of questions and answers that are datagrams: errors of a name server, questions without an answer, ICMP errors beside answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.causes.base import Cause
from netprobe.causes.proof.frames import frame_numbers
from netprobe.causes.traffic.base import Trouble, too_big
from netprobe.decode.table import Kind
from netprobe.flows.build import source
from netprobe.journeys.hops import icmp_error
from netprobe.model.report import Finding, Where
from netprobe.paths.questions import Answered, questions
from netprobe.paths.story import Symptom

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netprobe.causes.case import Case
    from netprobe.decode.table import PacketTable
    from netprobe.journeys.model import Connection
    from netprobe.paths.questions import DnsQuestion

_FRAGMENT = 44
_EXTENSIONS = frozenset({0, 43, _FRAGMENT, 60})  # hop-by-hop, routing, fragment, destination options
_SAYS = {
    "NXDOMAIN": "says that {name} does not exist (NXDOMAIN)",
    "SERVFAIL": "could not find out about {name} (SERVFAIL): it, or a server that it asks, is at fault",
    "REFUSED": "refuses to answer for {name} (REFUSED): it does not serve that client, or that zone",
    "FORMERR": "does not understand the question for {name} (FORMERR)",
    "NOTIMP": "does not do what was asked of it for {name} (NOTIMP)",
    "BADVERS": "does not speak the version of EDNS in which it was asked for {name} (BADVERS)",
    "NOERROR": "says that {name} exists, and has no {type} record",
}


def _server(connection: Connection) -> str:
    return connection.flows[0].server.address


def _stray(case: Case, connection: Connection) -> Connection | None:
    """The answers to it that came from another address, as a group's do."""
    journey = case.journey
    return journey.stray if journey is not None and connection is journey.outer else None


def _answered_by(case: Case, connection: Connection) -> str:
    stray = _stray(case, connection)
    return _server(connection) if stray is None else stray.flows[0].client.address


def _asked(case: Case, connection: Connection) -> tuple[DnsQuestion, ...]:
    return questions(connection, case.table, _stray(case, connection))


def _more(failed: Sequence[DnsQuestion]) -> str:
    """How many more of the answers hold nothing."""
    what = "errors" if all(each.how is Answered.ERROR for each in failed) else "errors or empty"
    return f", and {len(failed) - 1} more of its answers are {what}" if len(failed) > 1 else ""


def _says(question: DnsQuestion) -> str:
    words = _SAYS.get(question.rcode, "answers the question for {name} with {rcode}")
    return words.format(name=question.name or "the name", type=question.type or "such", rcode=question.rcode)


def _frames(case: Case, rows: Sequence[int | None]) -> str:
    return frame_numbers(int(case.table.packets.frame[row]) for row in rows if row is not None)


class DnsErrorResponse(Cause):
    """The name server answered, and gave no record: an error code, or an empty answer.

    What it is: the question came to the name server and its answer came back; the network is not at fault. The answer's code says why it holds nothing.
    Why it happens: a misspelt name or a record that does not exist (NXDOMAIN, an empty answer); a server whose own servers do not answer, or whose zone is
        broken (SERVFAIL); a server that does not serve this client (REFUSED).
    Evidence: the question and its answer, by their frames and message id.
    Remedy: NXDOMAIN: check the name, and the search list that was put behind it (resolv.conf). SERVFAIL: ask another server, and look at that one's log. REFUSED: ask
        the server that serves this client.
    Source: RFC 1035 section 4.1.1 (RCODE); RFC 2308 sections 2.1, 2.2; RFC 8020.
    """

    code = "dns-error-response"
    symptoms = frozenset({Symptom.NO_ANSWER})
    tells = "dig @SERVER NAME"

    def find(self, case: Case) -> Finding | None:
        """Fires in captures from elsewhere, where nobody but the packets says what was asked."""
        if case.probe is not None or case.journey is None:
            return None
        outer = case.journey.outer
        failed = [each for each in questions(outer, case.table, case.journey.stray) if each.failed]
        if not failed:
            return None
        server = _answered_by(case, outer)
        evidence = [
            f"{each.type or 'DNS'} question and answer, id {each.id:#06x}: {_frames(case, (each.asked, each.answer))}"
            for each in failed[:3]
        ]
        return Finding(
            code=self.code,
            summary=f"{server} {_says(failed[0])}{_more(failed)}",
            where=Where(component=server),
            evidence=tuple(evidence),
        )

    def possible(self, case: Case) -> bool:
        """Only for captures from elsewhere: a run of our own asks for one name."""
        return case.probe is None


class DnsErrors(Trouble):
    """Some of the questions to a name server were answered by errors.

    What it is: one socket asked several questions; some were answered with a record, others with an error code.
    Why it happens: names of a search list that do not exist, tried one after the other; a server that is at times at fault (SERVFAIL).
    Evidence: the questions and their answers, by their frames.
    Remedy: none where a search list was tried; for SERVFAIL the log of that server.
    Source: RFC 1035 section 4.1.1 (RCODE); RFC 2308 section 2.1; resolv.conf(5), search.
    """

    code = "dns-errors"
    symptoms = frozenset({Symptom.OK})

    def found(self, case: Case, connection: Connection) -> Finding | None:
        """Fires where an exchange that works has questions that failed; an empty answer beside a full one is none (A beside AAAA)."""
        failed = [each for each in _asked(case, connection) if each.how is Answered.ERROR]
        if not failed:
            return None
        rows = [row for each in failed for row in (each.asked, each.answer)]
        return self.finding(
            f"{_answered_by(case, connection)} {_says(failed[0])}{_more(failed)}",
            f"the errors: {_frames(case, rows)}",
            at=_answered_by(case, connection),
        )


class QuestionsUnanswered(Trouble):
    """Some of the questions were not answered.

    What it is: echo requests or DNS questions of which some were answered and others were not: packets were lost one way or the other.
    Why it happens: a link or a host that is overloaded, a rate limit (of ICMP, of DNS answers), a path that changes, bad radio.
    Evidence: the questions without an answer, by their frames; not the capture's last, whose answer may have come later.
    Remedy: capture at the other side: whether the question came there, and the answer left.
    Source: RFC 792 (echo); RFC 1035 section 4.2.1; ping(8).
    """

    code = "questions-unanswered"
    symptoms = frozenset({Symptom.OK})

    def found(self, case: Case, connection: Connection) -> Finding | None:
        """Fires where the capture went on behind a question that has no answer."""
        asked, left = _echoes(case, connection) if connection.kind == Kind.ICMP else _datagrams(case, connection)
        if not left or len(left) == asked:
            return None
        what = "echo requests" if connection.kind == Kind.ICMP else "questions"
        return self.finding(
            f"{len(left)} of {asked} {what} {'was' if len(left) == 1 else 'were'} not answered",
            f"without an answer: {_frames(case, left)}",
            at=_server(connection),
        )


def _echoes(case: Case, connection: Connection) -> tuple[int, list[int]]:
    """How many echo requests there are (by their numbers), and the rows of those without a reply or an error."""
    table = case.table
    replied = {int(table.seq[row]) for flow in connection.flows for row in flow.reverse.tolist()}
    replied |= {number for flow in connection.flows for row in flow.errors if (number := _quoted_echo(table, row)) >= 0}
    asked: dict[int, int] = {}
    for flow in connection.flows:
        for row in flow.forward.tolist():
            asked.setdefault(int(table.seq[row]), row)
    return len(asked), _not_last(case, connection, [row for number, row in asked.items() if number not in replied])


def _quoted_echo(table: PacketTable, row: int) -> int:
    """The number of the echo request that an ICMP error quotes (RFC 792: 8 bytes of it at least); -1 where it was not kept."""
    quote = table.payload(row)
    header = _header_of(quote, int(table.ip_version[row]))
    return int.from_bytes(quote[header + 6 : header + 8], "big") if len(quote) >= header + 8 > 8 else -1


def _header_of(quote: bytes, version: int) -> int:
    """How long the quoted network header is, with IPv6's extension headers (RFC 8200 section 4); 0 where it was not kept whole."""
    if version != 6:
        return (quote[0] & 0xF) * 4 if quote else 0
    upper, at = (quote[6], 40) if len(quote) >= 40 else (59, 0)
    while upper in _EXTENSIONS and at + 8 <= len(quote):
        upper, at = quote[at], at + (8 if upper == _FRAGMENT else (quote[at + 1] + 1) * 8)
    return at


def _datagrams(case: Case, connection: Connection) -> tuple[int, list[int]]:
    """The same of DNS questions; of other datagrams nothing tells which answers which."""
    if _stray(case, connection) is not None:
        return 0, []  # a group was asked: nobody has to answer each
    found = _asked(case, connection)
    return len(found), _not_last(
        case, connection, [each.asked for each in found if each.how is Answered.NOT and each.asked is not None]
    )


def _not_last(case: Case, connection: Connection, rows: list[int]) -> list[int]:
    """None where the exchange's last packet is all that has no answer: that may have come when the capture was over."""
    times = case.table.packets.time_ns
    every = [row for flow in connection.flows for row in (*flow.forward.tolist(), *flow.reverse.tolist())]
    last = max((int(times[row]) for row in every), default=0)
    return rows if any(int(times[row]) < last for row in rows) else []


class IcmpErrorBeside(Trouble):
    """An ICMP error came as well, although answers did.

    What it is: the exchange was answered, and a router or one of the two hosts sent an error about one of its packets.
    Why it happens: a client that closed its socket before the last answer came (port unreachable); a route, a server or a firewall that changed meanwhile;
        packets that were too large, and were sent smaller then.
    Evidence: the error, who sent it, and whose packet it quotes.
    Remedy: none where the last answer came too late for its client; else ask whoever sent the error.
    Source: RFC 792; RFC 1122 section 3.2.2; RFC 4443 section 3.
    """

    code = "icmp-error-beside"
    symptoms = frozenset({Symptom.OK, Symptom.IN_PART})

    def found(self, case: Case, connection: Connection) -> Finding | None:
        """Fires where a flow that works has errors that quote it."""
        table = case.table
        rows = [row for flow in connection.flows for row in flow.errors]
        if (
            connection.kind == Kind.TCP
        ):  # a path's MTU is found by such errors; where it is not, FragmentationNeeded says so
            rows = [row for row in rows if not too_big(table, row)]
        rows.sort(key=lambda row: int(table.packets.time_ns[row]))
        if not rows:
            return None
        first, flow = rows[0], connection.flows[0]
        client = int(table.inner_src_lo[first]) == flow.client.lo and int(table.inner_sport[first]) in (
            -1,
            flow.client.port,
        )
        whose = (flow.client if client else flow.server).unpack(port=connection.kind != Kind.ICMP)
        who = source(table, first).address
        return self.finding(
            f"{icmp_error(table, first)} came from {who} about a packet of {whose}{_others(table, rows)}",
            f"the error: {_frames(case, rows)}",
            at=who,
        )


def _others(table: PacketTable, rows: Sequence[int]) -> str:
    """How many more errors there are, and from how many others than the first."""
    if len(rows) == 1:
        return ""
    senders = {source(table, row).address for row in rows}
    whence = f" from {len(senders)} senders in all" if len(senders) > 1 else ""
    return f", and {len(rows) - 1} more error{'s' if len(rows) > 2 else ''}{whence}"
