"""Processes that cannot outlive this program.

Invariants: each child is the leader of its own process group and runs under ``timeout`` (coreutils), so that it ends even if
this program is killed with -9; :meth:`Children.end` kills and reaps all that are left.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import IO, Dict, List, Optional, Set

SBIN = ("/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/local/bin", "/usr/bin", "/bin")


class Missing(OSError):
    """A program is not installed on this host."""


def environment() -> Dict[str, str]:
    """Return a neutral environment: untranslated messages, and the sbin folders that some users' PATH lacks."""
    path = [part for part in os.environ.get("PATH", "").split(":") if part.startswith("/")]
    path += [part for part in SBIN if part not in path]
    return {"PATH": ":".join(path), "LC_ALL": "C", "HOME": "/"}


def which(program: str, path: str) -> Optional[str]:
    """Return where a program is (shutil.which's module takes as long to load as a third of this program)."""
    places = [os.path.join(folder, program) for folder in path.split(":")] if "/" not in program else [program]
    return next((place for place in places if os.path.isfile(place) and os.access(place, os.X_OK)), None)


class Children:
    """Every process that this program started and has not yet reaped, and the namespaces that it holds open.

    ``boot`` and ``program`` are this program's own: what ``python3 -c`` runs, and what that then reads.
    """

    def __init__(self, boot: str, program: bytes) -> None:
        self._boot = boot
        self._program = program
        self._lock = threading.Lock()
        self._running: Set[subprocess.Popen[bytes]] = set()
        self._namespaces: Dict[str, int] = {}
        self._ended = False
        self._environment = environment()

    def enter(self, key: str, pid: int) -> None:
        """Hold process `pid`'s network namespace open under the name `key`.

        It stays the same namespace when the process ends and its id is used again.

        Raises:
            OSError: there is no such process.
        """
        descriptor = os.open("/proc/%d/ns/net" % pid, os.O_RDONLY | os.O_CLOEXEC)
        with self._lock:
            self._namespaces[key] = descriptor

    def namespaces(self) -> Dict[str, int]:
        """Return the inode of every namespace that is held open, by its name here."""
        with self._lock:
            return {key: os.fstat(descriptor).st_ino for key, descriptor in self._namespaces.items()}

    def installed(self, *programs: str) -> None:
        """Do nothing if these programs are there.

        Raises:
            Missing: one is not installed.
        """
        for program in programs:
            if which(program, self._environment["PATH"]) is None:
                raise Missing("%s: not installed" % program)

    def spawn(
        self, argv: List[str], seconds: float, namespace: Optional[str] = None, stdin: int = subprocess.DEVNULL
    ) -> subprocess.Popen[bytes]:
        """Start `argv` under ``timeout``, in a namespace that was entered before (None: this program's own).

        Raises:
            Missing: the program, or one it needs, is not installed.
        """
        self.installed("timeout", argv[0], *(() if namespace is None else ("nsenter",)))
        prefix = ["timeout", "-k", "1", "%.3f" % seconds]
        descriptors = []
        with self._lock:
            if self._ended:
                raise OSError("ending")
            if namespace is not None:
                descriptors.append(self._namespaces[namespace])
                prefix += ["nsenter", "--net=/proc/self/fd/%d" % descriptors[0], "--"]
            child = subprocess.Popen(
                prefix + argv,
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=self._environment,
                pass_fds=descriptors,
                start_new_session=True,
            )
            self._running.add(child)
        return child

    def spawn_again(self, seconds: float, namespace: str) -> subprocess.Popen[bytes]:
        """Start this same program once more, in a namespace that was entered before.

        Raises:
            Missing: a program that this takes is not installed.
        """
        argv = [sys.executable, "-I", "-S", "-W", "ignore", "-c", self._boot]
        child = self.spawn(argv, seconds, namespace, stdin=subprocess.PIPE)
        assert child.stdin is not None
        child.stdin.write(b"%d\n" % len(self._program) + self._program)
        child.stdin.flush()
        return child

    def reap(self, child: subprocess.Popen[bytes], seconds: float = 2.0) -> int:
        """Wait for a child, kill its group when it takes longer, and return its exit status."""
        try:
            child.wait(seconds)
        except subprocess.TimeoutExpired:
            self._kill(child)
            child.wait(2.0)
        with self._lock:
            self._running.discard(child)
        return child.returncode

    def end(self) -> None:
        """Kill and reap every child. No child can be started afterwards."""
        with self._lock:
            self._ended = True
            running = list(self._running)
        for child in running:
            self._kill(child)
        for child in running:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(1.0)

    @staticmethod
    def _kill(child: subprocess.Popen[bytes]) -> None:
        if child.poll() is None:
            try:
                os.killpg(child.pid, signal.SIGKILL)
            except ProcessLookupError:
                return


def read_bounded(stream: IO[bytes], limit: int) -> bytes:
    """Read until the end of `stream`, at most `limit` + 1 bytes (one more than allowed says that there was more)."""
    kept = []
    left = limit + 1
    while left > 0:
        part = stream.read(min(left, 65536))
        if not part:
            break
        kept.append(part)
        left -= len(part)
    return b"".join(kept)
