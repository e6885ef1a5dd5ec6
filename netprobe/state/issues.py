"""Text that was not understood, by name: parsing goes on, nothing crashes (after zeek's "weird")."""

from __future__ import annotations

import json
from typing import Any

from netprobe.values import dataclass

KEPT = 200  # characters of a line that are kept: enough to find it again


@dataclass(frozen=True, slots=True, kw_only=True)
class ParseIssue:
    """Something in a command's output that was not understood.

    Attributes:
        source: the command key (``"iptables"``, ``"ns/demo/addr"``).
        line: the line, from 1; for JSON the item's place in its list, from 1; 0 for the whole text.
        text: the first characters of it, as it was (untrusted: escape it before printing).
        why: what was expected.
    """

    source: str
    line: int
    text: str
    why: str


class Issues:
    """Collects issues while one text is parsed."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.found: list[ParseIssue] = []

    def add(self, line: int, text: object, why: str) -> None:
        """Note one issue."""
        self.found.append(ParseIssue(source=self.source, line=line, text=str(text)[:KEPT], why=why))


def load_json(text: str, issues: Issues) -> Any:
    """The JSON value of a text, None (and an issue) when it is none. Deep nesting and huge numbers are issues too."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        issues.add(0, text, f"not JSON: {type(error).__name__}")
        return None


def load_items(text: str, issues: Issues) -> list[tuple[int, dict[str, Any]]] | None:
    """The objects of a JSON list with their places from 1; None when the text is no list.

    No text at all is an empty list: old iproute2 writes nothing where there is nothing to list.
    """
    if not text.strip():
        return []
    value = load_json(text, issues)
    if value is None:
        return None
    if not isinstance(value, list):
        issues.add(0, text, "not a JSON list")
        return None
    items = []
    for number, item in enumerate(value, 1):
        if isinstance(item, dict):
            items.append((number, item))
        else:
            issues.add(number, item, "not a JSON object")
    return items


def text_of(item: dict[str, Any], key: str) -> str:
    """A string field, ``""`` when it is missing or of another type."""
    value = item.get(key)
    return value if isinstance(value, str) else ""


def int_of(item: dict[str, Any], key: str) -> int | None:
    """An integer field, None when it is missing or of another type."""
    value = item.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def dict_of(item: dict[str, Any], key: str) -> dict[str, Any]:
    """An object field, empty when it is missing or of another type."""
    value = item.get(key)
    return value if isinstance(value, dict) else {}


def texts_of(item: dict[str, Any], key: str) -> tuple[str, ...]:
    """The strings of a list field, empty when it is missing or of another type."""
    value = item.get(key)
    return tuple(each for each in value if isinstance(each, str)) if isinstance(value, list) else ()
