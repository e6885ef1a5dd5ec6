"""A flow table: the rows, the capture points that they name, and what could not be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.values import dataclass

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from netprobe.evidence.model import CapturePoint, Limit
    from netprobe.flowtable.columns import FlowRows


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowTable:
    """Flows of all capture points, in order of their first packet.

    Attributes:
        rows: one a flow and point (:data:`~netprobe.flowtable.columns.FLOW`), finished: side 0 is the client.
        points: the capture points; ``rows["point"]`` is an index of it.
        limits: what could not be read.
        connection: int64 (n,), the number of each row's connection, from 0 in order of their first packets; None: points were not joined.
    """

    rows: FlowRows
    points: tuple[CapturePoint, ...]
    limits: tuple[Limit, ...] = ()
    connection: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.rows)
