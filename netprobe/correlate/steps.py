"""The request's way of every connection, step by step: one entry a row that saw it, in order, and what changed from the one before.

The order is that of :mod:`netprobe.journeys.hops` where host state is silent: the outer connection before the inner, a TTL that falls, time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netprobe.decode.table import TAG_UNKNOWN, Kind
from netprobe.paths.tcp import ACK, FIN, RST
from netprobe.values import dataclass

if TYPE_CHECKING:
    from netprobe.correlate.view import Ints, JoinedRows, Mask

SRC, DST, DIALLED, TTL, LINK, VLAN = (1 << bit for bit in range(6))
BITS = 6
_APART_NS = 200_000_000  # less than between two tries


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """The steps of all connections; those of one stand together.

    Attributes:
        row: int64 (m,), of the flow table.
        leg: int64 (m,), 0, or 1 behind a proxy.
        changed: int64 (m,), bits of what changed since the step before; 0 for the first.
        begin: int64 (c + 1,), where each connection's steps begin.
    """

    row: Ints
    leg: Ints
    changed: Ints
    begin: Ints


def ways(view: JoinedRows) -> tuple[Steps, Steps | None]:
    """Put every connection's request in order.

    Returns:
        The steps; and, where the columns do not tell whether a point saw the same packets as the first or what came after them (a capture that
        goes on in another file, journeys/pieces.py), the steps without those of such points. None: they tell it of all.
    """
    row, leg, connection = _entries(view)
    if (connection[1:] > connection[:-1]).all():
        return _alone(view, row, connection), None
    order = _in_time(view, row, leg, connection)
    row, leg, connection = row[order], leg[order], connection[order]
    later = _may_go_on(view, row, _groups(connection, leg))
    every = _steps(view, row, leg, connection)
    return every, _steps(view, row[~later], leg[~later], connection[~later]) if later.any() else None


def _alone(view: JoinedRows, row: Ints, connection: Ints) -> Steps:
    """The steps where no connection has two."""
    none = np.zeros(len(row), np.int64)
    return Steps(row=row, leg=none, changed=none, begin=_begins(view, connection))


def _begins(view: JoinedRows, connection: Ints) -> Ints:
    return np.searchsorted(connection, np.arange(len(view.joined) + 1)).astype(np.int64)


def _steps(view: JoinedRows, row: Ints, leg: Ints, connection: Ints) -> Steps:
    order = _falling(view, row, _groups(connection, leg))
    row, leg, connection = row[order], leg[order], connection[order]
    return Steps(row=row, leg=leg, changed=_changed(view, row, leg, connection), begin=_begins(view, connection))


def _entries(view: JoinedRows) -> tuple[Ints, Ints, Ints]:
    """Each row that saw a request, its leg, and the connection that it counts for: a proxy's inner one counts for the outer, too."""
    joined = view.joined
    outer = np.where(joined.outer_of >= 0, joined.outer_of, -1)[joined.connection[joined.order]]
    behind = np.flatnonzero(outer >= 0)
    row = np.concatenate([joined.order, joined.order[behind]])
    leg = np.repeat([0, 1], [len(joined.order), len(behind)])
    connection = np.concatenate([joined.connection[joined.order], outer[behind]])
    seen = view.asking("packets", row) > 0
    return row[seen], leg[seen], connection[seen]


def _in_time(view: JoinedRows, row: Ints, leg: Ints, connection: Ints) -> Ints:
    """The order by connection, leg, and time on one clock; of packets with one time, that of the file."""
    time = view.asking("head_ns", row) - view.joined.shift_ns[row]
    return np.lexsort((row, view.asking("head_frame", row), time, leg, connection))


def _groups(connection: Ints, leg: Ints) -> Ints:
    """The number of each entry's connection and leg: entries of one stand together."""
    new = np.ones(len(connection), np.int64)
    new[1:] = (connection[1:] != connection[:-1]) | (leg[1:] != leg[:-1])
    return np.cumsum(new) - 1


