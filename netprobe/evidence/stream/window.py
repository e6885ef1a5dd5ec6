"""A view of a file that moves forward: the bytes from a place on, as many as are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from netprobe.evidence.packed import Unpacking
    from netprobe.evidence.stream.source import CaptureFile


class Window(Protocol):
    """What gives a file's bytes."""

    def fill(self, pos: int, size: int) -> tuple[bytes, bool]:
        """The bytes from ``pos`` on, and whether the file ends with them.

        Args:
            pos: at the last call's place or behind it, within its bytes.
            size: about how many; it gives fewer only where the file ends.
        """
        ...

    @property
    def stop(self) -> str:
        """Why the file ended before it should, ``""`` where it did not. Known at the end."""
        ...


class PlainWindow:
    """A plain file: nothing is copied or kept.

    Args:
        file: the file.
        end: where it is taken to end, None: where it does.
    """

    def __init__(self, file: CaptureFile, end: int | None = None) -> None:
        self.stop = ""
        self._file = file
        self._end = end

    def fill(self, pos: int, size: int) -> tuple[bytes, bool]:
        """As :class:`Window` says."""
        if self._end is not None and pos + size >= self._end:
            return self._file.at(pos, self._end - pos), True
        data = self._file.at(pos, size)
        return data, len(data) < size


class PipeWindow:
    """A pipe: what the next call may want again is kept.

    Args:
        read: gives the next bytes, some more or fewer than asked for; none at the end.
    """

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self.stop = ""
        self._read = read
        self._held, self._at, self._ended = b"", 0, False

    def fill(self, pos: int, size: int) -> tuple[bytes, bool]:
        """As :class:`Window` says."""
        parts = [self._held[pos - self._at :]]
        have = len(parts[0])
        while have < size and not self._ended:
            piece = self._read(size - have)
            self._ended = not piece
            parts.append(piece)
            have += len(piece)
        self._held, self._at = b"".join(parts), pos
        return self._held, self._ended


class UnpackedWindow(PipeWindow):
    """A compressed file."""

    def __init__(self, unpacking: Unpacking) -> None:
        self._unpacking = unpacking
        self._pieces = unpacking.pieces()
        super().__init__(lambda _size: next(self._pieces, b""))

    def fill(self, pos: int, size: int) -> tuple[bytes, bool]:
        """As :class:`Window` says."""
        found = super().fill(pos, size)
        if found[1] and self._unpacking.stop:
            self.stop = f"{self._unpacking.kind} data {self._unpacking.stop}"
        return found
