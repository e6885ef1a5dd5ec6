"""Processes that cannot outlive this program, however it ends.

Invariants: each child is the leader of its own process group. This program holds the reading end of a pipe whose writing end
that group inherits, its lifeline: when the reading end is closed, and with -9 the kernel does that, the kernel sends SIGKILL to
what is left of the group (:func:`tie`). Until that is so a child is a shell that waits for a line (`GATE`): without one, as this
program has ended, it ends as well. What is to run on while nobody waits for it is under ``timeout`` (coreutils) besides.
:meth:`Children.end` kills all that are left and waits for them; nothing is started once it has begun.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import subprocess
import sys
import threading
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import IO, Dict, List, Optional, Set, Tuple

END_SECONDS = 1.0
F_SETPIPE_SZ = 1031  # linux/fcntl.h; fcntl has it since Python 3.10
TRUST = ("SSL_CERT_FILE", "SSL_CERT_DIR")  # SSL_CTX_set_default_verify_paths(3)
GATE = 'read -r _ && exec "$@"'  # read takes one byte at a time from a pipe (POSIX): what follows that line is the command's
SBIN = ("/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/local/bin", "/usr/bin", "/bin")


class Missing(OSError):
    """A program is not installed on this host."""


def environment() -> Dict[str, str]:
    """Return a neutral environment: untranslated messages, the sbin folders that some users' PATH lacks, and whom OpenSSL is to trust."""
    path = [part for part in os.environ.get("PATH", "").split(":") if part.startswith("/")]
    path += [part for part in SBIN if part not in path]
    kept = {name: os.environ[name] for name in TRUST if name in os.environ}
    return {"PATH": ":".join(path), "LC_ALL": "C", "HOME": "/", **kept}


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
        self._running: Dict[subprocess.Popen[bytes], int] = {}  # each with its lifeline
        self._namespaces: Dict[str, int] = {}
        self._ended = False
        self._environment = environment()
        self._installed: Set[str] = set()

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
            if program not in self._installed:
                if which(program, self._environment["PATH"]) is None:
                    raise Missing("%s: not installed" % program)
                self._installed.add(program)

    def spawn(
        self,
        argv: List[str],
        seconds: Optional[float] = None,
        namespace: Optional[str] = None,
        stdin: int = subprocess.DEVNULL,
    ) -> subprocess.Popen[bytes]:
        """Start `argv` in a namespace that was entered before, or at a path (None: this program's own).

        Args:
            argv: the command.
            seconds: how long it may run, under ``timeout``; None: as long as its caller waits for it, who ends it then.
            namespace: where.
            stdin: ``DEVNULL`` or ``PIPE``, as for :class:`subprocess.Popen`.

        Raises:
            Missing: the program, or one it needs, is not installed.
        """
        prefix = [] if seconds is None else ["timeout", "-k", "1", "%.3f" % seconds]
        self.installed("sh", *prefix[:1], argv[0], *(() if namespace is None else ("nsenter",)))
        descriptors = []
        with self._lock:
            if self._ended:
                raise OSError("ending")
            if namespace is not None and not namespace.startswith("/"):
                descriptors.append(self._namespaces[namespace])
                namespace = "/proc/self/fd/%d" % descriptors[0]
            if namespace is not None:
                prefix += ["nsenter", "--net=%s" % namespace, "--"]
            return self._tied(prefix + argv, stdin, descriptors)

    def _tied(self, argv: List[str], stdin: int, descriptors: List[int]) -> subprocess.Popen[bytes]:
        """Start `argv` with a lifeline, behind the gate until it has one: a `preexec_fn` is not safe beside threads."""
        lifeline, held = os.pipe()
        gate = GATE if stdin == subprocess.PIPE else GATE + " </dev/null"
        try:
            child = subprocess.Popen(
                ["sh", "-c", gate, "sh", *argv],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=self._environment,
                pass_fds=[*descriptors, held],
                start_new_session=True,
            )
        except OSError:
            os.close(lifeline)
            os.close(held)
            raise
        tie(held, child.pid)
        os.close(held)
        self._running[child] = lifeline
        assert child.stdin is not None
        with contextlib.suppress(OSError):  # somebody ended it
            child.stdin.write(b"\n")
            child.stdin.flush()
        if stdin != subprocess.PIPE:
            child.stdin.close()
        return child

    def spawn_again(self, seconds: float, namespace: str) -> subprocess.Popen[bytes]:
        """Start this same program once more, in a namespace that was entered before.

        Raises:
            Missing: a program that this takes is not installed.
        """
        argv = [sys.executable, "-I", "-S", "-W", "ignore", "-c", self._boot]
        child = self.spawn(argv, seconds, namespace, stdin=subprocess.PIPE)
        assert child.stdin is not None
        with contextlib.suppress(OSError):  # one that reads nothing is to hold nobody up
            fcntl.fcntl(child.stdin, F_SETPIPE_SZ, 2 * len(self._program))
        child.stdin.write(b"%d\n" % len(self._program) + self._program)
        child.stdin.flush()
        return child

    def reap(self, child: subprocess.Popen[bytes], seconds: float = 2.0) -> int:
        """Wait for a child, kill its group when it takes longer, and return its exit status. Nothing of the group is left."""
        try:
            child.wait(seconds)
        except subprocess.TimeoutExpired:
            self._kill(child)
            child.wait(2.0)
        with self._lock:
            lifeline = self._running.pop(child, None)
        if lifeline is not None:
            os.close(lifeline)
        return child.returncode

    def end(self) -> None:
        """Kill every child with its group, and wait until all have ended. No child can be started from its beginning on."""
        with self._lock:
            self._ended = True
            running, self._running = self._running, {}
        for child in running:
            self._kill(child)
        deadline = time.monotonic() + END_SECONDS
        for child, lifeline in running.items():
            _wait_for_hang_up(lifeline, deadline)
            os.close(lifeline)
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(max(0.0, deadline - time.monotonic()))

    @staticmethod
    def _kill(child: subprocess.Popen[bytes]) -> None:
        if child.poll() is None:  # else the number may be another's
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)


