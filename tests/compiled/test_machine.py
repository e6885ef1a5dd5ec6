"""Compiled code is found and loaded without numba, and takes nothing but the arrays that it was made for."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from netprobe.compiled import machine, store
from netprobe.compiled.row import TEMPLATE

if TYPE_CHECKING:
    from pathlib import Path


def run(code: str, **environment: str) -> str:
    """Return what a program prints."""
    given = {**os.environ, **environment}
    done = subprocess.run([sys.executable, "-c", code], env=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


LOADED = "print(*sorted({name.partition('.')[0] for name in sys.modules} & {'numba', 'llvmlite'}))"


def test_without_compiled_code_neither_numba_nor_llvm_is_imported(tmp_path: Path) -> None:
    code = f"import sys; sys.prefix = '/nowhere'; from netprobe.compiled import machine; print(machine.usable()); print(machine.why_not()); {LOADED}"
    out = run(code, XDG_CACHE_HOME=str(tmp_path))
    assert out.splitlines() == ["False", "there is none yet for this version on this processor", ""]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("compiled")
def test_compiled_code_runs_without_numba() -> None:
    code = f"import sys; from netprobe.compiled import machine; print(machine.usable(), machine.why_not()); {LOADED}; machine.kernels(); {LOADED}"
    assert run(code).splitlines() == ["True ", "", "llvmlite"]


def test_why_there_is_none_is_raised(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("sys.prefix", str(tmp_path))
    store.find.cache_clear()
    machine.kernels.cache_clear()
    with pytest.raises(machine.NotUsable, match="none yet"):
        machine.kernels()
    store.find.cache_clear()


@pytest.mark.usefixtures("compiled")
def test_a_kernel_takes_no_other_array() -> None:
    kernel = machine.kernels()["packets"]
    data, numbers, links = np.zeros(60, np.uint8), np.zeros(1, np.int64), np.ones(1, np.int32)
    template = np.array(TEMPLATE, np.int64)
    out = np.zeros((1, len(template)), np.int64)
    good = (data, numbers, numbers, numbers, links, template, 0, out, numbers)
    assert kernel(*good) == 1
    for place, wrong in (
        (0, data.astype(np.int64)),
        (1, numbers.astype(np.int32)),
        (7, out[0]),
        (7, np.zeros((1, 2 * len(template)), np.int64)[:, ::2]),
        (5, template[::-1]),
    ):
        with pytest.raises(TypeError, match="takes a contiguous"):
            kernel(*good[:place], wrong, *good[place + 1 :])
    with pytest.raises(ValueError, match="zip"):
        kernel(*good[:-1])
