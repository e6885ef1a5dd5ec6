"""What is going on, on stderr while it works: one line that is written over, on a terminal only."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING, Self

from netprobe.report.escape import visible

if TYPE_CHECKING:
    from types import TracebackType

_CLEAR_LINE = "\r\x1b[K"


class Progress:
    """A context: call it with a step's name; the line is gone when the context ends. Silent where nobody watches."""

    def __init__(self, *, quiet: bool) -> None:
        self._on = not quiet and sys.stderr.isatty()
        self._overwrites = os.environ.get("TERM") != "dumb"

    def __call__(self, step: str) -> None:
        """Show what is being done now."""
        if not self._on:
            return
        shown = visible(f"netprobe: {step} …")
        if self._overwrites:
            sys.stderr.write(_CLEAR_LINE + shown[: shutil.get_terminal_size().columns - 1])
        else:
            sys.stderr.write(shown + "\n")
        sys.stderr.flush()

    def doing(self, host: str, what: str) -> None:
        """Take no notice of what is done on a host: that is for ``-v``."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._on and self._overwrites:
            sys.stderr.write(_CLEAR_LINE)
            sys.stderr.flush()
