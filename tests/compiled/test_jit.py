"""What may be a kernel: a function that neither raises nor allocates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from netprobe.compiled import machine
from netprobe.compiled.entries import INT64, NUMBER, Array, KernelEntry
from netprobe.compiled.jit import NotAlone, compiled, machine_code

if TYPE_CHECKING:
    from numpy.typing import NDArray

PAIR = np.dtype([("count", "i8"), ("sides", "i4", (2,)), ("letters", "u1", (3,))])


@compiled
def sums(numbers: NDArray[np.int64], pairs: NDArray[np.void], by: int) -> int:
    """Use what the flow table has: fields, and fields of two sides, one not aligned after the other."""
    total = 0
    for place in range(len(numbers)):
        pair = pairs[place % len(pairs)]
        pair.count += numbers[place]
        pair.sides[place & 1] += 1
        pair.letters[place % 3] = 65
        total += numbers[place] // by
    return total


@compiled
def raises(numbers: NDArray[np.int64]) -> int:
    """Raise."""
    if numbers[0] > 5:
        raise ValueError("more than five")
    return 0


def test_a_kernel_over_structured_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = KernelEntry("sums", "", (INT64, Array(PAIR), NUMBER))
    code = machine_code([(entry, sums)])
    monkeypatch.setattr(machine, "KERNELS", (entry,))
    kernel = machine.load(code)["sums"]
    pairs = np.zeros(2, PAIR)
    assert kernel(np.arange(10), pairs, 2) == sum(each // 2 for each in range(10))
    assert pairs["count"].tolist() == [20, 25]
    assert pairs["sides"].tolist() == [[5, 0], [0, 5]]
    assert bytes(pairs["letters"]) == b"AAAAAA"
    assert kernel(np.arange(10), pairs, 0) == 0, "numpy's division by zero, and no exception"


def test_what_raises_is_no_kernel() -> None:
    with pytest.raises(NotAlone, match="raises can raise"):
        machine_code([(KernelEntry("raises", "", (INT64,)), raises)])
