"""``-v``: each thing that is done, as it begins, on stderr, with the time since the start."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Self

from netprobe.commands.outcome import say
from netprobe.commands.progress import Progress
from netprobe.report.escape import visible

if TYPE_CHECKING:
    from types import TracebackType

LONGEST = 2000
"""Characters of one line: what is asked of a large host at once may be endless."""


class Verbose(Progress):
    """A progress that stays: a line a step, and one for each thing that is done on a host."""

    def __init__(self) -> None:
        super().__init__(quiet=True)
        self._begin = time.perf_counter()

    def __call__(self, step: str) -> None:
        """Say which step begins."""
        self._say(step)

    def doing(self, host: str, what: str) -> None:
        """Say what is done on a host."""
        self._say(f"  {host}: {what}")

    def _say(self, text: str) -> None:
        shown = text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
        say(visible(f"{time.perf_counter() - self._begin:7.3f} s  {shown}"))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._say("done" if error is None else "ended")


def progress_of(*, quiet: bool, verbose: bool) -> Progress:
    """Return what a command tells while it works: every step (``-v``), the present one on a terminal, or nothing (``quiet``)."""
    return Verbose() if verbose else Progress(quiet=quiet)
