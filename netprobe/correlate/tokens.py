"""The tokens of a flow table's rows (:mod:`netprobe.journeys.tokens`): a 64-bit hash of what bridges, routers and NAT leave alone.

A token is made of one packet a side, the one that the row keeps (``head_``). Equal hashes only make two rows candidates: what the hash is of is
compared again where it decides (:mod:`strength`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from netprobe.correlate.sights import mixed
from netprobe.decode.table import Kind
from netprobe.journeys.tokens import DIGEST_BYTES
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from netprobe.correlate.sights import Index, Sights

_SYN, _SYN_ACK, _DATA, _DATAGRAM, _ECHO = (np.int64(each) for each in range(5))


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A token of some rows.

    Attributes:
        side: whose packet it is of. row: int64 (m,). value: uint64 (m,). said: uint64, a hash of what its sender chose or drew, without
            what a sender draws for each packet (IP id, TSval): where many have that in common, it tells nobody. (m,), or of all rows of the kind,
            where some are told apart by more than that.
    """

    side: int
    row: Index
    value: NDArray[np.uint64]
    said: NDArray[np.uint64]


def packet_tokens(sights: Sights) -> Iterator[Token]:
    """The tokens of one packet each: SYNs, SYN-ACKs, segments of connections without a handshake, datagrams, echo requests.

    Datagrams that many send are told apart by the client's end, or by the server's and the client's port, where NAT left these, or by their answer.
    """
    syn = np.flatnonzero(sights.isn >= 0)
    every = _token(sights, syn, 0, _SYN, ("seq",), ("window",))
    yield every
    yield from _by_ends(sights, every)
    syn_ack = np.flatnonzero(sights.reply_isn >= 0)
    yield _token(sights, syn_ack, 1, _SYN_ACK, ("seq",), ("ack",))
    midway = sights.tcp & (sights.isn < 0) & (sights.reply_isn < 0)
    for side in (0, 1):
        data = np.flatnonzero(midway & sights.sent(side) & (sights.head("length", side) > 0))
        yield _token(sights, data, side, _DATA, ("seq", "ack", "length"), ())
    asked = np.flatnonzero(~sights.tcp & sights.sent(0))
    every = _datagrams(sights, asked)
    ends = sights.end(0)[asked], sights.column("port", 0)[asked]
    yield replace(every, value=mixed([every.value, ends[0]]))
    yield replace(every, value=mixed([every.value, ends[1], sights.end(1)[asked]]))
    back = sights.sent(1)[asked]
    if back.any():
        own = np.where(back, np.int64(-1), asked)  # what was not answered has no answer in common with anything
        yield replace(every, value=mixed([every.value, own, *prints(sights, asked, 1)]))
    yield every


def _by_ends(sights: Sights, every: Token) -> Iterator[Token]:
    """SYNs of whose number many are, told apart by the client's end, or by the server's and the client's port."""
    many = sights.common[every.row]
    row, value = every.row[many], every.value[many]
    if len(row):
        port, ends = sights.column("port", 0)[row], [sights.end(side)[row] for side in (0, 1)]
        yield replace(every, row=row, value=mixed([value, ends[0]]))
        yield replace(every, row=row, value=mixed([value, port, ends[1]]))


def first_numbers(sights: Sights) -> Token:
    """A SYN's number and window, whichever of its repetitions it was."""
    row = np.flatnonzero(sights.isn >= 0)
    said = mixed([np.full(len(row), _SYN), sights.head("seq", 0)[row]])
    return Token(side=0, row=row, said=said, value=mixed([said, sights.head("window", 0)[row]]))


def _token(
    sights: Sights, row: Index, side: int, what: np.int64, numbers: tuple[str, ...], habits: tuple[str, ...]
) -> Token:
    said = mixed([np.full(len(row), what), *(sights.head(name, side)[row] for name in numbers)])
    others = [sights.head(name, side)[row] for name in habits]
    return Token(side=side, row=row, said=said, value=mixed([said, *others, sights.mark(side)[row]]))


def _datagrams(sights: Sights, row: Index) -> Token:
    length, digest, doubt = prints(sights, row, 0)
    echo = np.where(sights.kind[row] == int(Kind.ICMP), _ECHO, _DATAGRAM)
    said = mixed([echo, sights.kind[row], sights.head("seq", 0)[row], length, digest, doubt])
    return Token(side=0, row=row, said=said, value=mixed([said, sights.head("ip_id", 0)[row]]))


def prints(sights: Sights, row: Index, side: int) -> tuple[Index, NDArray[np.uint64], Index]:
    """What identifies a datagram's payload: its length, and the hash of its first bytes, where every capture kept as many of that length.

    Where captures cut it differently, only the length can be compared; then, or where it was cut at all, the client's port must agree (the third).
    """
    length = sights.head("length", side)[row]
    kept = sights.head("kept", side)[row]
    digest = sights.head("digest", side)[row].copy()
    port = sights.column("port", 0)[row].astype(np.int64)
    cut = kept < np.minimum(length, DIGEST_BYTES)
    doubted = np.isin(length, np.unique(length[cut])) if cut.any() else cut
    digest[doubted & np.isin(length, _cut_differently(length, kept))] = 0
    return length, digest, np.where(doubted, port, -1)


def _cut_differently(length: Index, kept: Index) -> Index:
    """The lengths of which not all rows kept as many bytes."""
    order = np.lexsort((kept, length))
    lengths, sizes = length[order], kept[order]
    differ = (lengths[1:] == lengths[:-1]) & (sizes[1:] != sizes[:-1])
    return np.unique(lengths[1:][differ])
