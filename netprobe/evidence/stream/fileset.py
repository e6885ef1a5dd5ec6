"""The files of one capture, in the order of time, and the capture points that they share."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from netprobe.evidence.model import Limit, LimitKind
from netprobe.evidence.naming import named, stem
from netprobe.evidence.remarks import ended, is_copy, kept_in_part
from netprobe.evidence.stream.found import FileFound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netprobe.evidence.capture import Interface
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
        found: what it came to beside them.
        interfaces: int32, interface of the file -> interface of the set.
    """

    def __init__(self, file: CaptureFile, parts: Parts) -> None:
        self.file = file
        self.parts = parts
        self.found = FileFound()
        self.interfaces = np.zeros(0, np.int32)


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

    def grow(self, member: RingFile) -> Sequence[CapturePoint]:
        """Take the interfaces that were found in a file meanwhile; return the points that are new."""
        known = len(member.interfaces)
        fresh = member.found.interfaces[known:]
        if not fresh:
            return ()
        before = len(self.interfaces)
        seen: dict[tuple[str, int], int] = {}
        for item in member.found.interfaces[:known]:
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

    def close(self, member: RingFile) -> None:
        """Take what a file that was read to its end has counted at its interfaces: a ring's files count on, so the highest is the last."""
        for number, item in zip(member.interfaces.tolist(), member.found.interfaces, strict=True):
            known = self.interfaces[number]
            if item.received is not None or item.dropped is not None:
                self.interfaces[number] = replace(
                    known, received=_higher(known.received, item.received), dropped=_higher(known.dropped, item.dropped)
                )

    def concluded(self, notes: Notes) -> tuple[Sequence[CapturePoint], list[Limit]]:
        """Return the points, and what is missing of the capture."""
        points, said = named(self.interfaces, self._stem, self._explicit)
        limits = notes.limits + said
        every, cut = np.zeros(len(points), np.int64), np.zeros(len(points), np.int64)
        for member in self.members:
            found = member.found
            if found.stop and not is_copy(found.interfaces, found.missing, notes):
                limits.append(ended(member.file.name, found.stop, found.packets))
            every += np.bincount(member.interfaces[: len(found.every)], found.every, len(points)).astype(np.int64)
            cut += np.bincount(member.interfaces[: len(found.cut)], found.cut, len(points)).astype(np.int64)
        if not any(member.found.notes for member in self.members):
            limits += kept_in_part(points, cut, every)
        return points, limits + self._overlaps()

    def _overlaps(self) -> list[Limit]:
        limits = []
        before: RingFile | None = None
        for member in self.members:
            first, last = member.found.first_ns, member.found.last_ns
            if first is None or last is None:
                continue
            common = 0 if before is None else (before.found.last_ns or first) - first
            if before is not None and common > _OVERLAP_NS:
                limits.append(_overlap(member, before, common))
            if before is None or last > (before.found.last_ns or last):
                before = member
        return limits


def _overlap(member: RingFile, before: RingFile, common: int) -> Limit:
    why = (
        f"begins {common / 1e9:.3f} s before {before.file.name} of the same point ends: a packet that both hold counts "
        "twice (--point NAME=FILE, where they are of two points)"
    )
    return Limit(kind=LimitKind.FILE, subject=member.file.name, why=why)


def _higher(one: int | None, other: int | None) -> int | None:
    return other if one is None else one if other is None else max(one, other)
