"""What the remote program starts goes with it, however it ends: nothing here needs root or leaves loopback."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from netprobe.hosts.remote.children import Children
from netprobe.hosts.remote.sniffers import Sniffers
from netprobe.hosts.session import Session
from netprobe.inventory.hosts import HostEntry
from netprobe_lab.waiting import poll

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SECONDS = 20.0  # how soon the kernel's SIGKILL is seen, on a busy machine too; they would take 50 s
_numbers = itertools.count(1)


@pytest.fixture
def mark() -> str:
    """The last word of a command of one test: how many seconds it sleeps."""
    return f"1000.{os.getpid()}{next(_numbers):02}"


@pytest.fixture
def session() -> Iterator[Session]:
    found = Session(HostEntry(name="local"), 60)
    yield found
    found.close()


def running(mark: str) -> list[int]:
    """The processes whose last word that is: a command, a shell above it, and the `timeout` that it may run under."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and (entry / "cmdline").read_bytes().split(b"\0")[-2:-1] == [mark.encode()]:
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def soon(so: Callable[[], bool], seconds: float = SECONDS) -> bool:
    return poll(so, seconds)


def start(session: Session, argv: list[str]) -> None:
    session.submit("run", commands=[{"key": "k", "argv": argv, "ns": None, "seconds": 50, "limit": 10}])


def program_of(session: Session) -> int:
    """The remote program's Python, below its `timeout`."""
    outer = session._process.pid
    return int(Path(f"/proc/{outer}/task/{outer}/children").read_text())


STUBBORN = "trap '' TERM INT HUP; sleep $0"


def test_a_program_that_is_killed_takes_them_with_it(session: Session, mark: str) -> None:
    """Nobody reads what they write, they write nothing, and they let no other signal end them."""
    start(session, ["sh", "-c", STUBBORN, mark])
    assert soon(lambda: len(running(mark)) == 2, 10.0)
    os.kill(program_of(session), signal.SIGKILL)
    assert soon(lambda: not running(mark)), running(mark)


def test_a_program_that_is_killed_with_its_timeout_too(session: Session, mark: str) -> None:
    start(session, ["sleep", mark])
    assert soon(lambda: len(running(mark)) == 1, 10.0)
    for pid in (program_of(session), session._process.pid):
        os.kill(pid, signal.SIGKILL)
    assert soon(lambda: not running(mark)), running(mark)


UNTIED = """
import sys
from netprobe.hosts.remote import children, main
def tie(held, group):
    print("started", flush=True)
    children.select.poll().poll()
children.tie = tie
main.main("", b"")
"""


def test_a_command_begins_once_it_would_go_too(mark: str, tmp_path: Path) -> None:
    """A program that is killed between the start of a process and what ties it leaves nothing that has begun."""
    begun = tmp_path / "begun"
    request = f'{{"id": 1, "op": "run", "commands": [{{"key": "k", "argv": ["sh", "-c", "> {begun}; sleep $0", "{mark}"], "seconds": 50, "limit": 9}}]}}\n'
    with subprocess.Popen([sys.executable, "-c", UNTIED], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program:
        assert program.stdin is not None
        assert program.stdout is not None
        program.stdin.write(request.encode())
        program.stdin.flush()
        first = program.stdout.readline()
        there = soon(lambda: len(running(mark)) == 1, 10.0)
        program.kill()
    assert (first, there) == (b"started\n", True)
    assert soon(lambda: not running(mark)), running(mark)
    assert not begun.exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_ends_all(session: Session, mark: str, number: int) -> None:
    """Its `timeout` passes each signal on twice: to its child, and to its group."""
    start(session, ["sh", "-c", STUBBORN, mark])
    assert soon(lambda: len(running(mark)) == 2, 10.0)
    session._process.send_signal(number)
    assert soon(lambda: session.lost), "it ended"
    assert soon(lambda: not running(mark)), running(mark)


INTERRUPTED = """
import os, signal, sys
from netprobe.hosts.remote import children, main
begin = children.Children.end
def end(self):
    for number in (signal.SIGTERM, signal.SIGINT):
        os.kill(os.getpid(), number)
    begin(self)
children.Children.end = end
main.main("", b"")
"""


def test_a_signal_does_not_interrupt_the_end(mark: str) -> None:
    request = f'{{"id": 1, "op": "run", "commands": [{{"key": "k", "argv": ["sleep", "{mark}"], "seconds": 50, "limit": 9}}]}}\n'
    with subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED], stdin=subprocess.PIPE, stderr=subprocess.PIPE
    ) as program:
        assert program.stdin is not None
        assert program.stderr is not None
        program.stdin.write(request.encode())
        program.stdin.flush()
        assert soon(lambda: len(running(mark)) == 1, 10.0)
        program.stdin.close()
        assert program.wait(10.0) == 0
        assert running(mark) == [], "it waited for them"
        assert program.stderr.read() == b""


def test_what_a_command_leaves_in_its_group_goes_with_it(session: Session, mark: str) -> None:
    """As a tcpdump whose `timeout` was ended alone."""
    argv = ["sh", "-c", "sleep $0 >/dev/null 2>&1 & exit 3", mark]
    command = {"key": "k", "argv": argv, "ns": None, "seconds": 50, "limit": 10}
    assert session.ask("run", commands=[command])["k"] == {"rc": 3, "out": "", "err": ""}
    assert soon(lambda: not running(mark)), running(mark)


def test_nothing_is_started_once_the_end_has_begun(mark: str) -> None:
    children = Children("", b"")
    child = children.spawn(["sleep", mark], 50)
    children.end()
    assert running(mark) == []
    assert child.poll() is not None
    with pytest.raises(OSError, match="ending"):
        children.spawn(["sleep", mark], 50)


def test_descriptors_are_given_back(mark: str) -> None:
    children = Children("", b"")

    def once(program: str) -> None:
        with children.spawn([program, "0"], 5.0) as child:
            children.reap(child)

    once("sleep")
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        once("sleep")
    assert len(list(Path("/proc/self/fd").iterdir())) == before


SLOW = """#!/bin/sh
exec sleep MARK
"""


def test_no_sniffer_is_started_once_they_are_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mark: str
) -> None:
    """Whoever asked for them may have waited too long, and asks to stop while they are being started."""
    (tmp_path / "tcpdump").write_text(SLOW.replace("MARK", mark))
    (tmp_path / "tcpdump").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    points = [{"key": str(number), "interface": "lo", "ns": None, "filter": ""} for number in range(60)]
    busy = Session(HostEntry(name="local"), 60)
    try:
        begun = busy.submit("sniff", points=points, seconds=50, ready_seconds=5.0, snaplen=100, ring_kib=64, limit=1000)
        assert soon(lambda: bool(running(mark)), 10.0)
        stopped = busy.ask("stop", 30.0)["points"]
        assert 0 < len(stopped) < len(points)
        failed = busy.wait(begun, 30.0)["failed"]
        assert set(failed) == {point["key"] for point in points}
        assert "stopped before it was started" in failed.values()
        assert running(mark) == []
    finally:
        busy.close()


def test_a_stop_before_any_start() -> None:
    sniffers = Sniffers(Children("", b""))
    assert sniffers.stop({}) == {"points": {}}
    request = {
        "points": [{"key": "a", "interface": "lo", "filter": ""}],
        "seconds": 1,
        "ready_seconds": 1,
        "snaplen": 64,
        "ring_kib": 64,
    }
    assert sniffers.start(request)["failed"] == {"a": "stopped before it was started"}
