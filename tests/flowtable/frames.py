"""Random captures for trackers: packets of a few ends that meet often, so that lives, copies, wrapping numbers and errors come close together."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np
from hypothesis import strategies as st

from netprobe.evidence.model import CapturePoint
from netprobe.evidence.packets import Packets

if TYPE_CHECKING:
    from collections.abc import Sequence

POINTS = tuple(CapturePoint(name=name, host="", container=None, interface=name) for name in ("eth0", "lo"))
START_NS = 1_700_000_000_000_000_000
Frame = tuple[int, int, bytes]  # point, time in ns since the start, bytes


def packets(frames: Sequence[Frame]) -> Packets:
    """Frames as a chunk of a capture."""
    sizes = np.array([len(frame) for *_, frame in frames], np.int64)
    return Packets(
        data=b"".join(frame for *_, frame in frames),
        offset=np.cumsum(sizes) - sizes,
        caplen=sizes,
        origlen=sizes,
        time_ns=np.array([START_NS + time for _, time, _ in frames], np.int64),
        point=np.array([point for point, *_ in frames], np.int32),
        frame=np.arange(1, len(frames) + 1, dtype=np.int64),
    )


def part(whole: Packets, which: slice) -> Packets:
    """Some of the packets; they keep their frame numbers."""
    columns = {
        name: getattr(whole, name)[which] for name in ("offset", "caplen", "origlen", "time_ns", "point", "frame")
    }
    return Packets(data=whole.data, **columns)


def ip4(
    source: int, target: int, protocol: int, payload: bytes, *, ident: int = 0, ttl: int = 64, vlan: int = 0
) -> bytes:
    """An Ethernet frame of two hosts 10.0.0.N."""
    tag = struct.pack("!HH", 0x8100, vlan) if vlan else b""
    head = struct.pack(
        "!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), ident, 0, ttl, protocol, 0, bytes((10, 0, 0, source)), bytes((10, 0, 0, target))
    )  # fmt: skip
    return bytes((2, 0, 0, 0, 0, target, 2, 0, 0, 0, 0, source)) + tag + b"\x08\x00" + head + payload


def ip6(source: int, target: int, protocol: int, payload: bytes) -> bytes:
    """An Ethernet frame of two hosts fd00::N."""
    ends = b"".join(b"\xfd" + bytes(14) + bytes((end,)) for end in (source, target))
    head = struct.pack("!IHBB", 6 << 28, len(payload), protocol, 64) + ends
    return bytes((2, 0, 0, 0, 0, target, 2, 0, 0, 0, 0, source)) + b"\x86\xdd" + head + payload


def segment(
    ports: tuple[int, int], flags: int, seq: int, ack: int, payload: bytes = b"", window: int = 500, tsval: int = 0
) -> bytes:
    """A TCP segment."""
    options = struct.pack("!BBBBII", 1, 1, 8, 10, tsval, 0) if tsval else b""
    head = struct.pack(
        "!HHIIBBHHH", *ports, seq % (1 << 32), ack % (1 << 32), (20 + len(options)) // 4 << 4, flags, window, 0, 0
    )
    return head + options + payload


def datagram(ports: tuple[int, int], payload: bytes) -> bytes:
    """A UDP datagram."""
    return struct.pack("!HHHH", *ports, 8 + len(payload), 0) + payload


def query(ident: int, flags: int, answers: int) -> bytes:
    """A DNS message for the root's A record."""
    return struct.pack("!6H", ident, flags, 1, answers, 0, 0) + b"\0\0\1\0\1"


_ENDS = st.sampled_from(
    [((1, 2), (1000, 80)), ((2, 1), (80, 1000)), ((1, 2), (1001, 80)), ((2, 1), (80, 1001)), ((1, 1), (7, 7))]
)
_FLAGS = st.sampled_from([2, 2, 18, 16, 16, 16, 24, 24, 17, 4, 20, 3, 6, 5, 7, 0, 1])
_NUMBERS = st.one_of(
    st.sampled_from([0, 1, 2, 100, 101, 105, (1 << 32) - 1, (1 << 32) - 3, 1 << 31, (1 << 31) - 1, 1 << 24]),
    st.integers(0, (1 << 32) - 1),
)
_DATA = st.sampled_from(
    [b"", b"", b"x", b"hello", b"y" * 100, b"\x16\x03\x01\x00\x05\x01aaaa", b"\x17\x03\x03\x00\x30" + b"z" * 48]
)
_DNS = st.builds(query, st.integers(1, 3), st.sampled_from([0x0100, 0x8180, 0x8183, 0x8380]), st.integers(0, 1))


