"""A look at the beginning of a file, before its turn comes: when its packets begin, whose it is, and whether it is another one's copy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netprobe.evidence.pcap import PcapReading
from netprobe.evidence.stream.parts import Parts
from netprobe.evidence.walker import PLAIN, Why
from netprobe.values import dataclass

if TYPE_CHECKING:
    from netprobe.evidence.stream.source import CaptureFile
    from netprobe.evidence.walker import RecordForm

_HEAD, _CHUNK = 1 << 20, 1 << 16
_FILE_HEAD = 24
_TEN_YEARS = 10 * 366 * 86_400
_LONGEST = 262_144  # of a packet that tcpdump keeps
_IN_A_ROW = 3
_TRIES = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """What the first MiB of a file tells.

    Attributes:
        first_ns: time of the first packet; None: there is none.
        own: whether it is evidence of netprobe's own.
        head: its first bytes, unpacked.
        form: how its records are laid out, where it is a pcap file that is not packed; else None.
    """

    first_ns: int | None = None
    own: bool = False
    head: bytes = b""
    form: RecordForm | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What the last bytes of a pcap file tell.

    Attributes:
        last_ns: time of the last packet.
        record: bytes of the last record, its header included.
    """

    last_ns: int
    record: int


def glance(file: CaptureFile) -> Glance:
    """Look at the beginning of a plain file. What is wrong with it is said when its turn comes.

    Raises:
        EvidenceFault: it is no capture, or nothing in it can be read.
    """
    parts = Parts(file, PLAIN, _CHUNK, until=_HEAD)
    head, first = b"", None
    for data, rows in parts:
        head, first = data[:_CHUNK], int(rows.time_ns[0])
        break
    form = parts.reading.form if isinstance(parts.reading, PcapReading) and not parts.packed else None
    return Glance(first_ns=first, own=bool(parts.reading.notes), head=head, form=form)


def ending(file: CaptureFile, seen: Glance) -> Ending | None:
    """Look at the end of a plain pcap file; None where no records are to be found there.

    A place counts as a record's beginning where several follow each other from there to the file's last byte.

    Args:
        file: the file.
        seen: its beginning.
    """
    form, size = seen.form, file.size or 0
    if form is None or seen.first_ns is None:
        return None
    start = max(size - _HEAD, 0)
    data = file.at(start, size - start)
    for at in _beginnings(data, form, seen.first_ns // 1_000_000_000, whole=start == 0):
        found = PLAIN.records(data, at, form, most=_HEAD, last=True)
        if found.why is Why.END and len(found.offset) >= (1 if start == 0 else _IN_A_ROW):
            return Ending(last_ns=int(found.time_ns[-1]), record=len(data) - int(found.offset[-1]) + form.head)
    return None


def _beginnings(data: bytes, form: RecordForm, first_s: int, *, whole: bool) -> list[int]:
    """Where records may begin in a file's last bytes: their time is the capture's, their lengths go together."""
    if whole:
        return [_FILE_HEAD]
    octets = np.frombuffer(data, np.uint8).astype(np.int64)
    order = (0, 1, 2, 3) if form.order == "<" else (3, 2, 1, 0)
    count = len(octets) - 3
    words = sum((octets[each : count + each] << (8 * order[each]) for each in range(4)), np.zeros(count, np.int64))
    at = np.arange(max(count - 12, 0))
    seconds, kept, length = words[at], words[at + 8], words[at + 12]
    good = (seconds >= first_s) & (seconds <= first_s + _TEN_YEARS) & (kept <= length) & (kept <= _LONGEST) & (kept > 0)
    return [int(each) for each in np.flatnonzero(good & (words[at + 4] * form.unit < 1_000_000_000))[:_TRIES]]


def same(one: CaptureFile, other: CaptureFile) -> bool:
    """Whether two plain files hold the same, packed or not."""
    left, right = Parts(one, PLAIN, _HEAD).window, Parts(other, PLAIN, _HEAD).window
    at, last = 0, False
    while not last:
        (data, last), (others, ended) = left.fill(at, _HEAD), right.fill(at, _HEAD)
        size = min(len(data), len(others))
        if data[:size] != others[:size] or (last and len(others) > size) or (ended and len(data) > size):
            return False
        at += size
        last = last and ended
    return True
