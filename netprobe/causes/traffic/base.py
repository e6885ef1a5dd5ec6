"""What the causes of this family share: they are asked of captures from elsewhere alone, a connection at a time."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from netprobe.causes.base import Cause
from netprobe.causes.proof.frames import frame_numbers
from netprobe.model.report import Finding, Where
from netprobe.paths.story import Symptom
from netprobe.paths.tcp import of_one_flow

if TYPE_CHECKING:
    from collections.abc import Iterable

    from netprobe.causes.case import Case
    from netprobe.decode.table import PacketTable
    from netprobe.flows.model import Flow
    from netprobe.journeys.model import Connection
    from netprobe.paths.tcp import Half, Ints, Talk

_TOO_BIG = frozenset({(4, 3, 4), (6, 2, 0)})  # IP version, type, code: fragmentation needed, packet too big
STANDS = frozenset({Symptom.OK, Symptom.IN_PART, Symptom.NO_HANDSHAKE})


def too_big(table: PacketTable, row: int) -> bool:
    """Whether an ICMP error says that a packet was too large for the next link."""
    return (int(table.ip_version[row]), int(table.icmp_type[row]), int(table.icmp_code[row])) in _TOO_BIG


class Trouble(Cause):
    """A note on one connection of a capture from elsewhere. The prober of a run of our own says what came of it; here packets are all there is."""

    note = True
    symptoms: ClassVar[frozenset[Symptom]] = STANDS

    def find(self, case: Case) -> Finding | None:
        """Fires for the first connection of the journey of which it is true."""
        if case.probe is not None or case.journey is None:
            return None
        return next((found for leg in case.journey.legs if (found := self.found(case, leg)) is not None), None)

    @abstractmethod
    def found(self, case: Case, connection: Connection) -> Finding | None:
        """The finding about one connection."""

    def finding(self, summary: str, *evidence: str, at: str | None = None) -> Finding:
        """A finding with these words; ``at`` is whose trouble it is."""
        return Finding(
            code=self.code, summary=summary, where=Where(component=at), evidence=tuple(filter(None, evidence))
        )

    def possible(self, case: Case) -> bool:
        """Only for captures from elsewhere."""
        return case.probe is None


class TcpTrouble(Trouble):
    """A note on one TCP connection, by its numbers."""

    def found(self, case: Case, connection: Connection) -> Finding | None:
        """Fires for TCP alone."""
        legs = case.journey.legs if case.journey is not None else ()
        talk = next((talk for leg, talk in zip(legs, case.talks, strict=True) if leg is connection), None)
        return None if talk is None else self.told(Segments(case, connection, talk))

    @abstractmethod
    def told(self, seen: Segments) -> Finding | None:
        """The finding about these segments."""


class Segments:
    """One TCP connection's packets, and how to name them."""

    def __init__(self, case: Case, connection: Connection, talk: Talk) -> None:
        self.case = case
        self.connection = connection
        self.talk = talk

    @property
    def flow(self) -> Flow:
        """The flow whose ends are named."""
        return self.connection.flows[0]

    def halves(self) -> tuple[tuple[Half, Half, str], tuple[Half, Half, str]]:
        """What each side sent, what the other did, and who that side is: the client's first."""
        talk, flow = self.talk, self.flow
        return (
            (talk.client, talk.server, str(flow.client.unpack())),
            (talk.server, talk.client, str(flow.server.unpack())),
        )

    def frames(self, rows: Iterable[int]) -> str:
        """``frames 4, 5``."""
        return frame_numbers(self.case.table.packets.frame[np.fromiter(rows, np.int64)].tolist())

    def seconds(self, one: int, other: int) -> float:
        """From one row to another."""
        times = self.case.table.packets.time_ns
        return (int(times[other]) - int(times[one])) / 1e9

    def at_busiest(self, rows: Ints) -> Ints:
        """Those of the rows that one point saw, under one pair of addresses: each packet once."""
        return of_one_flow(self.connection.flows, rows)


def count_bytes(count: int) -> str:
    """``1 byte``, ``1400 bytes``."""
    return f"{count} byte{'s' if count != 1 else ''}"


def were(count: int) -> str:
    """The verb behind that."""
    return "were" if count != 1 else "was"


def span(seconds: float) -> str:
    """``2 s``, ``0.212 s``, ``86400 s``; ``55 µs`` and ``3.1 ms`` where it is shorter than a hundredth of a second."""
    if seconds >= 1000:
        return f"{seconds:.0f} s"
    if seconds >= 0.01 or seconds <= 0:
        return f"{seconds:.3g} s"
    return f"{seconds * 1e3:.3g} ms" if seconds >= 1e-3 else f"{seconds * 1e6:.3g} µs"
