"""Classic pcap in all its magics."""

from __future__ import annotations

import struct

import pytest

from netprobe.evidence import capture as c
from netprobe.evidence.pcap import pcap_order, read_pcap


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
