"""Captures as a stream of packets: one file, or several that together are the capture points of one record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.evidence.naming import unique
from netprobe.evidence.notes import Notes, read_notes
from netprobe.evidence.packets import Packets
from netprobe.evidence.stream.opening import file_sets, not_alone
from netprobe.evidence.walker import PLAIN

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from netprobe.evidence.capture import Rows
    from netprobe.evidence.model import CapturePoint, Limit
    from netprobe.evidence.stream.fileset import FileSet, RingFile
    from netprobe.evidence.stream.source import CaptureFile
    from netprobe.evidence.walker import RecordWalker

_MOST_NAMED = 6  # files of a ring, where its order is said
CHUNK = 1 << 22
"""Bytes of a file that are read at a time: of larger ones, less stays in the processor's caches."""


def open_stream(
    files: Sequence[str],
    points: Mapping[str, str],
    *,
    chunk_bytes: int = CHUNK,
    walker: RecordWalker = PLAIN,
    kept: Mapping[str, CaptureFile] | None = None,
) -> PacketStream:
    """Open capture files; their packets are read by :meth:`PacketStream.chunks`.

    Files of one ring buffer (:mod:`~netprobe.evidence.stream.rings`) are one capture, read in the order of time: interfaces of equal name in
    them are one point. Files of other names are points of their own.

    Args:
        files: their paths; ``-`` is standard input.
        points: path -> point name, where the user gave one; ``HOST/INTERFACE`` names the host too. A file that is named here alone is read too.
        chunk_bytes: how much of a file is read at a time; more where one packet is larger.
        walker: what finds records in them.
        kept: path -> what it holds, where that is kept (:class:`~netprobe.evidence.stream.source.KeptFile`).

    Raises:
        EvidenceFault: there is none, one of them cannot be read or is no capture, two are the same, or one is evidence of netprobe's own, which
            stands alone.
        UsageFault: a point's name for evidence of netprobe's own, which names its own.
    """
    return PacketStream(file_sets(files, points, walker, chunk_bytes, kept or {}))


class PacketStream:
    """Packets of all files, one capture after the other.

    Attributes:
        points: the capture points so far; ``Packets.point`` counts in it. It grows while the packets are read; names and counts of a point are
            final at the end, its link type at once.
        limits: what could not be observed; complete at the end.
        size: bytes to read, None: not known, a pipe is among them.
        notes: what netprobe's own blocks say (the probe, host states), of evidence of netprobe's own; complete at the end.
    """

    def __init__(self, sets: Sequence[FileSet]) -> None:
        self.points: list[CapturePoint] = []
        self.limits: list[Limit] = []
        self.notes = Notes()
        self.sets = sets
        self._files = [member.file for each in sets for member in each.members]
        sizes = [file.size for file in self._files]
        self.size = None if None in sizes else sum(size or 0 for size in sizes)

    @property
    def done(self) -> int:
        """Bytes that were read so far."""
        return sum(file.done for file in self._files)

    def ordered(self) -> list[str]:
        """Say of each capture of several files in which order they are read."""
        return [_order_of([member.file.name for member in each.members]) for each in self.sets if len(each.members) > 1]

    def chunks(self) -> Iterator[Packets]:
        """Packets in file order, with the buffer that they are in. Once.

        Raises:
            EvidenceFault: a file can no longer be read, holds nothing that can be read, or is evidence of netprobe's own among others.
        """
        for _, _, packets in self.by_file():
            yield packets

    def by_file(self) -> Iterator[tuple[FileSet, RingFile, Packets]]:
        """The same, with the capture and the file that each chunk is of."""
        try:
            for each in self.sets:
                each.base = len(self.points)
                for member in each.members:
                    for packets in self._read(each, member):
                        yield each, member, packets
                    self.ended(each, member)
            self.concluded()
        finally:
            self.close()

    def close(self) -> None:
        """Close the files, where the packets are not read to their end."""
        for file in self._files:
            file.close()

    def _read(self, each: FileSet, member: RingFile) -> Iterator[Packets]:
        for data, rows in member.parts:
            member.found.take(member.parts)
            member.found.count(rows)
            self.points += each.grow(member)
            yield packets_of(data, rows, member.interfaces[rows.interface] + each.base)
        member.found.take(member.parts)

    def ended(self, each: FileSet, member: RingFile) -> None:
        """Take what a file came to.

        Raises:
            EvidenceFault: it is evidence of netprobe's own among other files.
        """
        member.file.close()
        self.points += each.grow(member)
        each.close(member)
        if member.found.notes and len(self._files) > 1:
            raise not_alone(member.file.name)
        self.notes = read_notes(member.found.notes, member.file.name)

    def concluded(self) -> None:
        """Say what the points are called and what is missing."""
        found: list[CapturePoint] = []
        for each in self.sets:
            points, limits = each.concluded(self.notes)
            found += points
            self.limits += limits
        points, said = unique(found)
        self.points[:] = points
        self.limits[:] = dict.fromkeys([*self.limits, *said])


def _order_of(names: Sequence[str]) -> str:
    listed = ", ".join(names if len(names) <= _MOST_NAMED else [*names[: _MOST_NAMED - 1], "…", names[-1]])
    return f"{len(names)} files are one capture, in the order of their first packets: {listed} (--point NAME=FILE parts them)"


def packets_of(data: bytes, rows: Rows, point: NDArray[np.int32]) -> Packets:
    """A chunk's packets."""
    return Packets(
        data=data,
        offset=rows.offset,
        caplen=rows.caplen,
        origlen=rows.origlen,
        time_ns=rows.time_ns,
        point=point,
        frame=rows.frame,
    )
