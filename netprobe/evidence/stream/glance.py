"""A look at the beginning of a file, before its turn comes: when its packets begin, whose it is, and whether it is another one's copy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.evidence.stream.parts import Parts
from netprobe.evidence.walker import PLAIN
from netprobe.values import dataclass

if TYPE_CHECKING:
    from netprobe.evidence.stream.source import CaptureFile

_HEAD, _CHUNK = 1 << 20, 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """What the first MiB of a file tells.

    Attributes:
        first_ns: time of the first packet; None: there is none.
        own: whether it is evidence of netprobe's own.
        head: its first bytes, unpacked.
    """

    first_ns: int | None = None
    own: bool = False
    head: bytes = b""


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
    return Glance(first_ns=first, own=bool(parts.reading.notes), head=head)


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
