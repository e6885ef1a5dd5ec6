"""A record as a whole, in memory: what a stream of packets comes to when it is read to its end and nothing of it is let go.

What was read before a cut or a damage counts, and a :class:`~netprobe.evidence.model.Limit` says what is missing. Only when
nothing at all can be read is it an :class:`~netprobe.errors.EvidenceFault`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netprobe.errors import EvidenceFault
from netprobe.evidence.model import Evidence
from netprobe.evidence.packed import MAX_UNPACKED
from netprobe.evidence.packets import Packets
from netprobe.evidence.stream.source import KeptFile
from netprobe.evidence.stream.stream import open_stream
from netprobe.evidence.walker import PLAIN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from netprobe.evidence.stream.stream import PacketStream
    from netprobe.evidence.walker import RecordWalker

_UNNAMED = "capture"
_CUT_DOWN = "cut it down first: editcap -A START -B STOP, or tshark -Y FILTER -w NEW"


def read(data: bytes, *, name: str = "", walker: RecordWalker = PLAIN) -> Evidence:
    """One file as evidence.

    Args:
        data: the whole file, compressed or not.
        name: its name: in messages, and its stem names the point where the file names none.
        walker: what finds records in it.

    Raises:
        EvidenceFault: not a capture, or nothing in it can be read.
    """
    return read_many([(name or _UNNAMED, data)], walker=walker)


def read_many(
    files: Sequence[tuple[str, bytes]], points: Mapping[str, str] | None = None, *, walker: RecordWalker = PLAIN
) -> Evidence:
    """Plain capture files, given together, as one evidence.

    Args:
        files: name and bytes of each.
        points: file name -> point name, where the user gave one; ``HOST/INTERFACE`` names the host too.
        walker: what finds records in them.

    Raises:
        EvidenceFault: there is none, one of them cannot be read, is evidence of netprobe's own, which stands alone, or is
            there twice: one capture under two names would look like two points that saw the same frames.
    """
    kept = {name: KeptFile.of_bytes(name, data) for name, data in files}
    found = whole(open_stream([name for name, _ in files], points or {}, walker=walker, kept=kept), MAX_UNPACKED)
    if found is None:
        raise EvidenceFault(f"{', '.join(kept)} unpacks to more than {MAX_UNPACKED >> 20} MiB", _CUT_DOWN)
    return found


def whole(stream: PacketStream, most: int | None = None) -> Evidence | None:
    """Return all of a stream; None where that is more than so many bytes, unpacked.

    Raises:
        EvidenceFault: a file cannot be read, or nothing in it can.
    """
    if most is not None and stream.size is not None and stream.size > most:
        stream.close()
        return None
    parts: list[Packets] = []
    size, before = 0, b""
    for packets in stream.chunks():
        size += len(packets.data) if packets.data is not before else 0
        before = packets.data
        if most is not None and size > most:
            stream.close()
            return None
        parts.append(packets)
    return _evidence(stream, _stacked(parts))


def beside_packets(stream: PacketStream) -> Evidence:
    """Return all that a stream has but its packets, however many these are.

    Raises:
        EvidenceFault: a file cannot be read, or nothing in it can.
    """
    for _ in stream.chunks():  # what stands beside them is complete at the end
        pass
    return _evidence(stream, Packets.none())


def _evidence(stream: PacketStream, packets: Packets) -> Evidence:
    notes = stream.notes
    return Evidence(
        probe=notes.probe,
        points=tuple(stream.points),
        packets=packets,
        before=tuple(notes.before.values()),
        after=tuple(notes.after.values()),
        limits=tuple(stream.limits),
    )


def _stacked(parts: Sequence[Packets]) -> Packets:
    """Packets of several chunks, one after the other."""
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return Packets.none()
    before = np.cumsum([0, *(len(part.data) for part in parts)])
    names = ("caplen", "origlen", "time_ns", "point", "frame")
    return Packets(
        data=b"".join(part.data for part in parts),
        offset=np.concatenate([part.offset + before[number] for number, part in enumerate(parts)]),
        **{name: np.concatenate([getattr(part, name) for part in parts]) for name in names},
    )
