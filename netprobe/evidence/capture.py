"""What one capture file holds, whatever its format, before points are named: the common ground of pcap and pcapng."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netprobe.values import dataclass

if TYPE_CHECKING:
    from numpy.typing import NDArray


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
        missing: as in :class:`~netprobe.evidence.blocks.Walk`.
    """

    interfaces: tuple[Interface, ...] = ()
    rows: Rows
    notes: tuple[bytes, ...] = ()
    stop: str = ""
    missing: int = 0


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
