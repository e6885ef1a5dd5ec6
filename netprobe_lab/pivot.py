"""Runs inside a mount namespace of its own: makes a tree the root, and becomes a program of that tree.

Started as a file, with the standard library alone, by `engine`: `pivot.py ROOT SHARED PROGRAM [ARGUMENT…]`. Not chroot(2): runc, below
dockerd, changes the root itself, which a process in a chroot may not (pivot_root(2), user_namespaces(7)). The tree stays
read-only; of the host it sees /proc, /sys, /dev, /run, its name service's files, and the directory SHARED.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from pathlib import Path

_MS_RDONLY, _MS_REMOUNT, _MS_BIND, _MS_REC = 0x1, 0x20, 0x1000, 0x4000  # sys/mount.h
_MNT_DETACH = 2
_LIBC = ctypes.CDLL(None, use_errno=True)
_SHOWN = ("/proc", "/sys", "/dev", "/run", "/etc/resolv.conf", "/etc/hosts", "/etc/hostname")
_WRITABLE = ("/tmp", "/etc/docker")  # noqa: S108 - mounts of this namespace alone


def _mount(source: str, target: str, kind: str = "none", flags: int = 0) -> None:
    arguments = (os.fsencode(source), os.fsencode(target), kind.encode(), ctypes.c_ulong(flags), None)
    _check(_LIBC.mount(*arguments), target)


def _check(result: int, what: str) -> None:
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), what)


def enter(root: str, shared: str) -> None:
    """Make the tree this namespace's root.

    Raises:
        OSError: a mount failed; names the target.
        subprocess.CalledProcessError: pivot_root(8) failed.
    """
    _mount(root, root, flags=_MS_BIND)
    _mount("none", root, flags=_MS_REMOUNT | _MS_BIND | _MS_RDONLY)
    for path in (*_SHOWN, shared):
        if Path(path).exists():
            _mount(path, root + path, flags=_MS_BIND | _MS_REC)
    for path in _WRITABLE:
        _mount("tmpfs", root + path, "tmpfs")
    os.chdir(root)
    subprocess.run(["pivot_root", ".", "."], check=True)  # stacks the old root upon the new one: pivot_root(2), NOTES
    _check(_LIBC.umount2(b".", _MNT_DETACH), "the old root")
    os.chdir("/")


def main() -> None:
    """Change the root, then become the program."""
    root, shared, *argv = sys.argv[1:]
    enter(root, shared)
    program = shutil.which(argv[0])
    if program is None:
        sys.exit(f"{argv[0]} is not in {root}")
    os.execv(program, [program, *argv[1:]])  # noqa: S606 - argv, no shell in between


if __name__ == "__main__":
    main()
