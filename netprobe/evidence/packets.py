"""Packets as they were captured: one buffer, and a row for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.values import dataclass

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Packets:
    """All packets of all points in file order: a byte buffer and one row a packet.

    Attributes:
        data: the buffer the offsets point into (the whole file, as a rule).
        offset: int64 (n,), where each packet's first byte is in ``data``.
        caplen: int64 (n,), bytes kept. ``offset + caplen`` is always inside ``data``.
        origlen: int64 (n,), bytes on the wire.
        time_ns: int64 (n,), Unix time in ns, on the clock of the point's host.
        point: int32 (n,), index into :attr:`Evidence.points`.
        frame: int64 (n,), the number Wireshark shows for the packet in this file (from 1; custom blocks count).
    """

    data: bytes
    offset: NDArray[np.int64]
    caplen: NDArray[np.int64]
    origlen: NDArray[np.int64]
    time_ns: NDArray[np.int64]
    point: NDArray[np.int32]
    frame: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offset)

    def raw(self, row: int) -> bytes:
        """The kept bytes of one packet."""
        start = int(self.offset[row])
        return self.data[start : start + int(self.caplen[row])]

    def pick(self, rows: NDArray[np.int64] | slice) -> Packets:
        """Some of them, in the same buffer."""
        return Packets(
            data=self.data,
            offset=self.offset[rows],
            caplen=self.caplen[rows],
            origlen=self.origlen[rows],
            time_ns=self.time_ns[rows],
            point=self.point[rows],
            frame=self.frame[rows],
        )

    @classmethod
    def none(cls) -> Packets:
        """No packets at all."""
        return object.__new__(_NoPackets)


class _NoPackets(Packets):
    """No packet. Its columns are made when somebody looks at them: a question that is not sent needs none, and no numpy."""

    __slots__ = ()

    def __len__(self) -> int:
        return 0

    def __getattr__(self, name: str) -> object:
        if name not in Packets.__slots__:
            raise AttributeError(name)
        import numpy as np

        empty = b"" if name == "data" else np.zeros(0, np.int32 if name == "point" else np.int64)
        object.__setattr__(self, name, empty)
        return empty
