"""Captures as a stream of packets: one file, or several that together are the capture points of one record."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netprobe.errors import EvidenceFault
from netprobe.evidence.naming import named, stem, unique
from netprobe.evidence.notes import Notes, read_notes
from netprobe.evidence.packets import Packets
from netprobe.evidence.remarks import ended, is_copy, kept_in_part
from netprobe.evidence.stream.parts import Parts
from netprobe.evidence.stream.source import CaptureFile
from netprobe.evidence.walker import PLAIN

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from netprobe.evidence.capture import Rows
    from netprobe.evidence.model import CapturePoint, Limit
    from netprobe.evidence.walker import RecordWalker

CHUNK = 1 << 22
"""Bytes of a file that are read at a time: of larger ones, less stays in the processor's caches."""

MAX_OPEN = 256
"""Files that are kept open until their turn comes: a process may have 1,024 by default."""


def open_stream(
    files: Sequence[str], points: Mapping[str, str], *, chunk_bytes: int = CHUNK, walker: RecordWalker = PLAIN
) -> PacketStream:
    """Open capture files; their packets are read by :meth:`PacketStream.chunks`.

    Args:
        files: their paths; ``-`` is standard input.
        points: path -> point name, where the user gave one; ``HOST/INTERFACE`` names the host too.
        chunk_bytes: how much of a file is read at a time; more where one packet is larger.
        walker: what finds records in them.

    Raises:
        EvidenceFault: there is none, one of them cannot be read or is no capture, or is given twice.
    """
    if not files:
        raise EvidenceFault("no file was given", "name a pcapng or pcap file")
    parts = []
    seen: dict[tuple[int, int], str] = {}
    for path in files:
        source = CaptureFile(path)
        if source.identity is not None and seen.setdefault(source.identity, source.name) is not source.name:
            raise EvidenceFault(
                f"{seen[source.identity]} and {source.name} are one and the same capture", "name it once"
            )
        parts.append(_File(source, Parts(source, walker, chunk_bytes), points.get(path)))
        if len(files) > MAX_OPEN:
            source.rest()
    return PacketStream(parts)


class PacketStream:
    """Packets of all files, one file after the other.

    Attributes:
        points: the capture points so far; ``Packets.point`` counts in it. It grows while the packets are read; names, counts and what else
            is in a point are final at the end.
        limits: what could not be observed; complete at the end.
        size: bytes to read, None: not known, a pipe is among them.
        notes: what netprobe's own blocks say (the probe, host states), of evidence of netprobe's own; complete at the end.
    """

    def __init__(self, files: Sequence[_File]) -> None:
        self.points: list[CapturePoint] = []
        self.limits: list[Limit] = []
        self.notes = Notes()
        sizes = [file.source.size for file in files]
        self.size = None if None in sizes else sum(size or 0 for size in sizes)
        self._files = files

    @property
    def done(self) -> int:
        """Bytes that were read so far."""
        return sum(file.source.done for file in self._files)

    def chunks(self) -> Iterator[Packets]:
        """Packets in file order, with the buffer that they are in. Once.

        Raises:
            EvidenceFault: a file can no longer be read, holds nothing that can be read, or is evidence of netprobe's own among others.
        """
        for file in self._files:
            base = len(self.points)
            for data, rows in file.parts:
                file.count(rows)
                self._grow(file, base)
                yield _packets(data, rows, base)
            self._grow(file, base)
            file.source.close()
            self._own(file)
        self._conclude()

    def _grow(self, file: _File, base: int) -> None:
        fresh = file.parts.reading.interfaces[len(self.points) - base :]
        self.points += named(fresh, file.stem, file.explicit)[0]

    def _own(self, file: _File) -> None:
        bodies = file.parts.reading.notes
        if bodies and len(self._files) > 1:
            raise EvidenceFault(
                f"{file.source.name} is evidence of one netprobe run and cannot be joined with other files",
                "give it alone",
            )
        self.notes = read_notes(bodies, file.source.name)

    def _conclude(self) -> None:
        """Say what the points are called and what is missing, as :mod:`netprobe.evidence.reader` does."""
        found: list[CapturePoint] = []
        for file in self._files:
            points, limits = file.concluded(self.notes)
            found += points
            self.limits += limits
        points, said = unique(found)
        self.points[:] = points
        self.limits[:] = dict.fromkeys([*self.limits, *said])


class _File:
    """One of the files, and what was counted in it."""

    def __init__(self, source: CaptureFile, parts: Parts, explicit: str | None) -> None:
        self.source = source
        self.parts = parts
        self.explicit = explicit
        self.stem = stem(source.name, parts.packed) or "capture"
        self._every = np.zeros(0, np.int64)  # packets of each interface
        self._cut = np.zeros(0, np.int64)  # and of those the ones that were kept in part

    def count(self, rows: Rows) -> None:
        """Count a chunk's packets."""
        size = len(self.parts.reading.interfaces)
        self._every = _added(self._every, rows.interface, size)
        self._cut = _added(self._cut, rows.interface[rows.caplen < rows.origlen], size)

    def concluded(self, notes: Notes) -> tuple[Sequence[CapturePoint], list[Limit]]:
        """Return the file's points and what is missing of it."""
        reading, stop = self.parts.reading, self.parts.stop
        points, said = named(reading.interfaces, self.stem, self.explicit)
        limits = notes.limits + said
        if stop and not is_copy(reading.interfaces, reading.missing, notes):
            limits.append(ended(self.source.name, stop, int(self._every.sum())))
        if not reading.notes:
            limits += kept_in_part(points, self._cut, self._every)
        return points, limits


def _added(counts: np.ndarray, interface: np.ndarray, size: int) -> np.ndarray:
    more = np.bincount(interface, minlength=size)
    more[: len(counts)] += counts
    return more


def _packets(data: bytes, rows: Rows, base: int) -> Packets:
    return Packets(
        data=data,
        offset=rows.offset,
        caplen=rows.caplen,
        origlen=rows.origlen,
        time_ns=rows.time_ns,
        point=rows.interface + np.int32(base),
        frame=rows.frame,
    )
