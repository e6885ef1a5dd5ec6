"""Where machine code is kept: one file for each version and processor, in the user's cache folder (or the installation's own, for all users).

A folder may be shared by several versions, and by machines with other processors: what is written leaves the others' files there as long as they are
used (:data:`UNUSED_DAYS`), and never more than :data:`MOST_FILES`.

Machine code is run, so nothing is taken that others could have changed: the file and its folder belong to this user or to root, and nobody else may
write to them; the file begins with the SHA-256 of the rest. It is written beside and renamed, so there is never half of it, and whoever compiles at
the same time disturbs nobody.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import stat
import sys
import tempfile
import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Final

from netprobe.errors import EnvironmentFault
from netprobe.interrupts import Held
from netprobe.values import dataclass

UNUSED_DAYS: Final = 90
"""So long a file is kept that nobody reads."""
MOST_FILES: Final = 16
"""Files that a folder keeps, of a few hundred kB each: those used last."""
_DAY_S: Final = 86_400
_MAGIC: Final = b"netprobe kernels 1\n"
_PREFIX: Final = "kernels-"
_BESIDE: Final = ".kernels-"  # while it is written
_MOST: Final = 1 << 26  # bytes: a larger file is none of ours
_SOURCES: Final = (
    "compiled",
    "decode",
    "evidence",
    "evidence/stream",
    "flows",
    "flowtable",
)  # rooms whose code or constants are compiled
_VERSIONS: Final = (("numba", "_version.py"), ("llvmlite", "_version.py"), ("numpy", "version.py"))
_PROCESSOR: Final = frozenset(
    (
        "vendor_id",
        "cpu family",
        "model",
        "model name",
        "flags",
        "Features",
        "CPU implementer",
        "CPU part",
        "CPU variant",
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """The machine code that is kept, or why there is none that can be used."""

    code: bytes = b""
    why: str = ""


def folders() -> tuple[Path, ...]:
    """Where to look: the user's cache folder (XDG base directory specification), then the installation's own."""
    own = user_folder()
    return (*([own] if own else ()), shared_folder())


def shared_folder() -> Path:
    """Where ``make install`` keeps it for all users: inside of the installation, and gone with it."""
    return Path(sys.prefix) / "var" / "cache" / "netprobe"


def user_folder() -> Path | None:
    """The user's cache folder for netprobe; None where the user has no home. Relative paths are ignored, as the specification says."""
    given = os.environ.get("XDG_CACHE_HOME", "")
    if Path(given).is_absolute():
        return Path(given) / "netprobe"
    try:
        return Path.home() / ".cache" / "netprobe"
    except RuntimeError:
        return None


@cache
def find() -> Kept:
    """Look for the machine code of this version on this processor. Reads some hundred kB, imports nothing, never raises."""
    reasons = []
    for folder in folders():
        kept = read(folder)
        if kept.code:
            return kept
        reasons.append(kept.why)
    return Kept(why=next((why for why in reasons if why != _NONE), _NONE))


_NONE: Final = "there is none yet for this version on this processor"


def read(folder: Path) -> Kept:
    """Read what one folder keeps."""
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return Kept(why=_NONE)
    try:
        return _read(handle, _PREFIX + key())
    except FileNotFoundError:
        return Kept(why=_NONE)
    except OSError as error:
        return Kept(why=f"it cannot be read: {error.strerror}")
    finally:
        os.close(handle)


def _read(folder: int, name: str) -> Kept:
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    with os.fdopen(os.open(name, flags, dir_fd=folder), "rb") as file:
        about = os.fstat(file.fileno())
        if not (_ours(os.fstat(folder)) and _ours(about) and stat.S_ISREG(about.st_mode)):
            return Kept(
                why="others could have changed it: its file or folder belongs to another user, or others may write to it"
            )
        data = file.read(_MOST + 1)
        _note_use(file.fileno(), about)
    head = len(_MAGIC) + hashlib.sha256().digest_size
    code = data[head:]
    if len(data) > _MOST or data[:head] != _MAGIC + hashlib.sha256(code).digest() or not code:
        return Kept(why="its file is damaged")
    return Kept(code=code)


