"""How far a run is: workers say so while they work, and who waits for them adds it up."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    Progress = Callable[[int, int | None], object]

TOPIC = "netprobe-progress"
EVERY_S = 0.25
"""How often a worker says it: of a piece that is done before that, nothing is said on the way."""
WALKING = 0.15
"""The share of the time that walking through the files takes, which comes before their packets are tracked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Saying:
    """Who says how far a piece is.

    Attributes:
        run: tells one run from others of the same scheduler.
        number: the piece.
    """

    run: str
    number: int

    def teller(self, packets: int) -> Callable[[int], None]:
        """Return what is to be called with how many packets of the piece are done, of ``packets``. It says so now and then."""
        last = monotonic()

        def tell(done: int) -> None:
            nonlocal last
            now = monotonic()
            if now - last >= EVERY_S:
                last = now
                _say([self.run, self.number, done / max(packets, 1)])

        return tell


def _say(message: list[object]) -> None:
    from distributed import get_worker

    try:
        get_worker().log_event(TOPIC, message)
    except ValueError:  # no worker: nobody waits elsewhere
        return


class HowFar:
    """Adds up what is done of a run.

    Args:
        run: as in :class:`Saying`.
        progress: called with how many bytes are done, and of how many; never with fewer than before.
        size: bytes of all files.
    """

    def __init__(self, run: str, progress: Progress, size: int) -> None:
        self._run, self._progress, self._size = run, progress, size
        self._walked, self._most = 0, 0
        self._pieces: Sequence[int] = ()
        self._shares: list[float] = []

    def walked(self, size: int) -> None:
        """A file of so many bytes was walked through."""
        self._walked += size
        self.show()

    def begin(self, pieces: Sequence[int]) -> None:
        """The files are cut: so many bytes has each piece."""
        self._pieces, self._shares = pieces, [0.0] * len(pieces)
        self._walked = self._size
        self.show()

    def hear(self, event: tuple[float, Any]) -> None:
        """Take what a worker said (the scheduler's time, and the message); the event loop's thread calls it."""
        run, number, share = event[1]
        if run == self._run and number < len(self._shares):
            self._shares[number] = max(self._shares[number], share)

    def ended(self, number: int) -> None:
        """A piece is done."""
        self._shares[number] = 1.0
        self.show()

    def show(self) -> None:
        """Say how far it is."""
        tracked = sum(size * share for size, share in zip(self._pieces, self._shares, strict=True))
        whole = bool(self._shares) and min(self._shares) >= 1
        done = self._size if whole else int(WALKING * self._walked + (1 - WALKING) * tracked)
        self._most = max(self._most, done)
        self._progress(self._most, self._size)
