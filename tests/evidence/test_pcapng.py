"""pcapng from elsewhere: every packet block, byte order, resolution; what Wireshark numbers; where it stops."""

from __future__ import annotations

import shutil
import struct
import subprocess
from typing import TYPE_CHECKING

import pytest

from netprobe.evidence import blocks, descriptions
from netprobe.evidence import capture as c
from netprobe.evidence.pcapng import read_pcapng

if TYPE_CHECKING:
    from pathlib import Path

    from tests.evidence.conftest import Block


FRAME = bytes.fromhex("ffffffffffff0200000000010806") + bytes(46)


def option(code: int, value: bytes, order: str = "<") -> bytes:
    return struct.pack(order + "HH", code, len(value)) + value + b"\0" * (-len(value) % 4)


def shb(block: Block, order: str = "<") -> bytes:
    return block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1), order)


def idb(block: Block, order: str = "<", *, snaplen: int = 0, options: bytes = b"", linktype: int = 1) -> bytes:
    return block(1, struct.pack(order + "HHI", linktype, 0, snaplen) + options, order)


def epb(
    block: Block, order: str = "<", *, interface: int = 0, ticks: int = 1, data: bytes = FRAME, options: bytes = b""
) -> bytes:
    head = struct.pack(order + "5I", interface, ticks >> 32, ticks & 0xFFFFFFFF, len(data), len(data) + 1)
    return block(6, head + data + b"\0" * (-len(data) % 4) + options, order)


OTHERS: list[tuple[str, int, bytes]] = [
    ("simple packet", 3, struct.pack("<I", len(FRAME)) + FRAME),
    ("obsolete packet", 2, struct.pack("<HHIIII", 0, 7, 0, 5, len(FRAME), len(FRAME)) + FRAME),
    ("names", 4, struct.pack("<HH", 0, 0)),
    ("statistics", 5, struct.pack("<III", 0, 0, 0)),
    ("journal", 9, b"__REALTIME_TIMESTAMP=1234567\nMESSAGE=x\n"),
    ("secrets", 10, struct.pack("<II", 0x544C534B, 4) + b"abcd"),
    ("custom", 0xBAD, struct.pack("<I", 32473) + b"whatever"),
    ("custom, not to be copied", 0x40000BAD, struct.pack("<I", 32473) + b"whatever"),
    ("custom of another", 0xBAD, struct.pack("<I", 9999) + b"whatever"),
    ("sysdig event", 0x204, struct.pack("<HQQIH", 0, 1, 2, 26, 3) + b"abcd"),
    ("sysdig event 2", 0x216, struct.pack("<HQQIIH", 0, 1, 2, 30, 0, 3) + b"abcd"),
    ("sysdig event 2, large", 0x221, struct.pack("<HQQIIH", 0, 1, 2, 30, 0, 3) + b"abcd"),
    ("unknown", 0x777, b"abcd"),
]


@pytest.mark.parametrize(("kind", "body"), [other[1:] for other in OTHERS], ids=[other[0] for other in OTHERS])
@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_frames_are_numbered_as_tshark_numbers_them(block: Block, tmp_path: Path, kind: int, body: bytes) -> None:
    data = shb(block) + idb(block) + epb(block) + block(kind, body) + epb(block) + shb(block) + idb(block) + epb(block)
    path = tmp_path / "x.pcapng"
    path.write_bytes(data)
    argv = ["tshark", "-n", "-r", str(path), "-Y", "arp", "-T", "fields", "-e", "frame.number"]
    shown = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split()
    capture = read_pcapng(data)
    assert capture.stop == ""
    assert [str(frame) for frame in capture.rows.frame.tolist()] == shown


