"""The directories that all labs of a machine share: made by the first, removed with the last, while others come and go."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_RUN = Path("/run")


@contextmanager
def alone() -> Iterator[None]:
    """Keep every other lab of this machine from making or removing what all share: a flock(2) on /run, which leaves nothing behind."""
    descriptor = os.open(_RUN, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def make(directory: Path) -> None:
    """Make a directory below a shared one, and that one where it is not there."""
    with alone():
        directory.mkdir(parents=True, exist_ok=True)


def remove_if_empty(directory: Path) -> None:
    """Remove a shared directory, unless something is in it."""
    with alone():
        if directory.is_dir() and not any(directory.iterdir()):
            directory.rmdir()
