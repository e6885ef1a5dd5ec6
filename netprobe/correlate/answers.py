"""Questions and answers that no point saw together: the one direction here, the other there.

Where one VLAN of a point holds what one end sent and another what the other sent, both are one connection (private VLANs, RFC 5517). Else the
answer to a question is known by what it must have: to a SYN the number that it acknowledges and the client's end, to a name server's question its
id, the client's end and the server's address, to an echo its payload and the client's address.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netprobe.correlate.groups import Edges
from netprobe.correlate.neighbours import Bearers
from netprobe.correlate.rules import free_port
from netprobe.correlate.sights import mixed
from netprobe.correlate.strength import ends_token
from netprobe.correlate.tokens import prints
from netprobe.decode.table import Kind
from netprobe.flows.build import ANSWER_NS
from netprobe.journeys.join import LOOK_BACK
from netprobe.journeys.same import ORDER_NS, WAIT_NS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from netprobe.correlate.groups import Groups
    from netprobe.correlate.sights import Index, Mask, Sights

_WAYS = 2


def one_way_each(sights: Sights, groups: Groups) -> None:
    """Join the two rows of one point and 5-tuple, one direction in each of two VLANs."""
    if not len(sights) or (sights.place == sights.place[0]).all():
        return
    half = np.flatnonzero(~(sights.sent(0) & sights.sent(1)))
    token = mixed([ends_token(sights, half), sights.column("point")[half], sights.column("tunnel")[half]])
    bearers = Bearers(half, token, sights.first_ns, sights.when(-1))
    if not len(bearers):
        return
    at = np.arange(1, len(bearers))
    one, two = bearers.row[at - 1], bearers.row[at]
    same = bearers.token[at] == bearers.token[at - 1]
    alone = same & ~np.append(same[1:], False) & ~np.append(False, same[:-1])
    straight, turned = sights.same_ends(one, two), sights.turned_ends(one, two)
    ways = np.where(straight, sights.sent(0)[one] != sights.sent(0)[two], sights.sent(0)[one] == sights.sent(0)[two])
    fit = alone & (straight | turned) & ways & (sights.place[one] != sights.place[two])
    fit &= sights.first_ns[two] - sights.last_ns[one] <= ANSWER_NS
    one, two = one[fit], two[fit]
    groups.join(Edges(one=one, two=two, score=np.zeros(len(one))))


def answers(sights: Sights, groups: Groups) -> tuple[Index, Index]:
    """Join a question with the answer that no point saw go back along its way; of several questions only one to the same server.

    Returns:
        (question, answer), what may belong together, and was not joined.
    """
    left = [(np.zeros(0, np.int64), np.zeros(0, np.int64))]
    for row, token in (_of_syns(sights), _of_names(sights), _of_echoes(sights), _of_askers(sights)):
        bearers = Bearers(row, token, sights.first_ns, sights.when(-1))
        asked, answering = _candidates(sights, bearers)
        differ = groups.of[asked] != groups.of[answering]
        asked, answering = asked[differ], answering[differ]
        own = sights.same_end(asked, 0, answering, 0) & sights.same_end(asked, 1, answering, 1)
        waited = np.abs(sights.first_ns[answering] - sights.first_ns[asked]).astype(np.float64)
        some = np.zeros(len(sights), np.bool_)
        some[answering[own]] = True
        fit = own | (~some[answering] & _only_one(groups, asked, answering))
        groups.join(Edges(one=asked[fit], two=answering[fit], score=-waited[fit]))
        left.append((asked[~fit], answering[~fit]))
    asked, answering = (np.concatenate(each) for each in zip(*left, strict=True))
    return asked, answering


def _candidates(sights: Sights, bearers: Bearers) -> tuple[Index, Index]:
    """(question, answer) of one token, at a time at which somebody waits."""
    asks = sights.asks
    one, two = bearers.all_pairs(WAIT_NS, LOOK_BACK, lambda one, two: np.asarray(asks[one] != asks[two]))
    late = asks[two] & ~asks[one] & (sights.first_ns[two] - sights.first_ns[one] <= ORDER_NS)
    early = asks[one] & ~asks[two]
    asked = np.concatenate([one[early], two[late]])
    answering = np.concatenate([two[early], one[late]])
    order = np.lexsort((asked, answering))
    return asked[order], answering[order]


def _only_one(groups: Groups, asked: Index, answering: Index) -> Mask:
    """Whether all questions that an answer may be to are one connection's."""
    if not len(asked):
        return np.zeros(0, np.bool_)
    group = groups.of[asked]
    begins = np.flatnonzero(np.append(True, answering[1:] != answering[:-1]))
    sizes = np.diff(begins, append=len(answering))
    one = np.minimum.reduceat(group, begins) == np.maximum.reduceat(group, begins)
    return np.repeat(one, sizes)


def _of_syns(sights: Sights) -> tuple[Index, NDArray[np.uint64]]:
    question = np.flatnonzero((sights.isn >= 0) & (sights.reply_isn < 0))
    answer = np.flatnonzero((sights.isn < 0) & (sights.reply_isn >= 0))
    number = np.concatenate([(sights.isn[question] + 1) & 0xFFFFFFFF, sights.head("ack", 1)[answer]])
    row = np.concatenate([question, answer])
    return row, mixed([number, sights.end(0)[row]])


def _of_names(sights: Sights) -> tuple[Index, NDArray[np.uint64]]:
    row = _names(sights)
    return row, mixed([sights.column("dns_id")[row], *_asked(sights, row)])


def _of_askers(sights: Sights) -> tuple[Index, NDArray[np.uint64]]:
    """A socket asks several names at once (A and AAAA), and the first answer is not always to the first of them: then its port tells."""
    row = _names(sights)
    row = row[free_port(sights.column("port", 0)[row])]
    return row, mixed(_asked(sights, row))


def _names(sights: Sights) -> Index:
    """The rows of one direction of a name server's exchange."""
    half = ~(sights.sent(0) & sights.sent(1))
    return np.flatnonzero((sights.kind == int(Kind.UDP)) & half & (sights.column("dns_id") >= 0))


def _asked(sights: Sights, row: Index) -> list[NDArray[np.uint64]]:
    """Who asks, and at which address."""
    return [sights.end(0)[row], *(sights.column(name, 1)[row] for name in ("hi", "lo"))]


def _of_echoes(sights: Sights) -> tuple[Index, NDArray[np.uint64]]:
    half = ~(sights.sent(0) & sights.sent(1))
    row = np.flatnonzero((sights.kind == int(Kind.ICMP)) & half)
    columns: list[NDArray[np.uint64]] = []
    for side in (0, 1):
        length, digest, doubt = prints(sights, row, side)
        columns.append(mixed([sights.head("seq", side)[row], length, digest, doubt]))
    said = np.where(sights.sent(0)[row], *columns)
    return row, mixed([said, *(sights.column(name, 0)[row] for name in ("hi", "lo"))])
