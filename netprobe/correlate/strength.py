"""How sure it is that two rows which agree in so much are one connection, and not two that agree by chance.

Each thing in which two rows agree is worth as many bits as it takes to have it in common by chance: 32 for a random sequence number, 14 for a
port that a kernel gave, few for an address that many use. What is found oftener than chance gives it (the sequence number of a device that
always begins alike, a scanner's payload or port) is worth what its frequency says. Against that stands how many pairs there are that could agree by
chance: all rows, times those that a point sees in the time that lies between the two. A join needs :data:`MARGIN` bits more than these.

So a small capture joins by one number, and one of a million flows does not (the birthday bound: 10^6 random 32-bit numbers hold 116 equal pairs).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netprobe.correlate.neighbours import most_at_a_place
from netprobe.correlate.rules import FLIGHT_NS, free_port, same_print
from netprobe.correlate.sights import mixed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from netprobe.correlate.sights import Index, Sights
    from netprobe.correlate.tokens import Token

    Bits = NDArray[np.float64]

MARGIN = 10.0  # bits: one wrong join among a thousand such files
_NUMBER, _CLOCK, _IP_ID, _PORT = 32.0, 16.0, 12.0, 14.0
_ADDRESS, _SERVICE = 12.0, 10.0  # at most: a client's address, a server's with its port
_BUCKETS = 1 << 16
_BITS_A_BYTE, _MOST_OF_A_PAYLOAD = 4.0, 24.0
_FEW = 4  # rows of one connection at one point: a router's two sides, two VLANs
_SHORTEST_NS = 100_000  # what lies between two points tells no more than this: stamps are late
_USUAL = 8  # connections from one port are no habit


class Strength:
    """What the rows of one token's kind are worth to each other."""

    def __init__(self, sights: Sights, token: Token) -> None:
        self.said = token.said
        self._sights = sights
        self._side = token.side
        self._worth = np.zeros(len(sights))
        self._worth[token.row] = _worth(
            most_at_a_place(token.said, sights.column("point")[token.row], _FEW), len(token.row)
        )
        self._port = _port_worth(sights, token.row)
        client = mixed(sights.column(name, 0)[token.row] for name in ("hi", "lo"))
        self._client = _rarity(len(sights), token.row, client, _ADDRESS)
        self._server = _rarity(len(sights), token.row, sights.end(1)[token.row], _SERVICE)
        self._pairs_a_second = max(len(token.row), 1) * _busiest(sights.head_ns(token.side)[token.row])

    def score(self, one: Index, two: Index, *, marked: bool = True) -> Bits:
        """Bits beyond what chance gives, of each pair; ``marked``: their IP ids or TSvals agree."""
        sights, side = self._sights, self._side
        delay = np.maximum(np.abs(sights.head_ns(side)[two] - sights.head_ns(side)[one]), _SHORTEST_NS)
        chance = np.log2(np.maximum(self._pairs_a_second * (delay / FLIGHT_NS), 1.0))
        return np.asarray(self._packet(one, two, marked) + self._ends(one, two) + self._answer(one, two) - chance)

    def sure(self, score: Bits) -> NDArray[np.bool_]:
        """Whether that is enough."""
        return np.asarray(score >= MARGIN)

    def _packet(self, one: Index, two: Index, marked: bool) -> Bits:
        """What the packet itself is worth."""
        sights, side = self._sights, self._side
        clock = np.where(sights.clocked(side)[one], _CLOCK, 0.0)
        ip_id = sights.head("ip_id", side)
        known = (ip_id[one] > 0) & (ip_id[one] == ip_id[two])
        said = np.minimum(np.minimum(self._worth[one], self._worth[two]), self._most(one))
        return np.asarray(said + marked * np.maximum(clock, np.where(known, _IP_ID, 0.0)))

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

    def _answer(self, one: Index, two: Index) -> Bits:
        """What it is worth that both were answered alike."""
        sights = self._sights
        numbers = (sights.reply_isn[one] >= 0) & (sights.reply_isn[one] == sights.reply_isn[two])
        length = np.minimum(sights.head("length", 1)[one], sights.head("kept", 1)[one])
        alike = sights.sent(1)[one] & sights.sent(1)[two] & same_print(sights, one, two, 1)
        said = np.where(alike, np.clip(length * _BITS_A_BYTE, 0.0, _PORT), 0.0)
        return np.where(sights.tcp[one], np.where(numbers, _NUMBER, 0.0), said)


def _worth(count: Index, among: int) -> Bits:
    """Of a value that ``count`` rows of one point bear."""
    return np.where(count <= _FEW, _NUMBER, np.log2(max(among, 1) / np.maximum(count, 1)))


def _port_worth(sights: Sights, row: Index) -> Bits:
    """Of each row's client port."""
    out = np.zeros(len(sights))
    port = sights.column("port", 0)[row]
    count = np.bincount(np.clip(port, 0, 0xFFFF), minlength=1 << 16)[np.clip(port, 0, 0xFFFF)]
    usual = max(_USUAL, len(row) / 2.0**_PORT * 4)
    worth = np.clip(_PORT - np.log2(np.maximum(count / usual, 1.0)), 0.0, _PORT)
    out[row] = np.where(free_port(port), worth, 0.0)
    return out


def _rarity(size: int, row: Index, value: NDArray[np.uint64], most: float) -> Bits:
    """What it is worth to have a value in common, by how many have it (of a bucket of values: rather too many)."""
    out = np.zeros(size)
    bucket = (value >> np.uint64(40)).astype(np.int64) % _BUCKETS
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
