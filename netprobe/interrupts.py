"""Ctrl-C at a moment when it leaves nothing behind.

Python raises KeyboardInterrupt between any two of its steps: also between the fork of a process and the line that keeps it, and in the middle of what ends it. A function
that is :func:`whole` is not interrupted: a SIGINT that comes meanwhile is raised behind it. No signal is masked, for the processes that are started would inherit that.

The handler looks at what it interrupts, frame by frame. To be switched on and off around such a function would leave a gap of a step at each end.
"""

from __future__ import annotations

import signal
import sys
import threading
from functools import wraps
from typing import TYPE_CHECKING, Generic, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, FrameType

    Handler = Callable[[int, FrameType | None], object] | signal.Handlers

Given = ParamSpec("Given")
Value = TypeVar("Value")

_late: list[int] = []
"""Signals that came within a whole function."""


def listen(instead_of: Handler = signal.default_int_handler) -> bool:
    """Have SIGINT raise KeyboardInterrupt, and spare whole functions; return whether what it takes the place of stood there, in the main thread.

    Another program's handler, and a SIGINT that is ignored, stay as they are.
    """
    ours = _in_main_thread() and signal.getsignal(signal.SIGINT) is instead_of
    if ours:
        signal.signal(signal.SIGINT, _interrupted)
    return ours


def unlisten() -> None:
    """Put Python's own handler back."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def whole(function: Callable[Given, Value]) -> Callable[Given, Value]:
    """Have a function run to its end: a SIGINT that comes while it runs in the main thread raises KeyboardInterrupt behind it.

    It should take seconds at most. What it returns is lost then: what has to be ended must be known to somebody by that time.
    """

    def guarded(*args: Given.args, **named: Given.kwargs) -> Value:
        over = False
        try:
            return function(*args, **named)
        finally:
            over = True  # noqa: F841 - the handler reads it
            if _late and _in_main_thread() and not _within_whole(sys._getframe()):
                _late.clear()
                raise KeyboardInterrupt

    _guarded.add(guarded.__code__)
    return wraps(function)(guarded)


_guarded: set[CodeType] = set()
"""The code of what :func:`whole` returns: one, however many functions."""


def _interrupted(number: int, frame: FrameType | None) -> None:
    if _within_whole(frame):
        _late.append(number)
        return
    raise KeyboardInterrupt


def _within_whole(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code in _guarded and not frame.f_locals.get("over"):
            return True
        frame = frame.f_back
    return False


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


class Held(Generic[Value]):
    """What must be ended in every case (a process, a temporary file) as a context: it is made whole, and ended whole.

    Args:
        make: makes it.
        end: ends it; is called once, also where the context ends by an exception.
    """

    def __init__(self, make: Callable[[], Value], end: Callable[[Value], object]) -> None:
        self._make, self._end = make, end
        self._made: list[Value] = []

    def __enter__(self) -> Value:
        try:
            self._begin()
            return self._made[0]
        except BaseException:  # a SIGINT while it was made: without a context yet
            self.__exit__()
            raise

    @whole
    def _begin(self) -> None:
        self._made.append(self._make())

    @whole
    def __exit__(self, *_: object) -> None:
        while self._made:
            self._end(self._made.pop())
