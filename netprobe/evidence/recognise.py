"""Telling captures from other files by their first bytes, and naming those, so that the message says what was given and what to do."""

from __future__ import annotations

from netprobe.errors import EvidenceFault
from netprobe.evidence.blocks import PCAPNG_MAGIC
from netprobe.evidence.packed import packed_as, unpack
from netprobe.evidence.pcap import pcap_order
from netprobe.evidence.pcapng import read_pcapng

HEAD = 512
"""Bytes that tell what a file is."""

OWN_HEAD = 1 << 20
"""Bytes within which netprobe's own blocks begin: before the first it writes one interface block a point, far less than this."""

_HINT = "give a pcapng or pcap file, as written by netprobe --save, tcpdump -w or Wireshark"

_KNOWN = (
    (b"\x1f\x8b", "gzip-compressed", "unpack it first: gunzip FILE"),
    (b"\x28\xb5\x2f\xfd", "zstd-compressed", "unpack it first: unzstd FILE"),
    (b"\xfd7zXZ\0", "xz-compressed", "unpack it first: unxz FILE"),
    (b"BZh", "bzip2-compressed", "unpack it first: bunzip2 FILE"),
    (b"\x04\x22\x4d\x18", "lz4-compressed", "unpack it first: unlz4 FILE"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", "unpack it first, then give the capture inside"),
    (b"PK\x03\x04", "a zip archive", "unpack it first, then give the capture inside"),
    (b"\x7fELF", "a program, not a capture", _HINT),
    (b"snoop\0\0\0", "a snoop capture", "convert it first: editcap -F pcapng FILE NEW"),
    (b"GMBU", "a Network Monitor capture", "convert it first: editcap -F pcapng FILE NEW"),
    (b"RTSS", "a Network Monitor capture", "convert it first: editcap -F pcapng FILE NEW"),
)


def refuse(head: bytes, label: str) -> None:
    """Do nothing where a file that begins so may hold packets, compressed or not.

    Raises:
        EvidenceFault: it does not.
    """
    if pcap_order(head) is None and head[:4] != PCAPNG_MAGIC and not packed_as(head):
        what, hint = foreign_hint(head[:HEAD])
        raise EvidenceFault(f"{label} is {what}", hint)


def foreign_hint(head: bytes) -> tuple[str, str]:
    """What a file is, by its first bytes, as the end of "FILE is …"; and what to do about it."""
    if not head:
        return "empty", "was the capture stopped before it began?"
    for magic, what, hint in _KNOWN:
        if head.startswith(magic):
            return what, hint
    if head[257:262] == b"ustar":
        return "a tar archive", "unpack it first, then give the captures inside"
    if len(head) < 24:
        return "too short to be a capture", _HINT
    if all(byte in b"\t\n\r\f\x1b" or byte >= 0x20 for byte in head):
        return "a text file, not a capture", _HINT
    return "not a capture file", _HINT


def is_netprobe(data: bytes) -> bool:
    """True when the file carries netprobe's own blocks. Reads the file's head only; never raises on any bytes."""
    head = unpack(data, most=OWN_HEAD).data if packed_as(data) else data[:OWN_HEAD]
    return head[:4] == PCAPNG_MAGIC and bool(read_pcapng(head[:OWN_HEAD]).notes)
