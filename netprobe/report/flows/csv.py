"""Flows as CSV (RFC 4180, with LF): a head, then a row a flow. An empty cell is what is not known or not there.

Times are ISO 8601 in UTC, durations seconds, truths ``true`` and ``false``: DuckDB and pandas read their types from that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.flowtable.fields import FIELDS
from netprobe.report.escape import visible
from netprobe.report.flows.cells import cells, constant, joined

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from netprobe.flowtable.table import FlowTable

ROWS = 4096  # at a time: the matrix of so many stays in the processor's cache


def write(table: FlowTable, rows: NDArray[np.int64]) -> Iterator[bytes]:
    """Yield the file, piece by piece.

    Args:
        table: the flows.
        rows: which of them, in this order.
    """
    yield ",".join(field.name for field in FIELDS).encode() + b"\n"
    for begin in range(0, len(rows), ROWS):
        part = table.take(rows[begin : begin + ROWS])
        comma, parts = constant(b",", len(part)), []
        for field in FIELDS:
            parts += [cells(field.of(part), _quoted), comma]
        parts[-1] = constant(b"\n", len(part))
        yield joined(parts)


def _quoted(name: str) -> bytes:
    text = visible(name)
    if any(each in text for each in ',"\n\r'):
        text = '"' + text.replace('"', '""') + '"'
    return text.encode("utf-8", "backslashreplace")
