"""A session with one host: the remote program started through the host's reach, asked over its standard input and output.

Leaving nothing behind: the program ends when its input ends, which the kernel sees to however this process ends; it also runs
under ``timeout``, and over a network it ends when it hears nothing for some seconds. What it started goes with it, also where it is
killed. :meth:`Session.close` ends it and waits for it; so does the end of the sessions that it belongs to (:class:`netprobe.hosts.opened.Opened`).
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
from collections import deque
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from typing import TYPE_CHECKING, Any

from netprobe.errors import EnvironmentFault
from netprobe.hosts import doing, program, reach
from netprobe.hosts.complaints import Complaint, understood
from netprobe.hosts.opened import Opened, close
from netprobe.interrupts import whole

if TYPE_CHECKING:
    from netprobe.inventory.hosts import HostEntry

PACKAGES = {
    "ip": "iproute2",
    "ss": "iproute2",
    "bridge": "iproute2",
    "iptables-save": "iptables",
    "iptables-legacy-save": "iptables",
    "ip6tables-save": "iptables",
    "ip6tables-legacy-save": "iptables",
    "nft": "nftables",
    "bpftrace": "bpftrace",
    "tcpdump": "tcpdump",
    "nsenter": "util-linux",
    "timeout": "coreutils",
    "ssh": "openssh-client",
    "python3": "python3",
}

LINES = 60
LINE_BYTES = 1000
LIFE_SECONDS = 2.0
SILENCE_SECONDS = 10.0
ANSWER_BYTES = 512 << 20
SSH_FAILED = 255  # ssh(1): its own failure, not the command's

Answer = dict[str, Any]


class HostLostError(Exception):
    """The session ended, or an answer did not come in time."""


class RemoteError(Exception):
    """The remote program could not do what it was asked; the text says why."""


class Session:
    """One host's program, from its start until :meth:`close`."""

    def __init__(
        self,
        host: HostEntry,
        life_seconds: float,
        opened: Opened | None = None,
        told: doing.Doing = doing.nobody,
    ) -> None:
        """Start the program on a host.

        Args:
            host: the host.
            life_seconds: how long the program may live at most.
            opened: the sessions that this one belongs to: their end waits for it, also where an interrupt keeps it from whoever asked for it.
            told: called with its name and what is done there, as it is asked for.

        Raises:
            EnvironmentFault: a program that reaching it takes is not installed here.
            HostLostError: ``opened`` is over.
        """
        self.host = host
        self._told = told
        self._life = life_seconds
        self._lock = threading.Lock()
        self._waiting: dict[int, Future[Answer]] = {}
        self._next = 0
        self._lost = False
        self._over = threading.Event()
        self._said: deque[str] = deque(maxlen=LINES)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._listener = threading.Thread(target=self._listen, daemon=True)
        alone = Opened()
        try:
            self._begin(alone if opened is None else opened)
        except BaseException:  # an interrupt: without others, nobody else knows of this process yet
            alone.close()
            raise

    def _begin(self, opened: Opened) -> None:
        """Start the program, send it, and listen to it."""
        python = reach.python(self.host.reach)
        own = python == sys.executable
        sent = program.compiled() if own else program.as_text()
        try:
            self._start(opened, python, sent.boot, program.PIPE_BYTES if own else -1)
        except FileNotFoundError as error:
            name = str(error.filename)
            raise EnvironmentFault(
                f"{name}: not installed", f"install the package {PACKAGES.get(name, name)}"
            ) from None
        self._send(b"%d\n%b" % (len(sent.data), sent.data))
        if self.host.reach.quoted:
            self.submit("watch", seconds=SILENCE_SECONDS)
            threading.Thread(target=self._show_life, daemon=True).start()

    @whole
    def _start(self, opened: Opened, python: str, boot: str, pipesize: int) -> None:
        """Start the program, and have it known: in one, whatever comes."""
        life = ("timeout", "-k", "2", f"{self._life:.0f}")
        argv = reach.argv(self.host.reach, (*life, python, "-I", "-S", "-W", "ignore", "-c", boot), self.host.become)
        self._told(self.host.name, doing.begins(argv))

        def begin() -> None:
            self._process = subprocess.Popen(
                argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
                pipesize=pipesize,
            )
            self._reader.start()
            self._listener.start()

        if not opened.start(self, begin):
            raise HostLostError(f"{self.host.name}: not asked any more")

    def ask(self, operation: str, patience: float = 10.0, **arguments: Any) -> Answer:
        """Ask for one operation and wait for its answer.

        Raises:
            HostLostError: the session ended before the answer, or the answer took longer than `patience`.
            RemoteError: the operation failed there.
        """
        return self.wait(self.submit(operation, **arguments), patience)

    def submit(self, operation: str, **arguments: Any) -> Future[Answer]:
        """Ask for one operation without waiting."""
        if self._told is not doing.nobody:
            for line in doing.words(operation, arguments):
                self._told(self.host.name, line)
        future: Future[Answer] = Future()
        with self._lock:
            if self._lost:
                future.set_exception(HostLostError(f"{self.host.name}: {self.last_words()}"))
                return future
            self._next += 1
            number = self._next
            self._waiting[number] = future
        self._send(json.dumps({"id": number, "op": operation, **arguments}).encode() + b"\n")
        return future

    def wait(self, future: Future[Answer], patience: float = 10.0) -> Answer:
        """Wait for a submitted operation. Raises as :meth:`ask` does."""
        try:
            return future.result(patience)
        except FutureTimeout:
            raise HostLostError(f"{self.host.name}: no answer within {patience:.2g} s") from None

    def within(self, namespace: str | None, operation: str, patience: float = 10.0, **arguments: Any) -> Answer:
        """Ask the program inside a namespace entered before (None: the host's own namespace)."""
        if namespace is None:
            return self.ask(operation, patience, **arguments)
        request = {"op": operation, **arguments}
        return self.ask("within", patience, ns=namespace, request=request, life_seconds=self._life)

    def _send(self, data: bytes) -> None:
        stream = self._process.stdin
        with self._lock, contextlib.suppress(BrokenPipeError, ValueError):  # the reader notices the end
            if stream is not None:
                stream.write(data)
                stream.flush()

    def _read(self) -> None:
        stream = self._process.stdout
        for line in iter(lambda: stream.readline(ANSWER_BYTES), b"") if stream is not None else ():
            if len(line) == ANSWER_BYTES:  # no answer of ours: what follows would be as long
                break
            try:
                value = json.loads(line)
            except (ValueError, RecursionError):  # a login shell's greeting
                continue
            if isinstance(value, dict):
                self._deliver(value)
        self._fail_all()

    def _listen(self) -> None:
        """Keep the last lines of standard error. A shared ssh connection may hold it open longer than the session lives."""
        stream = self._process.stderr
        for line in iter(lambda: stream.readline(LINE_BYTES), b"") if stream is not None else ():
            text = line.decode("utf-8", "replace").strip()
            if text:
                self._said.append(text)

    def _show_life(self) -> None:
        """Have the remote program know that the network still carries us: without, it ends (its ``timeout`` would be later)."""
        while not self._over.wait(LIFE_SECONDS):
            self._send(b"\n")

    def _deliver(self, answer: Answer) -> None:
        number = answer.get("id")
        with self._lock:
            future = self._waiting.pop(number, None) if isinstance(number, int) else None
        if future is None:
            return
        if "ok" in answer:
            future.set_result(answer["ok"])
        else:
            future.set_exception(RemoteError(str(answer.get("error", "no reason given"))))

    def _fail_all(self) -> None:
        with self._lock:
            self._lost = True
            waiting, self._waiting = self._waiting, {}
        reason = self.last_words() if waiting else ""
        for future in waiting.values():
            future.set_exception(HostLostError(f"{self.host.name}: {reason}"))

    def last_words(self) -> str:
        """Return what the program or its prefix (nsenter, sudo, ssh) said last on standard error."""
        return self.complaint().text

    def complaint(self) -> Complaint:
        """Return why the session ended, and what to do about it."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1.0)
        if self._process.poll() is None:
            return Complaint("the session ended", "")
        self._listener.join(0.5)
        said = list(self._said)
        known = understood(said, self.host)
        if known is not None:
            return known
        if said:
            return Complaint(said[-1], "")
        if self.host.reach.quoted and self._process.returncode == SSH_FAILED:
            return Complaint("the ssh connection broke", f"is the host up? try {self.host.reach.spoken}")
        if self._process.returncode < 0:
            return Complaint(f"the session was killed (signal {-self._process.returncode})", "")
        return Complaint(f"the session ended with exit status {self._process.returncode}", "")

    @property
    def lost(self) -> bool:
        """True once the session has ended, for whatever reason."""
        return self._lost

    def end_input(self) -> None:
        """Tell the program to end, without waiting."""
        self._over.set()
        with contextlib.suppress(BrokenPipeError, OSError, ValueError):
            if self._process.stdin is not None:
                self._process.stdin.close()

    def ended(self, seconds: float) -> bool:
        """Wait for the program's end so long; return whether it came."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def force(self, *, rude: bool) -> None:
        """End the program by a signal: SIGTERM, or (rude) SIGKILL. One that has ended gets none."""
        if rude:
            self._process.kill()
        else:
            self._process.terminate()

    def release(self) -> None:
        """Give back what belonged to a program that has ended."""
        for thread, stream in ((self._reader, self._process.stdout), (self._listener, self._process.stderr)):
            thread.join(1.0)
            if stream is not None and not thread.is_alive():  # closing under a reader would wait for it
                stream.close()

    def close(self) -> None:
        """End the program and wait for it: first by ending its input, then by force."""
        close((self,))
