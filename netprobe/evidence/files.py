"""Evidence files on disk: the only file access of this room."""

from __future__ import annotations

import os
from pathlib import Path

from netprobe.errors import EnvironmentFault, EvidenceFault, UsageFault

MAX_BYTES = 2 << 30
"""Larger files are refused rather than read into memory."""


def load(path: str | os.PathLike[str], *, limit: int = MAX_BYTES) -> bytes:
    """The file's bytes.

    Raises:
        EvidenceFault: there is no such file, it may not be read, or it is larger than ``limit`` bytes.
    """
    try:
        with Path(path).open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise EvidenceFault(
            f"cannot read {os.fspath(path)}: {error.strerror or error}", "check the name and its permissions"
        ) from error
    except ValueError as error:  # a NUL byte in the name
        raise EvidenceFault(f"cannot read {os.fspath(path)!r}: {error}", "check the name") from error
    if len(data) > limit:
        hint = "cut it down first: editcap -A START -B STOP, or tshark -Y FILTER -w NEW"
        raise EvidenceFault(f"{os.fspath(path)} is larger than {limit >> 20} MiB", hint)
    return data


def save(
    path: str | os.PathLike[str], data: bytes, *, force: bool = False, owner: tuple[int, int] | None = None
) -> None:
    """Write the file whole or not at all: under another name beside it first, then renamed. Its mode is 0600: it shows a host's rules and processes.

    What is there and is not a plain file (``/dev/stdout``, a pipe) is written to, not replaced.

    Args:
        path: the file.
        data: what goes into it.
        force: replace a file that is there.
        owner: user and group id that the file is given to, None: this process's.

    Raises:
        UsageFault: there is a file of that name.
        EnvironmentFault: it cannot be written.
    """
    target = Path(path)
    try:
        if target.exists() and not target.is_file():
            target.write_bytes(data)
        elif target.exists() and not force:
            raise exists(target)
        else:
            _replace(Path(os.path.realpath(target)), data, owner)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise EnvironmentFault(
            f"cannot write {os.fspath(path)}: {why}", "give --save a file in a folder that you may write to"
        ) from error


def exists(path: str | os.PathLike[str]) -> UsageFault:
    """Return what to say where a file is there that would be overwritten."""
    return UsageFault(f"--save: {os.fspath(path)} exists", "give it another name, or --force to overwrite it")


def _replace(target: Path, data: bytes, owner: tuple[int, int] | None) -> None:
    part = target.with_name(f".{target.name[:200]}.{os.urandom(4).hex()}.part")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            if owner is not None:
                os.fchown(handle, *owner)
            os.fsync(handle)
        part.replace(target)
    except BaseException:  # also on Ctrl-C: nothing is left behind
        part.unlink(missing_ok=True)
        raise
