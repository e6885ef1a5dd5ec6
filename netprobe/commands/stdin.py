"""While standard input is read: who the first Ctrl-C is for."""

from __future__ import annotations

import signal
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from netprobe.commands.outcome import say
from netprobe.evidence.files import STDIN

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator


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
