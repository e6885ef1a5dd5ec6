"""How the exchanges of datagrams and echoes went, DNS among them: the rules of :mod:`netprobe.paths.datagrams` for many connections at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netprobe.correlate.reasons import Reason
from netprobe.correlate.tcp import icmp_reasons
from netprobe.correlate.view import for_many
from netprobe.flowtable.columns import DnsAnswer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from netprobe.correlate.view import Ints, JoinedRows, Mask

_NONE = 127  # worse than any DnsAnswer
_TOLD_APART = 2  # questions: a row keeps the ids of its first and its last
_RCODES = ((2, Reason.SERVFAIL), (3, Reason.NXDOMAIN), (5, Reason.DNS_REFUSED))


def datagram_reasons(view: JoinedRows) -> NDArray[np.uint8]:
    """Why each connection has its verdict, if it is one of datagrams or an echo: uint8 (c,), :class:`Reason`."""
    joined = view.joined
    answered = view.any_of(view.answering("packets") > 0)
    inner = joined.inner_of
    behind = np.where(inner >= 0, answered[inner], False)
    elsewhere = joined.stray_of >= 0
    group = _to_a_group(view)
    told = np.select(
        [answered, elsewhere & (group | behind), elsewhere],
        [Reason.NONE, Reason.NONE, Reason.OTHER_ADDRESS],
        _unanswered(view, group),
    ).astype(np.uint8)
    return np.where(told == Reason.NONE, _dns(view), told).astype(np.uint8)


def _unanswered(view: JoinedRows, group: Mask) -> NDArray[np.uint8]:
    """Why nothing came back: an ICMP error, of the inner connection first."""
    mine, inner = icmp_reasons(view), view.joined.inner_of
    error = np.where((inner >= 0) & (mine[inner] != Reason.NO_ANSWER), mine[inner], mine)
    return np.where((error == Reason.NO_ANSWER) & group, Reason.TO_A_GROUP, error).astype(np.uint8)


def _to_a_group(view: JoinedRows) -> Mask:
    """Which were sent to a group or to all on a link: by the first server's address, or the frame's (IEEE 802)."""
    first = view.joined.first_row
    link = view.asking("head_to", first)
    framed = (link >= 0) & (link >> 40 & 1 == 1)
    high, low = view.answering("hi", first), view.answering("lo", first)
    return np.asarray(for_many(view.column("version")[first], high, low) | framed, np.bool_)


def _dns(view: JoinedRows) -> NDArray[np.uint8]:
    """Of connections that were answered, what DNS says in the answers; :attr:`Reason.NONE` for what is no DNS."""
    joined = view.joined
    asked = view.any_of(view.column("dns_id") >= 0)
    if not asked.any():
        return np.full(len(joined), Reason.NONE, np.uint8)
    best, code = _best(view)
    strays = np.maximum(joined.stray_of, 0)
    fits = (joined.stray_of >= 0) & _one_id(view, strays)
    best, code = np.where(fits, best[strays], best), np.where(fits, code[strays], code)
    questions = view.most(np.where(view.column("dns_last") >= 0, view.asking("packets"), 0))
    failed = np.select([code == value for value, _ in _RCODES], [reason for _, reason in _RCODES], Reason.DNS_ERROR)
    failed = np.where(best == DnsAnswer.EMPTY, Reason.DNS_EMPTY, failed)
    told = np.select(
        [~asked, best <= DnsAnswer.TRUNCATED, questions > _TOLD_APART, best == _NONE],
        [Reason.NONE, Reason.NONE, Reason.DNS_IN_PART, Reason.OTHER_ID],
        failed,
    )
    return told.astype(np.uint8)


def _best(view: JoinedRows) -> tuple[Ints, Ints]:
    """The best answer of each connection's rows, and its response code."""
    rank = np.where(view.column("dns_best") >= 0, view.column("dns_best"), _NONE).astype(np.int64)
    best = view.least(rank)
    code = np.where(rank == best[view.joined.connection], view.column("dns_rcode"), -1).astype(np.int64)
    return best, view.most(code)


def _one_id(view: JoinedRows, strays: Ints) -> Mask:
    """Whether an answer from another address bears the id of the first question, or of the last."""
    first = view.joined.first_row
    number, last = view.column("dns_id"), view.column("dns_last")
    answer = number[first[strays]]
    return np.asarray((answer >= 0) & ((answer == number[first]) | (answer == last[first])), np.bool_)
