"""Flows as an Arrow table (pyarrow): Parquet, Arrow's stream and its file.

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
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from netprobe.flowtable.fields import FlowField
    from netprobe.flowtable.series import Series
    from netprobe.flowtable.table import FlowTable

ROWS = 1 << 16  # of one batch
FORMAT = b"netprobe/flows/1"


def write(table: FlowTable, rows: NDArray[np.int64]) -> Iterator[bytes]:
    """Yield the Arrow IPC stream, as ``pyarrow.ipc.open_stream`` reads it."""
    return _written(table, rows, pa.ipc.new_stream)


def write_file(table: FlowTable, rows: NDArray[np.int64]) -> Iterator[bytes]:
    """Yield an Arrow IPC file, as ``pyarrow.ipc.open_file`` and ``pandas.read_feather`` read it."""
    return _written(table, rows, pa.ipc.new_file)


def _written(table: FlowTable, rows: NDArray[np.int64], to: Callable[[Sink, pa.Schema], Any]) -> Iterator[bytes]:
    sink, made = Sink(), arrow_table(table, rows)
    with to(sink, made.schema) as writer:
        for batch in made.to_batches(max_chunksize=ROWS):
            writer.write_batch(batch)
            yield sink.taken()
    yield sink.taken()


class Sink(io.RawIOBase):
    """A file that is given away piece by piece while it is written."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []
        self._size = 0

    def writable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """How much was written, given away or not."""
        return self._size

    def write(self, data: Any) -> int:
        """Take the next bytes."""
        self._parts.append(bytes(data))
        self._size += len(self._parts[-1])
        return len(self._parts[-1])

    def taken(self) -> bytes:
        """Return what was written since it was asked last."""
        parts, self._parts = self._parts, []
        return b"".join(parts)


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
