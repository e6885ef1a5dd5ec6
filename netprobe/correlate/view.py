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
    from netprobe.flowtable.blocks import TableRows

    Ints = NDArray[np.int64]
    Mask = NDArray[np.bool_]

NEVER = np.iinfo(np.int64).max  # later than any time


@dataclass(frozen=True, kw_only=True)
class JoinedRows:
    """n rows of a flow table and their c connections. Columns are read when they are asked for, once.

    Attributes:
        rows: the flow table's, finished.
        at: int64 (n,), which of them.
        joined: which of these are one connection: its numbers of rows are places in ``at``.
    """

    rows: TableRows
    at: Ints
    joined: Joined

    @cached_property
    def _read(self) -> dict[tuple[str, int], NDArray[Any]]:
        """Columns that were read: by name and 0 (asking side, or no sides), 1 (answering side)."""
        return {}

    def column(self, name: str) -> NDArray[Any]:
        """A column without sides, one value a row."""
        found = self._read.get((name, 0))
        if found is None:
            found = self._read[name, 0] = self.rows[name][self.at]
        return found

    @cached_property
    def ask(self) -> Ints:
        """int64 (n,), the side of each row that asks in its connection: 0, or 1 where the row (or all of the connection) is turned."""
        turned = self.joined.turned.astype(np.int64)
        if not (self.kind == Kind.UDP).any():
            return turned
        return turned ^ self._asked_by_a_service[self.joined.connection].astype(np.int64)

    @cached_property
    def kind(self) -> NDArray[np.uint8]:
        """uint8 (c,), what each connection is."""
        return np.asarray(self.column("kind")[self.joined.first_row], np.uint8)

    def asking(self, name: str, at: Ints | slice = slice(None)) -> NDArray[Any]:
        """A column's values of the sides that ask, one a row (of ``at``: all)."""
        return self._of(name, 0)[at]

    def answering(self, name: str, at: Ints | slice = slice(None)) -> NDArray[Any]:
        """A column's values of the sides that answer, one a row (of ``at``: all)."""
        return self._of(name, 1)[at]

    def _of(self, name: str, answers: int) -> NDArray[Any]:
        found = self._read.get((name, answers))
        if found is None:
            both = self.rows[name][self.at].T
            if self._turned is not None:
                both = np.where(self._turned, both[::-1], both)
            self._read[name, 0], self._read[name, 1] = both
            found = self._read[name, answers]
        return found

    @cached_property
    def _turned(self) -> Mask | None:
        """Which rows' client is the side that answers; None: no row's."""
        turned = self.ask == 1
        return turned if turned.any() else None

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
        pick, side = np.arange(len(first)), self.joined.turned[first].astype(np.int64)

        def sides(name: str) -> tuple[NDArray[Any], NDArray[Any]]:
            both = self.rows[name][self.at[first]]
            return both[pick, side], both[pick, 1 - side]

        (here, there), (mine, theirs), (sent, back) = (sides(name) for name in ("port", "head_ns", "packets"))
        begins = (sent > 0) & ((back == 0) | (mine <= theirs))
        service = (here < LOWEST_EPHEMERAL) | _one_of(here, ASKED_AT)
        free = (there >= LOWEST_EPHEMERAL) & ~_one_of(there, ASKED_AT | ASKED_FROM_LOW_PORTS)
        server = for_many(self.column("version")[first], sides("hi")[1], sides("lo")[1])
        return np.asarray((self.kind == Kind.UDP) & begins & service & free & ~server, np.bool_)


def _one_of(port: NDArray[Any], ports: frozenset[int]) -> Mask:
    return np.asarray(np.isin(port, list(ports)), np.bool_)


def for_many(version: NDArray[Any], high: NDArray[Any], low: NDArray[Any]) -> Mask:
    """Which addresses are a group's or that of all on a link, as :attr:`~netprobe.flows.model.PackedEndpoint.for_many`."""
    every = low == np.uint64(0xFFFFFFFF)
    four = (low >> np.uint64(28) == np.uint64(0xE)) | every
    return np.asarray(np.where(version == 6, high >> np.uint64(56) == np.uint64(0xFF), four), np.bool_)
