"""Evidence files on disk: the only file access of this room."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from netprobe.errors import EnvironmentFault, EvidenceFault

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


def save(path: str | os.PathLike[str], data: bytes) -> None:
    """Write the file whole or not at all: under another name beside it first, then renamed.

    What is there and is not a plain file (``/dev/stdout``, a pipe) is written to, not replaced.

    Raises:
        EnvironmentFault: it cannot be written.
    """
    target = Path(path)
    try:
        if target.exists() and not target.is_file():
            target.write_bytes(data)
        else:
            _replace(Path(os.path.realpath(target)), data)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise EnvironmentFault(
            f"cannot write {os.fspath(path)}: {why}", "give --save a file in a folder that you may write to"
        ) from error


def _replace(target: Path, data: bytes) -> None:
    mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else None
    part = target.with_name(f".{target.name[:200]}.{os.urandom(4).hex()}.part")
    handle = os.open(
        part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666
    )  # less the umask, as tcpdump does
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            if mode is not None:
                os.fchmod(handle, mode)
            os.fsync(handle)
        part.replace(target)
    except BaseException:  # also on Ctrl-C: nothing is left behind
        part.unlink(missing_ok=True)
        raise
