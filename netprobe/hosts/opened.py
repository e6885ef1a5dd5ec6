"""The sessions that have a process, whoever else knows of them: the end waits for all of them."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Self

from netprobe import interrupts
from netprobe.interrupts import whole

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from netprobe.hosts.session import Session

PATIENCE_S = 2.0
"""How long programs may take to end before the next, ruder way."""


class Opened:
    """The sessions of one run. Use as a context: at its end all of them are closed and awaited, also those that an interrupt kept from whoever asked for them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sessions: list[Session] = []
        self._over = False
        self._listens = False

    def __enter__(self) -> Self:
        self._listens = interrupts.listen()
        return self

    @whole
    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self, session: Session, begin: Callable[[], object]) -> bool:
        """Have a session begin, and keep it; False: all is over, and it does not begin any more (its thread was left behind)."""
        with self._lock:
            if not self._over:
                begin()
                self._sessions.append(session)
            return not self._over

    def end_input(self) -> None:
        """Tell every session to end, without waiting."""
        for each in self._sessions:
            each.end_input()

    @whole
    def close(self) -> None:
        """End every session and wait for it. None begins afterwards."""
        with self._lock:
            self._over = True
        close(self._sessions)
        if self._listens:
            self._listens = False
            interrupts.unlisten()


@whole
def close(sessions: Sequence[Session]) -> None:
    """End the programs of sessions, side by side, and wait for them: first by ending their input, then by force."""
    for each in sessions:
        each.end_input()
    for rude in (False, True):
        if _have_ended(sessions):
            break
        for each in sessions:
            each.force(rude=rude)
    _have_ended(sessions)
    for each in sessions:
        each.release()


def _have_ended(sessions: Sequence[Session]) -> bool:
    """Wait for the end of their programs, of all together no longer than :data:`PATIENCE_S`; return whether it came."""
    until = time.monotonic() + PATIENCE_S
    return all(each.ended(max(0.0, until - time.monotonic())) for each in sessions)
