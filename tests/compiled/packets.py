"""Packets for the tests of compiled code: recorded ones, altered ones, any bytes. As a program: decodes altered ones with bounds checks."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from netprobe.decode.link import readable
from netprobe.decode.tunnels import MOST_DEPTH
from netprobe.evidence.model import CapturePoint, Evidence
from netprobe.evidence.packets import Packets
from netprobe.evidence.stream.whole import read

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

CAPTURES = Path(__file__).parent.parent.parent / "captures"
LINKS = (*(number for number in range(300) if readable(number)), 105)
"""All link types that are read, and one that is not."""
_MOST = 40  # packets of one capture


def every_capture() -> list[Path]:
    """All recorded captures."""
    return sorted(CAPTURES.glob("**/*.pcap*"))


def together(packets: Sequence[tuple[int, bytes, int]]) -> Evidence:
    """Packets of a link type each, and how many more bytes they had on the wire; the last one ends where the buffer does."""
    points = tuple(CapturePoint(name=f"p{link}", interface=f"p{link}", linktype=link) for link in LINKS)
    sizes = np.array([len(raw) for _, raw, _ in packets], np.int64)
    count = len(packets)
    return Evidence(
        points=points,
        packets=Packets(
            data=b"".join(raw for _, raw, _ in packets),
            offset=np.cumsum(sizes) - sizes,
            caplen=sizes,
            origlen=sizes + np.array([more for *_, more in packets], np.int64).astype(np.int64),
            time_ns=np.zeros(count, np.int64),
            point=np.array([LINKS.index(link) for link, *_ in packets], np.int32),
            frame=np.arange(1, count + 1, dtype=np.int64),
        ),
    )


def altered(files: Iterable[Path], seed: int, more: Sequence[tuple[int, bytes, int]] = ()) -> Evidence:
    """Some packets of each capture: cut, with bytes changed, read as another link type, with more on the wire; and these."""
    random = np.random.default_rng(seed)
    out = list(more)
    for file in files:
        evidence = read(file.read_bytes())
        rows = random.permutation(len(evidence.packets))[:_MOST]
        for row in rows.tolist():
            link = evidence.points[int(evidence.packets.point[row])].linktype
            out.append(_altered(evidence.packets.raw(row), link, random))
    return together(out)


def altered_tunnels(seed: int, times: int = 60) -> list[tuple[int, bytes, int]]:
    """The packets of the decoder's test of tunnels, each cut or changed in many ways."""
    from tests.decode.test_tunnels import NONE_INSIDE, OUTER, TUNNELS, nested

    random = np.random.default_rng(seed)
    whole = [bytes(OUTER / packet) for packet in (*(each for each, _ in TUNNELS.values()), *NONE_INSIDE.values())]
    whole += [nested(depth) for depth in range(1, MOST_DEPTH + 2)]
    return [(1, raw, 0) for raw in whole] + [_altered(raw, 1, random) for raw in whole for _ in range(times)]


def _altered(raw: bytes, link: int, random: np.random.Generator) -> tuple[int, bytes, int]:
    data = bytearray(raw)
    if random.random() < 0.5:
        data = data[: int(random.integers(0, len(data) + 1))]
    for at in random.integers(0, 80, int(random.integers(0, 6))).tolist():
        if at < len(data):
            data[at] = int(random.choice(_TELLING)) if random.random() < 0.5 else int(random.integers(0, 256))
    if link not in LINKS or random.random() < 0.1:
        link = int(random.choice(LINKS))
    return link, bytes(data), int(random.choice((0, 0, 1, 40, 70000)))


_TELLING = (
    0,
    1,
    4,
    6,
    8,
    17,
    41,
    43,
    44,
    47,
    51,
    58,
    60,
    0x45,
    0x46,
    0x4F,
    0x60,
    0x81,
    0x86,
    0x88,
    131,
    132,
    135,
    136,
    255,
)
"""Bytes that mean something in one header or another."""


def check_bounds() -> int:
    """Decode altered packets one by one, each in a buffer of its own; raises IndexError at a read outside. Returns how many."""
    from netprobe.compiled.packet import packets as kernel
    from netprobe.compiled.row import TEMPLATE

    evidence = altered(every_capture(), seed=2, more=altered_tunnels(seed=4, times=10))
    rows = evidence.packets
    template = np.array(TEMPLATE, np.int64)
    out = np.empty((2 + MOST_DEPTH, len(template)), np.int64)
    owner = np.empty(len(out), np.int64)
    zero, number = np.zeros(1, np.int64), np.zeros(1, np.int32)
    for row in range(len(rows)):
        raw = np.frombuffer(rows.raw(row), np.uint8).copy()
        number[0] = LINKS[int(rows.point[row])]
        kernel(raw, zero, rows.caplen[row : row + 1], rows.origlen[row : row + 1], number, template, 1, out, owner)
    return len(rows)


if __name__ == "__main__":
    assert os.environ["NUMBA_BOUNDSCHECK"] == "1"
    print("checked", check_bounds())
