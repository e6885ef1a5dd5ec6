"""Captures cut into pieces that several processes read at once: each gives exactly its packets, as the whole would."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netprobe.errors import EvidenceFault
from netprobe.evidence.stream.found import FileFound
from netprobe.evidence.stream.parts import Parts, Piece
from netprobe.evidence.stream.source import CaptureFile
from netprobe.evidence.stream.stream import CHUNK, open_stream, packets_of
from netprobe.evidence.walker import PLAIN
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """A file that is to be walked through, by any process that has it under the same name.

    Attributes:
        path: the file.
        least: bytes that a piece of it has at least.
        chunk_bytes: pieces are cut between chunks of this size.
    """

    path: str
    least: int
    chunk_bytes: int

    def through(self, *, walker: RecordWalker = PLAIN) -> Walked:
        """Walk through it.

        Raises:
            EvidenceFault: the file cannot be read, or nothing in it.
        """
        file = CaptureFile(self.path)
        try:
            parts = Parts(file, walker, self.chunk_bytes)
            found, cuts = FileFound(), [_Cut(start=0, reading=None)]
            for _, rows in parts:
                found.take(parts)
                found.count(rows)
                if cuts[-1].stop - cuts[-1].start >= self.least and not parts.packed:
                    cuts.append(_Cut(start=cuts[-1].stop, reading=cuts[-1].after))
                cuts[-1].count(parts, len(rows.offset))
            found.take(parts)
            return Walked(found=found, cuts=tuple(cut.closed() for cut in cuts if cut.packets))
        finally:
            file.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Walked:
    """What a walk through a file came to. It can be pickled.

    Attributes:
        found: what the file came to.
        cuts: its pieces, and how many packets each holds; piece None: a compressed file, which is not cut.
    """

    found: FileFound
    cuts: tuple[tuple[Piece | None, int], ...]


class _Cut:
    """A piece that is being walked through."""

    def __init__(self, *, start: int, reading: Reading | None) -> None:
        self.start = start
        self.stop = start
        self.after: Reading | None = None
        self.packets = 0
        self._packed = False
        self._reading = reading

    def count(self, parts: Parts, packets: int) -> None:
        """Take a chunk, and the state behind it."""
        self._packed = bool(parts.packed)
        self._reading = self._reading or parts.beginning
        self.packets += packets
        self.stop = parts.at
        self.after = parts.reading.fork(PLAIN)

    def closed(self) -> tuple[Piece | None, int]:
        """Return what others need to read it."""
        if self._packed or self._reading is None:
            return None, self.packets
        return Piece(start=self.start, stop=self.stop, reading=self._reading), self.packets


def _one_by_one(walks: Sequence[Walk]) -> Iterator[Walked]:
    return (walk.through() for walk in walks)


def partitions(
    files: Sequence[str],
    points: Mapping[str, str],
    parts: int,
    *,
    chunk_bytes: int = CHUNK,
    each: Callable[[Sequence[Walk]], Iterable[Walked]] = _one_by_one,
) -> Partitioned:
    """Cut capture files into about ``parts`` pieces, at record boundaries. The files are walked through once: no record can be told from its middle.

    Args:
        files: their paths, none a pipe.
        points: as for :func:`~netprobe.evidence.stream.stream.open_stream`.
        parts: how many pieces are wanted: a file's end is the end of a piece, too, and a compressed file is one.
        chunk_bytes: pieces are cut between chunks of this size.
        each: does the walks (:meth:`Walk.through`) and returns what they came to, in their order: by several processes, if there are.

    Raises:
        EvidenceFault, UsageFault: as :func:`~netprobe.evidence.stream.stream.open_stream`; or a file is a pipe.
    """
    stream = open_stream(files, points, chunk_bytes=chunk_bytes)
    stream.close()
    every = [(together, member) for together in stream.sets for member in together.members]
    for _, member in every:
        if not member.file.plain:
            raise EvidenceFault(f"{member.file.name} is a pipe, which one process alone can read", "save it to a file")
    least = max((stream.size or 0) // max(parts, 1), 1)
    walked = list(each([Walk(path=member.file.path, least=least, chunk_bytes=chunk_bytes) for _, member in every]))
    cut: list[Partition] = []
    for (together, member), one in zip(every, walked, strict=True):
        if member is together.members[0]:
            together.base = len(stream.points)
        member.found = one.found
        stream.ended(together, member)
        cut += _of_file(together, member, one)
    stream.concluded()
    return Partitioned(parts=tuple(cut), points=tuple(stream.points), limits=tuple(stream.limits), notes=stream.notes)


def _of_file(together: FileSet, member: RingFile, walked: Walked) -> list[Partition]:
    return [
        Partition(
            path=member.file.path,
            piece=piece,
            packets=packets,
            size=(member.file.size or 0) if piece is None else piece.stop - piece.start,
            interfaces=member.interfaces + np.int32(together.base),
        )
        for piece, packets in walked.cuts
    ]
