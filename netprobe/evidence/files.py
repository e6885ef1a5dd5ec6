"""Evidence files on disk: the only file access of this room."""

from __future__ import annotations

import os
from contextlib import contextmanager
from io import BytesIO, FileIO
from pathlib import Path
from typing import TYPE_CHECKING

from netprobe.errors import EnvironmentFault, EvidenceFault, UsageFault
from netprobe.interrupts import whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MAX_BYTES = 2 << 30
"""Larger files are refused rather than read into memory."""

STDIN = "-"
"""The name of standard input, as tcpdump and tshark have it; a file of that name is ``./-``."""

_HEAD, _CHUNK = 512, 1 << 24
_PIPED = "pipe one in: ssh HOST tcpdump -U -w - | netprobe replay -"


def _anything(_head: bytes, _name: str) -> None:
    """Take any file."""


def load(
    path: str | os.PathLike[str], *, limit: int = MAX_BYTES, check: Callable[[bytes, str], object] = _anything
) -> bytes:
    """The file's bytes: all that is there, however its size changes meanwhile. A pipe is read to its end.

    Args:
        path: the file, or :data:`STDIN`.
        limit: how many bytes it may have.
        check: is called with the first bytes and the name, before the rest is read, and may raise.

    Raises:
        EvidenceFault: there is no such file, it may not be read, it is a terminal, or larger than ``limit`` bytes.
    """
    name = shown(path)
    with faults(name), opened(path) as file:
        return _all_of(file, name, limit, check)


@contextmanager
def faults(name: str) -> Iterator[None]:
    """Turn what keeps a file from being read into a fault.

    Args:
        name: what messages call the file.

    Raises:
        EvidenceFault: there is no such file, it may not be read, or takes more memory than is left.
    """
    try:
        yield
    except IsADirectoryError as error:
        raise EvidenceFault(f"cannot read {name}: it is a directory", "give the captures in it, one by one") from error
    except OSError as error:
        raise EvidenceFault(
            f"cannot read {name}: {error.strerror or error}", "check the name and its permissions"
        ) from error
    except ValueError as error:  # a NUL byte in the name
        raise EvidenceFault(f"cannot read {name!r}: {error}", "check the name") from error
    except MemoryError as error:
        raise _too_large(name, "the memory that is left") from error


def shown(path: str | os.PathLike[str]) -> str:
    """Return what messages call a file."""
    name = os.fspath(path)
    return "stdin" if name == STDIN else name


def opened(path: str | os.PathLike[str]) -> FileIO:
    """Open a file, or :data:`STDIN`.

    Raises:
        EvidenceFault: it is a terminal.
        OSError, ValueError: it cannot be opened.
    """
    # by its number: /dev/stdin cannot be opened where it is a socket, nor from a process of another user
    file = FileIO(0, closefd=False) if os.fspath(path) == STDIN else FileIO(os.fspath(path))
    if file.isatty():
        file.close()
        raise EvidenceFault(f"{shown(path)} is a terminal, and no capture", _PIPED)
    return file


def _all_of(file: FileIO, name: str, limit: int, check: Callable[[bytes, str], object]) -> bytes:
    if os.fstat(file.fileno()).st_size > limit:
        raise _too_large(name, f"{limit >> 20} MiB")
    out = BytesIO()
    while out.tell() < _HEAD and (chunk := file.read(_HEAD)):  # a pipe gives as little as it likes
        out.write(chunk)
    check(out.getvalue(), name)
    while chunk := file.read(_CHUNK):
        out.write(chunk)
        if out.tell() > limit:
            raise _too_large(name, f"{limit >> 20} MiB")
    return out.getvalue()


def _too_large(name: str, what: str) -> EvidenceFault:
    hint = "cut it down first: editcap -A START -B STOP, or tshark -Y FILTER -w NEW"
    return EvidenceFault(f"{name} is larger than {what}", hint)


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


def caller() -> tuple[int, int] | None:
    """Return the user and group id of the one who called sudo(8), whose file it is to be; None without it."""
    user, group = os.environ.get("SUDO_UID", ""), os.environ.get("SUDO_GID", "")
    if os.geteuid() != 0 or not (user.isascii() and user.isdigit() and group.isascii() and group.isdigit()):
        return None
    return int(user), int(group)


def exists(path: str | os.PathLike[str]) -> UsageFault:
    """Return what to say where a file is there that would be overwritten."""
    return UsageFault(f"--save: {os.fspath(path)} exists", "give it another name, or --force to overwrite it")


def _replace(target: Path, data: bytes, owner: tuple[int, int] | None) -> None:
    part = target.with_name(f".{target.name[:200]}.{os.urandom(4).hex()}.part")
    try:
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            if owner is not None:
                os.fchown(handle, *owner)
            os.fsync(handle)
        part.replace(target)
    except BaseException:  # also on Ctrl-C: nothing is left behind
        removed(part)
        raise


@whole
def removed(part: Path) -> None:
    """Remove what was to become a file, whatever comes."""
    part.unlink(missing_ok=True)
