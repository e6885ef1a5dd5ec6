"""What a parser makes of a text, kept for a while: a live run reads the rules to know where to sniff, and its analysis reads the same texts again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from netprobe.state.issues import Issues, ParseIssue

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
MOST = 32 << 20  # characters of all texts whose values are kept


class _Recent:
    """The values of the last texts, within :data:`MOST`; each step is one that threads may take at the same time."""

    def __init__(self) -> None:
        self._values: dict[tuple[object, str, str], tuple[Any, tuple[ParseIssue, ...]]] = {}

    def get(self, key: tuple[object, str, str]) -> tuple[Any, tuple[ParseIssue, ...]] | None:
        return self._values.get(key)

    def put(self, key: tuple[object, str, str], value: tuple[Any, tuple[ParseIssue, ...]]) -> None:
        self._values[key] = value
        kept = list(self._values)
        size = sum(len(text) for _, _, text in kept)
        for each in kept:
            if size <= MOST:
                break
            self._values.pop(each, None)
            size -= len(each[2])


_RECENT = _Recent()


def understood(parser: Callable[[str, Issues], T], key: str, text: str) -> tuple[T, tuple[ParseIssue, ...]]:
    """What a parser makes of an output, and what of it was not understood. Pure: the same text gives the same value, which nobody changes."""
    found = _RECENT.get((parser, key, text))
    if found is None:
        issues = Issues(key)
        found = parser(text, issues), tuple(issues.found)
        _RECENT.put((parser, key, text), found)
    return found
