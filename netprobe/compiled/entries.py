"""The kernels: which functions are compiled, and what each takes. A new kernel is a file and a line here."""

from __future__ import annotations

import numpy as np

from netprobe.compiled.arrays import KEY, SIGHT
from netprobe.flowtable.columns import FLOW
from netprobe.flowtable.errors import ERROR
from netprobe.flowtable.state import STATE
from netprobe.values import dataclass


@dataclass(frozen=True, slots=True)
class Array:
    """An array that a kernel takes: C-contiguous, of this element type and number of dimensions."""

    dtype: np.dtype[np.generic]
    dimensions: int = 1


@dataclass(frozen=True, slots=True)
class Number:
    """A whole number that a kernel takes: int64."""


BYTES = Array(np.dtype(np.uint8))
INT32 = Array(np.dtype(np.int32))
INT64 = Array(np.dtype(np.int64))
ROWS = Array(np.dtype(np.int64), 2)
NUMBER = Number()


@dataclass(frozen=True, slots=True)
class KernelEntry:
    """One kernel: the function ``name`` of ``netprobe.compiled.<module>``, which returns an int64 or nothing (0 then)."""

    name: str
    module: str
    takes: tuple[Array | Number, ...]


UINT64 = Array(np.dtype(np.uint64))
FLOWS, STATES, KEYS, ERRORS, SIGHTS = (Array(each) for each in (FLOW, STATE, KEY, ERROR, SIGHT))

_N = NUMBER
_RECORDS = (BYTES, INT64, INT64, INT64, INT64, INT64, INT32, INT32)
_STORE = (FLOWS, STATES, INT64, INT64, KEYS, ERRORS, UINT64, SIGHTS, INT64)
_UNKNOWN = (FLOWS, STATES, UINT64)

KERNELS: tuple[KernelEntry, ...] = (
    KernelEntry("records", "records", (BYTES, _N, _N, _N, _N, _N, INT64, INT64, INT64, INT64, INT64)),
    KernelEntry("blocks", "records", (BYTES, _N, _N, INT64, INT64)),
    KernelEntry("packets", "packet", (BYTES, INT64, INT64, INT64, INT32, INT64, _N, ROWS, INT64)),
    KernelEntry("track", "loop", (*_RECORDS, _N, INT64, INT64, *_STORE, *_UNKNOWN, INT64, INT64)),
    KernelEntry("refill", "slots", (KEYS, _N, UINT64, _N, _N)),
)