def _note_use(file: int, about: os.stat_result) -> None:
    """Let the file's time say that it is in use, once a day: that of its last reading is not kept everywhere (mount(8), noatime)."""
    if time.time() - about.st_mtime > _DAY_S:
        with suppress(OSError):  # another user's: its reading has to do
            os.utime(file)


def _ours(about: os.stat_result) -> bool:
    return about.st_uid in (0, os.geteuid()) and not about.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def write(folder: Path, code: bytes) -> Path:
    """Keep machine code, and remove what nobody has used for long.

    Raises:
        EnvironmentFault: the folder cannot be written to, or others could change what is in it.
    """
    data = _MAGIC + hashlib.sha256(code).digest() + code
    target = folder / (_PREFIX + key())
    try:
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        if not _ours(folder.stat()):
            raise EnvironmentFault(
                f"compiled code is not kept in {folder}: it belongs to another user, or others may write to it",
                "name another cache folder in XDG_CACHE_HOME",
            )
        _replace(target, data)
        _remove_unused(folder, target)
    except OSError as error:
        why = f"compiled code cannot be kept in {folder}: {error.strerror}"
        raise EnvironmentFault(why, "name another cache folder in XDG_CACHE_HOME") from error
    find.cache_clear()
    return target


def _replace(target: Path, data: bytes) -> None:
    with Held(lambda: tempfile.mkstemp(prefix=_BESIDE, dir=target.parent), _removed) as (handle, name):
        with os.fdopen(os.dup(handle), "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(file.fileno(), 0o644)
            os.fsync(file.fileno())
        Path(name).replace(target)


def _removed(made: tuple[int, str]) -> None:
    """Close and remove what a file was written as; it is there no more where it has taken its name."""
    os.close(made[0])
    Path(made[1]).unlink(missing_ok=True)


def _remove_unused(folder: Path, target: Path) -> None:
    """Remove files of others that nobody reads any more, those beyond :data:`MOST_FILES`, and what a writer that was killed has left."""
    now, used = time.time(), []
    for each in (*folder.glob(f"{_PREFIX}*"), *folder.glob(f"{_BESIDE}*")):
        with suppress(OSError):  # somebody else removes it
            about = each.lstat()
            last = max(about.st_mtime, about.st_atime)
            if now - last > (_DAY_S if each.name.startswith(_BESIDE) else UNUSED_DAYS * _DAY_S):
                each.unlink()
            elif each.name.startswith(_PREFIX) and each != target:
                used.append((last, each))
    for _, each in sorted(used, reverse=True)[MOST_FILES - 1 :]:
        with suppress(OSError):
            each.unlink()


@cache
def key() -> str:
    """What the machine code depends on, as one word: sources, compilers, Python, processor."""
    whole = hashlib.sha256(repr((sys.implementation.cache_tag, os.uname().machine, _processor())).encode())
    package = Path(__file__).parent.parent
    for file in (file for room in _SOURCES for file in sorted((package / room).glob("*.py"))):
        whole.update(file.read_bytes())
    for module, version in _VERSIONS:
        whole.update(_version(module, version))
    return whole.hexdigest()[:32]


def _version(module: str, file: str) -> bytes:
    """The file in which a package keeps its version (to import it, or its metadata, takes longer than to use what is kept)."""
    spec = importlib.util.find_spec(module)
    try:
        return Path(str(spec and spec.origin)).with_name(file).read_bytes()
    except OSError:
        return b""


def _processor() -> tuple[str, ...]:
    """What proc_cpuinfo(5) says of the first processor, without what changes from one moment to the next."""
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8", errors="replace") as file:
            first = file.read(1 << 14).split("\n\n", 1)[0]
    except OSError:
        return ()
    return tuple(line for line in first.splitlines() if line.partition(":")[0].strip() in _PROCESSOR)
