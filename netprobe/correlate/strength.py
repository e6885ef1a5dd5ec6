"""How sure it is that two rows which agree in so much are one connection, and not two that agree by chance.

Each thing in which two rows agree is worth as many bits as it takes to have it in common by chance: 32 for a random sequence number, 14 for a
port that a kernel gave, few for an address that many use. What is found oftener than chance gives it (the sequence number of a device that
always begins alike, a scanner's payload or port) is worth what its frequency says. Against that stands how many pairs there are that could agree by
chance: all rows, times those that a point sees in the time that lies between the two. A join needs :data:`MARGIN` bits more than these.

So a small capture joins by one number, and one of a million flows does not (the birthday bound: 10^6 random 32-bit numbers hold 116 equal pairs).
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from netprobe.correlate.neighbours import most_at_a_place
from netprobe.correlate.rules import FLIGHT_NS, TICK_NS, free_port, same_print
from netprobe.correlate.sights import mixed
from netprobe.journeys.tokens import MANY

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from netprobe.correlate.sights import Index, Sights
    from netprobe.correlate.tokens import Token

    Bits = NDArray[np.float64]

MARGIN = 10.0  # bits: one wrong join among a thousand such files
_NUMBER, _CLOCK, _IP_ID, _PORT = 32.0, 16.0, 12.0, 14.0
_ADDRESS, _SERVICE = 12.0, 10.0  # at most: a client's address, a server's with its port
_BUCKETS = 1 << 16
_TICKS = 16  # of a clock that goes as time does, its own jitter
_BITS_A_BYTE, _MOST_OF_A_PAYLOAD = 4.0, 24.0
_SHORTEST_NS = 100_000  # what lies between two points tells no more than this: stamps are late
_USUAL = 8  # connections from one port are no habit
_LINK = 6.0  # bits at most: a station that received the one, and that it sent the other


class Strength:
    """What the rows of one token's kind are worth to each other. Nothing is counted before a pair is asked about: most tokens are one row's alone."""

    def __init__(self, sights: Sights, token: Token) -> None:
        self.said = token.said
        self._sights = sights
        self._side, self._row = token.side, token.row

    @cached_property
    def _worth(self) -> Bits:
        return _number_worth(self._sights, self._row, self.said)

    @cached_property
    def _mark(self) -> Bits:
        sights, row, side = self._sights, self._row, self._side
        ip_ids = _rarity(sights, row, sights.head("ip_id", side)[row], _IP_ID)
        return np.asarray(np.maximum(_clock_worth(sights, row, side), ip_ids))

    @cached_property
    def _port(self) -> Bits:
        return _port_worth(self._sights, self._row)

    @cached_property
    def _client(self) -> Bits:
        client = mixed(self._sights.column(name, 0)[self._row] for name in ("hi", "lo"))
        return _rarity(self._sights, self._row, client, _ADDRESS)

    @cached_property
    def _server(self) -> Bits:
        return _rarity(self._sights, self._row, self._sights.end(1)[self._row], _SERVICE)

    @cached_property
    def _other(self) -> Index:
        return _other_number(self._sights, self._side)

    @cached_property
    def _other_worth(self) -> Bits:
        known = np.flatnonzero(self._other >= 0)
        return _number_worth(self._sights, known, mixed([self._other[known]]))

    @cached_property
    def _print_worth(self) -> Bits:
        print_ = mixed(self._sights.head(name, 1)[self._row] for name in ("length", "kept", "digest"))
        return _rarity(self._sights, self._row, print_, _PORT)

    @cached_property
    def _links(self) -> tuple[Bits, Bits]:
        """Of the station that received a row's packet, and of the one that sent it."""
        to, sender = (self._sights.head(name, self._side)[self._row] for name in ("to", "from"))
        return _rarity(self._sights, self._row, to, _LINK), _rarity(self._sights, self._row, sender, _LINK)

    @cached_property
    def _pairs_a_second(self) -> int:
        return max(len(self._row), 1) * _busiest(self._sights.head_ns(self._side)[self._row])

    def score(self, one: Index, two: Index, *, marked: bool = True) -> Bits:
        """Bits beyond what chance gives, of each pair; ``marked``: their IP ids or TSvals agree."""
        if not len(one):
            return np.zeros(0, np.float64)
        sights, side = self._sights, self._side
        delay = np.maximum(np.abs(sights.head_ns(side)[two] - sights.head_ns(side)[one]), _SHORTEST_NS)
        chance = np.log2(np.maximum(self._pairs_a_second * (delay / FLIGHT_NS), 1.0))
        said = self._packet(one, two, marked) + self._ends(one, two) + self._answer(one, two) + self._routed(one, two)
        return np.asarray(said - chance)

    def sure(self, score: Bits) -> NDArray[np.bool_]:
        """Whether that is enough."""
        return np.asarray(score >= MARGIN)

    def _packet(self, one: Index, two: Index, marked: bool) -> Bits:
        """What the packet itself is worth."""
        said = np.minimum(np.minimum(self._worth[one], self._worth[two]), self._most(one))
        return np.asarray(said + marked * np.minimum(self._mark[one], self._mark[two]))

    def _most(self, one: Index) -> Bits:
        """What it can be worth at most: a number its bits, a payload those of its bytes."""
        sights = self._sights
        length = np.minimum(sights.head("length", 0)[one], sights.head("kept", 0)[one])
        payload = np.clip(length * _BITS_A_BYTE, 0.0, _MOST_OF_A_PAYLOAD)
        return np.where(sights.tcp[one], _NUMBER, payload)

    def _ends(self, one: Index, two: Index) -> Bits:
        """What the parts of the 5-tuple are worth that were not rewritten."""
        sights = self._sights
        port = sights.column("port", 0)
        kept = np.where(port[one] == port[two], np.minimum(self._port[one], self._port[two]), 0.0)
        client = np.where(sights.same_address(one, 0, two, 0), self._client[one], 0.0)
        server = np.where(sights.same_end(one, 1, two, 1), self._server[one], 0.0)
        return np.asarray(kept + client + server)

    def _routed(self, one: Index, two: Index) -> Bits:
        """What it is worth that at one point the station that received the one packet sent the other, as who routes does."""
        sights, point = self._sights, self._sights.column("point")
        receiver, sender = sights.head("to", self._side)[one], sights.head("from", self._side)[two]
        handed = (point[one] == point[two]) & (receiver == sender) & (receiver > 0)
        return np.where(handed, self._links[0][one] + self._links[1][two], 0.0)

    def _answer(self, one: Index, two: Index) -> Bits:
        """What it is worth that the other side's number agrees too, or that both were answered alike."""
        sights = self._sights
        numbers = (self._other[one] >= 0) & (self._other[one] == self._other[two])
        worth = np.minimum(self._other_worth[one], self._other_worth[two])
        alike = sights.sent(1)[one] & sights.sent(1)[two] & same_print(sights, one, two, 1)
        length = np.minimum(sights.head("length", 1)[one], sights.head("kept", 1)[one])
        said = np.minimum(np.clip(length * _BITS_A_BYTE, 0.0, _PORT), self._print_worth[one])
        return np.where(sights.tcp[one], np.where(numbers, worth, 0.0), np.where(alike, said, 0.0))


