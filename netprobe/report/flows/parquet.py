"""Flows as a Parquet file (zstd-compressed columns), for DuckDB, pandas, Polars, Spark."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from netprobe.report.flows.arrow import arrow_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from netprobe.flowtable.table import FlowTable

GROUP = 1 << 17  # rows of one row group


def write(table: FlowTable, rows: NDArray[np.int64]) -> Iterator[bytes]:
    """Yield the file."""
    sink = io.BytesIO()
    pq.write_table(arrow_table(table, rows), sink, compression="zstd", row_group_size=GROUP)
    yield sink.getvalue()
