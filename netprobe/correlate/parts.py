"""A flow table in parts that fit a processor's cache, connections that belong together in one part: judged one after the other, whatever its size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netprobe.correlate.joined import Joined
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Mask = NDArray[np.bool_]

PART = 1 << 14  # rows, about
_MOST_LINKS = 64  # connections one behind the other: a proxy's inner one, its answer from another address, and no more


@dataclass(frozen=True, slots=True, kw_only=True)
class TablePart:
    """Some connections of a flow table.

    Attributes:
        connections: int64 (c,), their numbers.
        rows: int64 (n,), their rows, by connection.
        joined: the same of these rows alone: numbers of rows and connections are places in the two above.
    """

    connections: Ints
    rows: Ints
    joined: Joined


def parts(joined: Joined, size: int = PART, which: Mask | None = None) -> Iterator[TablePart]:
    """Yield all connections, some at a time; what is linked stays together, so that a part may have more rows than ``size``.

    Args:
        joined: the connections.
        size: rows of a part, about.
        which: bool (c,), the connections that are wanted; one with all that it is linked with, or none of these. None: all.
    """
    if not len(joined) or (which is not None and not which.any()):
        return
    leader = _leaders(joined)
    alone = bool((leader == np.arange(len(leader))).all())
    order = np.arange(len(leader)) if alone else np.argsort(leader, kind="stable")
    order = order if which is None else order[which[order]]
    length = np.diff(joined.begin)[order]
    behind = np.cumsum(length)
    ends = np.flatnonzero(
        np.append(leader[order][1:] != leader[order][:-1], True)
    )  # no connection behind belongs to these
    full = behind[ends] // size
    place = np.full(len(leader), -1, np.int64)
    start = 0
    for end in ends[np.append(full[1:] != full[:-1], True)].tolist():
        yield _part(joined, order[start : end + 1], length[start : end + 1], place)
        start = end + 1


def _leaders(joined: Joined) -> Ints:
    """Of each connection the least number of those that it is linked with, one behind the other."""
    leader = np.arange(len(joined))
    links = [(np.flatnonzero(to >= 0), to[to >= 0]) for to in (joined.inner_of, joined.stray_of)]
    if not any(len(one) for one, _ in links):
        return leader
    one, other = np.concatenate([link[0] for link in links]), np.concatenate([link[1] for link in links])
    for _ in range(_MOST_LINKS):
        least = np.minimum(leader[one], leader[other])
        before = leader.copy()
        np.minimum.at(leader, one, least)
        np.minimum.at(leader, other, least)
        if (before == leader).all():
            break
    return leader


def _part(joined: Joined, chosen: Ints, length: Ints, place: Ints) -> TablePart:
    """These connections; ``place`` is room for a number a connection, -1 in each, and is left so."""
    begin = np.append(0, np.cumsum(length))
    within = np.arange(begin[-1]) - np.repeat(begin[:-1], length)
    rows = joined.order[np.repeat(joined.begin[chosen], length) + within]
    place[chosen] = np.arange(len(chosen))
    links = [
        np.where(to[chosen] >= 0, place[to[chosen]], -1) for to in (joined.inner_of, joined.outer_of, joined.stray_of)
    ]
    place[chosen] = -1
    return TablePart(
        connections=chosen,
        rows=rows,
        joined=Joined(
            connection=np.repeat(np.arange(len(chosen)), length),
            turned=joined.turned[rows],
            shift_ns=joined.shift_ns[rows],
            order=np.arange(len(rows)),
            begin=begin,
            role=joined.role[chosen],
            inner_of=links[0],
            outer_of=links[1],
            stray_of=links[2],
            unclear=joined.unclear[chosen],
            may_go_on=joined.may_go_on[chosen],
        ),
    )
