"""Compile all kernels, and keep their machine code. Takes some ten seconds."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from netprobe.compiled import machine, store
from netprobe.compiled.entries import KERNELS
from netprobe.errors import EnvironmentFault

if TYPE_CHECKING:
    from pathlib import Path


def compile_all(folder: Path | None = None) -> Path:
    """Compile all kernels for this processor, and keep them in a folder (the user's cache folder, without one). Returns the file.

    Raises:
        EnvironmentFault: numba is not there, or the folder is none in which they can be kept.
    """
    folder = folder or store.user_folder()
    if folder is None:
        raise EnvironmentFault(
            "compiled code cannot be kept: this user has no home", "name a cache folder in XDG_CACHE_HOME"
        )
    path = store.write(folder, code())
    machine.kernels.cache_clear()
    return path


def code() -> bytes:
    """Compile all kernels to one object file.

    Raises:
        EnvironmentFault: numba is not there.
    """
    try:
        jit = importlib.import_module("netprobe.compiled.jit")
    except ImportError as error:
        raise EnvironmentFault(f"numba cannot be imported: {error}", "install numba beside netprobe") from error
    functions = [getattr(importlib.import_module(f"netprobe.compiled.{each.module}"), each.name) for each in KERNELS]
    made: bytes = jit.machine_code(list(zip(KERNELS, functions, strict=True)))
    return made