def _other_number(sights: Sights, side: int) -> Index:
    """The initial sequence number of the side that a token is not of; -1."""
    if side == 0:
        return sights.reply_isn
    return np.where(sights.reply_isn >= 0, sights.head("ack", 1), -1)


def _number_worth(sights: Sights, row: Index, value: NDArray[np.uint64]) -> Bits:
    """What a random number is worth that as many rows of one point bear."""
    out = np.zeros(len(sights))
    count = most_at_a_place(value, sights.column("point")[row], MANY)
    out[row] = np.where(count <= MANY, _NUMBER, np.log2(max(len(row), 1) / np.maximum(count, 1)))
    return out


def _clock_worth(sights: Sights, row: Index, side: int) -> Bits:
    """What a sender's clock is worth: nothing where all have the same one (how far it is from the time tells that)."""
    ahead = sights.head("tsval", side)[row] - sights.head_ns(side)[row] // TICK_NS
    worth = _rarity(sights, row, ahead // _TICKS, _CLOCK)
    return np.where(sights.clocked(side), worth, 0.0)


def _port_worth(sights: Sights, row: Index) -> Bits:
    """Of each row's client port."""
    out = np.zeros(len(sights))
    port = sights.column("port", 0)[row]
    count = np.bincount(np.clip(port, 0, 0xFFFF), minlength=1 << 16)[np.clip(port, 0, 0xFFFF)]
    usual = max(_USUAL, len(row) / 2.0**_PORT * 4)
    worth = np.clip(_PORT - np.log2(np.maximum(count / usual, 1.0)), 0.0, _PORT)
    out[row] = np.where(free_port(port), worth, 0.0)
    return out


def _rarity(sights: Sights, row: Index, value: NDArray[Any], most: float) -> Bits:
    """What it is worth to have a value in common, by how many have it (of a bucket of values: rather too many)."""
    out = np.zeros(len(sights))
    bucket = (mixed([value]) >> np.uint64(40)).astype(np.int64) % _BUCKETS
    count = np.bincount(bucket, minlength=_BUCKETS)[bucket]
    out[row] = np.clip(np.log2(len(row) / count), 0.0, most)
    return out


def _busiest(times: Index) -> int:
    """How many of these times lie in one second at most."""
    if not len(times):
        return 1
    ordered = np.sort(times)
    return int((np.searchsorted(ordered, ordered + FLIGHT_NS, side="right") - np.arange(len(ordered))).max())


def ends_token(sights: Sights, row: Index) -> NDArray[np.uint64]:
    """A hash of each row's two ends, whichever began."""
    one, other = sights.end(0)[row], sights.end(1)[row]
    return mixed([sights.kind[row], np.minimum(one, other), np.maximum(one, other)])
