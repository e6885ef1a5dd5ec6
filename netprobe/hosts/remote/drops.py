"""The kernel's drop reasons for a probe's packets, by bpftrace where it is installed (``--trace``). The kernel detaches it with its process.

A tracepoint hears of every network namespace of the kernel: the answer names those of this host that are known, by inode.
"""

from __future__ import annotations

import os
import re
import sys
import time

from netprobe.hosts.remote.tracer import Output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Optional

    from netprobe.hosts.remote.children import Children

HARMLESS = re.compile(r"RLIMIT_MEMLOCK|^WARNING", re.ASCII)
READY = re.compile(rb"^ready$", re.MULTILINE)

# Writes the line of the tracepoint's format that names the running kernel's reasons, then becomes the program of its arguments.
# Where nobody mounted tracefs, it is mounted in a mount namespace of this process alone (unshare(2), mount(2)).
STARTER = """
import os, sys
def file(folder): return folder + "/events/skb/kfree_skb/format"
places = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"]
if not any(os.path.exists(file(place)) for place in places):
    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    mount = lambda what, where, kind, flags: libc.mount(what, where, kind, ctypes.c_ulong(flags), None)
    if libc.unshare(0x20000) or mount(b"none", b"/", None, 0x84000) or mount(b"tracefs", places[0].encode(), b"tracefs", 0):
        sys.exit("no tracepoints: tracefs is not mounted, and cannot be: " + os.strerror(ctypes.get_errno()))
found = [file(place) for place in places if os.path.exists(file(place))]
text = open(found[0], errors="replace").read(1 << 16) if found else ""
if " reason;" not in text:
    sys.exit("this kernel tells no drop reasons (Linux 5.17 and later do)")
if '"NO_SOCKET"' not in text:
    sys.exit("this kernel does not name its drop reasons")
print(*[line for line in text.splitlines() if line.startswith("print fmt:")], sep="\\n", flush=True)
os.execvp(sys.argv[1], sys.argv[1:])
"""


class Drops:
    """bpftrace between ``start`` and ``stop``."""

    def __init__(self, children: Children) -> None:
        self._children = children
        self._output: Optional[Output] = None

    def start(self, request: Dict[str, Any]) -> Dict[str, Any]:
        """Run the ``program`` and wait until it is attached; ``{"failed": why or None}``, and after a failure nothing is left."""
        deadline = time.monotonic() + request["ready_seconds"]
        bpftrace = ["bpftrace", "-B", "line", "-e", request["program"]]
        try:
            self._children.installed("bpftrace")
            argv = [sys.executable, "-I", "-S", "-c", STARTER, *bpftrace]
            self._output = Output(self._children.spawn(argv, request["seconds"]), request["limit"])
            failed = self._wait(self._output, deadline)
        except OSError as error:
            failed = str(error)
        if failed is not None:
            self._end()
        return {"failed": failed}

    @staticmethod
    def _wait(output: Output, deadline: float) -> Optional[str]:
        while not READY.search(bytes(output.text)):
            output.news.clear()
            if output.child.poll() is not None:
                output.finish()
                return "bpftrace: %s" % (_fault(output) or "ended early")
            if time.monotonic() >= deadline:
                return "bpftrace was not ready in time"
            output.news.wait(0.05)
        return None

    def stop(self, request: Dict[str, Any]) -> Dict[str, Any]:
        """Wait until nothing was written for ``quiet_seconds`` (at most ``seconds``) and end; ``{"out", "error", "full"}``."""
        output = self._output
        if output is None:
            return {"out": "", "error": "not started", "full": False}
        output.quiet(request["quiet_seconds"], time.monotonic() + request["seconds"])
        early = output.child.poll() is not None
        self._end()
        error = ("bpftrace: %s" % (_fault(output) or "ended early")) if early else ""
        text = "\n".join([*self._namespaces(), output.text.decode("utf-8", "replace")])
        return {"out": text, "error": error, "full": output.full}

    def _namespaces(self) -> List[str]:
        """This host's own network namespace, and those that were entered, by inode (and the name that they were entered under)."""
        own = "netns %d" % os.stat("/proc/self/ns/net").st_ino
        entered = self._children.namespaces()
        return [own, *("netns %d %s" % (inode, "".join(key.split())) for key, inode in sorted(entered.items()))]

    def _end(self) -> None:
        output, self._output = self._output, None
        if output is not None:
            output.child.terminate()
            self._children.reap(output.child, 2.0)
            output.finish()


def _fault(output: Output) -> str:
    """Return the first complaint that is none of those bpftrace goes on after."""
    lines = output.complaint.decode("utf-8", "replace").splitlines()
    return next((line.strip() for line in lines if line.strip() and not HARMLESS.search(line)), "")


def operations(children: Children) -> Dict[str, Callable[[Dict[str, Any]], Dict[str, Any]]]:
    """Return what this module answers."""
    drops = Drops(children)
    return {"watch-drops": drops.start, "drops": drops.stop}
