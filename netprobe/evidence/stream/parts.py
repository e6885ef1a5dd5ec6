"""One capture file, taken apart chunk by chunk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.errors import EvidenceFault
from netprobe.evidence.blocks import MAX_SECTIONS, PCAPNG_MAGIC
from netprobe.evidence.capture import ReadBounds
from netprobe.evidence.packed import Unpacking, packed_as
from netprobe.evidence.pcap import PcapReading, pcap_order
from netprobe.evidence.pcapng import PcapngReading
from netprobe.evidence.recognise import HEAD, foreign_hint, refuse
from netprobe.evidence.stream.window import PipeWindow, PlainWindow, UnpackedWindow
from netprobe.evidence.walker import MAX_BLOCK, PLAIN
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netprobe.evidence.capture import Part, Reading, Rows
    from netprobe.evidence.stream.source import CaptureFile
    from netprobe.evidence.stream.window import Window
    from netprobe.evidence.walker import RecordWalker

BOUNDS = ReadBounds(packets=1 << 62, sections=MAX_SECTIONS, interfaces=1 << 17)
"""Packets are not counted: none of them is kept. Sections and interfaces are read one by one, and each interface is a point."""

_FURTHER, _STEP = 1 << 20, 1 << 16
"""Bytes behind the end that are unpacked to learn whether unpacking ends there, too."""

_AGAIN = "record or copy it again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A piece of a plain file, cut where records begin.

    Attributes:
        start, stop: its first byte, and the first behind it.
        reading: the file as it was read up to there; it is not changed.
    """

    start: int
    stop: int
    reading: Reading


class Parts:
    """One file's packets, chunk by chunk.

    Args:
        file: the file.
        walker: what finds its records.
        chunk_bytes: how much of it is read at a time; more where one packet is larger.
        until: where reading may end though the file goes on, None: nowhere.
        only: the piece of a plain file that is read, None: all of it.

    Attributes:
        packed: how it is compressed, ``""`` where it is not.
        window: its bytes, unpacked.
        reading: what it says beside packets, as far as it was read. Known from the first chunk on.
        beginning: the same before the first chunk.
        at: where the next chunk begins, in the unpacked file.
        stop: why reading ended before the file did, ``""`` where it did not. Known at the end.

    Raises:
        EvidenceFault: it is no capture.
    """

    def __init__(
        self,
        file: CaptureFile,
        walker: RecordWalker,
        chunk_bytes: int,
        *,
        until: int | None = None,
        only: Piece | None = None,
    ) -> None:
        head = file.peek(HEAD)
        refuse(head, file.name)
        self.packed = packed_as(head)
        self._only = only
        self.window = self._windowed(file)
        self.reading: Reading
        self.beginning: Reading
        self.at = only.start if only else 0
        self.stop = ""
        self._file = file
        self._label = f"{file.name}, unpacked from {self.packed}," if self.packed else file.name
        self._walker = walker
        self._chunk = chunk_bytes
        self._until = until

    def _windowed(self, file: CaptureFile) -> Window:
        if self.packed:
            return UnpackedWindow(Unpacking(file.reader()))
        if file.plain:
            return PlainWindow(file, self._only.stop if self._only else None)
        return PipeWindow(file.reader())

    def __iter__(self) -> Iterator[tuple[bytes, Rows]]:
        """Go through the file, once: a buffer, and the packets in it.

        Raises:
            EvidenceFault: it is no capture, or nothing in it can be read.
        """
        for data, taken in self.taken():
            if len(taken.rows.offset):
                yield data, taken.rows

    def taken(self) -> Iterator[tuple[bytes, Part]]:
        """The same with buffers that hold no packet: together, the first ``used`` bytes of each are the file as far as it can be read.

        Raises:
            EvidenceFault: as above.
        """
        data, last = self.window.fill(self.at, max(self._chunk, HEAD))
        self.reading = self._only.reading.fork(self._walker) if self._only else self._recognised(data[:HEAD])
        self.beginning = self.reading.fork(PLAIN)
        while True:
            start = self.at
            taken = self.reading.take(data, at=start, last=last)
            self.at += taken.used
            yield data, taken
            if taken.stop or last:
                break
            if self._until is not None and self.at >= self._until:
                return
            # nothing whole in it: a long record, or a long lie
            size = self._chunk if taken.used else min(2 * len(data), MAX_BLOCK + self._chunk)
            del data, taken  # before there are two of them
            data, last = self.window.fill(self.at, size)
        self.stop = self._stop(taken.stop, start + len(data))

    def _recognised(self, head: bytes) -> Reading:
        order = pcap_order(head)
        if order is not None:
            return PcapReading(order, most=BOUNDS.packets, walker=self._walker)
        if self.window.stop and not head.startswith(PCAPNG_MAGIC):
            raise EvidenceFault(f"{self._file.name} is {self.window.stop}, and nothing in it can be read", _AGAIN)
        refuse(head, self._label)
        if packed_as(head):  # packed twice
            what, hint = foreign_hint(head)
            raise EvidenceFault(f"{self._label} is {what}", hint)
        return PcapngReading(bounds=BOUNDS, walker=self._walker)

    def _stop(self, stop: str, end: int) -> str:
        if self._only:
            return stop
        if stop and not (self.reading.interfaces or self.reading.notes):
            raise EvidenceFault(f"{self._label} is {stop}, and nothing in it can be read", _AGAIN)
        pos, size = end, 1
        while stop and self.packed and size and pos < end + _FURTHER:  # damaged while it was packed, or before that?
            size = len(self.window.fill(pos, _STEP)[0])
            pos += size
        if self.window.stop:
            return self.window.stop
        shrank = self._file.plain and not self.packed and end < (self._file.size or 0)
        if shrank and (not stop or stop.startswith("cut short")):
            return f"{stop or f'cut short at byte {end}'} (the file shrank while it was read)"
        return stop
