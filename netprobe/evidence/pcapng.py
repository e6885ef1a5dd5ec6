"""Reading pcapng: every block type that carries packets, several sections, both byte orders, any time resolution.

Reading ends at the first block that is not what it says, as Wireshark's does, and keeps all that came before.
"""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING

import numpy as np

from netprobe.evidence import blocks as b
from netprobe.evidence import capture as c
from netprobe.evidence.capture import Capture, Interface, Part, ReadBounds, Rows, join_rows
from netprobe.evidence.descriptions import Counts, described, notes_of
from netprobe.evidence.notes import MAX_BLOCKS, MAX_UNPACKED
from netprobe.evidence.section import Clocks, packet_rows, plain_rows, sound, view_of
from netprobe.evidence.walker import PLAIN, Why

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from netprobe.evidence.walker import Blocks, ByteOrder, RecordWalker

_HEADER = 80  # bytes that hold a note's first line


def read_pcapng(data: bytes) -> Capture:
    """Take a pcapng file apart. Never raises on any bytes."""
    bounds = ReadBounds(packets=c.MAX_PACKETS, sections=b.MAX_SECTIONS, interfaces=b.MAX_INTERFACES)
    return c.whole(PcapngReading(bounds=bounds), data)


class PcapngReading:
    """A pcapng file, part by part: :class:`~netprobe.evidence.capture.Reading`.

    Args:
        bounds: how much of it is read.
        walker: what finds its blocks.
    """

    def __init__(self, *, bounds: ReadBounds, walker: RecordWalker = PLAIN) -> None:
        self.interfaces: list[Interface] = []
        self.notes: list[bytes] = []
        self.missing = 0
        self.frames = 0
        self._bounds = bounds
        self._walker = walker
        self._blocks = 0
        self._noted = 0  # bytes of all notes
        self._sections = 0
        self._ended = ""  # why what this file was copied from ended early
        self._section = _Section(order="<", end=0, base=0)

    def fork(self, walker: RecordWalker) -> PcapngReading:
        """As :class:`~netprobe.evidence.capture.Reading` says."""
        other = copy(self)
        other._walker = walker
        other.interfaces = list(self.interfaces)
        other.notes = []
        other._section = self._section.fork()
        return other

    def take(self, data: bytes, *, at: int, last: bool) -> Part:
        """The next packets, of one section or of several."""
        parts: list[Rows] = []
        pos, more, stop = 0, True, ""
        while more and not stop:
            rows, pos, more, stop = self._take(data, pos, at, last)
            parts.append(rows)
        if last and not stop:
            self.missing = max(0, self._section.end - (at + len(data)))
            stop = (self._ended or b.shorter(at + len(data), self.missing)) if self.missing else ""
        return Part(rows=join_rows(parts), used=pos, stop=stop)

    def _take(self, data: bytes, pos: int, at: int, last: bool) -> tuple[Rows, int, bool, str]:
        """What is left of a section in the part: rows, where it ended, whether there is another section to enter, and the stop."""
        if not self._sections or data.startswith(b.PCAPNG_MAGIC, pos):
            if self._sections == self._bounds.sections:
                return Rows.none(), pos, False, b.damaged(at + pos, f"more than {self._sections} sections")
            header = b.section_header(data, pos, at=at, last=last)
            if isinstance(header, str):
                return Rows.none(), pos, False, header
            self._sections += 1
            self._ended = header.ended or self._ended
            pos += header.length
            end = at + pos + header.promised
            self._section = _Section(order=header.order, end=end, base=len(self.interfaces))
        walked = self._walker.blocks(data, pos, self._section.order, most=self._bounds.packets - self._blocks)
        self._blocks += len(walked.start)
        rows, stop = self._read(data, walked.start, at)
        return rows, walked.pos, walked.why is Why.SECTION, stop or self._stop(data, walked, at, last)

    def _stop(self, data: bytes, walked: Blocks, at: int, last: bool) -> str:
        match walked.why:
            case Why.SHORT if last:
                return b.cut_short(at + walked.pos)
            case Why.DAMAGED:
                return b.bad_block(data, walked.pos, self._section.order, at)
            case Why.ENOUGH:
                return b.too_many(at + walked.pos)
        return ""

    def _read(self, data: bytes, start: NDArray[np.int64], at: int) -> tuple[Rows, str]:
        """Packets, interfaces, counts and notes of blocks of the section."""
        if not len(start):
            return Rows.none(), ""
        section = self._section
        view = view_of(data, section.order, start)
        known, most = len(self.interfaces) - section.base, self._bounds.interfaces - len(self.interfaces)
        plain = plain_rows(view, known, section.clocks, base=section.base, frames=self.frames)
        if plain is not None:
            self.frames += len(start)
            return plain, ""
        view, pos, what = sound(view, known, most)
        fresh = described(view)
        self.interfaces += fresh
        section.clocks.add(fresh)
        rows = packet_rows(view, self.interfaces[section.base :], section.clocks, base=section.base, frames=self.frames)
        section.counts.add(view, self.interfaces, section.base)
        self._note(notes_of(view))
        self.frames += int(np.isin(view.kind, b.FRAME_KINDS).sum())
        return rows, self._said(at + pos, what)

    def _note(self, bodies: Sequence[bytes]) -> None:
        """Keep netprobe's own blocks, as many as are read of a file. One that is too much is kept in part, so that it is said."""
        for body in bodies[: MAX_BLOCKS - len(self.notes)]:
            room = max(MAX_UNPACKED - self._noted, 0)
            self.notes.append(body if len(body) <= room else body[:_HEADER])
            self._noted += len(body)

    def _said(self, pos: int, what: str) -> str:
        if what == "interfaces":
            return f"of more than {self._bounds.interfaces} interfaces (byte {pos})"
        return b.damaged(pos, what) if what else ""


class _Section:
    """The section that is being read. ``base``: interfaces before it; ``end``: where its header says that it ends, before its first block where it does not say."""

    def __init__(self, order: ByteOrder, *, base: int, end: int) -> None:
        self.order: ByteOrder = order
        self.base = base
        self.end = end
        self.clocks = Clocks()
        self.counts = Counts()

    def fork(self) -> _Section:
        """The same section with counts of its own."""
        other = _Section(self.order, base=self.base, end=self.end)
        other.clocks = self.clocks.fork()
        return other
