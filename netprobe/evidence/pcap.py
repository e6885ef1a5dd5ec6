"""Reading classic pcap: both byte orders, microseconds and nanoseconds, and Kuznetzov's modified records.

Source: draft-ietf-opsawg-pcap, libpcap sf-pcap.c (magic numbers, the modified format's 24-byte record header).
"""

from __future__ import annotations

import struct
from copy import copy
from typing import TYPE_CHECKING

import numpy as np

from netprobe.evidence import capture as c
from netprobe.evidence.blocks import damaged, too_many
from netprobe.evidence.capture import Capture, Interface, Part, Rows
from netprobe.evidence.walker import PLAIN, RecordForm, Why

if TYPE_CHECKING:
    from netprobe.evidence.walker import ByteOrder, Records, RecordWalker

MAGICS = {0xA1B2C3D4: (1000, 16), 0xA1B23C4D: (1, 16), 0xA1B2CD34: (1000, 24)}
"""Magic number -> nanoseconds a unit of the fraction, bytes of a record header."""

HEADER = 24


def pcap_order(data: bytes) -> ByteOrder | None:
    """The byte order of a pcap file, None for anything else."""
    if int.from_bytes(data[:4], "little") in MAGICS:
        return "<"
    return ">" if int.from_bytes(data[:4], "big") in MAGICS else None


def read_pcap(data: bytes, order: ByteOrder) -> Capture:
    """Take a pcap file apart. Never raises on any bytes that :func:`pcap_order` accepts."""
    return c.whole(PcapReading(order, most=c.MAX_PACKETS), data)


class PcapReading:
    """A pcap file, part by part: :class:`~netprobe.evidence.capture.Reading`.

    Args:
        order: what :func:`pcap_order` said of its beginning.
        most: packets that are read.
        walker: what finds its records.
    """

    def __init__(self, order: ByteOrder, *, most: int, walker: RecordWalker = PLAIN) -> None:
        self.interfaces: list[Interface] = []
        self.notes: list[bytes] = []
        self.missing = 0
        self.frames = 0
        self._most = most
        self._order: ByteOrder = order
        self._walker = walker
        self._form: RecordForm | None = None
        self._magic = b""

    def fork(self, walker: RecordWalker) -> PcapReading:
        """As :class:`~netprobe.evidence.capture.Reading` says."""
        other = copy(self)
        other._walker = walker
        other.interfaces = list(self.interfaces)
        other.notes = []
        return other

    def take(self, data: bytes, *, at: int, last: bool) -> Part:
        """The next packets."""
        pos = 0
        if self._form is None:
            if len(data) < HEADER:
                return Part(rows=Rows.none(), stop="cut short in its header" if last else "")
            self._form = self._begin(data)
            pos = HEADER
        found = self._walker.records(data, pos, self._form, most=self._most - self.frames, last=last)
        stop = self._stop(data, found, at, last)
        count = len(found.offset)
        if count and (stop or not last) and data.startswith(self._magic, int(found.offset[-1]) - self._form.head):
            # read as a packet, another file's header is one of 0 bytes; the next one is damaged
            count -= 1
            found = found._replace(pos=int(found.offset[-1]) - self._form.head)
            if stop:
                stop = damaged(at + found.pos, "another file begins there: mergecap joins files")
        return Part(rows=self._rows(found, count), used=found.pos, stop=stop)

    def _begin(self, data: bytes) -> RecordForm:
        magic, _, _, _, _, snaplen, linktype = struct.unpack_from(self._order + "IHHiIII", data)
        # the upper half of the link type word holds the FCS length and reserved bits
        self.interfaces.append(Interface(linktype=linktype & 0xFFFF, snaplen=snaplen))
        self._magic = data[:8]
        unit, head = MAGICS[magic]
        return RecordForm(self._order, unit, head)

    def _stop(self, data: bytes, found: Records, at: int, last: bool) -> str:
        pos = found.pos
        match found.why:
            case Why.SHORT if last:
                return f"cut short at byte {at + pos}"
            case Why.DAMAGED:
                (caplen,) = struct.unpack_from(self._order + "I", data, pos + 8)
                return damaged(at + pos, f"a packet of {caplen} bytes")
            case Why.ZEROS:
                return damaged(at + pos, "zeros, no packet")
            case Why.ENOUGH:
                return too_many(at + pos)
        return ""

    def _rows(self, found: Records, count: int) -> Rows:
        first = self.frames + 1
        self.frames += count
        return Rows(
            offset=found.offset[:count],
            caplen=found.caplen[:count],
            origlen=found.origlen[:count],
            time_ns=found.time_ns[:count],
            interface=np.zeros(count, np.int32),
            frame=np.arange(first, first + count, dtype=np.int64),
        )
