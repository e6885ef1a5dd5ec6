"""What joining a flow table's rows tells: which rows are one connection, and which connections belong together."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from netprobe.model.report import Clock

    Watch = Callable[[float], object]


class Role(IntEnum):
    """What a connection is to another one."""

    PLAIN = 0
    OUTER = 1  # what a proxy (docker-proxy) was dialled by; what the embedded name server was asked
    INNER = 2  # what that proxy dialled; what that name server asked another
    STRAY = 3  # datagrams that answer another connection's question from another address than the asked one


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """The connections of a flow table of n rows.

    Attributes:
        connection: int64 (n,), the number of each row's connection: 0 to c - 1, in order of their first packet.
        turned: bool (n,), the row's client is the connection's server (an answer that was seen without its question).
        shift_ns: int64 (n,), what to subtract from a row's times to have them on the clock of the first point with packets: one host's clock
            is not another's. 0 where a clock is that one, or cannot be told from it.
        order: int64 (n,), the rows by connection, and those of one in the order in which they began, on one clock.
        begin: int64 (c + 1,), where each connection begins in ``order``: its rows are ``order[begin[k]:begin[k + 1]]``.
        role: uint8 (c,), :class:`Role`.
        inner_of: int64 (c,), of an outer connection that of its inner one; -1 for all others.
        outer_of: int64 (c,), of an inner connection that of its outer one; -1 for all others.
        stray_of: int64 (c,), of a connection without an answer the one that holds what answers it from another address; -1 none.
        unclear: bool (c,), of several connections each may be a proxy's inner one, so that none was joined.
        may_go_on: bool (c,), rows of another connection may be of this one, and nothing makes it sure: no packet is told from another's, or one
            of several may be a proxy's inner one.
        clocks: what is known of each other clock that shares packets with the first.
        unsure: the clocks of which a packet would tell, and nothing agrees with it: they are taken for the first one's.
    """

    connection: NDArray[np.int64]
    turned: NDArray[np.bool_]
    shift_ns: NDArray[np.int64]
    order: NDArray[np.int64]
    begin: NDArray[np.int64]
    role: NDArray[np.uint8]
    inner_of: NDArray[np.int64]
    outer_of: NDArray[np.int64]
    stray_of: NDArray[np.int64]
    unclear: NDArray[np.bool_]
    may_go_on: NDArray[np.bool_]
    clocks: tuple[Clock, ...] = ()
    unsure: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.inner_of)

    @property
    def first_row(self) -> NDArray[np.int64]:
        """int64 (c,), the row in which each connection was seen first."""
        return self.order[self.begin[:-1]]


def apart(count: int) -> Joined:
    """So many rows, each of them a connection of its own, on one clock."""
    none, no = np.full(count, -1, np.int64), np.zeros(count, np.bool_)
    return Joined(
        connection=np.arange(count),
        turned=no,
        shift_ns=np.zeros(count, np.int64),
        order=np.arange(count),
        begin=np.arange(count + 1),
        role=np.zeros(count, np.uint8),
        inner_of=none,
        outer_of=none,
        stray_of=none,
        unclear=no,
        may_go_on=no,
    )


def unwatched(share: float) -> None:
    """Nobody wants to know how far it is."""
