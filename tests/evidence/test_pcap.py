"""Classic pcap in all its magics."""

from __future__ import annotations

import shutil
import struct
import subprocess
from typing import TYPE_CHECKING

import pytest

from netprobe.evidence import capture as c
from netprobe.evidence.pcap import pcap_order, read_pcap

if TYPE_CHECKING:
    from pathlib import Path


def pcap(order: str, magic: int, *, extra: int = 0, linktype: int = 1) -> bytes:
    head = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 262144, linktype)
    record = struct.pack(order + "IIII", 1_700_000_000, 123, 5, 9) + bytes(extra) + b"abcde"
    return head + record * 2


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("magic", "unit", "extra"), [(0xA1B2C3D4, 1000, 0), (0xA1B23C4D, 1, 0), (0xA1B2CD34, 1000, 8)])
def test_all_magics(order: str, magic: int, unit: int, extra: int) -> None:
    data = pcap(order, magic, extra=extra, linktype=113 | 0x14000000)
    found = pcap_order(data)
    assert found == order
    capture = read_pcap(data, found)
    assert capture.stop == ""
    assert [interface.linktype for interface in capture.interfaces] == [113]
    assert capture.rows.time_ns.tolist() == [1_700_000_000_000_000_000 + 123 * unit] * 2
    assert capture.rows.frame.tolist() == [1, 2]
    assert capture.rows.origlen.tolist() == [9, 9]
    assert [data[at : at + 5] for at in capture.rows.offset.tolist()] == [b"abcde", b"abcde"]


OLD = {(2, 4): (60, 99), (2, 2): (99, 60), (2, 0): (99, 60), (543, 0): (99, 60), (2, 3): (99, 60)}


def old(order: str, version: tuple[int, int], lengths: tuple[int, int], magic: int = 0xA1B2C3D4) -> bytes:
    head = struct.pack(order + "IHHiIII", magic, *version, 0, 0, 65535, 1) + bytes(4 if magic >> 24 == 0x1C else 0)
    return head + (struct.pack(order + "IIII", 1_700_000_000, 123456, *lengths) + bytes(60)) * 3


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("version", OLD)
def test_old_versions_have_the_two_lengths_the_other_way_round(order: str, version: tuple[int, int]) -> None:
    capture = read_pcap(old(order, version, OLD[version]), "<" if order == "<" else ">")
    assert (capture.rows.caplen.tolist(), capture.rows.origlen.tolist(), capture.stop) == ([60] * 3, [99] * 3, "")
    first, _ = OLD[version]
    huge = struct.pack(order + "IIII", 1, 1, *((1 << 30, 9) if first == 60 else (1 << 30, 1 << 30)))
    damaged = read_pcap(old(order, version, OLD[version]) + huge, "<" if order == "<" else ">")
    assert f"a packet of {1 << 30} bytes" in damaged.stop


def test_version_2_3_keeps_the_smaller() -> None:
    assert read_pcap(old("<", (2, 3), (60, 99)), "<").rows.origlen.tolist() == [99] * 3


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("magic", [0x1C0001AB, 0x1C0001AC])
def test_ixia_s_files_have_a_longer_header(order: str, magic: int) -> None:
    data = old(order, (2, 4), (60, 99), magic)
    found = pcap_order(data)
    assert found == order
    capture = read_pcap(data, found)
    assert capture.rows.time_ns.tolist() == [1_700_000_000_123_456_000] * 3
    assert capture.rows.offset.tolist() == [28 + 16, 28 + 16 + 76, 28 + 16 + 152]
    assert "cut short in its header" in read_pcap(data[:27], found).stop


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_tshark_reads_them_alike(tmp_path: Path) -> None:
    files = [old(order, version, lengths) for order in "<>" for version, lengths in OLD.items()]
    files += [old(order, (2, 4), (60, 99), magic) for order in "<>" for magic in (0x1C0001AB, 0x1C0001AC)]
    for number, data in enumerate(files):
        file = tmp_path / f"{number}.pcap"
        file.write_bytes(data)
        command = [
            "tshark",
            "-r",
            str(file),
            "-T",
            "fields",
            "-e",
            "frame.time_epoch",
            "-e",
            "frame.cap_len",
            "-e",
            "frame.len",
        ]
        shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        order = pcap_order(data)
        assert order is not None
        rows = read_pcap(data, order).rows
        seconds = [f"{at // 10**9}.{at % 10**9:09d}" for at in rows.time_ns.tolist()]
        ours = zip(seconds, map(str, rows.caplen.tolist()), map(str, rows.origlen.tolist()), strict=True)
        assert shown == [word for row in ours for word in row]


def test_other_files_have_no_order() -> None:
    assert pcap_order(b"") is None
    assert pcap_order(b"\n\r\r\n" + bytes(30)) is None


def test_a_size_that_cannot_be_is_damage_not_a_cut() -> None:
    data = pcap("<", 0xA1B2C3D4)
    assert "damaged" in read_pcap(data + struct.pack("<IIII", 0, 0, 0xFFFFFFFF, 1), "<").stop
    assert "cut short" in read_pcap(data + struct.pack("<IIII", 0, 0, 1500, 1500), "<").stop
    assert "cut short" in read_pcap(data + b"123", "<").stop


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("packets", [True, False])
def test_two_files_in_one_are_the_first(order: str, packets: bool) -> None:
    """``cat a.pcap b.pcap``: a header reads as a packet of no bytes, in the year 2055."""
    one = pcap(order, 0xA1B2C3D4)
    capture = read_pcap(one + (one if packets else one[:24]), "<" if order == "<" else ">")
    assert len(capture.rows.frame) == 2
    assert capture.stop == f"damaged at byte {len(one)} (another file begins there: mergecap joins files)"


def test_space_that_nobody_filled_is_no_packets() -> None:
    data = pcap("<", 0xA1B2C3D4)
    capture = read_pcap(data + bytes(4096), "<")
    assert len(capture.rows.offset) == 2
    assert capture.stop == f"damaged at byte {len(data)} (zeros, no packet)"


def test_a_packet_of_no_bytes_is_one() -> None:
    data = (
        pcap("<", 0xA1B2C3D4) + struct.pack("<IIII", 1, 0, 0, 0) + bytes(16)
    )  # the last at no time, either: as a fuzzer writes it
    capture = read_pcap(data, "<")
    assert (capture.rows.caplen.tolist(), capture.stop) == ([5, 5, 0, 0], "")


def test_packets_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    data = pcap("<", 0xA1B2C3D4)
    monkeypatch.setattr(c, "MAX_PACKETS", 2)
    assert read_pcap(data, "<").stop == ""
    longer = read_pcap(data + data[24:], "<")
    assert len(longer.rows.offset) == 2
    assert longer.stop == f"longer than the 2 packets that are read of one file (byte {len(data)})"


@pytest.mark.parametrize("order", ["<", ">"])
def test_cut_at_every_byte(order: str) -> None:
    data = pcap(order, 0xA1B2C3D4)
    for size in range(4, len(data)):
        found = pcap_order(data[:size])
        assert found == order
        capture = read_pcap(data[:size], found)
        assert len(capture.rows.offset) == max(size - 24, 0) // 21
        assert bool(capture.stop) == (size < 24 or (size - 24) % 21 != 0)


@pytest.mark.parametrize("bits", [0, 0x14000000, 0x24000000, 0x04000000, 0x08000000])
def test_the_length_of_the_check_sequence_is_no_link_type(bits: int) -> None:
    (interface,) = read_pcap(pcap("<", 0xA1B2C3D4, linktype=1 | bits), "<").interfaces
    assert interface.linktype == 1
