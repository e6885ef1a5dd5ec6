"""Which rows of a flow table are shown, and in which order: ``--where``, ``--sort``, ``--top``."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from netprobe.errors import UsageFault
from netprobe.flowtable.fields import BY_NAME, FIELDS, NAMES
from netprobe.flowtable.series import known, ranks
from netprobe.flowtable.where.evaluate import chosen
from netprobe.flowtable.where.parse import unknown
from netprobe.values import dataclass

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from netprobe.flowtable.table import FlowTable

BIGGEST = ("-bytes",)
"""How rows are sorted where the top of them is asked for, and nothing else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowChoice:
    """What is asked for.

    Attributes:
        where: a condition, None for all rows.
        failed: only flows of connections that were tried and did not succeed.
        among: int64, only these rows; None: any.
        sort: names of columns, each with a ``-`` before it for descending order; the first counts most. None: in order of first packets,
            those without a time last.
        top: how many rows, None for all. Without ``sort`` they are those with the most bytes.
    """

    where: str | None = None
    failed: bool = False
    among: NDArray[np.int64] | None = None
    sort: tuple[str, ...] = ()
    top: int | None = None


def sort_of(text: str | None) -> tuple[str, ...]:
    """Read ``COLUMN[,-COLUMN]``.

    Raises:
        UsageFault: there is no such column.
    """
    names = tuple(each.strip() for each in text.split(",")) if text is not None else ()
    for name in names:
        if name.removeprefix("-") not in BY_NAME:
            raise unknown("--sort", name.removeprefix("-"), NAMES)
    return names


def rows_of(table: FlowTable, choice: RowChoice) -> NDArray[np.int64]:
    """Return int64 (m,): the rows to show, in the order to show them in. Rows that are alike keep the order of their first packets.

    Raises:
        UsageFault: the condition cannot be read, or there is no such column.
    """
    rows = np.arange(len(table.rows), dtype=np.int64)
    if choice.where is not None:
        columns = {field.name: partial(field.of, table) for field in FIELDS}
        rows = np.flatnonzero(chosen(choice.where, columns, len(table.rows)))
    if choice.failed:
        rows = rows[_failed(table)[rows]]
    if choice.among is not None:
        rows = rows[np.isin(rows, choice.among)]
    order = choice.sort or (BIGGEST if choice.top is not None else ())
    if order:
        rows = rows[np.lexsort([_key(table, name)[rows] for name in reversed(order)])]
    else:
        timeless = ~known(BY_NAME["first"].of(table))[rows]
        rows = np.concatenate([rows[~timeless], rows[timeless]]) if timeless.any() else rows
    return rows[: choice.top]


def _failed(table: FlowTable) -> NDArray[np.bool_]:
    if table.verdicts is None or table.connection is None:
        return np.zeros(len(table.rows), np.bool_)
    return np.asarray(table.verdicts.failed[table.connection])


def _key(table: FlowTable, name: str) -> NDArray[np.int64]:
    """What to sort by; what is not known comes last either way."""
    if name.removeprefix("-") not in BY_NAME:
        raise UsageFault(f"--sort: there is no column {name!r}")
    rank = ranks(BY_NAME[name.removeprefix("-")].of(table))
    if name.startswith("-"):
        return np.where(rank < 0, 1, -rank)
    return np.where(rank < 0, np.iinfo(np.int64).max, rank)
