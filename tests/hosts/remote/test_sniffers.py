"""When everything that a tcpdump saw has been read: a process that behaves as it does, but for a slow end. Nothing here needs root."""

from __future__ import annotations

import base64
import os
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

from netprobe.hosts.remote.children import Children
from netprobe.hosts.remote.sniffers import HEADER, Sniffer, asleep

if TYPE_CHECKING:
    from collections.abc import Iterator

LAST = 3 << 20  # more than a pipe holds (64 KiB), so that the reader has to come many times
COUNTERS = "2 packets captured\\n9 packets received by filter\\n1 packet dropped by kernel\\n"
SLOW = f"""
import os, signal, sys, time
def stop(*_):
    os.write(1, b"b" * 100); left = {LAST}
    while left:
        left -= os.write(1, b"c" * min(left, 1 << 20))
    os.write(2, b"{COUNTERS}")
    time.sleep(ENDS)
    os._exit(0)
signal.signal(signal.SIGINT, stop)
os.write(2, b"tcpdump: listening on lo\\n")
os.write(1, b"a" * {HEADER})
time.sleep(30)
"""


def child(text: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", text],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


@pytest.fixture
def ended() -> Iterator[list[Sniffer]]:
    found: list[Sniffer] = []
    yield found
    for each in found:
        each.child.kill()
        each.child.wait()


@pytest.mark.parametrize("ends", [0, 20])
def test_all_that_was_written_before_the_counters_is_there_before_the_end(ends: int, ended: list[Sniffer]) -> None:
    sniffer = Sniffer(child(SLOW.replace("ENDS", str(ends))), 8 << 20)
    ended.append(sniffer)
    assert sniffer.ready.wait(10)
    begin = time.monotonic()
    sniffer.interrupt()
    sniffer.finish(Children("", b""))
    report = sniffer.report()
    assert time.monotonic() - begin < 10
    assert base64.b64decode(report["pcap"]) == b"a" * HEADER + b"b" * 100 + b"c" * LAST
    assert (report["received"], report["dropped"], report["error"]) == (9, 1, "")
    if not ends:
        assert sniffer.child.wait(5) == 0


def test_one_that_says_no_counters_is_waited_for_and_killed(ended: list[Sniffer]) -> None:
    deaf = (
        "import os, signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); os.write(1, b'a' * 24); time.sleep(60)"
    )
    sniffer = Sniffer(child(deaf), 1000)
    ended.append(sniffer)
    assert sniffer.ready.wait(10)
    sniffer.interrupt()
    sniffer.finish(Children("", b""))
    assert sniffer.child.returncode == -9
    assert sniffer.report()["received"] is None


def test_one_that_ends_at_once_tells_why(ended: list[Sniffer]) -> None:
    sniffer = Sniffer(child("import sys; sys.exit('tcpdump: eth9: No such device exists')"), 1000)
    ended.append(sniffer)
    assert sniffer.ready.wait(10)
    sniffer.finish(Children("", b""))
    assert sniffer.fault() == "tcpdump: eth9: No such device exists"


def test_one_that_is_kept_from_running_is_waited_for(ended: list[Sniffer]) -> None:
    sniffer = Sniffer(child(SLOW.replace("ENDS", "0")), 8 << 20)
    ended.append(sniffer)
    assert sniffer.ready.wait(10)
    sniffer.catch_up(time.monotonic() + 10)
    assert asleep(sniffer.child.pid)
    sniffer.child.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, sniffer.child.pid, os.WSTOPPED | os.WNOWAIT)
    begin = time.monotonic()
    threading.Timer(0.2, sniffer.child.send_signal, (signal.SIGCONT,)).start()
    sniffer.catch_up(begin + 10)
    assert 0.2 <= time.monotonic() - begin < 10


def test_one_that_never_runs_is_waited_for_within_bounds(ended: list[Sniffer]) -> None:
    sniffer = Sniffer(child(SLOW.replace("ENDS", "0")), 8 << 20)
    ended.append(sniffer)
    assert sniffer.ready.wait(10)
    sniffer.child.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, sniffer.child.pid, os.WSTOPPED | os.WNOWAIT)
    sniffer.catch_up(time.monotonic() + 0.1)
    assert not asleep(sniffer.child.pid)


def test_what_is_below_counts_and_what_has_ended_waits_for_nothing() -> None:
    busy = "print(1, flush=True); exec('while 1: 1')"
    above = child(f"import subprocess, sys; subprocess.run([sys.executable, '-c', {busy!r}])")
    assert above.stdout is not None
    assert above.stdout.readline() == b"1\n"
    assert not asleep(above.pid)
    os.killpg(above.pid, signal.SIGKILL)
    above.wait()
    assert asleep(above.pid)
