"""Flows as a pandas table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from netprobe.flowtable.fields import FIELDS
from netprobe.flowtable.series import Addresses, Codes, Numbers, Seconds, ShortTexts, Times, Truths, coded

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from netprobe.flowtable.fields import FlowField
    from netprobe.flowtable.series import Series
    from netprobe.flowtable.table import FlowTable


def frame(table: FlowTable, rows: NDArray[np.int64]) -> pd.DataFrame:
    """Return the rows asked for, their index from 0.

    Whole numbers are int64, or Int64 where a flow may lack them; durations float64 in s; times datetime64[ns, UTC]; truths bool; names and states
    categories; addresses and histories texts.
    """
    part = table.take(rows)
    columns = {field.name: _column(field, field.of(part)) for field in FIELDS}
    return pd.DataFrame(columns, index=pd.RangeIndex(len(rows)))


def _column(field: FlowField, series: Series) -> Any:
    match series:
        case Numbers():
            values = pd.array(series.values, dtype="Int64")
            values[series.values < 0] = pd.NA
            return series.values if field.always else values
        case Truths():
            return series.values
        case Seconds():
            return np.where(series.ns < 0, np.nan, series.ns / 1e9)
        case Times():
            stamps = np.where(series.ns < 0, np.iinfo(np.int64).min, series.ns)  # the least one is NaT
            return pd.DatetimeIndex(stamps.view("M8[ns]")).tz_localize("UTC")
        case Codes():
            return pd.Categorical.from_codes(series.codes, pd.Index(list(series.names), dtype="str"))
        case ShortTexts() | Addresses():
            named = coded(series)
            texts = np.array([*named.names, None], object)
            return pd.Series(texts[named.codes], dtype="str")
