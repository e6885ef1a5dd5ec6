"""Classic pcap in all its magics."""

from __future__ import annotations

import struct

import pytest

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
