"""Sniffers: one tcpdump a capture point, its pcap stream kept in memory, bounded.

A tcpdump is ready when its 24-byte pcap header has arrived: it writes the header after the interface is open and the filter is set.
"""

from __future__ import annotations

import base64
import os
import re
import select
import signal
import subprocess
import threading
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Optional, Union

    from netprobe.hosts.remote.children import Children

HEADER = 24
NOISE = re.compile(r"listening on|packets? (captured|received|dropped)|dropped privs|verbose output")
COUNTED = "dropped by kernel"
COUNTS = re.compile(r"(\d+) packets? (received by filter|dropped by kernel)")
READ_SECONDS = 0.5  # as long a busy machine may keep a sniffer from what is in its ring
AWAKE = b"RDTt"  # proc(5): runnable, in uninterruptible sleep, stopped


def asleep(pid: int) -> bool:
    """Tell whether a process and those below it wait: then they have read all that came for them.

    A packet makes its reader runnable at once (tpacket_rcv() of Linux's net/packet/af_packet.c calls sk_data_ready), however long a
    busy machine then takes to run it. True for one that has ended, and where the kernel does not say what is below it.
    """
    try:
        with open("/proc/%d/stat" % pid, "rb") as status:
            state = status.read().rpartition(b")")[2].split()[0]
        with open("/proc/%d/task/%d/children" % (pid, pid), "rb") as names:
            below = names.read().split()
    except (OSError, IndexError):
        return True
    return state not in AWAKE and all(asleep(int(name)) for name in below)


class Sniffer:
    """One tcpdump and what it has written so far."""

    def __init__(self, child: subprocess.Popen[bytes], limit: int) -> None:
        self.child = child
        self.limit = limit
        self.data = bytearray()
        self.sent = 0
        self.full = False
        self.last_byte = time.monotonic()
        self.ready = threading.Event()
        self.stopped = False
        self.complaint = ""
        self._told = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def _follow(self) -> None:
        """Read both streams until they end.

        tcpdump says its counters after its last packet was written: once they are read and no packet is left, all is there. It ends
        some 20 ms later, as the kernel closes a packet socket when no other processor can see it any more (packet_release() of
        Linux's net/packet/af_packet.c).
        """
        assert self.child.stdout is not None
        assert self.child.stderr is not None
        kept = {self.child.stdout.fileno(): self._keep, self.child.stderr.fileno(): self._hear}
        poller = select.poll()
        for descriptor in kept:
            poller.register(descriptor, select.POLLIN)
        while kept:
            counted = COUNTED in self.complaint and not self._told.is_set()
            ready = poller.poll(0 if counted else None)
            if not ready:
                self._told.set()
            for descriptor, _ in ready:
                part = os.read(descriptor, 65536)
                if part:
                    kept[descriptor](part)
                else:
                    poller.unregister(descriptor)
                    del kept[descriptor]
        self.ready.set()
        self._told.set()

    def _keep(self, part: bytes) -> None:
        self.last_byte = time.monotonic()
        if len(self.data) + len(part) > self.limit:
            self.full = True
        else:
            self.data += part
        if len(self.data) >= HEADER:
            self.ready.set()

    def _hear(self, part: bytes) -> None:
        if len(self.complaint) < 2000:
            self.complaint += part[:2000].decode("utf-8", "replace")

    def catch_up(self, deadline: float) -> None:
        """Wait until tcpdump has read what it was woken for: it ends without looking into its ring again."""
        pause = threading.Event()
        while not asleep(self.child.pid) and time.monotonic() < deadline:
            pause.wait(0.002)

    def interrupt(self) -> None:
        """Ask tcpdump to write its counters and end. One that ended before is left as it is: that is a finding."""
        self.stopped = self.child.poll() is None
        if self.stopped:
            self.child.send_signal(signal.SIGINT)

    def finish(self, children: Children) -> None:
        """Wait until everything was read. One that has still to end does that by itself, and with this program at the latest."""
        told = self._told.wait(1.0)
        if not told or not self._thread.is_alive():
            children.reap(self.child, 1.0)

    def fault(self) -> str:
        """Return what went wrong in tcpdump's own words, ``""`` when nothing did."""
        lines = [line.strip() for line in self.complaint.splitlines()]
        said = [line for line in lines if line and not NOISE.search(line)]
        if self.full:
            return "more than %d bytes of packets: later ones were dropped" % self.limit
        if said:
            return said[0][:300]
        if not self.stopped and self.child.returncode not in (None, 0):
            return "tcpdump ended early with exit status %d" % self.child.returncode
        return ""

    def news(self) -> bool:
        """Tell whether something was written that was not returned before."""
        return len(self.data) > self.sent

    def more(self) -> str:
        """Return, once, what of the pcap stream was not returned before (base64)."""
        part = bytes(self.data[self.sent :])
        self.sent += len(part)
        return base64.b64encode(part).decode()

    def report(self) -> Dict[str, Any]:
        """Return the rest of the pcap stream and tcpdump's own counters (None: it did not say)."""
        counts = {what: int(number) for number, what in COUNTS.findall(self.complaint)}
        return {
            "pcap": self.more(),
            "received": counts.get("received by filter"),
            "dropped": counts.get("dropped by kernel"),
            "error": self.fault(),
        }