@st.composite
def _tcp(draw: st.DrawFn) -> bytes:
    return _made(draw, draw(_ENDS), draw(_NUMBERS), draw(_NUMBERS))


def _made(draw: st.DrawFn, ends: tuple[tuple[int, int], tuple[int, int]], seq: int, ack: int) -> bytes:
    (source, target), ports = ends
    made = segment(
        ports, draw(_FLAGS), seq, ack, draw(_DATA), draw(st.sampled_from([0, 500])), draw(st.sampled_from([0, 9]))
    )
    if draw(st.integers(0, 9)) == 0:
        return ip6(source, target, 6, made)
    return ip4(source, target, 6, made, ident=draw(st.sampled_from([0, 0, 5])), ttl=draw(st.sampled_from([64, 64, 63])))


@st.composite
def connections(draw: st.DrawFn) -> list[Frame]:
    """Segments of one pair of ends, of few numbers: SYNs that come again, others, and what stands between them."""
    numbers, time = st.sampled_from([7, 8, 9, 1 << 25]), 0
    out: list[Frame] = []
    for _ in range(draw(st.integers(2, 16))):
        time += draw(st.sampled_from([1000, 2_000_000, 1_500_000_000, 150_000_000_000]))
        ends = draw(st.sampled_from([((1, 2), (1000, 80)), ((1, 2), (1000, 80)), ((2, 1), (80, 1000))]))
        made = segment(
            *ends[1:], draw(st.sampled_from([2, 2, 18, 16, 24, 17, 4])), draw(numbers), draw(numbers), draw(_DATA)
        )
        out.append((0, time, ip4(*ends[0], 6, made, ident=len(out) + 1)))
    return out


@st.composite
def _udp(draw: st.DrawFn) -> bytes:
    (source, target), ports = draw(
        st.sampled_from([((1, 2), (5000, 53)), ((2, 1), (53, 5000)), ((1, 2), (9, 9)), ((2, 1), (9, 9))])
    )
    made = datagram(ports, draw(st.one_of(_DNS, st.sampled_from([b"", b"a", b"b" * 70]))))
    return ip4(
        source, target, 17, made, ident=draw(st.sampled_from([0, 0, 5])), vlan=draw(st.sampled_from([0, 0, 0, 7]))
    )


@st.composite
def _icmp(draw: st.DrawFn) -> bytes:
    source, target = draw(st.sampled_from([(1, 2), (2, 1), (1, 1)]))
    if draw(st.booleans()):
        return ip4(
            source,
            target,
            1,
            struct.pack("!BBHHH", draw(st.sampled_from([0, 8])), 0, 0, 3, draw(st.integers(1, 2))) + b"ping",
        )
    about = draw(st.one_of(_udp(), _tcp()))
    quoted = about[18:] if about[12:14] == b"\x81\x00" else about[14:]
    return ip4(source, target, 1, struct.pack("!BBHHH", 3, draw(st.sampled_from([1, 3])), 0, 0, 0) + quoted[:28])


_STEPS = st.sampled_from(
    [
        0,
        1000,
        900_000,
        2_000_000,
        4_000_000,
        10_000_000,
        150_000_000,
        1_500_000_000,
        70_000_000_000,
        400_000_000_000,
        -5_000_000,
    ]
)


@st.composite
def captures(draw: st.DrawFn) -> list[Frame]:
    """Packets of a few ends at two points; some come again at once, as they are or with another TTL."""
    out: list[Frame] = []
    time = 0
    for made in draw(st.lists(st.one_of(_tcp(), _tcp(), _tcp(), _udp(), _icmp()), min_size=1, max_size=24)):
        time = max(time + draw(_STEPS), 0)
        point = draw(st.sampled_from([0, 0, 0, 1]))
        for _ in range(draw(st.sampled_from([1, 1, 1, 2, 3, 6]))):
            out.append((point, time, made))
            time += draw(st.sampled_from([0, 1000, 900_000]))
    return out
