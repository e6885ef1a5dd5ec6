"""Flows as a Parquet file (zstd-compressed columns), for DuckDB, pandas, Polars, Spark."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from netprobe.report.flows.arrow import Sink, arrow_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from netprobe.flowtable.table import FlowTable

GROUP = 1 << 17  # rows of one row group


def write(table: FlowTable, rows: NDArray[np.int64]) -> Iterator[bytes]:
    """Yield the file, a row group at a time."""
    sink, made = Sink(), arrow_table(table, rows)
    with pq.ParquetWriter(sink, made.schema, compression="zstd") as writer:
        for begin in range(0, max(len(made), 1), GROUP):
            writer.write_table(made.slice(begin, GROUP), GROUP)
            yield sink.taken()
    yield sink.taken()
