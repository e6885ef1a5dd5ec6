"""One capture file, taken apart chunk by chunk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.errors import EvidenceFault
from netprobe.evidence.blocks import PCAPNG_MAGIC
from netprobe.evidence.capture import ReadBounds
from netprobe.evidence.packed import Unpacking, packed_as
from netprobe.evidence.pcap import PcapReading, pcap_order
from netprobe.evidence.pcapng import PcapngReading
from netprobe.evidence.recognise import HEAD, foreign_hint, refuse
from netprobe.evidence.stream.window import PipeWindow, PlainWindow, UnpackedWindow
from netprobe.evidence.walker import MAX_BLOCK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netprobe.evidence.capture import Reading, Rows
    from netprobe.evidence.stream.source import CaptureFile
    from netprobe.evidence.stream.window import Window
    from netprobe.evidence.walker import RecordWalker

BOUNDS = ReadBounds(packets=1 << 62, sections=1 << 14, interfaces=1 << 17)
"""Packets are not counted: none of them is kept. Sections and interfaces are read one by one."""

AGAIN = "record or copy it again"


class Parts:
    """One file's packets.

    Args:
        source: the file.
        walker: what finds its records.
        chunk_bytes: how much of it is read at a time; more where one packet is larger.

    Attributes:
        reading: what it says beside packets, as far as it was read.
        packed: how it is compressed, ``""`` where it is not.
        stop: why reading ended before the file did, ``""`` where it did not. Known at the end.
    """

    def __init__(self, source: CaptureFile, walker: RecordWalker, chunk_bytes: int) -> None:
        self.reading: Reading
        self.stop = ""
        self._source = source
        self._walker = walker
        self._chunk = chunk_bytes
        head = source.peek(HEAD)
        refuse(head, source.name)
        self.packed = packed_as(head)
        self.label = f"{source.name}, unpacked from {self.packed}," if self.packed else source.name
        self._window = self._windowed()

    def _windowed(self) -> Window:
        if self.packed:
            return UnpackedWindow(Unpacking(self._source.read))
        return PlainWindow(self._source) if self._source.plain else PipeWindow(self._source.read)

    def __iter__(self) -> Iterator[tuple[bytes, Rows]]:
        """Chunk by chunk: a buffer, and the packets in it.

        Raises:
            EvidenceFault: it is no capture, or nothing in it can be read.
        """
        data, last = self._window.fill(0, max(self._chunk, HEAD))
        self.reading = self._recognised(data[:HEAD])
        at = 0
        while True:
            taken = self.reading.take(data, at=at, last=last)
            if len(taken.rows.offset):
                yield data, taken.rows
            if taken.stop or last:
                break
            at += taken.used
            # nothing whole in it: a long record, or a long lie
            size = self._chunk if taken.used else min(2 * len(data), MAX_BLOCK + self._chunk)
            del data  # before there are two of them
            data, last = self._window.fill(at, size)
        self.stop = self._stop(taken.stop, at + len(data))

    def _recognised(self, head: bytes) -> Reading:
        order = pcap_order(head)
        if order is not None:
            return PcapReading(order, most=BOUNDS.packets, walker=self._walker)
        if self._window.stop and not head.startswith(PCAPNG_MAGIC):
            raise EvidenceFault(f"{self._source.name} is {self._window.stop}, and nothing in it can be read", AGAIN)
        refuse(head, self.label)
        if packed_as(head):  # packed twice
            what, hint = foreign_hint(head)
            raise EvidenceFault(f"{self.label} is {what}", hint)
        return PcapngReading(bounds=BOUNDS, walker=self._walker)

    def _stop(self, stop: str, end: int) -> str:
        if stop and not (self.reading.interfaces or self.reading.notes):
            raise EvidenceFault(f"{self.label} is {stop}, and nothing in it can be read", AGAIN)
        if self._window.stop:
            return self._window.stop
        if self._source.plain and self._source.size is not None and end < self._source.size and not self._damaged(stop):
            return f"{stop or f'cut short at byte {end}'} (the file shrank while it was read)"
        return stop

    @staticmethod
    def _damaged(stop: str) -> bool:
        return bool(stop) and not stop.startswith("cut short")
