"""What reads captures, decodes and tracks their packets: machine code where there is some and the input is large enough, else numpy. Both give the same.

``explain``, ``replay``, ``flows`` and what looks at packets again use this one engine; chunks are read from :mod:`netprobe.evidence.stream`.
"""

from __future__ import annotations

import stat
from pathlib import Path
from typing import TYPE_CHECKING

from netprobe.decode.decoder import decode
from netprobe.evidence.files import STDIN
from netprobe.evidence.stream.stream import CHUNK, open_stream
from netprobe.evidence.stream.whole import beside_packets, read
from netprobe.evidence.walker import PLAIN
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from netprobe.decode.table import PacketTable
    from netprobe.evidence.model import CapturePoint, Evidence
    from netprobe.evidence.packets import Packets
    from netprobe.evidence.stream.source import CaptureFile
    from netprobe.evidence.stream.stream import PacketStream
    from netprobe.evidence.walker import RecordWalker
    from netprobe.flowtable.blocks import TableRows
    from netprobe.flowtable.keyed import Keyed
    from netprobe.flowtable.options import TrackOptions

    Say = Callable[[str], object]

SMALL = 1 << 22
"""Bytes: numpy is done with a file of that size before machine code is loaded."""
IN_CACHE = 1 << 21
"""Bytes of a chunk for machine code: it is read, walked and tracked before it leaves the processor's cache."""
AT_ONCE = 1 << 23
"""Bytes of a chunk for numpy: its operations are for tens of thousands of packets."""
LARGE = 1 << 26
"""Bytes: where machine code would have told, and there is none, that is said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PacketEngine:
    """One of the two.

    Attributes:
        compiled: whether it is the one in machine code.
        walker: what finds records in files.
        chunk_bytes: how much of a file is read at a time.
    """

    compiled: bool
    walker: RecordWalker
    chunk_bytes: int

    def stream(
        self, files: Sequence[str], points: Mapping[str, str], kept: Mapping[str, CaptureFile] | None = None
    ) -> PacketStream:
        """Open capture files, as :func:`netprobe.evidence.stream.stream.open_stream` does."""
        return open_stream(files, points, chunk_bytes=self.chunk_bytes, walker=self.walker, kept=kept)

    def read(self, data: bytes, name: str = "") -> Evidence:
        """Return one file's bytes as evidence, all of it in memory, as :func:`netprobe.evidence.stream.whole.read` does."""
        return read(data, name=name, walker=self.walker)

    def beside_packets(self, file: str) -> Evidence:
        """Return what a file of any size has but its packets, as :func:`netprobe.evidence.stream.whole.beside_packets` does."""
        return beside_packets(self.stream([file], {}))

    def track(
        self,
        chunks: Iterator[Packets],
        points: Sequence[CapturePoint],
        options: TrackOptions,
        progress: Callable[[], object],
    ) -> TableRows:
        """Return the flows of packets. What comes next is read meanwhile, in a thread of its own; by numpy also decoded there.

        Args:
            chunks: the packets, in file order.
            points: the capture points; may grow as chunks are taken.
            options: what ends a flow.
            progress: called now and then.
        """
        from netprobe.evidence.stream.prefetch import prefetched

        if not self.compiled:
            from netprobe.flowtable.track import Tracker

            plain = Tracker(options)
            for keyed in prefetched(_decoded(chunks, points)):
                plain.add(keyed)
                progress()
            return plain.finish()
        from netprobe.compiled.track import CompiledTracker

        tracker = CompiledTracker(options)
        for packets in prefetched(chunks):
            tracker.take(packets, points)
            progress()
        return tracker.finish()

    def decode(self, packets: Packets, points: Sequence[CapturePoint], *, tunnels: bool = False) -> PacketTable:
        """Decode packets to columns, as :func:`netprobe.decode.decoder.decode` does."""
        if not self.compiled:
            return decode(packets, points, tunnels=tunnels)
        from netprobe.compiled.decode import decode_compiled

        return decode_compiled(packets, points, tunnels=tunnels)


def _decoded(chunks: Iterator[Packets], points: Sequence[CapturePoint]) -> Iterator[Keyed]:
    from netprobe.flowtable.track import decoded

    for packets in chunks:
        yield from decoded(packets, points)


PLAIN_ENGINE = PacketEngine(compiled=False, walker=PLAIN, chunk_bytes=CHUNK)
"""The one in numpy, for small files."""


def engine_for(size: int | None, say: Say) -> PacketEngine:
    """Return the engine for so much.

    Args:
        size: bytes to read; None: not known.
        say: called with a line for the user where machine code would have told, and there is none.
    """
    if size is not None and size <= SMALL:
        return PLAIN_ENGINE
    from netprobe.compiled import machine

    try:
        from netprobe.compiled.walk import CompiledWalker

        return PacketEngine(compiled=True, walker=CompiledWalker(), chunk_bytes=IN_CACHE)
    except machine.NotUsable as why:
        if size is not None and size >= LARGE:
            say(f"no compiled code, so that large captures take longer: {why} (netprobe flows --compile makes it)")
        from netprobe.evidence.lanes import LANES

        return PacketEngine(compiled=False, walker=LANES, chunk_bytes=AT_ONCE)


def size_of(files: Sequence[str]) -> int | None:
    """How many bytes there are to read; None where a pipe is among them, or a file cannot be looked at."""
    try:
        about = [Path(file).stat() for file in files if file != STDIN]
    except (OSError, ValueError):
        return None
    plain = len(about) == len(files) and all(stat.S_ISREG(each.st_mode) for each in about)
    return sum(each.st_size for each in about) if plain else None
