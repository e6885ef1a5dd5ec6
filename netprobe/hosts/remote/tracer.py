"""The one thing that changes a host, and only when asked for: a temporary nft table that marks a probe's packets, and ``nft monitor trace``.

The table has the ``owner`` flag (nft(8)): it belongs to the netlink socket of the ``nft -i`` that made it, and the kernel removes
it with that socket, however the process ends. ``nft -i`` ends with its input, which this program holds.
"""

from __future__ import annotations

import contextlib
import re
import subprocess
import threading
import time

from netprobe.hosts.remote.children import read_bounded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Optional, Set

    from netprobe.hosts.remote.children import Children

NETLINK = "/proc/thread-self/net/netlink"
NETFILTER, TRACE_GROUP = 12, 1 << 8  # NETLINK_NETFILTER; NFNLGRP_NFTRACE is group 9 (linux/netfilter/nfnetlink.h)
COMPLAINTS = 2000
CHECK_SECONDS = 2.0


class Output:
    """What a process has written to its two streams so far, bounded."""

    def __init__(self, child: subprocess.Popen[bytes], limit: int) -> None:
        self.child = child
        self.text, self.complaint = bytearray(), bytearray()
        self.full = False
        self.last_byte = time.monotonic()
        self.news = threading.Event()
        kept = ((child.stdout, self.text, limit), (child.stderr, self.complaint, COMPLAINTS))
        self._threads = [threading.Thread(target=self._read, args=each, daemon=True) for each in kept]
        for thread in self._threads:
            thread.start()

    def _read(self, stream: Any, kept: bytearray, limit: int) -> None:
        while True:
            part = stream.read1(65536)
            if not part:
                break
            self.last_byte = time.monotonic()
            self.full = self.full or len(kept) + len(part) > limit
            kept += part[: limit - len(kept)]
            self.news.set()
        self.news.set()

    def finish(self) -> None:
        """Wait until all was read."""
        for thread in self._threads:
            thread.join(1.0)

    def quiet(self, seconds: float, deadline: float) -> None:
        """Wait until nothing was written for some ``seconds``, at most until the ``deadline``."""
        pause, begin = threading.Event(), time.monotonic()
        while True:
            now = time.monotonic()
            since = now - max(begin, self.last_byte)
            if since >= seconds or now >= deadline:
                return
            pause.wait(min(seconds - since, deadline - now))

    def fault(self) -> str:
        """Return its first complaint, ``""`` when there is none."""
        lines = self.complaint.decode("utf-8", "replace").strip().splitlines()
        return lines[0].strip() if lines else ""


class Tracer:
    """The table and its reader, between ``start`` and ``stop``."""

    def __init__(self, children: Children) -> None:
        self._children = children
        self._table = ""
        self._owner: Optional[Output] = None
        self._monitor: Optional[Output] = None

    def start(self, request: Dict[str, Any]) -> Dict[str, Any]:
        """Make the ``table`` by a ``script`` and listen; return ``{"failed": why or None}``, and after a failure nothing is left."""
        self._table = request["table"]
        deadline = time.monotonic() + request["ready_seconds"]
        try:
            failed = self._own(request, deadline) or self._listen(request, deadline)
        except (OSError, KeyError) as error:
            failed = str(error)
        if failed is not None:
            self._end()
        return {"failed": failed}

    def _own(self, request: Dict[str, Any], deadline: float) -> Optional[str]:
        child = self._children.spawn(["nft", "-i"], request["seconds"], stdin=subprocess.PIPE)
        owner = self._owner = Output(child, 65536)
        assert child.stdin is not None
        child.stdin.write(("%s\nlist table %s\n" % (request["script"], self._table)).encode())
        child.stdin.flush()
        listed = re.compile(rb"^table %s \{[^\n]*\n\tflags owner" % re.escape(self._table.encode()), re.MULTILINE)
        while not listed.search(bytes(owner.text)):
            owner.news.clear()
            if owner.complaint or child.poll() is not None:
                owner.news.wait(0.1)
                return "nft: %s" % (owner.fault() or "nft -i ended early")
            if time.monotonic() >= deadline:
                return "nft: the table was not there in time"
            owner.news.wait(0.05)
        return None

    def _listen(self, request: Dict[str, Any], deadline: float) -> Optional[str]:
        before = listeners()
        child = self._children.spawn(["nft", "-a", "monitor", "trace"], request["seconds"])
        monitor = self._monitor = Output(child, request["limit"])
        pause = threading.Event()
        while not listeners() - before:
            if child.poll() is not None:
                monitor.finish()
                return "nft monitor trace: %s" % (monitor.fault() or "ended early")
            if time.monotonic() >= deadline:
                return "nft monitor trace was not ready in time"
            pause.wait(0.01)
        return None

    def stop(self, request: Dict[str, Any]) -> Dict[str, Any]:
        """Wait until nothing was written for ``quiet_seconds`` (at most ``seconds``) and end; ``{"out", "error", "full", "gone"}``."""
        monitor = self._monitor
        if monitor is None:
            return {"out": "", "error": "not started", "full": False, "gone": True}
        monitor.quiet(request["quiet_seconds"], time.monotonic() + request["seconds"])
        early = monitor.child.poll() is not None
        self._end()
        error = monitor.fault() or ("nft monitor trace ended early" if early else "")
        text = monitor.text.decode("utf-8", "replace")
        return {"out": text, "error": error, "full": monitor.full, "gone": self._gone()}

    def _end(self) -> None:
        """End the reader, then the owner: with its socket goes the table."""
        monitor, owner = self._monitor, self._owner
        self._monitor = self._owner = None
        if monitor is not None:
            monitor.child.terminate()
            self._children.reap(monitor.child, 1.0)
            monitor.finish()
        if owner is not None:
            assert owner.child.stdin is not None
            with contextlib.suppress(OSError):  # it ended before it had read all
                owner.child.stdin.close()
            self._children.reap(owner.child, 1.0)
            owner.finish()

    def _gone(self) -> bool:
        """Tell whether the kernel has no such table any more."""
        deadline, pause = time.monotonic() + CHECK_SECONDS, threading.Event()
        while True:
            child = self._children.spawn(["nft", "list", "table", *self._table.split()], CHECK_SECONDS)
            assert child.stdout is not None
            read_bounded(child.stdout, 65536)
            if self._children.reap(child) not in (0, 124, 137):
                return True
            if time.monotonic() >= deadline:
                return False
            pause.wait(0.02)


def listeners() -> Set[str]:
    """Return the sockets of this network namespace that hear nft's trace, by their port id."""
    with open(NETLINK, encoding="ascii", errors="replace") as file:
        rows: List[List[str]] = [line.split() for line in file][1:]
    return {row[2] for row in rows if len(row) > 3 and int(row[1]) == NETFILTER and int(row[3], 16) & TRACE_GROUP}


def operations(children: Children) -> Dict[str, Callable[[Dict[str, Any]], Dict[str, Any]]]:
    """Return what this module answers."""
    tracer = Tracer(children)
    return {"trace": tracer.start, "untrace": tracer.stop}
