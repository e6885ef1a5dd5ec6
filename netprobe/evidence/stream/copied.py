"""A capture as a pcapng file with additions: packets, their order and numbers, and what others wrote beside them stay, byte for byte where it is pcapng already.

A pcap file becomes pcapng. Of a file that is cut short or damaged the whole blocks are copied. That something is missing stays known: the last section says that
it is longer than it is, as the section of a file that was cut does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netprobe.evidence import additions as a
from netprobe.evidence import blocks as b
from netprobe.evidence import edit
from netprobe.evidence.pcap import PcapReading
from netprobe.evidence.stream.parts import Parts
from netprobe.evidence.stream.records import BlockMaker
from netprobe.evidence.walker import PLAIN

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from netprobe.evidence.additions import Additions
    from netprobe.evidence.capture import Rows
    from netprobe.evidence.stream.source import CaptureFile
    from netprobe.evidence.walker import ByteOrder, RecordWalker

    Pieces = list[bytes | memoryview]

_COMMENTED = (b.EPB, b.OPB)


class Copied:
    """One copy of a file.

    Args:
        file: the file; a pipe is to be kept (:class:`~netprobe.evidence.stream.source.KeptFile`) where it is read more than once.
        additions: what is added.
        walker: what finds its records.
        chunk_bytes: how much of it is read at a time.
        promised: what each section header says of its section's length, in order; those behind them say nothing.
        ended: why the file cannot be read to its end, where another copy found that out: the copy notes it, and is read as the file is.

    Attributes:
        sections: of each section: what its header said of its length, how long it was, and how long it is now. Complete at the end.
        stop: why the file could not be read to its end, ``""`` where it could. Known at the end.
        placed: comments that were written.
    """

    def __init__(
        self,
        file: CaptureFile,
        additions: Additions,
        *,
        walker: RecordWalker = PLAIN,
        chunk_bytes: int,
        promised: Sequence[int] = (),
        ended: str = "",
    ) -> None:
        self.sections: list[tuple[int, int, int]] = []
        self.stop = ""
        self.placed = 0
        self._file = file
        self._additions = additions
        self._walker = walker
        self._parts = Parts(file, walker, chunk_bytes)
        self._promised = promised
        self._ended = ended
        self._order: ByteOrder = "<"
        self._frames = 0
        self._interfaces = 0
        self._maker = BlockMaker()

    @property
    def done(self) -> int:
        """Bytes of the file that were read, unpacked."""
        return self._parts.at

    def pieces(self) -> Iterator[bytes | memoryview]:
        """The copy, whole blocks at a time, each good until the next is asked for. Once.

        Raises:
            EvidenceFault: it is no capture, or can no longer be read.
        """
        for data, part in self._parts.taken():
            if isinstance(self._parts.reading, PcapReading):
                yield from self._converted(self._parts.reading, data, part.rows)
            else:
                yield b"".join(self._edited(data, part.used))
        self.stop = self._parts.stop

    def promises(self) -> list[int]:
        """What the section headers of another copy are to say, once this one was read to its end."""
        said = [promised + now - before if promised >= 0 else -1 for promised, before, now in self.sections]
        if self.stop and said and said[-1] < 0:
            left = (self._file.size or 0) - self._parts.at
            said[-1] = self.sections[-1][2] + max(left, 4)
        return said

    def _section(self, promised: int) -> int:
        """A section begins; return what its header is to say of its length."""
        number = len(self.sections)
        self.sections.append((promised, 0, 0))
        return self._promised[number] if number < len(self._promised) else -1

    def _grown(self, before: int, now: int) -> None:
        promised, was, has = self.sections[-1]
        self.sections[-1] = promised, was + before, has + now

    def _of_the_file(self) -> list[str]:
        whole = self._additions.section
        noted = f"{b.NOTED_END.decode().removeprefix(a.OURS)}{self._ended}" if whole and self._ended else ""
        return [each for each in (whole, noted) if each]

    def _names(self) -> list[bytes]:
        return list(a.name_blocks(self._additions.names, self._order)) if len(self.sections) == 1 else []

    def _converted(self, reading: PcapReading, data: bytes, rows: Rows) -> Pieces:
        """Records as blocks."""
        out: Pieces = []
        unit = reading.form.unit if reading.form else 1
        if not self.sections and reading.interfaces:
            out.append(a.section_bytes(self._order, self._section(-1), self._of_the_file()))
            said = self._additions
            more = [
                *self._names(),
                a.interface_bytes(
                    reading.interfaces[0],
                    self._order,
                    name=said.called.get(0, ""),
                    unit=unit,
                    said=said.interfaces.get(0, ""),
                ),
            ]
            out += more
            self._grown(0, sum(map(len, more)))
        if len(rows.frame):
            first = int(rows.frame[0])
            texts = {frame - first: each for frame, each in self._said(first, len(rows.frame))}
            self.placed += sum(len(each) for each in texts.values())
            blocks = self._maker.blocks(
                data, rows, unit, {row: _comments(each, self._order) for row, each in texts.items()}
            )
            self._grown(0, len(blocks))
            out.append(blocks)
        return out

    def _said(self, first: int, count: int) -> Iterator[tuple[int, Sequence[str]]]:
        yield from self._additions.comments.between(first, first + count)

    def _edited(self, data: bytes, used: int) -> Pieces:
        """Whole blocks of one section or several."""
        out: Pieces = []
        pos = 0
        while pos < used:
            if data.startswith(b.PCAPNG_MAGIC, pos):
                header = b.section_header(data, pos, at=0, last=True)
                if isinstance(header, str):  # not where the reading took it
                    break
                self._order = header.order
                said = () if self.sections else self._of_the_file()
                promised = self._section(header.promised)
                out.append(edit.headed(data[pos : pos + header.length], self._order, said, promised))
                names = self._names()
                out += names
                self._grown(0, sum(map(len, names)))
                pos += header.length
            walked = self._walker.blocks(data, pos, self._order, most=1 << 62)
            end = min(walked.pos, used)
            made = self._blocks(data, walked.start[walked.start < end], pos, end)
            self._grown(end - pos, sum(map(len, made)))
            out += made
            if end == pos:
                break
            pos = end
        return out

    def _blocks(self, data: bytes, start: NDArray[np.int64], pos: int, end: int) -> Pieces:
        """The blocks of a section that stand between two places, changed where there is something to change."""
        if not len(start):
            return [memoryview(data)[pos:end]]
        words = b.words(data, self._order)
        kind = words[start >> 2]
        number = np.cumsum(np.isin(kind, b.FRAME_KINDS)) + self._frames
        said = dict(self._said(self._frames + 1, int(number[-1]) - self._frames))
        touched = self._touched(data, start, end, kind, np.isin(number, np.fromiter(said, np.int64, len(said))))
        self._frames = int(number[-1])
        stops = np.append(start[1:], end)
        out: Pieces = []
        view = memoryview(data)
        for row in touched.tolist():
            begin, stop = int(start[row]), int(stops[row])
            out += [view[pos:begin], self._changed(data[begin:stop], int(kind[row]), said.get(int(number[row]), ()))]
            pos = stop
        return [*out, view[pos:end]]

    def _touched(
        self,
        data: bytes,
        start: NDArray[np.int64],
        end: int,
        kind: NDArray[np.uint32],
        said: NDArray[np.bool_],
    ) -> NDArray[np.intp]:
        """Rows of the blocks that may change: descriptions, names, packets with a comment, and what has one of netprobe's own."""
        packets = np.isin(kind, _COMMENTED)
        change = (kind == b.IDB) | (kind == a.NRB) | (packets & said)
        at, mark = int(start[0]), a.OURS.encode()
        while (at := data.find(mark, at, end)) >= 0:
            row = int(np.searchsorted(start, at, "right")) - 1
            if row >= 0 and packets[row]:
                change[row] = True
            at += len(mark)
        return np.flatnonzero(change)

    def _changed(self, block: bytes, kind: int, said: Sequence[str]) -> bytes:
        if kind == b.IDB:
            number = self._interfaces
            self._interfaces += 1
            return edit.described(
                block, self._order, self._additions.interfaces.get(number, ""), self._additions.called.get(number, "")
            )
        if kind == a.NRB:
            return b"" if edit.names_are_ours(block, self._order) else block
        made = edit.commented(block, self._order, said)
        self.placed += len(said) if made is not None else 0
        return block if made is None else made


def _comments(texts: Sequence[str], order: ByteOrder) -> bytes:
    return a.options_bytes([(a.OPT_COMMENT, a.ours(each)) for each in texts], order)