def _may_go_on(view: JoinedRows, row: Ints, group: Ints) -> Mask:
    """Which entries may hold what came after the first of their group at the same place: nothing says that both saw one packet."""
    point, vlan = (view.column(name) for name in ("point", "vlan"))
    first = row[np.searchsorted(group, group)] if len(row) else row
    out = (point[row] != point[first]) & (vlan[row] == vlan[first])
    near = np.flatnonzero(out)
    one, other = first[near], row[near]
    shift = view.joined.shift_ns
    behind = view.asking("head_ns", other) - shift[other] > _last_sent(view, one) - shift[one]
    alike = np.ones(len(near), np.bool_)
    for name in ("head_seq", "head_length", "head_ip_id", "head_ack", "head_tsval", "head_digest"):
        alike &= view.asking(name, one) == view.asking(name, other)
    alike |= _tried_again(view, one, other)
    ends = ~(_end_differs(view, one, other, client=True) | _end_differs(view, one, other, client=False))
    out[near] = behind & ~alike & ends
    return np.asarray(out, np.bool_)


def _tried_again(view: JoinedRows, one: Ints, other: Ints) -> Mask:
    """Whether the later point's SYN is a copy of the earlier one's last, which had seen it before: SYNs are a second and more apart (RFC 6298)."""
    waited = view.asking("head_ns", other) - view.joined.shift_ns[other]
    waited -= view.column("last_ns")[one] - view.joined.shift_ns[one]
    again = (view.asking("flags", one) & (FIN | RST | ACK) == 0) & (view.asking("syns", one) > 1)
    same = view.asking("head_seq", one) == view.asking("head_seq", other)
    return np.asarray(again & (view.asking("syns", other) > 0) & same & (waited < _APART_NS), np.bool_)


def _last_sent(view: JoinedRows, at: Ints) -> Ints:
    """When these rows' asking sides were seen sending at last, as far as columns tell: not before that."""
    times = [view.asking(name, at) for name in ("head_ns", "data_ns", "next_ns", "fin_ns", "rst_ns")]
    times.append(np.where(view.ask[at] == 0, view.column("ack_ns")[at], -1))
    times.append(np.where(view.answering("packets", at) == 0, view.column("last_ns")[at], -1))
    return np.asarray(np.max(times, axis=0), np.int64)


def _falling(view: JoinedRows, row: Ints, group: Ints) -> Ints:
    """The order by group and TTL, which no router raises, and else as they are; only where all of a group saw the same packet."""
    if not len(row):
        return row
    syn = (view.asking("syns", row) > 0).astype(np.int64)
    size = np.bincount(group)
    share = np.bincount(group, syn)
    one = (share == 0) | (share == size)
    fall = np.where(one[group], -view.asking("head_ttl", row).astype(np.int64), 0)
    return np.lexsort((np.arange(len(row)), fall, group))


def _end_differs(view: JoinedRows, one: Ints, other: Ints, *, client: bool) -> Mask:
    """Whether the clients (or the servers) of two rows differ: the address, and the port where there is one."""
    of = view.asking if client else view.answering
    ported = view.column("kind")[one] != Kind.ICMP
    out = view.column("version")[one] != view.column("version")[other]
    for name in ("hi", "lo"):
        out |= of(name, one) != of(name, other)
    return np.asarray(out | (ported & (of("port", one) != of("port", other))), np.bool_)


def _changed(view: JoinedRows, row: Ints, leg: Ints, connection: Ints) -> Ints:
    """What changed since the step before."""
    out = np.zeros(len(row), np.int64)
    later = np.flatnonzero(connection[1:] == connection[:-1]) + 1
    one, other = row[later - 1], row[later]
    dialled = leg[later] != leg[later - 1]
    bits = np.zeros(len(later), np.int64)
    for bit, differs in (
        (SRC, _end_differs(view, one, other, client=True)),
        (DST, _end_differs(view, one, other, client=False)),
        (TTL, _both_known(view, "head_ttl", one, other)),
        (LINK, _linked(view, one, other)),
        (VLAN, _tagged(view, one, other)),
    ):
        bits |= np.where(differs, bit, 0)
    out[later] = np.where(dialled, DIALLED, bits)
    return out


def _both_known(view: JoinedRows, name: str, one: Ints, other: Ints) -> Mask:
    before, after = view.asking(name, one), view.asking(name, other)
    return np.asarray((before >= 0) & (after >= 0) & (before != after), np.bool_)


def _linked(view: JoinedRows, one: Ints, other: Ints) -> Mask:
    """Whether a link address differs."""
    return _both_known(view, "head_from", one, other) | _both_known(view, "head_to", one, other)


def _tagged(view: JoinedRows, one: Ints, other: Ints) -> Mask:
    """Whether the tag differs, where both captures tell it."""
    left, right = view.column("vlan")[one], view.column("vlan")[other]
    return np.asarray((left != right) & (left != TAG_UNKNOWN) & (right != TAG_UNKNOWN), np.bool_)
