"""Flows as JSON: one value, ``netprobe/flows/1``, a row an object; and JSON lines, each line such an object alone.

``report.contract`` has the types. Text is pure ASCII without control characters, so that it is safe on a terminal.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import numpy as np

from netprobe.flowtable.fields import FIELDS
from netprobe.flowtable.series import Addresses, ShortTexts, Times
from netprobe.report.flows.cells import cells, constant, joined, where_known
from netprobe.report.json import dumps

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from netprobe.evidence.model import CapturePoint, Limit
    from netprobe.flowtable.series import Series
    from netprobe.flowtable.table import FlowTable
    from netprobe.report.contract import FlowLimitJson, FlowPointJson
    from netprobe.report.flows.cells import Cells

FLOWS_SCHEMA: Final = "netprobe/flows/1"
ROWS = 2048  # at a time
_TEXT = (Addresses, ShortTexts, Times)


def write(table: FlowTable, rows: NDArray[np.int64]) -> Iterator[bytes]:
    """Yield the one value, piece by piece.

    Args:
        table: the flows.
        rows: which of them, in this order.
    """
    head = dumps(
        {
            "schema": FLOWS_SCHEMA,
            "points": [_point(each) for each in table.points],
            "limits": [_limit(each) for each in table.limits],
            "flows": [],
        }
    )
    yield head.removesuffix("]\n}").encode()
    first = True
    for piece in _objects(table, rows, b",\n    "):
        yield piece.removeprefix(b",") if first else piece
        first = False
    yield b"]\n}\n" if first else b"\n  ]\n}\n"


def write_lines(table: FlowTable, rows: NDArray[np.int64]) -> Iterator[bytes]:
    """Yield JSON lines, piece by piece: a line a row."""
    for piece in _objects(table, rows, b"\n"):
        yield piece.removeprefix(b"\n") + b"\n"


def _objects(table: FlowTable, rows: NDArray[np.int64], before: bytes) -> Iterator[bytes]:
    for begin in range(0, len(rows), ROWS):
        part = table.take(rows[begin : begin + ROWS])
        parts = [constant(before + b"{", len(part))]
        for number, field in enumerate(FIELDS):
            key = f'{", " if number else ""}"{field.name}": '
            parts += [constant(key.encode(), len(part)), _value(field.of(part))]
        parts.append(constant(b"}", len(part)))
        yield joined(parts)


def _value(series: Series) -> Cells:
    made = cells(series, _quoted)
    if isinstance(series, _TEXT):
        mark = constant(b'"', len(made))
        made = np.concatenate([mark, made, mark], axis=1)
    return where_known(series, made, b"null")


def _quoted(name: str) -> bytes:
    return json.dumps(name).replace("\x7f", "\\u007f").encode()


def _point(point: CapturePoint) -> FlowPointJson:
    return {"name": point.name, "linktype": point.linktype, "received": point.received, "dropped": point.dropped}


def _limit(limit: Limit) -> FlowLimitJson:
    return {"kind": limit.kind, "subject": limit.subject, "why": limit.why}
