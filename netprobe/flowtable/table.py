"""A flow table: the rows, the capture points that they name, what could not be read, and what was made of their connections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.values import dataclass

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from netprobe.evidence.model import CapturePoint, Limit
    from netprobe.flowtable.blocks import TableRows
    from netprobe.flowtable.series import Addresses, Codes, Numbers


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Verdicts:
    """What is said of each of c connections.

    Attributes:
        path: how it went, by the codes of ``netprobe explain``.
        verdict: ``works``, ``fails`` or ``undetermined``.
        why: what decides that, or leaves the path open; else absent where it works.
        said: the phrase of each of ``why.names``.
        failed: bool (c,), it was tried and did not succeed, whether or not packets alone prove whose fault that is.
        ended: int64 (c,), index of the point where the request was seen last; -1 where it was not seen.
        reached: the server's address as the last point has it.
        reached_port: and its port.
        outer: of a connection that a proxy opened, the number of the one that it opened that for, from 1.
    """

    path: Codes
    verdict: Codes
    why: Codes
    said: tuple[str, ...]
    failed: NDArray[np.bool_]
    ended: NDArray[np.int64]
    reached: Addresses
    reached_port: NDArray[np.int64]
    outer: Numbers


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FlowTable:
    """Flows of all capture points, in order of their first packet.

    Attributes:
        rows: one a flow and point (:data:`~netprobe.flowtable.columns.FLOW`), finished: side 0 is the client.
        points: the capture points; ``rows["point"]`` is an index of it.
        limits: what could not be read.
        connection: int64 (n,), the number of each row's connection, from 0 in order of their first packets; None: points were not joined.
        verdicts: what is said of the connections; None: nothing was asked.
        order: int64 (n,), rows by connection, those of one in the order in which they began on one clock; None: not known, or these are not all rows.
        number: int64 (n,), where each row stands in the whole table; None: these are all.
    """

    rows: TableRows
    points: tuple[CapturePoint, ...]
    limits: tuple[Limit, ...] = ()
    connection: NDArray[np.int64] | None = None
    verdicts: Verdicts | None = None
    order: NDArray[np.int64] | None = None
    number: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, numbers: NDArray[np.int64]) -> FlowTable:
        """Return some rows of the whole table, in the order asked for, with what they hang on."""
        at = _run(numbers)
        whole = isinstance(at, slice) and len(numbers) == len(self.rows)  # a packed table stays packed
        return FlowTable(
            rows=self.rows if whole else self.rows[at],
            points=self.points,
            limits=self.limits,
            connection=None if self.connection is None else self.connection[at],
            verdicts=self.verdicts,
            number=numbers,
        )


def _run(numbers: NDArray[np.int64]) -> NDArray[np.int64] | slice:
    """The same rows as a slice, where they stand side by side: numpy copies nothing then."""
    first, count = int(numbers[0]) if len(numbers) else 0, len(numbers)
    if count and int(numbers[-1]) == first + count - 1 and (numbers[1:] > numbers[:-1]).all():
        return slice(first, first + count)
    return numbers