class Sniffers:
    """All sniffers of this host. None is started once :meth:`stop` has begun, also not by a :meth:`start` that is under way."""

    def __init__(self, children: Children) -> None:
        self._children = children
        self._lock = threading.Lock()
        self._sniffers: Dict[str, Sniffer] = {}
        self._stopped = False

    def start(self, request: Dict[str, Any]) -> Dict[str, Any]:
        """Start ``points``: a list of ``{key, interface, ns, filter}``; return ``{"failed": {key: why}}`` when all are ready or failed."""
        failed: Dict[str, str] = {}
        started: Dict[str, Sniffer] = {}
        for point in request["points"]:
            sniffer = self._begin(point, request)
            if isinstance(sniffer, Sniffer):
                started[point["key"]] = sniffer
            else:
                failed[point["key"]] = sniffer
        deadline = time.monotonic() + request["ready_seconds"]
        for key, sniffer in started.items():
            reason = self._wait(sniffer, deadline)
            if reason is not None:
                failed[key] = reason
                self._sniffers.pop(key, None)
                self._children.reap(sniffer.child, 0.0)
        return {"failed": failed}

    def _begin(self, point: Dict[str, Any], request: Dict[str, Any]) -> Union[Sniffer, str]:
        """Start one, or say why not."""
        argv = ["tcpdump", "-i", point["interface"], "-p", "-n", "-U", "--immediate-mode"]
        argv += ["--time-stamp-precision=nano", "-s", str(request["snaplen"]), "-B", str(request["ring_kib"])]
        argv += ["-w", "-", "--", point["filter"]]
        with self._lock:
            if self._stopped:
                return "stopped before it was started"
            try:
                child = self._children.spawn(argv, request["seconds"], point.get("ns"))
            except (OSError, KeyError) as error:
                return str(error)
            sniffer = self._sniffers[point["key"]] = Sniffer(child, request["limit"])
        return sniffer

    @staticmethod
    def _wait(sniffer: Sniffer, deadline: float) -> Optional[str]:
        if not sniffer.ready.wait(max(0.0, deadline - time.monotonic())):
            return "tcpdump was not ready in time"
        if len(sniffer.data) >= HEADER:
            return None
        sniffer.child.poll()
        return sniffer.fault() or "tcpdump wrote nothing"

    def tail(self, request: Dict[str, Any]) -> Dict[str, Any]:
        """Return what was written since the last time (``{"points": {key: base64}}``), at once or after ``seconds`` at most."""
        deadline = time.monotonic() + request["seconds"]
        pause = threading.Event()
        while time.monotonic() < deadline and not any(each.news() for each in list(self._sniffers.values())):
            pause.wait(0.02)
        parts = {key: each.more() for key, each in list(self._sniffers.items())}
        return {"points": {key: part for key, part in parts.items() if part}}

    def quiet(self, request: Dict[str, Any]) -> Dict[str, Any]:
        """Wait until no sniffer has written for ``quiet_seconds`` and none has anything to read, ``seconds`` at most."""
        deadline = time.monotonic() + request["seconds"]
        self._quiet(list(self._sniffers.values()), request["quiet_seconds"], deadline)
        return {}

    def stop(self, _request: Dict[str, Any]) -> Dict[str, Any]:
        """End all sniffers, and return what each has."""
        with self._lock:
            self._stopped = True
            sniffers, self._sniffers = self._sniffers, {}
        deadline = time.monotonic() + READ_SECONDS
        for sniffer in sniffers.values():
            sniffer.catch_up(deadline)
        for sniffer in sniffers.values():
            sniffer.interrupt()
        for sniffer in sniffers.values():
            sniffer.finish(self._children)
        return {"points": {key: sniffer.report() for key, sniffer in sniffers.items()}}

    @staticmethod
    def _quiet(sniffers: List[Sniffer], quiet: float, deadline: float) -> None:
        pause = threading.Event()
        begin = time.monotonic()
        while sniffers:
            now = time.monotonic()
            since = now - max([begin] + [sniffer.last_byte for sniffer in sniffers])
            if now >= deadline or (since >= quiet and all(asleep(sniffer.child.pid) for sniffer in sniffers)):
                return
            pause.wait(min(max(quiet - since, 0.002), deadline - now))


def operations(children: Children) -> Dict[str, Callable[[Dict[str, Any]], Dict[str, Any]]]:
    """Return what this module answers."""
    sniffers = Sniffers(children)
    return {"sniff": sniffers.start, "tail": sniffers.tail, "quiet": sniffers.quiet, "stop": sniffers.stop}
