"""Compressed captures, unpacked in memory: gzip, zstd, xz, bzip2, each of one member or of several.

What comes out is bounded, whatever the file says: nothing is asked to unpack at once, but piece by piece, so that a file that expands without
end is given up at the bound. A file that is cut short or damaged gives what unpacked before that. The pieces grow with what was unpacked, as a
damaged one gives nothing: at most an eighth of what came before it is lost.

Source: RFC 1952 (gzip members stand one after the other), RFC 8878 section 3.1 (zstd frames, skippable ones), xz-file-format section 2.
"""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
from io import BytesIO
from typing import TYPE_CHECKING, Protocol

from netprobe.errors import EvidenceFault
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MAX_UNPACKED = 2 << 30
"""Bytes that a file may unpack to: as much as a plain file may have (:data:`netprobe.evidence.files.MAX_BYTES`)."""

MAX_MEMBERS = 1 << 16
"""Members of one file: twice what 2 GiB in bgzip's blocks of 64 KiB have. A zstd frame costs 50 µs even when it is empty."""

LARGER = "larger"
"""What stopped unpacking when more than what was asked for came out."""

_READ = 1 << 18  # packed bytes that are read at a time
_SLICE = 1 << 14  # packed bytes that a decompressor is given at a time
_LEAST, _MOST = 1 << 8, 1 << 18  # unpacked bytes that it is asked for at a time
_XZ_MEMORY = 256 << 20  # xz -9 needs 65 MiB


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What a compressed file holds.

    Attributes:
        data: the bytes.
        kind: ``gzip``, ``zstd``, ``xz`` or ``bzip2``.
        stop: why unpacking ended early, as the end of "its gzip data is …"; ``""`` when it did not.
    """

    data: bytes
    kind: str
    stop: str = ""


class _Decompressor(Protocol):
    """What the standard library's decompressors have in common."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


class _Gzip:
    """zlib's decompressor as the others are: it keeps by itself what it has not looked at yet."""

    def __init__(self) -> None:
        import zlib

        self._inflate = zlib.decompressobj(wbits=31)

    @property
    def eof(self) -> bool:
        return self._inflate.eof

    @property
    def unused_data(self) -> bytes:
        return self._inflate.unused_data

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        return self._inflate.decompress(self._inflate.unconsumed_tail + data, max_length)


def _zstd() -> _Decompressor:
    for module in (
        "compression.zstd",
        "backports.zstd",
    ):  # the standard library's since Python 3.14, and what it is for older ones
        with suppress(ImportError):
            found: _Decompressor = import_module(module).ZstdDecompressor()
            return found
    raise EvidenceFault(
        "zstd cannot be unpacked here", "pip install backports.zstd, or unpack the file first: unzstd FILE"
    )


def _xz() -> _Decompressor:
    import lzma

    return lzma.LZMADecompressor(lzma.FORMAT_XZ, _XZ_MEMORY)


def _bzip2() -> _Decompressor:
    import bz2

    return bz2.BZ2Decompressor()


_KINDS: tuple[tuple[bytes, str, Callable[[], _Decompressor]], ...] = (
    (b"\x1f\x8b\x08", "gzip", _Gzip),
    (b"\x28\xb5\x2f\xfd", "zstd", _zstd),
    *((bytes([first]) + b"\x2a\x4d\x18", "zstd", _zstd) for first in range(0x50, 0x60)),  # skippable frames
    (b"\xfd7zXZ\0", "xz", _xz),
    (b"BZh", "bzip2", _bzip2),
)


def packed_as(data: bytes, at: int = 0) -> str:
    """Return how the bytes from ``at`` on are compressed, by the first of them; ``""`` where they are not."""
    return next((kind for magic, kind, _ in _KINDS if data.startswith(magic, at)), "")


def unpack(data: bytes, *, most: int = MAX_UNPACKED) -> Unpacked:
    """Unpack a file that :func:`packed_as` knows, all its members, up to ``most`` bytes and one; then ``stop`` is :data:`LARGER`. Never raises on any bytes.

    Raises:
        EvidenceFault: there is no decompressor for it here.
    """
    unpacking = Unpacking(BytesIO(data).read, most=most, members=MAX_MEMBERS)
    out = BytesIO()
    for piece in unpacking.pieces():
        out.write(piece)
    return Unpacked(out.getvalue(), unpacking.kind, unpacking.stop)


class Unpacking:
    """A file that is unpacked piece by piece.

    Args:
        read: gives the packed file's next bytes, at most as many as it is asked for, none at its end.
        most: bytes to unpack, None: all.
        members: members to unpack, None: all.

    Attributes:
        kind: what :func:`packed_as` says of it; ``""`` before :meth:`pieces`.
        stop: as in :class:`Unpacked`, at the end.
        size: bytes unpacked so far.
    """

    def __init__(self, read: Callable[[int], bytes], *, most: int | None = None, members: int | None = None) -> None:
        self.kind = ""
        self.stop = ""
        self.size = 0
        self._read = read
        self._most = most
        self._members = members
        self._held, self._next = b"", 0  # packed bytes, and the first of them that no decompressor was given
        self._pos = 0  # where that is in the file

    def pieces(self) -> Iterator[bytes]:
        """What it holds, some bytes at a time. Never raises on any bytes."""
        members = 0
        while self._more(_SLICE) and not self.stop:
            kind = packed_as(self._held, self._next)
            self.kind = self.kind or kind
            if not kind or kind != self.kind:
                pos = self._pos
                self.stop = "" if members and self._only_zeros() else f"followed by other bytes at byte {pos}"
                return
            if members == self._members:
                self.stop = f"in more than {members} parts"
                return
            yield from self._member()
            members += 1

    def _more(self, size: int) -> int:
        """Read until so many packed bytes are held, if there are; return how many are."""
        while len(self._held) - self._next < size and (piece := self._read(_READ)):
            self._held = self._held[self._next :] + piece
            self._next = 0
        return len(self._held) - self._next

    def _member(self) -> Iterator[bytes]:
        source = next(make for magic, _, make in _KINDS if self._held.startswith(magic, self._next))()
        while self._more(_SLICE):
            piece = self._held[self._next : self._next + _SLICE]
            self._step(len(piece))
            yield from self._drain(source, piece)
            if source.eof:
                self._step(-len(source.unused_data))
            if source.eof or self.stop:
                return
        self.stop = f"cut short at byte {self._pos}"

    def _step(self, size: int) -> None:
        self._next += size
        self._pos += size

    def _drain(self, source: _Decompressor, piece: bytes) -> Iterator[bytes]:
        """Give a decompressor some bytes and take all that it makes of them."""
        while not source.eof:
            ask = min(max(self.size >> 3, _LEAST), _MOST)
            if self._most is not None:
                ask = min(ask, self._most + 1 - self.size)
            try:
                got = source.decompress(piece, ask)
            except (EvidenceFault, MemoryError):
                raise
            except Exception:  # noqa: BLE001 - each library has an error of its own for damaged bytes
                self.stop = f"damaged before byte {self._pos}"
                return
            self.size += len(got)
            if got:
                yield got
            if self._most is not None and self.size > self._most:
                self.stop = LARGER
                return
            if len(got) < ask:
                return
            piece = b""

    def _only_zeros(self) -> bool:
        """Whether nothing but padding is left: tapes and block devices leave it, xz allows it."""
        while self._more(1):
            if self._held.count(0, self._next) != len(self._held) - self._next:
                return False
            self._step(len(self._held) - self._next)
        return True
