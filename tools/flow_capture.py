"""A capture of many TCP connections, to measure the flow table with. What is in it is known: so are the flows that must be found.

    tools/flow_capture.py FILE [--flows N] [--packets N] [--points N] [--first N] [--seed N] [--failing N]

Each flow is a handshake, one request, its answer in segments that are acknowledged one by one, and both FINs. No two flows have the same ends; their
initial sequence numbers are random, so among many some are alike by chance. One point gives a pcap file; several give pcapng, where a published port
is seen before DNAT at the first point and behind it at the others. Checksums are 0, as offloading leaves them: nothing that reads flows checks them.

The packets are made as numpy columns, some hundred thousand at a time, in the order of time: memory does not grow with the file.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from bench_pcap import put

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    Columns = NDArray[np.int64]

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
POINTS = ("server/eth0", "server/docker0", "server/web/eth0")
_BEGIN_US = 1_700_000_000_000_000
_LONGEST_GAP_US = 400
_AT_A_TIME = 320_000  # packets: some 75 MB
_KEY = 0x9E3779B97F4A7C15  # odd, so it maps numbers of a power of two one to one
_REQUEST, _SEGMENT = 180, 380


class Step(NamedTuple):
    """One packet of every flow: who sends it, its TCP flags, bytes of payload."""

    back: bool
    flags: int
    payload: int

    @property
    def options(self) -> int:
        """Bytes of TCP options."""
        return 20 if self.flags & SYN else 12

    @property
    def length(self) -> int:
        """Bytes of the frame."""
        return 14 + 20 + 20 + self.options + self.payload


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What a capture holds.

    Attributes:
        flows: connections; at most 2^39.
        packets: of a flow, at one point: even, at least 10.
        points: capture points, 1 to 3.
        first: number of its first flow. Captures of other numbers hold other flows, later ones: together they are a rotated set.
        seed: of the sequence numbers, times and IP ids.
        seconds: in which the flows begin.
        failing: every so many-th flow fails, in turn: its SYN is seen at the first point alone, and nobody answers; it is refused. 0: none fails.
    """

    flows: int = 60_000
    packets: int = 32
    points: int = 1
    first: int = 0
    seed: int = 1
    seconds: int = 600
    failing: int = 0

    @property
    def total(self) -> int:
        """Packets of all flows at all points."""
        return self.flows * self.packets * self.points

    def steps(self) -> list[Step]:
        """The packets of each flow."""
        answer = [Step(True, PSH | ACK, _SEGMENT), Step(False, ACK, 0)] * ((self.packets - 8) // 2)
        begin = [Step(False, SYN, 0), Step(True, SYN | ACK, 0), Step(False, ACK, 0), Step(False, PSH | ACK, _REQUEST)]
        end = [Step(False, FIN | ACK, 0), Step(True, FIN | ACK, 0), Step(False, ACK, 0)]
        return [*begin, Step(True, ACK, 0), *answer, *end]


@dataclass(frozen=True, slots=True, kw_only=True)
class Flows:
    """Some flows of a capture: a number of each in every column; addresses as integers, times in µs. The last two: the places of those that fail."""

    client: Columns
    server: Columns
    sport: Columns
    dport: Columns
    start: Columns
    silent: Columns
    refused: Columns


def flows_of(shape: Shape, numbers: Columns, rng: np.random.Generator) -> Flows:
    """Return the flows with these numbers, from 0, begun in this order. Their last packets are there before the next lot begins."""
    key = (numbers + shape.first).astype(np.uint64) * np.uint64(_KEY) & np.uint64((1 << 39) - 1)
    bits = key.astype(np.int64)
    span = shape.seconds * 1_000_000 / shape.flows
    begin, end = int(numbers[0] * span), int((numbers[-1] + 1) * span) - shape.packets * (_LONGEST_GAP_US + 1)
    since = _BEGIN_US + int(shape.first * span)
    fails = np.flatnonzero((numbers + 1) % shape.failing == 0) if shape.failing else numbers[:0]
    turn = (numbers[fails] + 1) // shape.failing % 2 if shape.failing else fails
    return Flows(
        client=(10 << 24) + 1 + (bits >> 23),
        server=bits & 0x7F,
        sport=32768 + (bits >> 7 & 0x3FFF),
        dport=np.array([80, 443, 5432, 6379])[bits >> 21 & 3],
        start=since + np.sort(rng.integers(begin, max(begin + 1, end), len(numbers))),
        silent=fails[turn == 1],
        refused=fails[turn == 0],
    )


def batches(shape: Shape) -> Iterator[NDArray[np.uint8]]:
    """The capture's bytes behind its header, in the order of time."""
    rng = np.random.default_rng((shape.seed, shape.first))
    size = max(1, _AT_A_TIME // (shape.packets * shape.points))
    for begin in range(0, shape.flows, size):
        numbers = np.arange(begin, min(begin + size, shape.flows), dtype=np.int64)
        flows = flows_of(shape, numbers, rng)
        yield _in_order(*_records(shape, flows, rng), _sent(shape, flows))


def _sent(shape: Shape, flows: Flows) -> NDArray[np.bool_]:
    """Of each flow, which of its records there are: all, but of those that fail."""
    there = np.ones((len(flows.start), shape.packets * shape.points), np.bool_)
    there[flows.refused, 2 * shape.points :] = False
    there[flows.silent, 1:] = False
    return there


def _records(shape: Shape, flows: Flows, rng: np.random.Generator) -> tuple[list[NDArray[np.uint8]], list[Columns]]:
    """Every step at every point: a record of each flow, as a matrix, and its times."""
    count = len(flows.start)
    now, sent = flows.start, [rng.integers(0, 1 << 32, count), rng.integers(0, 1 << 32, count)]
    records, times = [], []
    for step in shape.steps():
        ip_id = rng.integers(0, 1 << 16, count)
        frame = _frame(step, flows, ip_id, sent[step.back], sent[not step.back], now)
        if step.flags == SYN | ACK:
            frame[flows.refused, 47] = RST | ACK
        for point in range(shape.points):
            at = now + 10 * (shape.points - 1 - point if step.back else point)
            records.append(_record(shape, _seen_at(frame, step, point if shape.points > 1 else 1), at, point))
            times.append(at)
        sent[step.back] = sent[step.back] + step.payload + bool(step.flags & (SYN | FIN))
        now = now + rng.integers(20, _LONGEST_GAP_US, count)
    return records, times


def _frame(step: Step, flows: Flows, ip_id: Columns, seq: Columns, ack: Columns, now: Columns) -> NDArray[np.uint8]:
    """One frame of each flow, as it is behind DNAT."""
    out = np.zeros((len(now), step.length), np.uint8)
    ends = [(flows.client, flows.sport), (0xAC110002 + flows.server, flows.dport)]
    (src, sport), (dst, dport) = reversed(ends) if step.back else ends
    out[:, 0:14] = np.frombuffer(bytes.fromhex(f"02420a00000{2 + step.back}02420a00000{3 - step.back}0800"), np.uint8)
    out[:, 14], out[:, 20], out[:, 22], out[:, 23] = 0x45, 0x40, 64, 6
    put(out, 16, 2, np.full(len(now), step.length - 14), ">")
    for offset, size, values in ((18, 2, ip_id), (26, 4, src), (30, 4, dst), (34, 2, sport), (36, 2, dport)):
        put(out, offset, size, values, ">")
    put(out, 38, 4, seq & 0xFFFFFFFF, ">")
    if step.flags & ACK:
        put(out, 42, 4, ack & 0xFFFFFFFF, ">")
    out[:, 46], out[:, 47], out[:, 48], out[:, 49] = (20 + step.options) // 4 << 4, step.flags, 1, 246
    options = "020405b40402080a0000000000000000010303 07" if step.flags & SYN else "0101080a0000000000000000"
    out[:, 54 : 54 + step.options] = np.frombuffer(bytes.fromhex(options), np.uint8)
    put(out, 62 if step.flags & SYN else 58, 4, now // 1000 & 0xFFFFFFFF, ">")
    out[:, 54 + step.options :] = ord("x")
    return out


def _seen_at(frame: NDArray[np.uint8], step: Step, point: int) -> NDArray[np.uint8]:
    """The frame at a point; at the first of several the server still has the published address and port."""
    if point:
        if not step.back:
            frame[:, 22] = 63
        return frame
    out = frame.copy()
    out[:, 22] = 63 if step.back else 64
    address, port = (26, 34) if step.back else (30, 36)
    out[:, address : address + 3] = (192, 168, 3)
    out[:, port] = 0x80 | frame[:, port]
    out[:, 0:12] = np.frombuffer(bytes.fromhex("02c0a803000102c0a8030002"), np.uint8)
    return out


def _record(shape: Shape, frame: NDArray[np.uint8], at: Columns, point: int) -> NDArray[np.uint8]:
    """The frames with what a capture file puts around each."""
    count, length = frame.shape
    if shape.points == 1:
        words = [at // 1_000_000, at % 1_000_000, length, length]
    else:
        words = [6, 32 + length + -length % 4, point, at >> 32, at & 0xFFFFFFFF, length, length]
    head, tail = 4 * len(words), 0 if shape.points == 1 else -length % 4 + 4
    out = np.zeros((count, head + length + tail), np.uint8)
    for number, word in enumerate(words):
        put(out, 4 * number, 4, np.broadcast_to(np.asarray(word), count), "<")
    out[:, head : head + length] = frame
    if tail:
        out[:, -4:] = out[:, 4:8]
    return out


def _in_order(
    records: Sequence[NDArray[np.uint8]], times: Sequence[Columns], there: NDArray[np.bool_]
) -> NDArray[np.uint8]:
    """All records that there are, one behind the other, by time."""
    sizes = np.array([each.shape[1] for each in records])
    order = np.argsort(np.stack(times, axis=1).ravel(), kind="stable")
    order = order[there.ravel()[order]]
    ends = np.cumsum(sizes[order % len(records)])
    offset = np.empty(there.size, np.int64)
    offset[order] = ends - sizes[order % len(records)]
    out = np.empty(int(ends[-1]), np.uint8)
    for number, each in enumerate(records):
        some = there[:, number]
        out[offset[number :: len(records)][some, None] + np.arange(each.shape[1])] = each[some]
    return out


def header(shape: Shape) -> bytes:
    """What a file of this shape begins with."""
    if shape.points == 1:
        return bytes.fromhex("d4c3b2a1 0200 0400 00000000 00000000 00000400 01000000")
    section = bytes.fromhex("0a0d0d0a 1c000000 4d3c2b1a 0100 0000 ffffffffffffffff 1c000000")
    return section + b"".join(_interface(name.encode()) for name in POINTS[: shape.points])


def _interface(name: bytes) -> bytes:
    body = bytes.fromhex("0100 0000 00000400 0200") + len(name).to_bytes(2, "little") + name + bytes(-len(name) % 4)
    length = (12 + len(body) + 4).to_bytes(4, "little")
    return b"\1\0\0\0" + length + body + bytes(4) + length


def write(file: Path, shape: Shape) -> int:
    """Write a capture; returns its bytes."""
    with file.open("wb") as out:
        out.write(header(shape))
        for batch in batches(shape):
            out.write(batch.data)
        return out.tell()


def main(argv: Sequence[str] | None = None) -> int:
    """Write what was asked for, and say how much it is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    for name in ("flows", "packets", "points", "first", "seed", "failing"):
        parser.add_argument(f"--{name}", type=int, default=getattr(Shape(), name))
    asked = vars(parser.parse_args(argv))
    file = asked.pop("file")
    shape = Shape(**asked)
    size = write(file, shape)
    print(f"{file}: {shape.flows * shape.packets * shape.points:,} packets, {shape.flows:,} flows, {size / 1e6:.0f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
