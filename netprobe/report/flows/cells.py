"""Columns as text, all rows at once: a matrix of bytes a column, and rows put together from those.

A cell is as wide as the widest one of its column; what it does not fill is NUL, anywhere in it, and goes away at the end
(:meth:`bytes.translate` deletes at memory speed). No text of ours has a NUL: names are escaped. Digits come from tables of four.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from netprobe.flowtable.series import Addresses, Codes, Numbers, Seconds, ShortTexts, Times, Truths, coded, known

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from netprobe.flowtable.series import Series

    Cells = NDArray[np.uint8]

_GROUP = 10_000
_SECOND = 1_000_000_000
_DAY = 86_400


@cache
def _digits() -> tuple[NDArray[np.uint32], NDArray[np.uint32], Cells]:
    """Four digits by number, four bytes in one uint32 each: all four; with NUL for the zeros before the first that counts; the same with the zero's, too."""
    full = np.empty((_GROUP, 4), np.uint8)
    number = np.arange(_GROUP)
    for place in range(4):
        full[:, 3 - place] = number // 10**place % 10 + ord("0")
    bare = full.copy()
    for place in range(3):
        bare[number < 10 ** (3 - place), place] = 0
    return full.view(np.uint32).ravel(), bare.view(np.uint32).ravel(), full


def whole(values: NDArray[np.int64]) -> Cells:
    """Return the digits of whole numbers from 0; below 0 is left empty."""
    full, bare, _ = _digits()
    most, least = int(values.max(initial=0)), int(values.min(initial=0))
    if most < _GROUP:
        out = bare[np.maximum(values, 0)] if least < 0 else bare[values]
        out = out.reshape(-1, 1)
    else:
        parts = _groups(values, -(-len(str(most)) // 4))
        out = np.zeros((len(values), len(parts)), np.uint32)
        begun = np.zeros(len(values), np.bool_)
        for number, part in enumerate(parts):
            begins = ~begun & ((part > 0) | (number == len(parts) - 1))
            out[:, number] = np.where(begun, full[part], np.where(begins, bare[part], 0))
            begun |= begins
    if least < 0:
        out[values < 0] = 0
    return out.view(np.uint8)


def _groups(values: NDArray[np.int64], count: int) -> list[NDArray[np.int64]]:
    """The numbers in groups of four digits, the highest first."""
    rest, parts = np.maximum(values, 0), []
    for _ in range(count - 1):
        high = rest // _GROUP
        parts.append(rest - high * _GROUP)
        rest = high
    return [rest, *reversed(parts)]


def fraction(ns: NDArray[np.int64]) -> Cells:
    """Return the nine digits of ns below a second."""
    digits, _, bytes_of = _digits()
    middle = ns // 10
    high = middle // _GROUP
    out = np.empty((len(ns), 9), np.uint8)
    out[:, :4] = digits[high].view(np.uint8).reshape(-1, 4)
    out[:, 4:8] = digits[middle - high * _GROUP].view(np.uint8).reshape(-1, 4)
    out[:, 8] = bytes_of[ns - middle * 10, 3]
    return out


def constant(text: bytes, count: int) -> Cells:
    """Return the same text in each row."""
    return np.broadcast_to(np.frombuffer(text, np.uint8), (count, len(text)))


def seconds(ns: NDArray[np.int64]) -> Cells:
    """Return durations in seconds, nine digits behind the point: ``0.000412345``."""
    full, rest = np.divmod(np.maximum(ns, 0), _SECOND)
    out = np.concatenate([whole(full), constant(b".", len(ns)), fraction(rest)], axis=1)
    out[ns < 0] = 0
    return out


def times(ns: NDArray[np.int64]) -> Cells:
    """Return times as ISO 8601 in UTC with ns: ``2026-11-30T12:00:00.123456789Z``."""
    _, _, full = _digits()
    since, rest = np.divmod(np.maximum(ns, 0), _SECOND)
    day, second = np.divmod(since, _DAY)
    days, place = np.unique(day, return_inverse=True)
    dates = [str(each).encode() for each in days.astype("M8[D]")]
    two = full[:, 2:]
    colon = constant(b":", len(ns))
    parts = [named(dates, place), constant(b"T", len(ns)), two[second // 3600], colon, two[second // 60 % 60], colon]
    parts += [two[second % 60], constant(b".", len(ns)), fraction(rest), constant(b"Z", len(ns))]
    out = np.concatenate(parts, axis=1)
    out[ns < 0] = 0
    return out


def named(names: Sequence[bytes], codes: NDArray[np.int64]) -> Cells:
    """Return the names of codes; below 0 is left empty."""
    width = max(map(len, names), default=1)
    table = np.array([*names, b""], f"S{max(width, 1)}").view(np.uint8).reshape(len(names) + 1, -1)
    return table[codes]


def cells(series: Series, text: Callable[[str], bytes]) -> Cells:
    """Return a column as text.

    Args:
        series: the column.
        text: how a name is written (quoted, escaped); it returns no NUL.
    """
    match series:
        case Numbers():
            return whole(series.values)
        case Truths():
            return named([b"false", b"true"], series.values.astype(np.int64))
        case Seconds():
            return seconds(series.ns)
        case Times():
            return times(series.ns)
        case Codes():
            return named([text(name) for name in series.names], series.codes)
        case ShortTexts():
            return (
                np.ascontiguousarray(series.values).view(np.uint8).reshape(len(series.values), series.values.itemsize)
            )
        case Addresses():
            if (series.version == 4).all():
                return dotted(series.lo)
            by_code = coded(series)
            return named([name.encode() for name in by_code.names], by_code.codes)


def dotted(lo: NDArray[np.uint64]) -> Cells:
    """Return IPv4 addresses."""
    octets = lo.astype(np.uint32)
    return np.stack(
        [_octets()[(octets >> np.uint32(shift)) & np.uint32(255)] for shift in (24, 16, 8, 0)], axis=1
    ).view(np.uint8)[:, :-1]


@cache
def _octets() -> NDArray[np.uint32]:
    """0 to 255 with a dot behind each, four bytes in one uint32."""
    return np.array([f"{number}.".rjust(4, "\0").encode() for number in range(256)], "S4").view(np.uint32)


def joined(parts: Sequence[Cells]) -> bytes:
    """Return the rows one after the other, each of all its parts."""
    return np.concatenate(parts, axis=1).tobytes().translate(None, b"\0")


def where_known(series: Series, made: Cells, instead: bytes) -> Cells:
    """Return the cells, with other text where nothing is known."""
    there = known(series)
    if there.all():
        return made
    out = np.zeros((len(there), max(made.shape[1], len(instead))), np.uint8)
    out[:, : made.shape[1]] = made
    out[~there] = 0
    out[~there, : len(instead)] = np.frombuffer(instead, np.uint8)
    return out
