"""One pcapng file as several: one for each interface that has packets.

A frame that was captured at four places is four frames in one file, and Wireshark takes three of them for retransmissions. What belongs to no interface goes into
each file (names, secrets to decrypt with), but for netprobe's own notes: a part of a run's packets is not the run's evidence.
"""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING

import numpy as np

from netprobe.evidence import additions as a
from netprobe.evidence import blocks as b
from netprobe.evidence import edit
from netprobe.evidence.walker import PLAIN

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from netprobe.evidence.walker import ByteOrder, RecordWalker

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_MOST_NAME = 80
_SHARED = frozenset({a.NRB, 10, b.CUSTOM, b.CUSTOM_NO_COPY})  # 10: Decryption Secrets Block
_FRAMES = edit.PACKETS | {b.SPB}
_FIRST_IS_ID = frozenset({b.EPB, b.ISB})


class Split:
    """A file that is taken apart.

    Args:
        walker: what finds its blocks.

    Attributes:
        files: the names of the files that were begun.
        packets: packets that were written.
    """

    def __init__(self, walker: RecordWalker = PLAIN) -> None:
        self.files: list[str] = []
        self.packets = 0
        self._walker = walker
        self._order: ByteOrder = "<"
        self._header = b""
        self._shared = b""  # of the section so far
        self._interfaces: list[_Interface] = []  # of the section
        self._number = 0  # of interfaces of all sections

    def pieces(self, whole: Iterable[bytes | memoryview]) -> Iterator[tuple[str, bytes]]:
        """Names of files, and what is to be appended to each.

        Args:
            whole: the file, in pieces that end where blocks do.
        """
        for piece in whole:
            data, pos = bytes(piece), 0
            while pos < len(data):
                if data.startswith(b.PCAPNG_MAGIC, pos):
                    pos = self._begin(data, pos)
                walked = self._walker.blocks(data, pos, self._order, most=1 << 62)
                yield from self._sorted(data, walked.start, walked.pos)
                if walked.pos == pos and not data.startswith(b.PCAPNG_MAGIC, pos):
                    return  # damaged: Wireshark reads no further
                pos = walked.pos

    def _begin(self, data: bytes, pos: int) -> int:
        header = b.section_header(data, pos, at=0, last=True)
        if isinstance(header, str):
            return len(data)
        self._order = header.order
        block = data[pos : pos + header.length]
        self._header = block[:16] + struct.pack(self._order + "q", -1) + block[24:]
        self._shared = b""
        self._interfaces = []
        return pos + header.length

    def _sorted(self, data: bytes, start: NDArray[np.int64], end: int) -> Iterator[tuple[str, bytes]]:
        """The blocks of a section, by files."""
        if not len(start):
            return
        words = b.words(data, self._order)
        kinds = words[start >> 2].tolist()
        stops = np.append(start[1:], end).tolist()
        out: dict[str, list[bytes]] = {}
        for kind, begin, stop in zip(kinds, start.tolist(), stops, strict=True):
            block = data[begin:stop]
            for interface in self._take(kind, block):
                text = interface.as_first(kind, block, self._order)
                if not interface.begun and kind in _FRAMES:
                    self.files.append(interface.name)
                    text, interface.begun = interface.before + text, True
                if interface.begun:
                    out.setdefault(interface.name, []).append(text)
                else:
                    interface.before += text
        for name, parts in out.items():
            yield name, b"".join(parts)

    def _take(self, kind: int, block: bytes) -> list[_Interface]:
        """Whose block that is."""
        if kind == b.IDB:
            self._number += 1
            before = self._header + self._shared + block
            name = f"{self._number:02}-{_safe(_name(block, self._order)) or 'interface'}.pcapng"
            self._interfaces.append(_Interface(name, before))
            return []
        if kind in _SHARED:
            if not _is_note(block, self._order):
                self._shared += block
                return self._interfaces
            return []
        if kind == b.SPB:
            self.packets += 1
            return self._interfaces[:1]
        if kind not in edit.PACKETS | {b.ISB} or len(block) < 24:
            return []
        self.packets += kind != b.ISB
        number = _id_of(kind, block, self._order)
        return self._interfaces[number : number + 1]


class _Interface:
    """An interface of a section: its file's name, and what its file begins with, until that is begun."""

    def __init__(self, name: str, before: bytes) -> None:
        self.name = name
        self.before = before
        self.begun = False

    def as_first(self, kind: int, block: bytes, order: ByteOrder) -> bytes:
        """A block that names this interface, now as the first one."""
        if kind in _FIRST_IS_ID:
            return block[:8] + bytes(4) + block[12:]
        return block[:8] + struct.pack(order + "H", 0) + block[10:] if kind == b.OPB else block


def _id_of(kind: int, block: bytes, order: ByteOrder) -> int:
    number: int = struct.unpack_from(order + ("I" if kind in _FIRST_IS_ID else "H"), block, 8)[0]
    return number


def _is_note(block: bytes, order: ByteOrder) -> bool:
    """Whether it is one of netprobe's own notes: the probe, the state."""
    kind, _, pen = struct.unpack_from(order + "III", block)
    return kind in (b.CUSTOM, b.CUSTOM_NO_COPY) and pen == b.PEN and block.startswith(b"netprobe/", 12)


def _name(block: bytes, order: ByteOrder) -> str:
    found = dict(b.options(block, 16, len(block) - 4, order))
    return found.get(b.IF_NAME, b"").decode("utf-8", "replace")


def _safe(text: str) -> str:
    """A part of a file's name."""
    return _UNSAFE.sub("_", text)[:_MOST_NAME].strip("._")
