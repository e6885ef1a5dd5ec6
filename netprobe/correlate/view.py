"""A flow table's rows by connection: who asks and who answers in each, and what holds for any or all of a connection's rows."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from netprobe.decode.table import Kind
from netprobe.journeys.turned import ASKED_AT, ASKED_FROM_LOW_PORTS, LOWEST_EPHEMERAL
from netprobe.values import dataclass

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from netprobe.correlate.joined import Joined
    from netprobe.flowtable.columns import FlowRows

    Ints = NDArray[np.int64]
    Mask = NDArray[np.bool_]

NEVER = np.iinfo(np.int64).max  # later than any time


@dataclass(frozen=True, kw_only=True)
class JoinedRows:
    """n rows and their c connections.

    Attributes:
        rows: the flow table's, finished.
        joined: which rows are one connection.
    """

    rows: FlowRows
    joined: Joined

    @cached_property
    def ask(self) -> Ints:
        """int64 (n,), the side of each row that asks in its connection: 0, or 1 where the row (or all of the connection) is turned."""
        turned = self.joined.turned.astype(np.int64)
        return turned ^ self._asked_by_a_service[self.joined.connection].astype(np.int64)

    @cached_property
    def kind(self) -> NDArray[np.uint8]:
        """uint8 (c,), what each connection is."""
        return np.asarray(self.rows["kind"][self.joined.first_row], np.uint8)

    def asking(self, name: str, at: Ints | slice = slice(None)) -> NDArray[Any]:
        """A column's values of the sides that ask, one a row (of ``at``: all)."""
        return self._of(name, self.ask[at], at)

    def answering(self, name: str, at: Ints | slice = slice(None)) -> NDArray[Any]:
        """A column's values of the sides that answer, one a row (of ``at``: all)."""
        return self._of(name, 1 - self.ask[at], at)

    def _of(self, name: str, side: Ints, at: Ints | slice) -> NDArray[Any]:
        column = self.rows[name][at]
        return np.where(side == 0, column[:, 0], column[:, 1])

    def any_of(self, holds: Mask) -> Mask:
        """Whether it holds for any row of a connection: bool (c,)."""
        return np.asarray(np.logical_or.reduceat(holds[self.joined.order], self.joined.begin[:-1]), np.bool_)

    def least(self, values: NDArray[Any]) -> NDArray[Any]:
        """The least of a connection's rows: (c,)."""
        return np.minimum.reduceat(values[self.joined.order], self.joined.begin[:-1])

    def most(self, values: NDArray[Any]) -> NDArray[Any]:
        """The greatest of a connection's rows: (c,)."""
        return np.maximum.reduceat(values[self.joined.order], self.joined.begin[:-1])

    @cached_property
    def _asked_by_a_service(self) -> Mask:
        """Which connections of datagrams begin with an answer, by the ports (journeys/turned.py)."""
        first = self.joined.first_row
        rows = self.rows[first]
        side = self.joined.turned[first].astype(np.int64)
        pick = np.arange(len(first))
        here, there = rows["port"][pick, side], rows["port"][pick, 1 - side]
        mine, theirs = rows["head_ns"][pick, side], rows["head_ns"][pick, 1 - side]
        begins = (rows["packets"][pick, side] > 0) & ((rows["packets"][pick, 1 - side] == 0) | (mine <= theirs))
        service = (here < LOWEST_EPHEMERAL) | np.isin(here, list(ASKED_AT))
        free = (there >= LOWEST_EPHEMERAL) & ~np.isin(there, list(ASKED_AT | ASKED_FROM_LOW_PORTS))
        server = for_many(rows["version"], rows["hi"][pick, 1 - side], rows["lo"][pick, 1 - side])
        return np.asarray((rows["kind"] == Kind.UDP) & begins & service & free & ~server, np.bool_)


def for_many(version: NDArray[Any], high: NDArray[Any], low: NDArray[Any]) -> Mask:
    """Which addresses are a group's or that of all on a link, as :attr:`~netprobe.flows.model.PackedEndpoint.for_many`."""
    every = low == np.uint64(0xFFFFFFFF)
    four = (low >> np.uint64(28) == np.uint64(0xE)) | every
    return np.asarray(np.where(version == 6, high >> np.uint64(56) == np.uint64(0xFF), four), np.bool_)
