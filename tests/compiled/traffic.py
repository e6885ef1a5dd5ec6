"""Traffic for the tests of trackers: few ends that do what connections do, and what they should not, at times that jump."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from netprobe.evidence.model import CapturePoint
from netprobe.evidence.packets import Packets

if TYPE_CHECKING:
    from collections.abc import Sequence

POINTS = (CapturePoint(name="a", interface="a"), CapturePoint(name="b", interface="b"))
FLAGS = (0x02, 0x12, 0x10, 0x18, 0x11, 0x04, 0x14, 0x10, 0x18, 0x00, 0x03, 0x06, 0x05, 0x07, 0x13, 0xC2, 0x29, 0x19)
NUMBERS = (
    1000,
    1001,
    1101,
    1201,
    1301,
    1100,
    1000,
    0,
    1,
    0xFFFFFFFF,
    0xFFFFFF9C,
    100,
    1 << 31,
    (1 << 31) + 1,
    (1 << 24) + 2000,
    999,
)
SIZES = (0, 0, 0, 1, 100, 100, 200, 7, 70, 8)
STEPS = (
    *(0, 0, 1, 1000, 900_000, 1_100_000, 2_900_000, 4_900_000, 5_100_000, 199_000_000, 201_000_000, 1_100_000_000),
    *(61_000_000_000, 129_000_000_000, 301_000_000_000, -1, -500_000, -2_000_000_000, -70_000_000_000),
)
PAYLOADS = (
    b"GET / HTTP/1.1\r\n\r\n" + bytes(200),
    bytes.fromhex("160301007d0100") + bytes(200),  # a ClientHello
    bytes.fromhex("15030300020228") + bytes(200),  # a fatal alert
    bytes.fromhex("17030300b40100") + bytes(200),  # application data
    bytes.fromhex("1403030001 01") + bytes(200),
    bytes.fromhex("abcd01000001000000000000 01610000010001") + bytes(200),  # a question
    bytes.fromhex("abcd81800001000100000000 01610000010001") + bytes(200),  # its answer
    bytes.fromhex("abcd81830001000000000000 01610000010001") + bytes(200),  # no such name
    bytes.fromhex("abce82000001000000000000 01610000010001") + bytes(200),  # cut, of another question
)
UDP_PORTS = ((40000, 53), (40000, 8080), (8080, 8080), (53, 53), (5353, 5353), (40001, 5355))
ERRORS = ((3, 3), (3, 1), (5, 1), (11, 0), (12, 0))


class Choice(NamedTuple):
    """One packet, by numbers that choose among few: see :func:`capture`."""

    kind: int
    end: int
    flags: int
    seq: int
    ack: int
    size: int
    step: int
    payload: int
    more: int
    again: int
    inside: int = 0


MOST = Choice(
    9,
    7,
    len(FLAGS) - 1,
    len(NUMBERS) - 1,
    len(NUMBERS) - 1,
    len(SIZES) - 1,
    len(STEPS) - 1,
    len(PAYLOADS) - 1,
    63,
    7,
    7,
)
"""The largest of each."""


def at_random(count: int, seed: int) -> list[Choice]:
    """Choose many packets; such that come in order are likelier than the others."""
    random = np.random.default_rng(seed)
    drawn = np.stack([random.integers(0, most + 1, count) for most in MOST])
    drawn[6] = np.where(random.random(count) < 0.7, random.integers(0, 7, count), drawn[6])
    drawn[9] = np.where(random.random(count) < 0.5, 0, drawn[9])
    drawn[10] = np.where(random.random(count) < 0.7, 0, drawn[10])
    return [Choice(*column) for column in drawn.T.tolist()]


def capture(choices: Sequence[Choice]) -> Packets:
    """Packets of Ethernet at two points. One may repeat the one before it, or one some packets before."""
    frames: list[bytes] = []
    times, now = [], 1_700_000_000_000_000_000
    for number, choice in enumerate(choices):
        now += STEPS[choice.step]
        back = (0, 0, 0, 0, 1, 1, 2, 5)[choice.again]
        frames.append(_again(frames[number - back], choice) if 0 < back <= number else _carried(_frame(choice), choice))
        times.append(now)
    sizes = np.array([len(frame) for frame in frames], np.int64)
    return Packets(
        data=b"".join(frames),
        offset=np.cumsum(sizes) - sizes,
        caplen=sizes,
        origlen=sizes + np.array([choice.more & 1 for choice in choices], np.int64),
        time_ns=np.array(times, np.int64),
        point=np.array([choice.more >> 5 & 1 if choice.more & 1 else 0 for choice in choices], np.int32),
        frame=np.arange(1, len(frames) + 1, dtype=np.int64),
    )


def _again(frame: bytes, choice: Choice) -> bytes:
    """A packet once more: as it was, or behind a router."""
    if choice.more & 2 or frame[12:14] != b"\x08\x00":
        return frame
    return frame[:22] + bytes((frame[22] - 1,)) + frame[23:]


def _carried(frame: bytes, choice: Choice) -> bytes:
    """A frame as it is, or in one of some tunnels, or in two."""
    outer = choice._replace(more=0, end=choice.more & 1)
    if choice.inside == 1:
        return _ip(outer, 4 if frame[12:14] == b"\x08\x00" else 41, frame[14:])
    if choice.inside == 2:
        return _ip(outer, 47, b"\0\0" + frame[12:])
    if choice.inside in (3, 4):
        return _in_udp(outer, 4789, struct.pack("!II", 0x08000000, choice.inside << 8) + frame)
    if choice.inside == 5:
        return _in_udp(outer, 6081, struct.pack("!HHI", 0, 0x6558, 3 << 8) + frame)
    if choice.inside == 6:
        return _carried(_carried(frame, choice._replace(inside=1)), choice._replace(inside=3))
    return frame


def _in_udp(outer: Choice, port: int, data: bytes) -> bytes:
    return _ip(outer, 17, struct.pack("!HHHH", 50000, port, 8 + len(data), 0) + data)


def _frame(choice: Choice) -> bytes:
    if choice.kind == 0:
        return _ip(choice, 17, _datagram(choice))
    if choice.kind == 1:
        return _ip(choice, 1, _echo(choice))
    if choice.kind == 2:
        quoted = _ip(choice._replace(end=choice.end ^ 1), 17 if choice.more & 8 else 6, _datagram(choice))[14:]
        return _ip(choice, 1, struct.pack("!BBHI", *ERRORS[choice.flags % len(ERRORS)], 0, 0) + quoted[:40])
    if choice.kind == 9:
        ports = _ports(choice, (40000, 3868))
        return _ip(choice, 132, struct.pack("!HHII", *ports, 7, 0) + PAYLOADS[choice.payload][: SIZES[choice.size]])
    return _ip(choice, 6, _segment(choice))


def _ports(choice: Choice, ports: tuple[int, int]) -> tuple[int, int]:
    return ports if choice.end & 1 == 0 else ports[::-1]


def _segment(choice: Choice) -> bytes:
    ports = _ports(choice, ((40000, 80), (40000, 40000))[choice.end >> 1 & 1])
    numbers = NUMBERS[choice.seq], NUMBERS[choice.ack]
    stamps = bytes.fromhex("0101080a") + struct.pack("!II", choice.more, 7) if choice.more & 16 else b""
    header = struct.pack(
        "!HHIIBBHHH", *ports, *numbers, (5 + len(stamps) // 4) << 4, FLAGS[choice.flags], choice.more & 4, 0, 0
    )
    return header + stamps + PAYLOADS[choice.payload][: SIZES[choice.size]]


def _datagram(choice: Choice) -> bytes:
    data = PAYLOADS[choice.payload][: SIZES[choice.size] or 19]
    return struct.pack("!HHHH", *_ports(choice, UDP_PORTS[choice.flags % len(UDP_PORTS)]), 8 + len(data), 0) + data


def _echo(choice: Choice) -> bytes:
    kind = (8, 0, 128, 13)[choice.flags & 3]
    return struct.pack("!BBHHH", kind, 0, 0, 1, choice.seq) + PAYLOADS[0][: SIZES[choice.size]]


def _ip(choice: Choice, proto: int, carried: bytes) -> bytes:
    """IPv4, or sometimes IPv6; the two ends, or one alone, that talks to itself, or a group."""
    tag = b"\x81\x00\x00\x05" if choice.more == 40 else b""
    last = (1, 2) if choice.end & 1 == 0 else (2, 1)
    if choice.end >> 2 & 1 and choice.more & 4:
        last = (1, 1)
    if choice.more >= 58:
        proto = 58 if proto == 1 else proto
        ends = b"".join(bytes((0xFF if choice.more == 63 and end == 2 else 0xFD, *bytes(14), end)) for end in last)
        return bytes(12) + tag + b"\x86\xdd" + struct.pack("!IHBB", 6 << 28, len(carried), proto, 64) + ends + carried
    number = (0, 0x1234, choice.seq)[choice.more % 3]
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(carried), number, 0, 64, proto, 0)
    ends = b"".join(bytes((239 if choice.more == 57 and end == 2 else 10, 0, 0, end)) for end in last)
    return bytes(12) + tag + b"\x08\x00" + head + ends + carried
