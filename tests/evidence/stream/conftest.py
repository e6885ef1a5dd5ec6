"""Streams held against the reader of whole files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from netprobe.evidence.model import Evidence
from netprobe.evidence.packets import Packets

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from netprobe.evidence.stream.stream import PacketStream

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
