"""Reading classic pcap: both byte orders, microseconds and nanoseconds, the variants that :mod:`pcapvariant` tells apart, Ixia's files, old versions.

Source: draft-ietf-opsawg-pcap, libpcap sf-pcap.c (magic numbers, which versions have a record's lengths in which order), wireshark wiretap/libpcap.c
(Ixia's: 4 bytes more of file header, microseconds; checked with tshark 4.0.17).
"""

from __future__ import annotations

import struct
from copy import copy
from typing import TYPE_CHECKING

import numpy as np

from netprobe.evidence import capture as c
from netprobe.evidence.blocks import damaged, too_many
from netprobe.evidence.capture import Capture, Interface, Part, Rows
from netprobe.evidence.pcapvariant import AIX_LINK_TYPES, aix_form, is_aix, record_head
from netprobe.evidence.walker import PLAIN, Lengths, RecordForm, Why

if TYPE_CHECKING:
    from netprobe.evidence.walker import ByteOrder, Records, RecordWalker

MAGICS = {
    0xA1B2C3D4: (24, 1000, None),
    0xA1B23C4D: (24, 1, 16),
    0xA1B2CD34: (24, 1000, None),
    0x1C0001AB: (28, 1000, 16),
    0x1C0001AC: (28, 1000, 16),
}
"""Magic number -> bytes of the file's header, nanoseconds a unit of the fraction, bytes of a record header (None: several formats have this number)."""


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
        self._told: list[
            int
        ] = []  # bytes of a record's header, once records told it: all forks know, who may see fewer records
        self._magic = b""

    @property
    def form(self) -> RecordForm | None:
        """How its records are laid out; None before the first of them is known."""
        return self._form

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
            pos = self._header(data)
            if len(data) < pos:
                return Part(rows=Rows.none(), stop="cut short in its header" if last else "")
            self._form = self._begin(data, pos, last=last)
            if self._form is None:
                return Part(rows=Rows.none())
        walker = self._walker if self._form.lengths is Lengths.KEPT_FIRST else PLAIN
        found = walker.records(data, pos, self._form, most=self._most - self.frames, last=last)
        stop = self._stop(data, found, at, last)
        count = len(found.offset)
        if count and (stop or not last) and data.startswith(self._magic, int(found.offset[-1]) - self._form.head):
            # read as a packet, another file's header is one of 0 bytes; the next one is damaged
            count -= 1
            found = found._replace(pos=int(found.offset[-1]) - self._form.head)
            if stop:
                stop = damaged(at + found.pos, "another file begins there: mergecap joins files")
        return Part(rows=self._rows(found, count), used=found.pos, stop=stop)

    def _header(self, data: bytes) -> int:
        (magic,) = struct.unpack_from(self._order + "I", data) if len(data) >= 4 else (0,)
        return MAGICS[magic][0] if magic in MAGICS else max(header for header, _, _ in MAGICS.values())

    def _begin(self, data: bytes, pos: int, *, last: bool) -> RecordForm | None:
        """Take the file's header; None where its records do not tell yet what they are."""
        magic, major, minor, _, _, snaplen, linktype = struct.unpack_from(self._order + "IHHiIII", data)
        _, unit, head = MAGICS[magic]
        form = RecordForm(self._order, unit, head or 16, _lengths(major, minor))
        linktype &= 0xFFFF  # its upper half holds the FCS length and reserved bits
        if is_aix(magic, major, minor, linktype):
            form, linktype = aix_form(self._order), AIX_LINK_TYPES[linktype]
        elif head is None and form.lengths is Lengths.KEPT_FIRST:
            head = self._told[0] if self._told else record_head(data, pos, self._order, magic, snaplen, last=last)
            if head is None:
                return None
            self._told[:] = [head]
            form = form._replace(head=head)
        self.interfaces.append(Interface(linktype=linktype, snaplen=snaplen))
        self._magic = data[:8]
        return form

    def _stop(self, data: bytes, found: Records, at: int, last: bool) -> str:
        pos = found.pos
        match found.why:
            case Why.SHORT if last:
                return f"cut short at byte {at + pos}"
            case Why.DAMAGED:
                caplen = self._caplen(data, pos)
                return damaged(at + pos, f"a packet of {caplen} bytes")
            case Why.ZEROS:
                return damaged(at + pos, "zeros, no packet")
            case Why.ENOUGH:
                return too_many(at + pos)
        return ""

    def _caplen(self, data: bytes, pos: int) -> int:
        first, second = struct.unpack_from(self._order + "II", data, pos + 8)
        lengths = self._form.lengths if self._form else Lengths.KEPT_FIRST
        return int((first, second, min(first, second))[lengths])

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


def _lengths(major: int, minor: int) -> Lengths:
    """Files of old versions have the length on the wire first; DG/UX's, too; some of version 2.3."""
    if major == 543 or (major == 2 and minor < 3):
        return Lengths.WIRE_FIRST
    return Lengths.EITHER if (major, minor) == (2, 3) else Lengths.KEPT_FIRST
