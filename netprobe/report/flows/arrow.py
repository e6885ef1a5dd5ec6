"""Flows as an Arrow table (pyarrow): Parquet, the Arrow stream, and what pandas' table is made from.

Types: whole numbers int64, durations float64 in s, times timestamp[ns, UTC], truths bool; text that has few values is dictionary-encoded; null is
what is not known or not there. The meaning of each column is in its field's metadata.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from netprobe.flowtable.fields import FIELDS
from netprobe.flowtable.series import Addresses, Codes, Numbers, Seconds, ShortTexts, Times, Truths, coded, known
from netprobe.report.json import dumps

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from netprobe.flowtable.fields import FlowField
    from netprobe.flowtable.series import Series
    from netprobe.flowtable.table import FlowTable

ROWS = 1 << 16  # of one batch
FORMAT = b"netprobe/flows/1"


def write(table: FlowTable, rows: NDArray[np.int64]) -> Iterator[bytes]:
    """Yield the Arrow IPC stream, as ``pyarrow.ipc.open_stream`` and DuckDB read it."""
    sink = io.BytesIO()
    made = arrow_table(table, rows)
    with pa.ipc.new_stream(sink, made.schema) as writer:
        for batch in made.to_batches(max_chunksize=ROWS):
            writer.write_batch(batch)
            yield sink.getvalue()
            sink.seek(0)
            sink.truncate()
    yield sink.getvalue()


def arrow_table(table: FlowTable, rows: NDArray[np.int64]) -> pa.Table:
    """Return the rows asked for as one Arrow table."""
    part = table.take(rows)
    arrays = [_array(field.of(part)) for field in FIELDS]
    fields = [_field(field, array) for field, array in zip(FIELDS, arrays, strict=True)]
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields, metadata=_metadata(table)))


def _field(field: FlowField, array: pa.Array) -> pa.FlowField:
    return pa.field(field.name, array.type, nullable=not field.always, metadata={b"description": field.says.encode()})


def _metadata(table: FlowTable) -> dict[bytes, bytes]:
    limits = [{"kind": each.kind, "subject": each.subject, "why": each.why} for each in table.limits]
    return {b"schema": FORMAT, b"limits": dumps(limits).encode()}


def _array(series: Series) -> pa.Array:
    there = known(series)
    absent: Any = None if there.all() else ~there
    match series:
        case Numbers():
            return pa.array(series.values, mask=absent)
        case Truths():
            return pa.array(series.values)
        case Seconds():
            return pa.array(series.ns / 1e9, mask=absent)
        case Times():
            return pa.array(series.ns, mask=absent).cast(pa.timestamp("ns", tz="UTC"))
        case Codes():
            indices = pa.array(series.codes.astype(np.int32), mask=absent)
            return pa.DictionaryArray.from_arrays(indices, pa.array(_text(series.names), pa.string()))
        case ShortTexts() | Addresses():
            named = coded(series)
            texts = pa.array(named.names, pa.string())
            return texts.take(pa.array(named.codes, mask=absent))


def _text(names: tuple[str, ...]) -> list[str]:
    """Names that Arrow can hold: what is no UTF-8 (a lone surrogate) is spelt out."""
    return [name.encode("utf-8", "backslashreplace").decode() for name in names]
