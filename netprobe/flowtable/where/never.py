"""Texts of a condition that no row can be equal to: what to say where nothing was found."""

from __future__ import annotations

import ast
from difflib import get_close_matches
from typing import TYPE_CHECKING

import numpy as np

from netprobe.flowtable.series import Addresses, Codes
from netprobe.flowtable.where.literals import address_of
from netprobe.flowtable.where.parse import parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from netprobe.flowtable.series import Series

_MOST_NAMES = 12


def never(text: str, columns: Mapping[str, Callable[[], Series]]) -> list[str]:
    """Return a line for each text that a column is compared with and never has.

    Args:
        text: a condition that can be read.
        columns: name -> what makes the column.

    Raises:
        UsageFault: it cannot be read.
    """
    found = dict.fromkeys(_compared(parse(text, columns)))
    lines = (_line(name, value, columns[name]()) for name, value in found)
    return [line for line in lines if line]


def _compared(tree: ast.expr) -> Iterator[tuple[str, str]]:
    """Column and text of each comparison for equality."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Compare):
            continue
        sides = [node.left, *node.comparators]
        for op, one, other in zip(node.ops, sides, sides[1:], strict=False):
            if isinstance(op, ast.Eq | ast.In):
                yield from _pairs(one, other)
                yield from _pairs(other, one)


def _pairs(column: ast.expr, value: ast.expr) -> Iterator[tuple[str, str]]:
    values = value.elts if isinstance(value, ast.List | ast.Tuple) else [value]
    for each in values:
        if isinstance(column, ast.Name) and isinstance(each, ast.Constant) and isinstance(each.value, str):
            yield column.id, each.value


def _line(name: str, value: str, series: Series) -> str:
    if isinstance(series, Addresses):
        return "" if address_of(value)[0] > 0 else f"{value!r} is no address, and {name} is one"
    if not isinstance(series, Codes):
        return ""
    there = [series.names[code] for code in np.unique(series.codes).tolist() if code >= 0]
    if value in there:
        return ""
    near = get_close_matches(value.lower(), [each.lower() for each in there], n=1, cutoff=0.6)
    named = [each for each in there if each.lower() in near] or sorted(there)
    names = ", ".join(map(repr, named[:_MOST_NAMES])) + (", …" if len(named) > _MOST_NAMES else "")
    return f"no flow has {name} {value!r}: there is {names}" if there else f"no flow has a {name}"
