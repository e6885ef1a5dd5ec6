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
    from collections.abc import Callable

MAX_UNPACKED = 2 << 30
"""Bytes that a file may unpack to: as much as a plain file may have (:data:`netprobe.evidence.files.MAX_BYTES`)."""

MAX_MEMBERS = 1 << 16
"""Members of one file: twice what 2 GiB in bgzip's blocks of 64 KiB have. A zstd frame costs 50 µs even when it is empty."""

LARGER = "larger"
"""What stopped unpacking when more than what was asked for came out."""

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
    kind = packed_as(data)
    out, pos, members, stop = BytesIO(), 0, 0, ""
    while pos < len(data) and not stop:
        if not kind or packed_as(data, pos) != kind:
            stop = "" if members and _only_zeros(data, pos) else f"followed by other bytes at byte {pos}"
            break
        if members == MAX_MEMBERS:
            stop = f"in more than {MAX_MEMBERS} parts"
            break
        pos, stop = _member(data, pos, out, most)
        members += 1
    return Unpacked(out.getvalue(), kind, stop)


def _member(data: bytes, pos: int, out: BytesIO, most: int) -> tuple[int, str]:
    """Unpack one member. Returns where it ends, and why it ended early."""
    source = next(make for magic, _, make in _KINDS if data.startswith(magic, pos))()
    view = memoryview(data)
    while pos < len(data):
        piece = bytes(view[pos : pos + _SLICE])
        pos += len(piece)
        try:
            stop = _drain(source, piece, out, most)
        except (EvidenceFault, MemoryError):
            raise
        except Exception:  # noqa: BLE001 - each library has an error of its own for damaged bytes
            return pos, f"damaged before byte {pos}"
        if stop:
            return pos, stop
        if source.eof:
            return pos - len(source.unused_data), ""
    return pos, f"cut short at byte {pos}"


def _drain(source: _Decompressor, piece: bytes, out: BytesIO, most: int) -> str:
    """Give a decompressor some bytes and take all that it makes of them."""
    while not source.eof:
        size = out.tell()
        ask = min(max(size >> 3, _LEAST), _MOST, most + 1 - size)
        got = source.decompress(piece, ask)
        out.write(got)
        if size + len(got) > most:
            return LARGER
        if len(got) < ask:
            return ""
        piece = b""
    return ""


def _only_zeros(data: bytes, pos: int) -> bool:
    """Whether nothing but padding is left: tapes and block devices leave it, xz allows it."""
    return data.count(0, pos) == len(data) - pos
