"""The files of one capture, in the order of time, and the capture points that they share."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from netprobe.evidence.model import Limit, LimitKind
from netprobe.evidence.naming import named, stem
from netprobe.evidence.remarks import ended, is_copy, kept_in_part

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from netprobe.evidence.capture import Interface, Rows
    from netprobe.evidence.model import CapturePoint
    from netprobe.evidence.notes import Notes
    from netprobe.evidence.stream.parts import Parts
    from netprobe.evidence.stream.source import CaptureFile

_OVERLAP_NS = 10_000_000
"""Packets of one capture may be out of order by less: several queues of an interface are read in turn."""


class RingFile:
    """One of the files.

    Attributes:
        file: the file.
        parts: its packets.
        interfaces: int32, interface of the file -> interface of the set.
        packets: how many it held.
        first_ns, last_ns: the times of its earliest and latest packet; None: it holds none.
    """

    def __init__(self, file: CaptureFile, parts: Parts) -> None:
        self.file = file
        self.parts = parts
        self.interfaces = np.zeros(0, np.int32)
        self.packets = 0
        self.first_ns: int | None = None
        self.last_ns: int | None = None

    def count(self, rows: Rows) -> None:
        """Count a chunk's packets."""
        self.packets += len(rows.offset)
        first, last = int(rows.time_ns.min()), int(rows.time_ns.max())
        self.first_ns = first if self.first_ns is None else min(first, self.first_ns)
        self.last_ns = last if self.last_ns is None else max(last, self.last_ns)


class FileSet:
    """One capture: a file, or several files of a ring.

    Args:
        members: its files, in the order of time.
        stem: what its points are called where the files do not say; ``""``: as the first file is.
        explicit: what the user called its points.

    Attributes:
        interfaces: its interfaces: equal name and link type in several files are one.
        base: number of its first point among those of all captures.
    """

    def __init__(self, members: Sequence[RingFile], stem_: str, explicit: str | None) -> None:
        self.members = members
        self.interfaces: list[Interface] = []
        self.base = 0
        self._stem = stem_ or stem(members[0].file.name, members[0].parts.packed) or "capture"
        self._explicit = explicit
        self._number: dict[tuple[str, int, int], int] = {}
        self._every = np.zeros(0, np.int64)  # packets of each interface
        self._cut = np.zeros(0, np.int64)  # and of those the ones that were kept in part

    def grow(self, member: RingFile) -> Sequence[CapturePoint]:
        """Take the interfaces that were found in a file meanwhile; return the points that are new."""
        known = len(member.interfaces)
        fresh = member.parts.reading.interfaces[known:]
        if not fresh:
            return ()
        before = len(self.interfaces)
        seen: dict[tuple[str, int], int] = {}
        for item in member.parts.reading.interfaces[:known]:
            seen[item.name, item.linktype] = seen.get((item.name, item.linktype), 0) + 1
        numbers = []
        for item in fresh:  # a file may have several of one name: the second here is the second there
            nth = seen[item.name, item.linktype] = seen.get((item.name, item.linktype), 0) + 1
            number = self._number.setdefault((item.name, item.linktype, nth), len(self.interfaces))
            if number == len(self.interfaces):
                silent = item.received is None and item.dropped is None
                self.interfaces.append(item if silent else replace(item, received=None, dropped=None))
            numbers.append(number)
        member.interfaces = np.append(member.interfaces, np.array(numbers, np.int32))
        return named(self.interfaces[before:], self._stem, self._explicit)[0]

    def count(self, member: RingFile, rows: Rows) -> NDArray[np.int32]:
        """Count a chunk's packets; return the set's interface of each."""
        member.count(rows)
        interface = member.interfaces[rows.interface]
        self._every = _added(self._every, interface, len(self.interfaces))
        self._cut = _added(self._cut, interface[rows.caplen < rows.origlen], len(self.interfaces))
        return interface

    def close(self, member: RingFile) -> None:
        """Take what a file that was read to its end has counted at its interfaces: a ring's files count on, so the highest is the last."""
        for number, item in zip(member.interfaces.tolist(), member.parts.reading.interfaces, strict=True):
            known = self.interfaces[number]
            if item.received is not None or item.dropped is not None:
                self.interfaces[number] = replace(
                    known, received=_higher(known.received, item.received), dropped=_higher(known.dropped, item.dropped)
                )

    def concluded(self, notes: Notes) -> tuple[Sequence[CapturePoint], list[Limit]]:
        """Return the points, and what is missing of the capture."""
        points, said = named(self.interfaces, self._stem, self._explicit)
        limits = notes.limits + said
        for member in self.members:
            reading, stop = member.parts.reading, member.parts.stop
            if stop and not is_copy(reading.interfaces, reading.missing, notes):
                limits.append(ended(member.file.name, stop, member.packets))
        if not any(member.parts.reading.notes for member in self.members):
            limits += kept_in_part(points, self._cut, self._every)
        return points, limits + self._overlaps()

    def _overlaps(self) -> list[Limit]:
        limits = []
        before: RingFile | None = None
        for member in self.members:
            if member.first_ns is None or member.last_ns is None:
                continue
            if before is not None and before.last_ns is not None:
                common = before.last_ns - member.first_ns
                if common > _OVERLAP_NS:
                    why = (
                        f"begins {common / 1e9:.3f} s before {before.file.name} of the same point ends: a packet that both hold counts "
                        "twice (--point NAME=FILE, where they are of two points)"
                    )
                    limits.append(Limit(kind=LimitKind.FILE, subject=member.file.name, why=why))
            if before is None or before.last_ns is None or member.last_ns > before.last_ns:
                before = member
        return limits


def _higher(one: int | None, other: int | None) -> int | None:
    return other if one is None else one if other is None else max(one, other)


def _added(counts: NDArray[np.int64], interface: NDArray[np.int32], size: int) -> NDArray[np.int64]:
    more = np.bincount(interface, minlength=size)
    more[: len(counts)] += counts
    return more
