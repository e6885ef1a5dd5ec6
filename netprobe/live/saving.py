"""Where the evidence of a run is saved: looked at before the probe, written after it."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING

from netprobe.errors import EnvironmentFault, UsageFault
from netprobe.evidence.files import caller, exists, save
from netprobe.values import dataclass

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where the evidence goes, and whether a file that is there may be overwritten."""

    file: Path
    force: bool

    def write(self, data: bytes) -> None:
        """Write the evidence. With sudo, the file is given to whoever called it: to replay needs no root."""
        save(self.file, data, force=self.force, owner=caller())


def destination(file: Path, *, force: bool) -> Destination:
    """Find out before the probe whether a file can be written, and leave no trace of the question.

    Raises:
        UsageFault: it is a directory, its directory does not exist, or it exists and may not be overwritten.
        EnvironmentFault: the directory cannot be written to.
    """
    try:
        if not file.exists() or file.is_file() or file.is_dir():  # else a pipe or a device: written to, not replaced
            _check(file, force=force)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise UsageFault(f"--save: no file can be called {str(file)!r}: {why}", "choose another name") from None
    return Destination(file=file, force=force)


def _check(file: Path, *, force: bool) -> None:
    if file.is_dir():
        raise UsageFault(f"--save: {file} is a directory", "give the name of a file")
    if file.exists() and not force:
        raise exists(file)
    if not file.parent.is_dir():
        raise UsageFault(f"--save: there is no directory {file.parent}", "make it, or choose another")
    try:
        with tempfile.TemporaryFile(dir=file.parent):
            return
    except OSError as error:
        raise EnvironmentFault(
            f"--save: cannot write to {file.parent}: {error.strerror}", "choose another directory"
        ) from None
