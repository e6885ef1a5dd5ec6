"""What DNS messages over UDP say in captures from elsewhere: each question (by its message id) and how it was answered (RFC 1035 section 4.1.1)."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from netprobe.decode.dns import extended_rcode, parse_message, rcode_name
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netprobe.decode.table import PacketTable
    from netprobe.journeys.model import Connection

_QR, _AA, _TC, _RD, _RA = 0x8000, 0x0400, 0x0200, 0x0100, 0x0080
_OPCODE = 0x7800


class Answered(StrEnum):
    """How a question was answered."""

    WELL = "well"  # with a record; or an operation that is no query was done
    REFERRAL = "referral"  # another server is named, as who asks without recursion expects
    TRUNCATED = "truncated"  # not all of it fits a datagram: to be asked again over TCP
    EMPTY = "empty"  # the name exists, and has no record of the type
    ERROR = "error"  # with an error code
    NOT = "not"  # by nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsQuestion:
    """One question.

    Attributes:
        id: its message id.
        how: how it was answered; of several answers, the best.
        asked, answer: rows of the packet table, None where it was not captured.
        rcode: the answer's response code by name; ``""`` without one.
        name, type: what was asked, ``""`` where that was not kept.
    """

    id: int
    how: Answered
    asked: int | None
    answer: int | None
    rcode: str = ""
    name: str = ""
    type: str = ""

    @property
    def failed(self) -> bool:
        """Whether an answer came that holds nothing."""
        return self.how in (Answered.ERROR, Answered.EMPTY)


def questions(connection: Connection, table: PacketTable, stray: Connection | None = None) -> tuple[DnsQuestion, ...]:
    """Return the questions of one exchange in the order in which they were asked; () where their headers were not kept.

    An answer whose question was not captured is one of its own; but where questions were, an answer with another id is none
    (RFC 5452 section 9.1). Who asks a group (LLMNR) is answered from another address: ``stray`` are those answers.
    """
    asked: dict[int, int] = {}
    answers: dict[int, list[int]] = {}
    for row in _rows(connection, table, "forward"):
        asked.setdefault(int(table.dns_id[row]), row)
    for row in _answers(connection, table, stray):
        answers.setdefault(int(table.dns_id[row]), []).append(row)
    ids = list(asked) or list(answers)
    return tuple(_question(table, each, asked.get(each), answers.get(each, ())) for each in ids)


def strangers(connection: Connection, table: PacketTable, stray: Connection | None = None) -> list[int]:
    """Rows of answers that answer no question of theirs: of another id."""
    asked = {int(table.dns_id[row]) for row in _rows(connection, table, "forward")}
    return [row for row in _answers(connection, table, stray) if asked and int(table.dns_id[row]) not in asked]


def _answers(connection: Connection, table: PacketTable, stray: Connection | None) -> Iterator[int]:
    yield from _rows(connection, table, "reverse")
    if stray is not None:
        yield from _rows(stray, table, "forward")


def _rows(connection: Connection, table: PacketTable, way: str) -> Iterator[int]:
    rows = sorted(
        (
            row
            for flow in connection.flows
            for row in getattr(flow, way).tolist()
            if table.dns_id[row] >= 0 and table.is_dns(row)
        ),
        key=lambda row: int(table.packets.time_ns[row]),
    )
    yield from rows


def _question(table: PacketTable, number: int, asked: int | None, answers: list[int] | tuple[()]) -> DnsQuestion:
    order = list(Answered)
    judged = [(order.index(_how(table, row)), row) for row in answers]
    best, answer = min(judged, default=(order.index(Answered.NOT), None))
    message = next((m for row in (asked, answer) if row is not None and (m := parse_message(table.payload(row)))), None)
    name, kind = message.questions[0] if message is not None and message.questions else ("", "")
    return DnsQuestion(
        id=number,
        how=order[best],
        asked=asked,
        answer=answer,
        rcode=rcode_name(_rcode(table, answer)) if answer is not None else "",
        name=name,
        type=kind,
    )


def _rcode(table: PacketTable, row: int) -> int:
    """The response code, with the bits that an OPT record holds of it."""
    return int(table.dns_rcode[row]) | extended_rcode(table.payload(row))


def _how(table: PacketTable, row: int) -> Answered:
    flags = int.from_bytes(table.payload(row)[2:4], "big")
    if _rcode(table, row) != 0:
        return Answered.ERROR
    if table.dns_answers[row] > 0 or flags & _OPCODE:
        return Answered.TRUNCATED if flags & _TC and not flags & _OPCODE else Answered.WELL
    if flags & _TC:
        return Answered.TRUNCATED
    return Answered.REFERRAL if not flags & (_AA | _RA | _RD) else Answered.EMPTY
