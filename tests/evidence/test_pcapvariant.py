"""The pcap formats that share a magic number, written by editcap and by hand."""

from __future__ import annotations

import shutil
import struct
import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netprobe.evidence import capture as c
from netprobe.evidence.capture import whole
from netprobe.evidence.pcap import PcapReading, pcap_order, read_pcap
from netprobe.evidence.pcapvariant import MODIFIED, STANDARD

if TYPE_CHECKING:
    from pathlib import Path

PACKETS = [bytes(range(60)), b"\x02" * 14 + b"\x45" + b"\xff" * 85, bytes(20), b"\x01" * 200]
EXTRA = {
    "standard": (STANDARD, b""),
    "nokia": (STANDARD, b"\x11\x22\x33\x44"),
    "ss990417": (STANDARD, struct.pack("<IHBB", 2, 8, 4, 0)),
    "ss991029": (MODIFIED, struct.pack("<IHBB", 2, 8, 4, 0)),
    "ss990915": (MODIFIED, struct.pack("<IHBBB3x", 2, 8, 4, 1, 1)),
}


def file_of(variant: str, count: int = 4, snaplen: int = 65535) -> bytes:
    magic, extra = EXTRA[variant]
    out = struct.pack("<IHHiIII", magic, 2, 4, 0, 0, snaplen, 1)
    for number, packet in enumerate(PACKETS[:count]):
        out += struct.pack("<IIII", 1_700_000_000, 5 + number, len(packet), len(packet)) + extra + packet
    return out


def kept(data: bytes) -> list[bytes]:
    order = pcap_order(data)
    assert order is not None
    rows = read_pcap(data, order).rows
    return [data[at : at + size] for at, size in zip(rows.offset.tolist(), rows.caplen.tolist(), strict=True)]


@pytest.mark.parametrize("variant", EXTRA)
@pytest.mark.parametrize("count", [2, 3, 4])
def test_each_is_told_from_the_others(variant: str, count: int) -> None:
    assert kept(file_of(variant, count)) == PACKETS[:count]


@pytest.mark.parametrize("variant", EXTRA)
def test_a_cut_leaves_all_whole_packets(variant: str) -> None:
    data = file_of(variant)
    for size in range(len(file_of(variant, 3)), len(data)):
        assert kept(data[:size]) == PACKETS[:3]


@given(st.sampled_from(list(EXTRA)), st.binary(max_size=80), st.integers(0, 400), st.integers(1, 90))
def test_what_it_is_does_not_depend_on_the_parts(variant: str, odd: bytes, at: int, step: int) -> None:
    data = bytearray(file_of(variant))
    data[24 + at : 24 + at + len(odd)] = odd
    wanted = read_pcap(bytes(data), "<")
    reading, pos, have, offsets = PcapReading("<", most=c.MAX_PACKETS), 0, 0, []
    while True:
        have = min(have + step, len(data))
        part = reading.take(bytes(data[pos:have]), at=pos, last=have == len(data))
        offsets += [pos + each for each in part.rows.offset.tolist()]
        pos += part.used
        if part.stop or have == len(data):
            break
    assert (offsets, part.stop) == (wanted.rows.offset.tolist(), wanted.stop)


def test_damage_in_a_usual_file_is_no_other_format() -> None:
    data = bytearray(file_of("standard"))
    data[24 + 16 + 60 + 4 : 24 + 16 + 60 + 8] = b"\xff" * 4  # the second packet's microseconds
    assert kept(bytes(data)) == PACKETS
    data[24 + 16 + 60 + 8 : 24 + 16 + 60 + 12] = b"\xff" * 4  # its length
    assert kept(bytes(data)) == PACKETS[:1]


def test_packets_longer_than_the_snap_length_are_read() -> None:
    assert kept(file_of("standard", snaplen=32)) == PACKETS


def test_aix_has_nanoseconds_and_other_link_types() -> None:
    record = struct.pack(">IIII", 1_700_000_000, 999_999_999, 99, 60) + bytes(60)
    for number, linktype in ((6, 1), (9, 6), (15, 10), (24, 0)):
        data = struct.pack(">IHHiIII", STANDARD, 2, 2, 0, 0, 65535, number) + record * 2
        capture = whole(PcapReading(">", most=c.MAX_PACKETS), data)
        assert capture.rows.time_ns.tolist() == [1_700_000_000_999_999_999] * 2
        assert (capture.rows.caplen.tolist(), capture.rows.origlen.tolist()) == ([60] * 2, [99] * 2)
        assert [each.linktype for each in capture.interfaces] == [linktype]


@pytest.mark.skipif(shutil.which("editcap") is None, reason="editcap is not installed")
@pytest.mark.parametrize("form", ["modpcap", "nokiapcap", "rh6_1pcap", "suse6_3pcap", "nsecpcap", "pcap"])
def test_what_editcap_writes_is_read(form: str, tmp_path: Path) -> None:
    (tmp_path / "in.pcap").write_bytes(file_of("standard"))
    subprocess.run(
        ["editcap", "-F", form, str(tmp_path / "in.pcap"), str(tmp_path / "out")], check=True, capture_output=True
    )
    assert kept((tmp_path / "out").read_bytes()) == PACKETS
