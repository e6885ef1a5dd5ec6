"""The JSON Schema of a row of flows, from the list of columns."""

from __future__ import annotations

from typing import Any

from netprobe.flowtable.fields import FIELDS, FlowField
from netprobe.flowtable.series import Addresses, Codes, Numbers, Seconds, ShortTexts, Times, Truths

_TYPE: dict[type, dict[str, Any]] = {
    Numbers: {"type": "integer", "minimum": 0},
    Truths: {"type": "boolean"},
    Seconds: {"type": "number", "minimum": 0},
    Times: {"type": "string", "format": "date-time"},
    Codes: {"type": "string"},
    ShortTexts: {"type": "string"},
    Addresses: {"type": "string"},
}


def row_schema() -> dict[str, Any]:
    """Return the schema of one row, its keys in the order in which they are printed."""
    return {
        "title": "FlowJson",
        "description": "A flow at one capture point.",
        "type": "object",
        "properties": {field.name: _column(field) for field in FIELDS},
        "required": [field.name for field in FIELDS],
    }


def _column(field: FlowField) -> dict[str, Any]:
    made = _TYPE[field.kind]
    value = made if field.always else {"anyOf": [made, {"type": "null"}]}
    return {**value, "description": field.says}
