"""Captures cut into pieces that several processes read at once: each gives exactly its packets, as the whole would."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netprobe.errors import EvidenceFault
from netprobe.evidence.stream.parts import Parts, Piece
from netprobe.evidence.stream.source import CaptureFile
from netprobe.evidence.stream.stream import CHUNK, open_stream, packets_of
from netprobe.evidence.walker import PLAIN
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from netprobe.evidence.capture import Reading
    from netprobe.evidence.model import CapturePoint, Limit
    from netprobe.evidence.notes import Notes
    from netprobe.evidence.packets import Packets
    from netprobe.evidence.stream.fileset import FileSet, RingFile
    from netprobe.evidence.walker import RecordWalker


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition:
    """A piece of one file. It can be pickled, and read by any process that has the file under the same name.

    Attributes:
        path: the file.
        piece: which part of it; None: all, as of a compressed file.
        packets: how many it holds.
        size: its bytes in the file.
        interfaces: int32, the file's interface -> index into :attr:`Partitioned.points`.
    """

    path: str
    piece: Piece | None
    packets: int
    size: int
    interfaces: NDArray[np.int32]

    def chunks(self, *, chunk_bytes: int = CHUNK, walker: RecordWalker = PLAIN) -> Iterator[Packets]:
        """Its packets in file order.

        Raises:
            EvidenceFault: the file cannot be read, or is not what it was.
        """
        file = CaptureFile(self.path)
        try:
            parts = Parts(file, walker, chunk_bytes, only=self.piece)
            left = self.packets
            for data, rows in parts:
                left -= len(rows.offset)
                if left < 0 or int(rows.interface.max()) >= len(self.interfaces):
                    break
                yield packets_of(data, rows, self.interfaces[rows.interface])
            if left or (self.piece is not None and parts.at != self.piece.stop):
                raise EvidenceFault(f"{file.name} has changed since it was looked through", "ask again")
        finally:
            file.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Partitioned:
    """Capture files in pieces.

    Attributes:
        parts: the pieces, in the order of :meth:`~netprobe.evidence.stream.stream.PacketStream.chunks`.
        points, limits, notes: as of a stream at its end.
    """

    parts: tuple[Partition, ...]
    points: tuple[CapturePoint, ...]
    limits: tuple[Limit, ...]
    notes: Notes


def partitions(
    files: Sequence[str],
    points: Mapping[str, str],
    parts: int,
    *,
    chunk_bytes: int = CHUNK,
    walker: RecordWalker = PLAIN,
) -> Partitioned:
    """Cut capture files into about ``parts`` pieces, at record boundaries. The files are walked through once: no record can be told from its middle.

    Args:
        files: their paths, none a pipe.
        points: as for :func:`~netprobe.evidence.stream.stream.open_stream`.
        parts: how many pieces are wanted: a file's end is the end of a piece, too, and a compressed file is one.
        chunk_bytes: pieces are cut between chunks of this size.
        walker: what finds records.

    Raises:
        EvidenceFault, UsageFault: as :func:`~netprobe.evidence.stream.stream.open_stream`; or a file is a pipe.
    """
    stream = open_stream(files, points, chunk_bytes=chunk_bytes, walker=walker)
    for each in stream.sets:
        for member in each.members:
            if not member.file.plain:
                stream.close()
                raise EvidenceFault(
                    f"{member.file.name} is a pipe, which one process alone can read", "save it to a file"
                )
    cuts: list[_Cut] = []
    least = max((stream.size or 0) // max(parts, 1), 1)
    for each, member, packets in stream.by_file():
        if not cuts or cuts[-1].member is not member:
            cuts.append(_Cut(each, member, 0, None))
        elif cuts[-1].stop - cuts[-1].start >= least and not member.parts.packed:
            cuts.append(_Cut(each, member, cuts[-1].stop, cuts[-1].after))
        cuts[-1].count(packets)
    return Partitioned(
        parts=tuple(cut.closed() for cut in cuts),
        points=tuple(stream.points),
        limits=tuple(stream.limits),
        notes=stream.notes,
    )


class _Cut:
    """A piece that is being walked through."""

    def __init__(self, each: FileSet, member: RingFile, start: int, reading: Reading | None) -> None:
        self.each = each
        self.member = member
        self.start = start
        self.stop = start
        self.reading = reading
        self.packets = 0
        self.after: Reading | None = None

    def count(self, packets: Packets) -> None:
        """Take a chunk, and the state behind it."""
        parts = self.member.parts
        if self.reading is None and not parts.packed:
            self.reading = parts.beginning
        self.packets += len(packets)
        self.stop = parts.at
        self.after = parts.reading.fork(PLAIN)

    def closed(self) -> Partition:
        """Return what others need to read it."""
        file, parts = self.member.file, self.member.parts
        piece = None
        if self.reading is not None:
            piece = Piece(start=self.start, stop=self.stop, reading=self.reading)
        return Partition(
            path=file.path,
            piece=piece,
            packets=self.packets,
            size=(file.size or 0) if parts.packed else self.stop - self.start,
            interfaces=self.member.interfaces + np.int32(self.each.base),
        )
