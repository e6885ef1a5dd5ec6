from __future__ import annotations

import io

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from netprobe.evidence.model import CapturePoint
from netprobe.flowtable.fields import NAMES
from netprobe.report.flows import arrow, parquet
from netprobe.report.flows.frame import frame
from tests.flowtable.rows import every, several
from tests.report.flows.test_csv import HOSTILE


@pytest.mark.parametrize("count", [0, 1, 200])
def test_parquet_and_both_arrow_forms_hold_what_pandas_has(count: int) -> None:
    table = several(count)
    wanted = frame(table, every(table))
    from_parquet = pq.read_table(io.BytesIO(b"".join(parquet.write(table, every(table)))))
    from_stream = pa.ipc.open_stream(io.BytesIO(b"".join(arrow.write(table, every(table))))).read_all()
    from_file = pa.ipc.open_file(io.BytesIO(b"".join(arrow.write_file(table, every(table))))).read_all()
    for read in (from_parquet, from_stream, from_file):
        assert read.column_names == list(NAMES)
        for name in NAMES:
            values = read.column(name).to_pylist()
            assert values == [None if pd.isna(each) else each for each in wanted[name].tolist()], name


def test_an_arrow_file_of_several_batches_is_read_from_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrow, "ROWS", 7)
    table = several(30)
    pieces = list(arrow.write_file(table, every(table)))
    read = pa.ipc.open_file(io.BytesIO(b"".join(pieces)))
    assert read.num_record_batches == 5 == len(pieces) - 1
    assert read.get_batch(3).column("flow").to_pylist() == list(range(22, 29))
    assert pd.read_feather(io.BytesIO(b"".join(pieces)))["flow"].tolist() == list(range(1, 31))


def test_types_and_meanings_go_with_the_file() -> None:
    table = several(5)
    schema = pq.read_schema(io.BytesIO(b"".join(parquet.write(table, every(table)))))
    assert schema.metadata[b"schema"] == b"netprobe/flows/1"
    assert str(schema.field("first").type) == "timestamp[ns, tz=UTC]"
    assert str(schema.field("rtt").type) == "double"
    assert str(schema.field("client_port").type) == "int64"
    assert schema.field("client_port").nullable
    assert b"in s" in schema.field("rtt").metadata[b"description"]


def test_a_name_that_is_no_utf8_is_spelt_out() -> None:
    table = several(2, points=(CapturePoint(name=HOSTILE, interface="x"),))
    made = arrow.arrow_table(table, every(table))
    assert made.column("point").to_pylist()[0].encode().decode() == HOSTILE.replace("\udcff", "\\udcff")
