r"""Flows as CSV (RFC 4180, with LF): a head, then a row a flow. An empty cell is what is not known or not there.

Times are ISO 8601 in UTC, durations seconds, truths ``true`` and ``false``: DuckDB and pandas read their types from that.

A spreadsheet runs a cell that begins with ``= + - @`` as a formula, quoted or not, and takes other characters than commas for the end of a cell (OWASP,
CSV Injection: https://owasp.org/www-community/attacks/CSV_Injection); a capture may come from anybody. So names have that one character spelt out where
it begins a cell or might, ``\x3dcmd``, as unprintable ones are in every name. All other names, and all numbers, are as they are.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from netprobe.flowtable.fields import FIELDS
from netprobe.report.escape import spelt, visible
from netprobe.report.flows.cells import cells, constant, joined

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from netprobe.flowtable.table import FlowTable

_FORMULA = re.compile(r"""((?:^|[;,|"'])\s*)([=+\-@\uff1d\uff0b\uff0d\uff20])""")
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
    text = _FORMULA.sub(lambda found: found[1] + spelt(found[2]), text)
    if any(each in text for each in ',"\n\r'):
        text = '"' + text.replace('"', '""') + '"'
    return text.encode("utf-8", "backslashreplace")
