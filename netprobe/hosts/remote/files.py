"""Reading files: the host's, and a container's without trusting it.

A container decides what its /etc/hosts is: a FIFO, a device, a link to the host's /etc/shadow. So a forked child changes its root
to the container's before it opens the name (links then end inside), opens without blocking, and takes regular files only.
"""

from __future__ import annotations

import os
import select
import signal
import stat
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Optional

    from netprobe.hosts.remote.children import Children

LIMIT = 1 << 20


def read(request: Dict[str, Any]) -> Dict[str, Any]:
    """Read ``files``: a list of ``{key, path, pid}`` (pid: of a process in the container, or None); ``{key: {out, err}}``."""
    return {file["key"]: _one(file["path"], file.get("pid")) for file in request["files"]}


def _one(path: str, pid: Optional[int]) -> Dict[str, Any]:
    try:
        data = _regular(path) if pid is None else _inside(path, "/proc/%d/root" % pid)
    except OSError as error:
        return {"out": "", "err": "%s: %s" % (path, error.strerror or error)}
    return {"out": data.decode("utf-8", "replace"), "err": ""}


def _regular(path: str) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(0, "not a regular file")
        kept = b""
        while len(kept) <= LIMIT:
            part = os.read(descriptor, 65536)
            if not part:
                return kept
            kept += part
        raise OSError(0, "larger than 1 MiB")
    finally:
        os.close(descriptor)


def _inside(path: str, root: str) -> bytes:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _child(path, root, writing)
    os.close(writing)
    try:
        data = _drain(reading, time.monotonic() + 2.0)
    finally:
        os.close(reading)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    if data[:1] != b"+":
        raise OSError(0, data[1:].decode("utf-8", "replace") or "no answer within 2 s")
    return data[1:]


def _child(path: str, root: str, writing: int) -> None:
    """Answer ``+CONTENT`` or ``-REASON`` on the pipe; never return."""
    try:
        os.chroot(root)
        os.chdir("/")
        answer = b"+" + _regular(path)
    except OSError as error:
        answer = b"-" + str(error.strerror or error).encode()
    try:
        while answer:
            answer = answer[os.write(writing, answer) :]
    finally:
        os._exit(0)


def _drain(descriptor: int, deadline: float) -> bytes:
    kept = b""
    while True:
        ready, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            return b""
        part = os.read(descriptor, 65536)
        if not part:
            return kept
        kept += part


def operations(_children: Children) -> Dict[str, Callable[[Dict[str, Any]], Dict[str, Any]]]:
    """Return what this module answers."""
    return {"read": read}
