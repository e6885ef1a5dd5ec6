"""Capture files that are read piece by piece: what of this room touches files."""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager
from io import BytesIO
from typing import IO, TYPE_CHECKING

from netprobe.evidence.files import STDIN, faults, opened, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from io import FileIO

_PIECE = 1 << 20


class CaptureFile:
    """A file, read in order or, where it is a plain file, from any place. It may grow, or shrink, meanwhile.

    Args:
        path: the file; ``-`` is standard input.

    Attributes:
        path: as given.
        name: what messages call it.
        size: its bytes when it was opened; None: a pipe.
        plain: whether it can be read from any place.
        identity: the same for two names of one plain file, else None.
        done: the highest place that was read.

    Raises:
        EvidenceFault: there is no such file, it is a directory or a terminal, or may not be read.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.name = shown(path)
        self.done = 0
        self._file: FileIO | None = None
        self._pushed = b""  # read ahead of a pipe
        with self._opened() as file:
            found = os.fstat(file.fileno())
        regular = stat.S_ISREG(found.st_mode)
        self.size = found.st_size if regular else None
        self.plain = regular and path != STDIN  # what is before standard input's place was somebody else's
        self.identity = (found.st_dev, found.st_ino) if regular else None

    @contextmanager
    def _opened(self) -> Iterator[FileIO]:
        with faults(self.name):
            if self._file is None:
                self._file = opened(self.path)
            yield self._file

    def close(self) -> None:
        """Give the descriptor back. A plain file is opened again when it is read."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def rest(self) -> None:
        """Give the descriptor back for now, where the file can be opened again."""
        if self.plain:
            self.close()

    def peek(self, size: int) -> bytes:
        """The file's first bytes: ``size`` of them if there are. Of a pipe: before it is read."""
        if self.plain:
            return self.at(0, size)
        with self._opened() as file:
            while len(self._pushed) < size and (piece := file.read(size - len(self._pushed))):
                self._pushed += piece
        return self._pushed[:size]

    def reader(self) -> Callable[[int], bytes]:
        """What gives the file's bytes in order, from the first: at most as many as it is asked for, none at the end. Of a pipe there is one."""
        if not self.plain:
            return self._next
        pos = 0

        def read(size: int) -> bytes:
            nonlocal pos
            piece = self.at(pos, size)
            pos += len(piece)
            return piece

        return read

    def _next(self, size: int) -> bytes:
        piece, self._pushed = self._pushed[:size], self._pushed[size:]
        if not piece:
            with self._opened() as file:
                piece = file.read(size) or b""
        self.done += len(piece)
        return piece

    def at(self, pos: int, size: int) -> bytes:
        """The bytes of a plain file from ``pos`` on: ``size`` of them, or fewer where it ends before that."""
        with self._opened() as file:
            piece = os.pread(file.fileno(), size, pos)
            while (
                piece and len(piece) < size and (more := os.pread(file.fileno(), size - len(piece), pos + len(piece)))
            ):
                piece += more
        self.done = max(self.done, pos + len(piece))
        return piece


IN_MEMORY = 1 << 24
"""Bytes of a pipe that are kept in memory: more goes to a file without a name, in the folder for temporary files ($TMPDIR)."""


class KeptFile(CaptureFile):
    """What came out of a pipe, or is in memory already: to be read as often as one likes, from any place.

    Args:
        path: what it is called; ``-`` is standard input.
        held: its bytes.
    """

    def __init__(self, path: str, held: IO[bytes]) -> None:
        self.path = path
        self.name = shown(path)
        self.done = 0
        self.size: int | None = held.seek(0, os.SEEK_END)
        self.plain = True
        self.identity: tuple[int, int] | None = None
        self._held = held

    @classmethod
    def of_pipe(cls, pipe: CaptureFile) -> KeptFile:
        """Read a pipe to its end, and close it.

        Raises:
            EvidenceFault: it cannot be read, or kept.
        """
        from tempfile import SpooledTemporaryFile

        read = pipe.reader()
        with faults(pipe.name):
            held: IO[bytes] = SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115  (closed when nobody has it any more)
            while piece := read(_PIECE):
                held.write(piece)
        pipe.close()
        return cls(pipe.path, held)

    @classmethod
    def of_bytes(cls, path: str, data: bytes) -> KeptFile:
        """Take bytes for a file."""
        return cls(path, BytesIO(data))

    def close(self) -> None:
        """Do nothing: what is kept goes with the last who has it."""

    def at(self, pos: int, size: int) -> bytes:
        """As of a plain file."""
        self._held.seek(pos)
        piece = self._held.read(size)
        self.done = max(self.done, pos + len(piece))
        return piece