def tie(held: int, group: int) -> None:
    """Have the kernel kill a process group when the reading end of the pipe that ends in `held` is closed.

    Signal-driven I/O (fcntl(2): O_ASYNC, F_SETOWN, F_SETSIG): that the last reader has gone is an event for the pipe's writers
    (pipe_release() of Linux's fs/pipe.c). The owner is the group itself, not its number, so nobody else is ever hit.
    """
    with contextlib.suppress(OSError):  # a kernel without: `timeout` ends it, later
        fcntl.fcntl(held, fcntl.F_SETOWN, -group)
        fcntl.fcntl(held, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(held, fcntl.F_SETFL, os.O_ASYNC)


def _wait_for_hang_up(lifeline: int, deadline: float) -> None:
    """Wait until nobody holds the other end any more: all processes of the group have ended."""
    poll = select.poll()
    poll.register(lifeline, 0)
    poll.poll(max(0.0, deadline - time.monotonic()) * 1000)


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


def read_both(child: subprocess.Popen[bytes], limits: Tuple[int, int], deadline: float) -> Tuple[bytes, bytes, bool]:
    """Read a child's output and complaints side by side, of each at most its limit + 1 bytes; and whether both ended.

    They did not where the output was longer than its limit, or the `deadline` (time.monotonic()) came first.
    """
    assert child.stdout is not None
    assert child.stderr is not None
    output, complaints = bytearray(), bytearray()
    left = {child.stdout.fileno(): (output, limits[0]), child.stderr.fileno(): (complaints, limits[1])}
    poller = select.poll()
    for descriptor in left:
        poller.register(descriptor, select.POLLIN)
    while left and len(output) <= limits[0]:
        ready = poller.poll(max(0.0, deadline - time.monotonic()) * 1000)
        if not ready:
            break
        for descriptor, _ in ready:
            part = os.read(descriptor, 65536)
            kept, limit = left[descriptor]
            kept += part[: limit + 1 - len(kept)]
            if not part:
                poller.unregister(descriptor)
                del left[descriptor]
    return bytes(output), bytes(complaints), not left
