"""JSON Schemas (2020-12) of what netprobe prints with ``--json``, made from ``report.contract``'s types by msgspec."""

from __future__ import annotations

from typing import Any

import msgspec

from netprobe.report import contract
from netprobe.report.contract import CauseJson, ErrorJson, FlowsJson, HostsJson, ReportJson
from netprobe.report.diff import contract as of_diff
from netprobe.report.diff.contract import DiffJson
from netprobe.report.flows.schema import row_schema
from netprobe.report.topology import contract as of_topology
from netprobe.report.topology.contract import PsJson, TopologyJson

DIALECT = "https://json-schema.org/draft/2020-12/schema"
# Name -> title, type. Several evidence files give an array of reports; `causes` without a code an array of causes.
_OUTPUTS: dict[str, tuple[str, Any]] = {
    "report": ("netprobe explain --json, netprobe replay --json", ReportJson | list[ReportJson]),
    "error": ("any command with --json that ends without an answer", ErrorJson),
    "flows": ("netprobe flows --format json; --format jsonl prints the rows alone, one a line", FlowsJson),
    "hosts": ("netprobe hosts --json", HostsJson),
    "topology": ("netprobe topology --format json", TopologyJson),
    "ps": ("netprobe ps --json", PsJson),
    "diff": ("netprobe diff --json, netprobe explain --against --json", DiffJson),
    "causes": ("netprobe causes [CODE] --json", CauseJson | list[CauseJson]),
}
NAMES = tuple(_OUTPUTS)
_TYPES = {**vars(contract), **vars(of_topology), **vars(of_diff)}


def schema(name: str) -> dict[str, Any]:
    """Return the schema of one output, its keys in the order in which they are printed.

    Raises:
        KeyError: there is no such output.
    """
    title, kind = _OUTPUTS[name]
    made = msgspec.json.schema(kind)
    for each, definition in made["$defs"].items():
        _in_order(definition, list(_TYPES[each].__annotations__))
    if kind is FlowsJson:
        made["$defs"]["FlowJson"] = row_schema()
        made["$defs"]["FlowsJson"]["properties"]["flows"]["items"] = {"$ref": "#/$defs/FlowJson"}
    return {"$schema": DIALECT, "title": title, **made}


def _in_order(definition: dict[str, Any], keys: list[str]) -> None:
    """Undo msgspec's sorting of a TypedDict's keys."""
    definition["properties"] = {key: definition["properties"][key] for key in keys}
    definition["required"] = [key for key in keys if key in definition["required"]]
