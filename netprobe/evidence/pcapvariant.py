"""Which of the pcap formats that share a magic number a file has: told by what its first records would say in each.

==============  ==========  ================================  =====================================================
wiretap's name  magic       record header                     written by
==============  ==========  ================================  =====================================================
pcap            standard    16 bytes                          libpcap
ss990417        standard    24: interface, protocol, type     libpcap with A. Kuznetsov's patch of 1999 (Red Hat 6.1)
nokia           standard    20: 4 that nobody explains        Nokia firewalls
aix             standard    16, ns; link types of RFC 1573    AIX (version 2.2)
ss991029        modified    24: as ss990417                   his last patch
ss990915        modified    28: and two processors            his second patch (SuSE 6.3)
==============  ==========  ================================  =====================================================

Source: Wireshark's wiretap/libpcap.c and libpcap.h, which tell them apart in the same way. A format is taken where each of its first records is one
that may be, of about one time, and those before it in the table have one that may not. What cannot be told apart is taken for the first of them: a
file of less than two packets (the rest may be a packet that was cut short), or one of AIX whose link type is none of its LAN devices.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from netprobe.evidence.walker import MAX_KEPT, Lengths, RecordForm
from netprobe.values import dataclass

if TYPE_CHECKING:
    from netprobe.evidence.walker import ByteOrder

STANDARD, MODIFIED = 0xA1B2C3D4, 0xA1B2CD34
WINDOW = 1 << 22
"""Bytes of a file that are looked at, at most."""

AIX_LINK_TYPES = {6: 1, 9: 6, 15: 10, 24: 0}
"""Ethernet, token ring, FDDI and loopback: ifType (RFC 1573) -> LINKTYPE. No other pcap of version 2.2 used these numbers for what netprobe reads."""

_USUAL, _RECORDS = 3, 8  # that are looked at: of the first format, of the others
_YEAR = 366 * 86_400  # s; the first records of a file are not further apart
_MICROSECONDS = 1_000_000
_MOST_ON_THE_WIRE = 1 << 27
_MOST_INTERFACES = 10_000  # of a machine of those days
_MOST_TYPE = 7  # linux/if_packet.h: PACKET_KERNEL


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """A format.

    Attributes:
        head: bytes of a record's header.
        patched: whether it has the fields of the patches in it.
    """

    head: int
    patched: bool = False


_OF_MAGIC = {
    STANDARD: (Variant(head=16), Variant(head=24, patched=True), Variant(head=20)),
    MODIFIED: (Variant(head=24, patched=True), Variant(head=28, patched=True)),
}


def is_aix(magic: int, major: int, minor: int, linktype: int) -> bool:
    """Whether a file's header is one of AIX."""
    return magic == STANDARD and (major, minor) == (2, 2) and linktype in AIX_LINK_TYPES


def record_head(data: bytes, pos: int, order: ByteOrder, magic: int, snaplen: int, *, last: bool) -> int | None:
    """Return how many bytes a record's header has.

    Args:
        data: the file from its beginning on.
        pos: where its first record begins.
        order: its byte order.
        magic: its magic number, one that several formats have.
        snaplen: what its header says is kept of a packet.
        last: the file ends where ``data`` does.

    Returns:
        None: it takes more of the file to tell. What is told does not depend on how much more there is.
    """
    variants = _OF_MAGIC[magic]
    for number, variant in enumerate(variants):
        fits = _fits(data, pos, order, variant, snaplen, last=last, usual=number == 0)
        if fits is None:
            return None
        if fits:
            return variant.head
    return variants[0].head


def _fits(
    data: bytes, pos: int, order: ByteOrder, variant: Variant, snaplen: int, *, last: bool, usual: bool
) -> bool | None:
    """Whether the first records may be of a format; None: more of the file has to be seen. ``usual``: it may be cut short, or go on behind the window."""
    size, begins = min(len(data), WINDOW), None
    for seen in range(_USUAL if usual else _RECORDS):
        if pos + variant.head > size:
            if last and size == len(data):
                return usual or pos == size or seen >= _USUAL
            return usual or seen >= _USUAL if size == WINDOW else None
        kept = _kept(data, pos, order, variant, snaplen)
        (seconds,) = struct.unpack_from(order + "I", data, pos)
        begins = seconds if begins is None else begins
        if kept is None or (not usual and abs(seconds - begins) > _YEAR):
            return False
        pos += variant.head + kept
    return True


def _kept(data: bytes, pos: int, order: ByteOrder, variant: Variant, snaplen: int) -> int | None:
    """How much is kept of a packet whose header stands there; None: there is no such header."""
    _, fraction, kept, length = struct.unpack_from(order + "IIII", data, pos)
    if fraction >= _MICROSECONDS or kept > min(length, snaplen or MAX_KEPT, MAX_KEPT) or length > _MOST_ON_THE_WIRE:
        return None
    if variant.patched:
        interface, _, kind = struct.unpack_from(order + "IHB", data, pos + 16)
        if interface > _MOST_INTERFACES or kind > _MOST_TYPE:
            return None
    return int(kept)


def aix_form(order: ByteOrder) -> RecordForm:
    """The layout of AIX's records."""
    return RecordForm(order, 1, 16, Lengths.WIRE_FIRST)
