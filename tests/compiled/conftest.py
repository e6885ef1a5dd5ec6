"""Kernels are compiled once for all tests (and again where their sources changed), in a folder of the checkout."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from netprobe.compiled import build, machine, store

if TYPE_CHECKING:
    from collections.abc import Iterator

CACHE = Path(__file__).parent.parent.parent / "build" / "cache"


@pytest.fixture(scope="session")
def compiled() -> Iterator[Path]:
    """Compiled code that netprobe finds; the folder where it is kept."""
    before = os.environ.get("XDG_CACHE_HOME")
    os.environ["XDG_CACHE_HOME"] = str(CACHE)
    CACHE.mkdir(mode=0o755, parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:  # other workers of the same run wait for it
        fcntl.flock(lock, fcntl.LOCK_EX)
        store.find.cache_clear()
        if not machine.usable():
            build.compile_all()
    yield CACHE / "netprobe"
    del os.environ["XDG_CACHE_HOME"]
    if before is not None:
        os.environ["XDG_CACHE_HOME"] = before
    store.find.cache_clear()
