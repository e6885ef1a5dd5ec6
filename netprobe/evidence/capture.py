"""What one capture file holds, whatever its format, before points are named: the common ground of pcap and pcapng."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from netprobe.values import dataclass

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from netprobe.evidence.walker import RecordWalker


MAX_PACKETS = 1 << 23
"""Packets, and blocks of a pcapng file, that are read of one file: decoded they take some 3 GB. What comes after them is left out, and said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface:
    """One interface of a file. ``name`` is ``""`` where the file gives none; counts are None where it gives none."""

    name: str = ""
    linktype: int = 1
    capture_filter: str = ""
    snaplen: int = 0
    tsresol: int = 6
    tsoffset: int = 0
    received: int | None = None
    dropped: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Packet rows, as in :class:`netprobe.evidence.packets.Packets`; ``interface`` counts through the whole file."""

    offset: NDArray[np.int64]
    caplen: NDArray[np.int64]
    origlen: NDArray[np.int64]
    time_ns: NDArray[np.int64]
    interface: NDArray[np.int32]
    frame: NDArray[np.int64]

    @classmethod
    def none(cls) -> Rows:
        """No rows."""
        empty = np.zeros(0, np.int64)
        return cls(
            offset=empty, caplen=empty, origlen=empty, time_ns=empty, interface=np.zeros(0, np.int32), frame=empty
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """One file, taken apart.

    Attributes:
        interfaces: in file order.
        rows: its packets.
        notes: the bodies of netprobe's own custom blocks, in file order.
        stop: why reading ended before the end of the file, ``""`` when it did not.
        missing: the bytes by which the file is shorter than its last section header says, though it ends where a block does.
    """

    interfaces: tuple[Interface, ...] = ()
    rows: Rows
    notes: tuple[bytes, ...] = ()
    stop: str = ""
    missing: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of a file, taken apart.

    Attributes:
        rows: its packets; offsets in the part.
        used: bytes of the part that are done with; what comes after them is to be given again, with more behind it.
        stop: why reading ends there, ``""`` where it goes on.
    """

    rows: Rows
    used: int = 0
    stop: str = ""


class Reading(Protocol):
    """A file that is taken apart from its beginning on, part by part."""

    @property
    def interfaces(self) -> list[Interface]:
        """The interfaces so far, in file order, with the counts so far."""
        ...

    @property
    def notes(self) -> list[bytes]:
        """The bodies of netprobe's own custom blocks so far."""
        ...

    @property
    def missing(self) -> int:
        """As in :class:`Capture`, once the last part was taken."""
        ...

    def fork(self, walker: RecordWalker) -> Reading:
        """Return a reading that goes on from here by itself, with another walker. Its notes and counts begin anew."""
        ...

    def take(self, data: bytes, *, at: int, last: bool) -> Part:
        """Take the next part apart. Never raises on any bytes.

        Args:
            data: the part: the file's bytes from ``at`` on, beginning with those that the part before it left.
            at: where it begins in the file, for messages.
            last: the file ends where the part does. Then nothing is left, unless there is a ``stop``.
        """
        ...


def whole(reading: Reading, data: bytes) -> Capture:
    """A whole file in one part."""
    taken = reading.take(data, at=0, last=True)
    return Capture(
        interfaces=tuple(reading.interfaces),
        rows=taken.rows,
        notes=tuple(reading.notes),
        stop=taken.stop,
        missing=reading.missing,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadBounds:
    """How much is read of one file: what comes after it is left out, and said."""

    packets: int
    sections: int
    interfaces: int


def join_rows(parts: list[Rows]) -> Rows:
    """Rows of several sections, one after the other."""
    if not parts:
        return Rows.none()
    if len(parts) == 1:
        return parts[0]
    return Rows(
        offset=np.concatenate([part.offset for part in parts]),
        caplen=np.concatenate([part.caplen for part in parts]),
        origlen=np.concatenate([part.origlen for part in parts]),
        time_ns=np.concatenate([part.time_ns for part in parts]),
        interface=np.concatenate([part.interface for part in parts]),
        frame=np.concatenate([part.frame for part in parts]),
    )