@pytest.mark.parametrize("order", ["<", ">"])
def test_both_byte_orders(block: Block, order: str) -> None:
    named = option(2, b"eth0", order) + option(9, b"\x09", order) + option(11, b"\0tcp", order) + option(0, b"", order)
    statistics = struct.pack(order + "III", 0, 0, 0) + option(4, struct.pack(order + "Q", 9), order)
    statistics += option(5, struct.pack(order + "Q", 2), order) + option(7, struct.pack(order + "Q", 1), order)
    data = shb(block, order) + idb(block, order, options=named, snaplen=96)
    data += epb(block, order, ticks=(5 << 32) + 7, data=b"abcde") + block(5, statistics, order)
    capture = read_pcapng(data)
    (interface,) = capture.interfaces
    assert (interface.name, interface.capture_filter, interface.snaplen) == ("eth0", "tcp", 96)
    assert (interface.received, interface.dropped) == (9, 3)
    rows = capture.rows
    assert (rows.time_ns.tolist(), rows.caplen.tolist(), rows.origlen.tolist()) == ([(5 << 32) + 7], [5], [6])
    assert data[int(rows.offset[0]) :][:5] == b"abcde"


def test_sections_count_their_interfaces_from_zero(block: Block) -> None:
    first = (
        shb(block) + idb(block, options=option(2, b"a")) + idb(block, options=option(2, b"b")) + epb(block, interface=1)
    )
    second = shb(block, ">") + idb(block, ">", options=option(2, b"c", ">")) + epb(block, ">")
    capture = read_pcapng(first + second)
    assert [interface.name for interface in capture.interfaces] == ["a", "b", "c"]
    assert capture.rows.interface.tolist() == [1, 2]
    assert capture.rows.frame.tolist() == [1, 2]


def test_a_simple_packet_keeps_what_the_snap_length_let_it(block: Block) -> None:
    simple = block(3, struct.pack("<I", 1000) + b"x" * 40)
    rows = read_pcapng(shb(block) + idb(block, snaplen=38) + simple).rows
    assert (rows.caplen.tolist(), rows.origlen.tolist(), rows.time_ns.tolist()) == ([38], [1000], [0])
    rows = read_pcapng(shb(block) + idb(block) + simple).rows
    assert rows.caplen.tolist() == [40]


@pytest.mark.parametrize("order", ["<", ">"])
def test_the_obsolete_block_in_both_orders(block: Block, order: str) -> None:
    old = struct.pack(order + "HHIIII", 1, 7, 0, 5, 4, 40) + b"abcd"
    data = shb(block, order) + idb(block, order) * 2 + block(2, old, order) * 2
    capture = read_pcapng(data)
    assert capture.rows.interface.tolist() == [1, 1]
    assert capture.rows.time_ns.tolist() == [5000, 5000]
    assert [interface.dropped for interface in capture.interfaces] == [None, 14]


@pytest.mark.parametrize("order", ["<", ">"])
def test_drop_counts_of_packets_are_summed(block: Block, order: str) -> None:
    drops = option(2, b"\0\0\0\1", order) + option(4, struct.pack(order + "Q", 5), order)
    data = shb(block, order) + idb(block, order) * 2
    data += (
        epb(block, order, options=drops) * 2
        + epb(block, order, options=option(2, b"\0\0\0\1", order))
        + epb(block, order, interface=1)
    )
    assert [interface.dropped for interface in read_pcapng(data).interfaces] == [10, None]


def test_compiled_filters_are_no_text(block: Block) -> None:
    (interface,) = read_pcapng(shb(block) + idb(block, options=option(11, b"\1\0\0\0"))).interfaces
    assert interface.capture_filter == ""


BAD: list[tuple[str, bytes]] = [
    ("an interface that nobody described", struct.pack("<5I", 7, 0, 1, 4, 4) + b"abcd"),
    ("more data than the block has", struct.pack("<5I", 0, 0, 1, 400, 4) + b"abcd"),
    ("a block too short for its kind", b"abcd"),
]


@pytest.mark.parametrize("body", [bad[1] for bad in BAD], ids=[bad[0] for bad in BAD])
def test_reading_stops_where_a_block_is_damaged(block: Block, body: bytes) -> None:
    capture = read_pcapng(
        shb(block) + idb(block) + epb(block) + block(6, body) + epb(block) + shb(block) + idb(block) + epb(block)
    )
    assert len(capture.rows.offset) == 1
    assert "damaged at byte" in capture.stop


