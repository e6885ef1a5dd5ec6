"""While standard input is read: who the first Ctrl-C is for. It is read once."""

from __future__ import annotations

import os
import signal
import stat
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from netprobe.commands.outcome import say
from netprobe.errors import UsageFault
from netprobe.evidence.files import STDIN, shown

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence


@contextmanager
def ctrl_c_is_the_writers(files: Collection[str]) -> Iterator[None]:
    """While stdin is read, leave the first Ctrl-C to who writes there: tcpdump then hands out what it held back, and ends.

    The terminal tells all of a pipeline.
    """
    before = signal.getsignal(signal.SIGINT)
    if STDIN not in files or not callable(before):
        yield
        return
    signal.signal(signal.SIGINT, lambda *_: signal.signal(signal.SIGINT, before))
    if sys.stderr.isatty() and sys.stdin and not sys.stdin.isatty():
        say("netprobe: reads stdin to its end (Ctrl-C ends who writes there; pressed again, netprobe too)")
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def refuse_stdin_twice(files: Sequence[str]) -> None:
    """Raise a UsageFault where stdin, or a pipe, is given twice: what is read of it once is gone."""
    known: dict[object, str] = {}
    for file in files:
        if (stream := _stream(file)) is None:
            continue
        if stream in known:
            raise UsageFault(
                f"{shown(known[stream])} is given twice, and can be read once",
                "save what comes from it to a file first",
            )
        known[stream] = file


def _stream(file: str) -> object:
    """What tells a file that can be read once from others; None: it is no such file, or not there."""
    with suppress(OSError, ValueError):
        found = os.fstat(0) if file == STDIN else os.stat(file)  # noqa: PTH116 - as fstat's
        if file == STDIN or not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
            return found.st_dev, found.st_ino
    return STDIN if file == STDIN else None
