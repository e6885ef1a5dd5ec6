"""The most anonymous memory that a command and its children held together, sampled while it runs."""

from __future__ import annotations

import subprocess
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_EVERY = 0.005


def peak_of(argv: Sequence[str]) -> int:
    """Run a command, its output thrown away; returns bytes.

    Raises:
        SystemExit: it failed.
    """
    most = 0
    with subprocess.Popen(
        argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as running:
        while True:
            with suppress(subprocess.TimeoutExpired):
                status = running.wait(_EVERY)
                break
            most = max(most, sum(anonymous(pid) for pid in _with_children(running.pid)))
    if status != 0:
        raise SystemExit(f"{' '.join(argv)}: exit {status}")
    return most


def anonymous(pid: int) -> int:
    """Return RssAnon of a process in bytes; 0 where it has ended."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) * 1024
    return 0


def _with_children(pid: int) -> Iterator[int]:
    yield pid
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from _with_children(int(child))