def test_of_two_damaged_blocks_the_first_counts(block: Block) -> None:
    start = shb(block) + idb(block)
    capture = read_pcapng(start + block(6, BAD[0][1]) + block(6, BAD[2][1]))
    assert f"byte {len(start)} " in capture.stop


def test_a_packet_before_any_interface_is_damage(block: Block) -> None:
    for packet in (epb(block), block(3, struct.pack("<I", 4) + b"abcd")):
        assert "damaged" in read_pcapng(shb(block) + packet + idb(block)).stop


@pytest.mark.parametrize("length", [0, 4, 8, 13, 0xFFFFFFFF])
def test_impossible_block_lengths(block: Block, length: int) -> None:
    data = shb(block) + idb(block) + epb(block)
    capture = read_pcapng(data + struct.pack("<II", 6, length) + bytes(40))
    assert len(capture.rows.offset) == 1
    assert capture.stop


def test_two_lengths_that_differ(block: Block) -> None:
    data = bytearray(shb(block) + idb(block) + epb(block) + epb(block))
    data[-1] ^= 1
    capture = read_pcapng(bytes(data))
    assert len(capture.rows.offset) == 1
    assert "lengths differ" in capture.stop


def test_work_done_one_by_one_is_bounded(block: Block, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "MAX_INTERFACES", 3)
    monkeypatch.setattr(blocks, "MAX_SECTIONS", 2)
    many = read_pcapng(shb(block) + idb(block) * 3 + epb(block) + idb(block))
    assert (len(many.interfaces), len(many.rows.offset)) == (3, 1)
    assert "more than 3 interfaces" in many.stop
    over_all = read_pcapng(shb(block) + idb(block) * 2 + shb(block) + idb(block) * 2)
    assert len(over_all.interfaces) == 3
    assert "more than 3 interfaces" in over_all.stop
    sections = read_pcapng((shb(block) + idb(block)) * 3)
    assert len(sections.interfaces) == 2
    assert "more than 2 sections" in sections.stop


def test_blocks_are_counted_over_all_sections(block: Block, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(c, "MAX_PACKETS", 5)
    data = shb(block) + idb(block) + epb(block) + shb(block, ">") + idb(block, ">") + epb(block, ">") * 2
    assert read_pcapng(data).stop == ""
    longer = read_pcapng(data + epb(block, ">"))
    assert len(longer.rows.offset) == 3
    assert "longer than the 5 packets" in longer.stop


@pytest.mark.parametrize("order", ["<", ">"])
def test_each_interface_has_its_own_clock(block: Block, order: str) -> None:
    """if_tsresol and if_tsoffset, in both byte orders; an interface without them counts microseconds from 1970."""
    coarse = option(9, b"\x03", order) + option(14, struct.pack(order + "q", 1_700_000_000), order)
    binary = option(9, b"\x8a", order)
    data = shb(block, order) + idb(block, order) + idb(block, order, options=coarse) + idb(block, order, options=binary)
    data += epb(block, order, interface=0, ticks=1_500_000) + epb(block, order, interface=1, ticks=1500)
    data += epb(block, order, interface=2, ticks=1536)
    assert read_pcapng(data).rows.time_ns.tolist() == [1_500_000_000, 1_700_000_001_500_000_000, 1_500_000_000]


def test_options_and_names_are_bounded(block: Block) -> None:
    """A block of nothing but options is as long as its file; what real writers write is read."""
    many = option(1, b"") * 1000 + option(2, b"eth0")
    few = option(1, b"") * 20 + option(2, b"e" * 5000)
    first, second = read_pcapng(shb(block) + idb(block, options=many) + idb(block, options=few)).interfaces
    assert (first.name, second.name) == ("", "e" * 1024)


def test_of_many_statistics_the_last_count(block: Block, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(descriptions, "_LAST_STATISTICS", 2)

    def seen(interface: int, count: int) -> bytes:
        return block(5, struct.pack("<III", interface, 0, 0) + option(4, struct.pack("<Q", count)))

    data = shb(block) + idb(block) * 2 + seen(0, 1) + seen(0, 2) + seen(1, 3)
    assert [interface.received for interface in read_pcapng(data).interfaces] == [2, 3]
