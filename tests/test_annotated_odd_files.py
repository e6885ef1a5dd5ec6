"""A pcapng file of everything that the format allows and few programs write: tshark reads the same of its copy, and the comments."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest
from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import Ether

from netprobe.annotating import annotation
from netprobe.evidence import additions as a
from tests.annotate.tshark import fields, needs_tshark

if TYPE_CHECKING:
    from pathlib import Path

    from netprobe.evidence.walker import ByteOrder

ISB, SPB, SECRETS, JOURNAL, CUSTOM = 5, 3, 0xA, 9, 0xBAD
SEEN = ("frame.number", "frame.time_epoch", "frame.len", "frame.cap_len", "frame.interface_name", "frame.md5_hash")
GIVEN = ("-o", "frame.generate_md5_hash:TRUE", "-N", "n")
SYN = bytes(Ether() / IP(src="192.0.2.1", dst="192.0.2.8", id=7) / TCP(sport=4000, dport=80, seq=5))


def interface(order: ByteOrder, resolution: int, offset: int, name: bytes = b"") -> bytes:
    given = [(a.IF_TSRESOL, bytes([resolution])), (14, struct.pack(order + "q", offset))]
    if name:
        given = [(a.IF_NAME, name), (a.IF_DESCRIPTION, b"by hand"), *given]
    return a.block_bytes(1, struct.pack(order + "HHI", 1, 0, 65535) + a.options_bytes(given, order), order)


def packet(order: ByteOrder, interface: int, ticks: int, *comments: bytes, odd: int = 0) -> bytes:
    data = SYN + bytes(odd)
    head = struct.pack(order + "IIIII", interface, ticks >> 32, ticks & 0xFFFFFFFF, len(data), len(data))
    options = a.options_bytes([*((1, each) for each in comments), (2, bytes(4))], order) if comments else b""
    return a.block_bytes(6, head + data + bytes(-len(data) & 3) + options, order)


def section(order: ByteOrder, *, says: bool) -> bytes:
    secret = b"CLIENT_RANDOM 00 11\n"
    names = a.option_bytes(1, bytes([192, 0, 2, 8]) + b"theirs\0", order) + bytes(4)
    blocks = (
        interface(order, 0x8A, 100, b"wan0"),  # 2^-10 s, 100 s later
        a.block_bytes(a.NRB, names, order),
        packet(order, 0, (5 << 10) + 512),
        interface(order, 3, -7),  # ms
        packet(order, 1, 6_250, b"mine", b"and mine", odd=1),
        a.block_bytes(SPB, struct.pack(order + "I", len(SYN)) + SYN + bytes(-len(SYN) & 3), order),
        a.block_bytes(CUSTOM, struct.pack(order + "I", 32473) + b"what", order),
        a.block_bytes(SECRETS, struct.pack(order + "II", 0x544C534B, len(secret)) + secret, order),
        a.block_bytes(JOURNAL, b"__REALTIME_TIMESTAMP=1700000000000000\nMESSAGE=x\n\0\0\0", order),
        packet(order, 0, 9 << 10, odd=3),
        a.block_bytes(ISB, struct.pack(order + "III", 0, 0, 1) + a.options_bytes([(4, bytes(8))], order), order),
    )
    body = b"".join(blocks)
    return a.section_bytes(order, len(body) if says else -1, ()) + body


@needs_tshark
@pytest.mark.parametrize("says", [True, False])
@pytest.mark.parametrize("orders", ["<>", "><<"])
def test_all_that_others_wrote_stays(orders: str, says: bool, tmp_path: Path) -> None:
    file, out = tmp_path / "odd.pcapng", tmp_path / "told.pcapng"
    data = b"".join(section(order, says=says) for order in orders)  # type: ignore[arg-type]
    file.write_bytes(data)
    made = annotation(str(file))
    out.write_bytes(b"".join(map(bytes, made.pieces())))
    before, after = (fields(each, *SEEN, "ip.dst_host", "frame.comment", given=GIVEN) for each in (file, out))
    assert len(before) >= 4 * len(orders)
    called = [
        (*row[:4], row[4].replace("unknown", "odd"), *row[5:-1]) for row in before
    ]  # one that has no name gets one
    assert [row[:-1] for row in after] == called
    assert "theirs" in {row[-2] for row in after}
    theirs = [[each for each in row[-1].split("|") if not each.startswith(a.OURS)] for row in after]
    assert ["|".join(each) for each in theirs] == [row[-1] for row in before]
    assert made.placed == sum(row[-1].count(a.OURS) for row in after) > 0
    assert made.stop == ""
    for kind in (ISB, SPB, CUSTOM, SECRETS, JOURNAL):
        assert blocks_of(out.read_bytes(), kind) == blocks_of(data, kind)


def blocks_of(data: bytes, kind: int) -> list[bytes]:
    """The blocks of a type, of sections of both orders, one after the other."""
    found, at, order = [], 0, "<"
    while at < len(data):
        if data[at : at + 4] == b"\n\r\r\n":
            order = "<" if data[at + 8] == 0x4D else ">"
        that, length = struct.unpack_from(order + "II", data, at)
        if that == kind:
            found.append(data[at : at + length])
        at += length
    return found
