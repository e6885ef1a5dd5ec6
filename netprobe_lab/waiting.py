"""Waiting for readiness, with a bound and a clear message, instead of sleeping."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from netprobe_lab.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Callable

_TICK = threading.Event()  # never set: waiting on it is a pause


def poll(ready: Callable[[], bool], seconds: float, interval: float = 0.02) -> bool:
    """Ask `ready` until it says yes or `seconds` have passed; return its last answer."""
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() >= deadline:
            return False
        _TICK.wait(interval)
    return True


def wait_for(ready: Callable[[], bool], what: str, seconds: float, hint: str = "") -> None:
    """Wait until `ready` says yes.

    Args:
        ready: asked every 20 ms.
        what: completes "waited N s for …".
        seconds: the bound.
        hint: where to look when it never happens.

    Raises:
        LabError: it did not happen in time.
    """
    if not poll(ready, seconds):
        raise LabError(f"waited {seconds:g} s for {what}", hint)
