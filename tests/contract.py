"""JSON held against the schema that `netprobe schema` prints, and a little more strictly."""

from __future__ import annotations

from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from netprobe.report.schema import schema

TOP = {
    "report": "ReportJson",
    "error": "ErrorJson",
    "hosts": "HostsJson",
    "causes": "CauseJson",
    "topology": "TopologyJson",
    "ps": "PsJson",
    "diff": "DiffJson",
}


@cache
def strict(name: str) -> dict[str, Any]:
    made = schema(name)
    for definition in made["$defs"].values():
        definition["additionalProperties"] = False  # users must expect new keys; here one that no type has is a mistake
    return made


@cache
def validator(name: str) -> Draft202012Validator:
    Draft202012Validator.check_schema(strict(name))
    return Draft202012Validator(strict(name))


def assert_valid(name: str, value: Any) -> None:
    """Assert that an output is as its schema says: no other key, and the keys in that order."""
    validator(name).validate(value)
    for each in value if isinstance(value, list) else [value]:
        assert list(each) == list(strict(name)["$defs"][TOP[name]]["properties"])
