from __future__ import annotations

import io

import pyarrow.parquet as pq

from netprobe.report.flows import parquet
from tests.flowtable.rows import every, several


def test_row_groups_are_bounded() -> None:
    table = several(10)
    file = pq.ParquetFile(io.BytesIO(b"".join(parquet.write(table, every(table)))))
    assert file.metadata.num_rows == 10
    assert file.metadata.num_row_groups == 1
    assert file.metadata.row_group(0).column(0).compression == "ZSTD"
