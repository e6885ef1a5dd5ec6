"""When everything that a tcpdump saw has been read: a process that behaves as it does, but for a slow end. Nothing here needs root."""

from __future__ import annotations

import base64
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from netprobe.hosts.remote.children import Children
from netprobe.hosts.remote.sniffers import HEADER, Sniffer

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
