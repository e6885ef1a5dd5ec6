"""A Ctrl-C at any moment: what was made is ended, and the Ctrl-C is not lost."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from netprobe import interrupts
from netprobe.interrupts import Held, whole

if TYPE_CHECKING:
    from collections.abc import Iterator

TIMES = 400
SCRIPT = f"""
import random, signal, sys, threading, time
from netprobe import interrupts
from netprobe.interrupts import Held

made, asked = [], threading.Semaphore(0)

def make():
    made.append(sum(range(50)))
    return made[-1]

def end(one):
    made.remove(one)
    sum(range(50))

def interrupt(main=threading.main_thread().ident, moment=random.Random(7)):
    for _ in range({TIMES}):
        asked.acquire()
        until = time.perf_counter() + moment.random() * 1e-4
        while time.perf_counter() < until:
            pass
        signal.pthread_kill(main, signal.SIGINT)

sys.setswitchinterval(1e-6)
interrupts.listen()
PREPARE
threading.Thread(target=interrupt).start()
left = 0
for _ in range({TIMES}):
    try:
        asked.release()
        while True:
            with Held(make, end):
                sum(range(50))
    except KeyboardInterrupt:
        left += len(made)
        made.clear()
print(left)
"""


def left_behind(prepare: str = "") -> int:
    """Return what many contexts left behind of what they held, each ended by a SIGINT at some moment."""
    script = SCRIPT.replace("PREPARE", prepare)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=300, check=True)
    return int(done.stdout)


def test_nothing_is_left_whenever_it_comes() -> None:
    assert left_behind() == 0


def test_the_counting_can_fail() -> None:
    assert left_behind("interrupts._within_whole = lambda _: False") > 0


@pytest.fixture
def listening() -> Iterator[None]:
    assert interrupts.listen()
    yield
    interrupts.unlisten()


def interrupted() -> None:
    signal.raise_signal(signal.SIGINT)


@pytest.mark.usefixtures("listening")
def test_what_is_whole_runs_to_its_end() -> None:
    done = []

    @whole
    def inner() -> None:
        interrupted()
        done.append("inner")

    @whole
    def outer() -> None:
        inner()
        done.append("outer")

    with pytest.raises(KeyboardInterrupt):
        outer()
    assert done == ["inner", "outer"]
    whole(lambda: done.append("again"))()  # it was raised once
    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert done == ["inner", "outer", "again"]


@pytest.mark.usefixtures("listening")
def test_what_fails_meanwhile_gives_way_to_it() -> None:
    @whole
    def fails() -> None:
        interrupted()
        raise ValueError("no")

    with pytest.raises(KeyboardInterrupt) as told:
        fails()
    assert isinstance(told.value.__context__, ValueError)


@pytest.mark.usefixtures("listening")
def test_another_thread_does_not_raise_what_is_the_main_threads() -> None:
    begun, go, failed = threading.Event(), threading.Event(), []

    @whole
    def elsewhere() -> None:
        begun.set()
        go.wait(20)

    def work() -> None:
        try:
            elsewhere()
        except KeyboardInterrupt as fault:
            failed.append(fault)

    @whole
    def here() -> None:
        interrupted()
        go.set()
        thread.join(20)

    thread = threading.Thread(target=work)
    thread.start()
    assert begun.wait(20)
    with pytest.raises(KeyboardInterrupt):
        here()
    assert failed == []


@pytest.mark.usefixtures("listening")
def test_what_is_held_is_ended_once() -> None:
    ended: list[str] = []
    with Held(lambda: "made", ended.append) as made:
        assert made == "made"
    with pytest.raises(ValueError, match="inside"), Held(lambda: "other", ended.append):
        raise ValueError("inside")
    with pytest.raises(ValueError, match="could not"), Held(lambda: float("not made"), lambda _: None):
        pass
    assert ended == ["made", "other"]


def test_others_handlers_stay() -> None:
    before = signal.getsignal(signal.SIGINT)
    try:
        for handler in (signal.SIG_IGN, signal.SIG_DFL, lambda *_: None):
            signal.signal(signal.SIGINT, handler)
            assert not interrupts.listen()
            assert signal.getsignal(signal.SIGINT) is handler
    finally:
        signal.signal(signal.SIGINT, before)
