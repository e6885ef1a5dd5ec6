"""A connection as a ladder: a column a capture point, a row a packet, from the first to the last. Bounded: long connections lack their middle."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from netprobe.values import dataclass

if TYPE_CHECKING:
    from netprobe.model.endpoint import Ends
    from netprobe.model.hop import Direction, Hop


@dataclass(frozen=True, slots=True, kw_only=True)
class LadderColumn:
    """One place that packets of the connection passed, or should have.

    Attributes:
        point: the capture point's name.
        leg: 1, or 2 for the connection behind a proxy.
        ends: the client and the server as they are called there; None where nothing of it was seen.
        seen: as of a hop: False: it never arrived here; None: it could not have been observed.
        tag: the VLAN tag on the wire there, ``""`` none or unknown.
    """

    point: str
    leg: int = 1
    ends: Ends | None = None
    seen: bool | None = True
    tag: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """One packet at one column: the column's index, the time in µs since the connection's first packet, and the number that Wireshark shows."""

    column: int
    time_us: float
    frame: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrow:
    """One packet on its way.

    Attributes:
        direction: whose it is. leg: as of its columns.
        info: ``SYN``, ``ACK``, ``echo request`` … size: its payload in bytes.
        says: what its payload begins with, where that is known: ``GET / HTTP/1.1``, ``TLS Client Hello``; ``""`` else.
        sights: where it was seen, in the order in which it passed.
        lost: the index of the column that it should have come to and did not; None: it is not missed.
        again: it repeats one that was sent before (a retransmission).
    """

    direction: Direction
    leg: int
    info: str
    size: int = 0
    says: str = ""
    sights: tuple[Sight, ...]
    lost: int | None = None
    again: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """What was left out in the middle: how many packets (as the point counts them that saw most of them), and from when until when, in µs."""

    packets: int
    from_us: float
    until_us: float


Rung: TypeAlias = "Arrow | Gap"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """All of it.

    Attributes:
        columns: in the order of the way from the client to the server.
        rungs: in the order of time.
        relay: who joins the two legs: ``docker-proxy``, ``embedded DNS server``; ``""`` with one leg.
    """

    columns: tuple[LadderColumn, ...]
    rungs: tuple[Rung, ...]
    relay: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowLadder:
    """The ladder of one of many flows: of their packets alone, without any host's state.

    Attributes:
        ladder: its packets.
        hops: its deciding packets point by point, and what changed between them.
    """

    ladder: Ladder
    hops: tuple[Hop, ...]
