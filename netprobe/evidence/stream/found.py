"""What a file came to beside its packets, as far as it was read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from netprobe.evidence.capture import Interface, Rows
    from netprobe.evidence.stream.parts import Parts


class FileFound:
    """What a file came to. It can be pickled.

    Attributes:
        interfaces, notes, missing: as of :class:`~netprobe.evidence.capture.Reading`.
        stop: why reading ended before the file did.
        packets: how many it holds.
        first_ns, last_ns: the times of its earliest and latest packet; None: it holds none.
        every, cut: int64, packets of each interface, and of those the ones that were kept in part.
    """

    def __init__(self) -> None:
        self.interfaces: Sequence[Interface] = ()
        self.notes: Sequence[bytes] = ()
        self.missing = 0
        self.stop = ""
        self.packets = 0
        self.first_ns: int | None = None
        self.last_ns: int | None = None
        self.every = np.zeros(0, np.int64)
        self.cut = np.zeros(0, np.int64)

    def take(self, parts: Parts) -> None:
        """Take what a file says beside packets, up to where it was read."""
        reading = parts.reading
        self.interfaces, self.notes, self.missing, self.stop = (
            reading.interfaces,
            reading.notes,
            reading.missing,
            parts.stop,
        )

    def count(self, rows: Rows) -> None:
        """Count a chunk's packets."""
        self.packets += len(rows.offset)
        first, last = int(rows.time_ns.min()), int(rows.time_ns.max())
        self.first_ns = first if self.first_ns is None else min(first, self.first_ns)
        self.last_ns = last if self.last_ns is None else max(last, self.last_ns)
        self.every = _added(self.every, rows.interface, len(self.interfaces))
        self.cut = _added(self.cut, rows.interface[rows.caplen < rows.origlen], len(self.interfaces))


def _added(counts: NDArray[np.int64], interface: NDArray[np.int32], size: int) -> NDArray[np.int64]:
    more = np.bincount(interface, minlength=size)
    more[: len(counts)] += counts
    return more
