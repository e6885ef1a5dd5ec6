"""Reading classic pcap: both byte orders, microseconds and nanoseconds, and Kuznetzov's modified records.

Source: draft-ietf-opsawg-pcap, libpcap sf-pcap.c (magic numbers, the modified format's 24-byte record header).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np

from netprobe.evidence import capture as c
from netprobe.evidence.blocks import damaged, too_many
from netprobe.evidence.capture import Capture, Interface, Rows

if TYPE_CHECKING:
    from netprobe.evidence.blocks import ByteOrder

MAGICS = {0xA1B2C3D4: (1000, 16), 0xA1B23C4D: (1, 16), 0xA1B2CD34: (1000, 24)}
"""Magic number -> nanoseconds a unit of the fraction, bytes of a record header."""


_NOTHING = bytes(1024)
"""64 packets of no bytes at no time: space that a file was given and that nobody filled. 2 GiB of it would be 134 million packets."""


def pcap_order(data: bytes) -> ByteOrder | None:
    """The byte order of a pcap file, None for anything else."""
    if int.from_bytes(data[:4], "little") in MAGICS:
        return "<"
    return ">" if int.from_bytes(data[:4], "big") in MAGICS else None


def read_pcap(data: bytes, order: ByteOrder) -> Capture:
    """Take a pcap file apart. Never raises on any bytes that :func:`pcap_order` accepts."""
    if len(data) < 24:
        return Capture(rows=Rows.none(), stop="cut short in its header")
    magic, _, _, _, _, snaplen, linktype = struct.unpack_from(order + "IHHiIII", data)
    unit, head = MAGICS[magic]
    starts, caplens, stop = _walk(data, order, head)
    if (
        stop and starts and data.startswith(data[:8], starts[-1])
    ):  # read as a packet, it is one of 0 bytes; the next one is damaged
        stop = damaged(starts.pop(), "another file begins there: mergecap joins files")
        caplens.pop()
    words = np.ndarray((max(len(data) - 3, 0),), np.dtype(order + "u4"), data, strides=(1,))  # a word at every byte
    start = np.array(starts, np.int64)
    count = len(start)
    rows = Rows(
        offset=start + head,
        caplen=np.array(caplens, np.int64),
        origlen=words[start + 12].astype(np.int64),
        time_ns=words[start].astype(np.int64) * 1_000_000_000 + words[start + 4].astype(np.int64) * unit,
        interface=np.zeros(count, np.int32),
        frame=np.arange(1, count + 1, dtype=np.int64),
    )
    # the upper half of the link type word holds the FCS length and reserved bits
    return Capture(interfaces=(Interface(linktype=linktype & 0xFFFF, snaplen=snaplen),), rows=rows, stop=stop)


def _walk(data: bytes, order: ByteOrder, head: int) -> tuple[list[int], list[int], str]:
    caplen_at = struct.Struct(order + "I").unpack_from
    size, pos = len(data), 24
    starts: list[int] = []
    caplens: list[int] = []
    for _ in range(c.MAX_PACKETS):
        if pos == size:
            return starts, caplens, ""
        if size - pos < head:
            return starts, caplens, f"cut short at byte {pos}"
        caplen = caplen_at(data, pos + 8)[0]
        end = pos + head + caplen
        if end > size:
            # no tool keeps more of a packet than 256 MiB (libpcap's largest accepted record)
            stop = f"cut short at byte {pos}" if caplen <= 1 << 28 else damaged(pos, f"a packet of {caplen} bytes")
            return starts, caplens, stop
        if not caplen and data.startswith(_NOTHING, pos):
            return starts, caplens, damaged(pos, "zeros, no packet")
        starts.append(pos)
        caplens.append(caplen)
        pos = end
    return starts, caplens, "" if pos == size else too_many(pos)
