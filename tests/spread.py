"""Of values that a test goes through, `make test` takes a few from everywhere in the list; `make test-all` takes all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _pytest.mark import ParameterSet


def spread(values: Iterable[object], step: int) -> list[ParameterSet]:
    """Return a test's parameters: the first of each ``step`` values as it is, the others marked `whole`."""
    return [
        pytest.param(value, marks=() if number % step == 0 else pytest.mark.whole)
        for number, value in enumerate(values)
    ]
