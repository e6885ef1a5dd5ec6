"""Columns that were made once and may be asked for again: as many as memory is set aside for, those that were asked for last."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from numpy.typing import NDArray

MOST_BYTES = 3 << 27
"""Of half a million rows there is room for all that is ever asked for."""


class KeptColumns:
    """Arrays by a key. What is not kept any more is made again: the same, and later."""

    def __init__(self, most: int = MOST_BYTES) -> None:
        """``most``: in bytes."""
        self._most, self._held = most, 0
        self._kept: dict[Hashable, NDArray[Any]] = {}  # in the order in which they were asked for

    def get(self, key: Hashable, make: Callable[[], NDArray[Any]]) -> NDArray[Any]:
        """Return an array, made now where it is not there; it is not to be written."""
        found = self._kept.pop(key, None)
        if found is None:
            found = make()
            self._held += found.nbytes
            while self._kept and self._held > self._most:
                self._held -= self._kept.pop(next(iter(self._kept))).nbytes
        self._kept[key] = found
        return found
