"""What answers a question, or hands it on, from another address: datagrams that belong together although neither end is the same.

docker-proxy answers a container's datagram from the bridge's address (:mod:`netprobe.journeys.stray`); Docker's embedded name server asks another
one for what it does not know (:mod:`netprobe.journeys.select`).
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

import numpy as np

from netprobe.correlate.sights import mixed
from netprobe.correlate.strength import MARGIN
from netprobe.decode.table import Kind
from netprobe.journeys.same import WAIT_NS
from netprobe.journeys.select import LOOKUP_NS
from netprobe.state.engine import EMBEDDED_DNS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from netprobe.correlate.sights import Index, Mask
    from netprobe.correlate.talks import Talks

_ID, _MESSAGE = 16.0, 24.0  # bits: a message id, and that the messages are equal
_BROADCAST = 0xFFFFFFFF


def strays(talks: Talks) -> Index:
    """int64 (c,): of each connection without an answer the one that holds what came back from another address; -1 none."""
    out = np.full(len(talks), len(talks), np.int64)
    udp = talks.kind == int(Kind.UDP)
    rows = np.flatnonzero((udp & ~talks.answered & ~_symmetric(talks))[talks.joined.connection])
    sent = np.flatnonzero(udp & ~_to_itself(talks))
    asked = talks.joined.connection[rows]
    at, answer = following(_asked_from(talks, rows), talks.start_ns[asked], _came_to(talks, sent), talks.start_ns[sent])
    asked, answer = asked[at], sent[answer]
    near = talks.start_ns[answer] - talks.start_ns[asked] <= WAIT_NS
    np.minimum.at(out, asked[near], answer[near])
    return np.where(out < len(talks), out, -1)


def following(
    asked: NDArray[np.uint64], asked_ns: Index, held: NDArray[np.uint64], held_ns: Index
) -> tuple[Index, Index]:
    """(place among those that ask, place among those that hold): each with the next that holds its token, at that time or later.

    Args:
        asked: uint64 (m,), tokens.
        asked_ns: int64 (m,), when.
        held: uint64 (k,), tokens.
        held_ns: int64 (k,), when.
    """
    token, time = np.concatenate([asked, held]), np.concatenate([asked_ns, held_ns])
    place = np.concatenate([np.arange(len(asked)), np.arange(len(held))])
    holds = np.repeat([False, True], [len(asked), len(held)])
    order = np.lexsort((place, holds, time, token))
    token, place, holds = token[order], place[order], holds[order]
    position = np.where(holds, np.arange(len(order)), len(order))
    behind = np.minimum.accumulate(position[::-1])[::-1]
    asks = np.flatnonzero(~holds & (behind < len(order)))
    asks = asks[token[behind[asks]] == token[asks]]
    return place[asks], place[behind[asks]]


def _end(talks: Talks, row: Index, side: int) -> list[NDArray[np.uint64]]:
    """A side's endpoint, as columns."""
    sights = talks.sights
    return [
        sights.column("version")[row].astype(np.uint64),
        *(talks.sided(name, side)[row].astype(np.uint64) for name in ("hi", "lo", "port")),
    ]


def _asked_from(talks: Talks, row: Index) -> NDArray[np.uint64]:
    """Who asks, and at which port."""
    return mixed([*_end(talks, row, 0), talks.sided("port", 1)[row].astype(np.uint64)])


def _came_to(talks: Talks, number: Index) -> NDArray[np.uint64]:
    """To whom each connection's datagrams came, and from which port."""
    first = talks.first[number]
    alone = np.asarray(talks.most(talks.sided("packets", 0)) == 0)[number]
    columns = [
        np.where(alone, mine, theirs) for mine, theirs in zip(_end(talks, first, 0), _end(talks, first, 1), strict=True)
    ]
    return mixed(
        [*columns, np.where(alone, talks.sided("port", 1)[first], talks.sided("port", 0)[first]).astype(np.uint64)]
    )


def _to_itself(talks: Talks) -> Mask:
    return talks.sights.same_end(talks.first, 0, talks.first, 1)


def _symmetric(talks: Talks) -> Mask:
    """Whether both ends have one port and no group was asked: then what another sends there (NetBIOS, IKE, NTP) is as likely its own."""
    sights, first = talks.sights, talks.first
    equal = sights.column("port", 0)[first] == sights.column("port", 1)[first]
    low = sights.column("lo", 1)[first]
    four = (low >> np.uint64(28) == 0xE) | (low == _BROADCAST)
    group = np.where(sights.column("version")[first] == 4, four, sights.column("hi", 1)[first] >> np.uint64(56) == 0xFF)
    link = sights.head("to", 0)[first]
    return np.asarray(equal & ~group & ((link < 0) | (link >> 40 & 1 == 0)))


def names(talks: Talks) -> Mask:
    """Whether each connection is a name server's exchange."""
    return np.asarray((talks.kind == int(Kind.UDP)) & (talks.most(talks.sights.column("dns_id")) >= 0))


def asked_on(talks: Talks) -> Index:
    """int64 (c,): of a question to the embedded name server the one that this asked another for it; -1 none."""
    out = np.full(len(talks), -1, np.int64)
    embedded = _embedded(talks) & names(talks)
    outer, others = np.flatnonzero(embedded), np.flatnonzero(names(talks) & ~_embedded(talks))
    if not len(outer) or not len(others):
        return out
    number = talks.sights.column("dns_id")[talks.first].astype(np.uint64)
    at, behind = following(number[outer], talks.start_ns[outer], number[others], talks.start_ns[others])
    one, two = outer[at], others[behind]
    waited = talks.start_ns[two] - talks.start_ns[one]
    sure = (waited <= LOOKUP_NS) & _sure(talks, one, two, waited, len(others))
    out[one[sure]] = two[sure]
    return out


def _sure(talks: Talks, one: Index, two: Index, waited: Index, among: int) -> Mask:
    """Whether a message id tells that, among so many."""
    length, digest = (talks.sided(f"head_{name}", 0)[talks.first] for name in ("length", "digest"))
    same = (length[one] == length[two]) & (digest[one] == digest[two])
    took = max(int(talks.last_ns.max() - talks.start_ns.min()), 1)
    chance = np.log2(np.maximum(among * (waited / took) * len(one), 1.0))
    return np.asarray(_ID + np.where(same, _MESSAGE, 0.0) - chance >= MARGIN)


def _embedded(talks: Talks) -> Mask:
    """Whether the embedded name server was asked."""
    low, version = talks.sights.column("lo", 1)[talks.first], talks.sights.column("version")[talks.first]
    known = [int(ip_address(each)) for each in EMBEDDED_DNS]
    return np.asarray((version == 4) & np.isin(low, np.array(known, np.uint64)))
