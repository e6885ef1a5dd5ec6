"""How far ``netprobe flows`` is: reading and judging, with the rate and the time left."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from netprobe.commands.progress import Progress

_EVERY_S = 0.2


def told(
    progress: Progress, what: str = "", how_far: Callable[[int, int | None, float], str] | None = None
) -> Callable[[int, int | None], None]:
    """Return what tells how far reading is (or something else), with the rate and the time left, a few times a second."""
    before = f"{what}: " if what else ""
    begun = last = time.monotonic()
    say_how_far = how_far or reading

    def tell(done: int, size: int | None) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _EVERY_S:
            last = now
            progress(before + say_how_far(done, size, now - begun))

    return tell


def told_judging(progress: Progress) -> Callable[[int, int | None], None]:
    """Return what tells how far verdicts are; their time begins when it is called first."""
    tell: Callable[[int, int | None], None] | None = None

    def tell_from_now(done: int, size: int | None) -> None:
        nonlocal tell
        if tell is None:
            progress("joins and judges flows")
            tell = told(progress, how_far=judging)
        tell(done, size)

    return tell_from_now


def reading(done: int, size: int | None, seconds: float) -> str:
    """Return how far reading is: ``reads 42 %, 210 MB/s, 3 s left``.

    Args:
        done: bytes read.
        size: bytes to read; None for a pipe.
        seconds: how long that took.
    """
    from netprobe.report.flows.table import amount

    rate = done / max(seconds, 1e-3)
    speed = f"{amount(int(rate))}/s"
    if not size:
        return f"reads {amount(done)}, {speed}"
    return f"reads {_how_far(done, size)}, {speed}, {_left(done, size, rate)}"


def judging(done: int, size: int | None, seconds: float) -> str:
    """Return how far verdicts are: ``joins and judges flows: 42%, 350,000/s, 1 s left``.

    Args:
        done: flows that are done.
        size: all of them.
        seconds: how long that took.
    """
    rate, every = done / max(seconds, 1e-3), size or 1
    return f"joins and judges flows: {_how_far(done, every)}, {rate:,.0f}/s, {_left(done, every, rate)}"


def _how_far(done: int, size: int) -> str:
    return f"{min(done / size, 1):.0%}"


def _left(done: int, size: int, rate: float) -> str:
    minutes, rest = divmod(round(max(size - done, 0) / max(rate, 1.0)), 60)
    return f"{f'{minutes} min ' if minutes else ''}{rest} s left"
