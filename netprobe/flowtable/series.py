"""The kinds of columns that a flow table is shown with, each as numpy arrays and never as an object a row.

A value that is not known, or not there, is said by the kind itself: -1, an address of version 0. Nobody takes it for a number: comparisons of
``where``, CSV's empty cell, JSON's null and pandas' NA all come from :func:`known`.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Numbers:
    """Whole numbers.

    Attributes:
        values: int64 (n,), none below 0 where known; -1 absent.
    """

    values: NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Truths:
    """Yes or no, always known.

    Attributes:
        values: bool (n,).
    """

    values: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Seconds:
    """Durations, told in seconds.

    Attributes:
        ns: int64 (n,); -1 absent.
    """

    ns: NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Times:
    """Times.

    Attributes:
        ns: int64 (n,), Unix time in ns; -1 absent.
    """

    ns: NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Codes:
    """Text of which there are few: names by number.

    Attributes:
        codes: integers (n,), an index of ``names``; -1 absent.
        names: they come from captures in part, and are not escaped here. No name twice.
    """

    codes: NDArray[np.int64]
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ShortTexts:
    """Short ASCII text, one of its own a row: Zeek's histories.

    Attributes:
        values: bytes (n,); ``b""`` absent.
    """

    values: NDArray[np.bytes_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Addresses:
    """IP addresses.

    Attributes:
        version: int8 (n,), 4 or 6; 0 absent.
        hi, lo: uint64 (n,), the halves of the address; of IPv4 ``hi`` is 0.
    """

    version: NDArray[np.int8]
    hi: NDArray[np.uint64]
    lo: NDArray[np.uint64]


Series: TypeAlias = Numbers | Truths | Seconds | Times | Codes | ShortTexts | Addresses


def size(series: Series) -> int:
    """Return how many rows there are."""
    match series:
        case Numbers() | Truths() | ShortTexts():
            return len(series.values)
        case Seconds() | Times():
            return len(series.ns)
        case Codes():
            return len(series.codes)
        case Addresses():
            return len(series.version)


def known(series: Series) -> NDArray[np.bool_]:
    """Return bool (n,): where there is a value."""
    match series:
        case Numbers():
            return np.asarray(series.values >= 0)
        case Truths():
            return np.ones(len(series.values), np.bool_)
        case Seconds() | Times():
            return np.asarray(series.ns >= 0)
        case Codes():
            return np.asarray(series.codes >= 0)
        case ShortTexts():
            return np.asarray(series.values != b"")
        case Addresses():
            return np.asarray(series.version > 0)


def take(series: Series, rows: NDArray[np.int64] | slice) -> Series:
    """Return the rows asked for, in that order."""
    match series:
        case Numbers():
            return Numbers(values=series.values[rows])
        case Truths():
            return Truths(values=series.values[rows])
        case Seconds():
            return Seconds(ns=series.ns[rows])
        case Times():
            return Times(ns=series.ns[rows])
        case Codes():
            return Codes(codes=series.codes[rows], names=series.names)
        case ShortTexts():
            return ShortTexts(values=series.values[rows])
        case Addresses():
            return Addresses(version=series.version[rows], hi=series.hi[rows], lo=series.lo[rows])


def coded(series: Addresses | ShortTexts) -> Codes:
    """Return the same text by number, each name once, in the order of the addresses (IPv4 first) or letters."""
    if isinstance(series, ShortTexts):
        letters, codes = np.unique(series.values, return_inverse=True)
        shift = int(len(letters) > 0 and letters[0] == b"")
        names = tuple(each.decode("ascii", "backslashreplace") for each in letters[shift:].tolist())
        return Codes(codes=codes - shift, names=names)
    order = np.lexsort((series.lo, series.hi, series.version))
    version, hi, lo = series.version[order], series.hi[order], series.lo[order]
    begins = np.ones(len(order), np.bool_)
    begins[1:] = (version[1:] != version[:-1]) | (hi[1:] != hi[:-1]) | (lo[1:] != lo[:-1])
    codes = np.empty(len(order), np.int64)
    codes[order] = np.cumsum(begins) - 1
    texts = [
        address(*each) for each in zip(version[begins].tolist(), hi[begins].tolist(), lo[begins].tolist(), strict=True)
    ]
    shift = int(bool(texts) and texts[0] == "")
    return Codes(codes=codes - shift, names=tuple(texts[shift:]))


def address(version: int, hi: int, lo: int) -> str:
    """Return an address as text (RFC 5952), ``""`` for version 0."""
    if version == 4:
        return str(ipaddress.IPv4Address(lo & 0xFFFFFFFF))
    return str(ipaddress.IPv6Address(hi << 64 | lo)) if version else ""


def ranks(series: Series) -> NDArray[np.int64]:
    """Return int64 (n,): where each row stands in ascending order, equal rows alike, -1 absent.

    Text goes by its characters, addresses by their number (IPv4 first).
    """
    match series:
        case Numbers():
            return series.values
        case Truths():
            return series.values.astype(np.int64)
        case Seconds() | Times():
            return series.ns
        case Addresses() | ShortTexts():
            return coded(series).codes
        case Codes():
            return _by_name(series)


def _by_name(series: Codes) -> NDArray[np.int64]:
    place = np.full(len(series.names) + 1, -1, np.int64)  # the last one is for -1
    place[_sorted(series.names)] = np.arange(len(series.names))
    return np.asarray(place[series.codes])


def _sorted(names: Sequence[str]) -> list[int]:
    return sorted(range(len(names)), key=names.__getitem__)
