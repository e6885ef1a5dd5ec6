"""Streams held against the reader of whole files."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np
import pytest

from netprobe.evidence.model import Evidence
from netprobe.evidence.packets import Packets

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from netprobe.evidence.stream.stream import PacketStream
    from tests.evidence.conftest import Block

    Collected = Callable[[PacketStream], Evidence]


def join(parts: Sequence[Packets]) -> Packets:
    """Chunks as one."""
    if not parts:
        return Packets.none()
    before = np.cumsum([0] + [len(part.data) for part in parts])
    return Packets(
        data=b"".join(part.data for part in parts),
        offset=np.concatenate([part.offset + before[k] for k, part in enumerate(parts)]),
        caplen=np.concatenate([part.caplen for part in parts]),
        origlen=np.concatenate([part.origlen for part in parts]),
        time_ns=np.concatenate([part.time_ns for part in parts]),
        point=np.concatenate([part.point for part in parts]),
        frame=np.concatenate([part.frame for part in parts]),
    )


def kept(part: Packets) -> Packets:
    """A chunk without the bytes between its packets, checked for what every chunk promises."""
    assert len(part)
    assert (part.offset >= 0).all()
    assert (part.offset + part.caplen <= len(part.data)).all()
    data = b"".join(part.raw(row) for row in range(len(part)))
    return Packets(
        data=data,
        offset=np.cumsum(part.caplen) - part.caplen,
        caplen=part.caplen,
        origlen=part.origlen,
        time_ns=part.time_ns,
        point=part.point,
        frame=part.frame,
    )


def collect(stream: PacketStream) -> Evidence:
    """All that a stream gives, as the reader of whole files gives it."""
    packets = join([kept(part) for part in stream.chunks()])
    notes = stream.notes
    return Evidence(
        probe=notes.probe,
        points=tuple(stream.points),
        packets=packets,
        before=tuple(notes.before.values()),
        after=tuple(notes.after.values()),
        limits=tuple(stream.limits),
    )


@pytest.fixture(scope="session")
def collected() -> Collected:
    """Read a stream to its end, as one evidence."""
    return collect


def option(code: int, value: bytes, order: str) -> bytes:
    return struct.pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4)


def section(block: Block, order: str, first: int) -> bytes:
    """A section with every kind of block that there is, in one byte order; `first` tells its packets from another one's."""

    def make(kind: int, body: bytes) -> bytes:
        return block(kind, body, order)

    def described(name: bytes, resolution: int, offset: int = 0, snaplen: int = 40) -> bytes:
        options = option(2, name, order) + option(9, bytes([resolution]), order)
        options += option(11, b"\0tcp", order) + option(14, struct.pack(order + "q", offset), order)
        return make(1, struct.pack(order + "HHI", 1, 0, snaplen) + options + bytes(4))

    def packet(interface: int, ticks: int, data: bytes, options: bytes = b"") -> bytes:
        head = struct.pack(order + "5I", interface, ticks >> 32, ticks & 0xFFFFFFFF, len(data), len(data) + first)
        return make(6, head + data + bytes(-len(data) % 4) + options)

    def obsolete(interface: int, drops: int, data: bytes) -> bytes:
        return make(2, struct.pack(order + "HH4I", interface, drops, 0, 77, len(data), len(data)) + data)

    dropped = option(2, bytes(4), order) + option(4, struct.pack(order + "Q", 3), order) + bytes(4)
    counted = option(4, struct.pack(order + "Q", 50 + first), order) + option(5, struct.pack(order + "Q", 2), order)
    return b"".join(
        (
            make(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1) + option(1, b"a comment", order)),
            described(b"eth0", 6),
            make(3, struct.pack(order + "I", 60) + bytes(40)),
            packet(0, 1_700_000_000_000_000 + first, b"a" * 31, option(1, b"odd", order) + bytes(4)),
            make(4, bytes(8)),
            described(b"eth1", 0x8A, 1_700_000_000),
            packet(1, (first << 10) + 512, b"b" * 60, dropped),
            make(10, b"TLSK" + bytes(20)),
            make(0xBAD, struct.pack(order + "I", 1) + b"somebody else's"),
            make(9, b"__REALTIME_TIMESTAMP=1700000000000000\n" + bytes(2)),
            obsolete(0, 7, b"c" * 20),
            make(0x40000BAD, struct.pack(order + "I", 1) + b"again"),
            described(b"eth0", 9),
            packet(2, 1_700_000_000_000_000_000 + first, b""),
            packet(1, (first << 10) + 600, b"d" * 1400),
            make(5, struct.pack(order + "3I", 1, 0, 0) + counted + bytes(4)),
            obsolete(2, 0xFFFF, b"e" * 33),
        )
    )


def everything(block: Block) -> bytes:
    """Sections of both byte orders, one after the other."""
    return b"".join(section(block, order, number) for number, order in enumerate("<>><<>", 1))


@pytest.fixture(scope="session")
def made() -> Callable[[Block], bytes]:
    """Make a pcapng file with every kind of block in both byte orders."""
    return everything
