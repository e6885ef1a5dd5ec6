"""Small evidence of every kind of value, and how two evidences are held against each other."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Protocol

import numpy as np
import pytest

from netprobe.evidence.model import (
    CapturePoint,
    Evidence,
    Limit,
    LimitKind,
    Lookup,
    Outcome,
    Place,
    Probe,
    ProbeResult,
    Proto,
    Resolution,
    TlsSession,
)
from netprobe.evidence.packets import Packets
from netprobe.evidence.state import CommandOutput, HostState

if TYPE_CHECKING:
    from collections.abc import Callable


class Block(Protocol):
    def __call__(self, kind: int, body: bytes, order: str = "<") -> bytes: ...


FRAMES = [bytes([n]) * length for n, length in enumerate((60, 61, 62, 63, 0, 1514), 1)]


def probe() -> Probe:
    return Probe(
        target="demo:80",
        source="server1",
        proto=Proto.HTTP,
        source_at=Place(host="server1"),
        target_at=Place(host="server2", container="demo"),
        target_address="172.17.0.2",
        target_port=80,
        dialled="192.168.3.202",
        dialled_port=8080,
        way="server2 publishes demo's port 80 at 192.168.3.202:8080",
        lookup=Lookup(name="demo", how=Resolution.INVENTORY, addresses=("172.17.0.2",), server=None, steps=("a", "é")),
        result=ProbeResult(
            outcome=Outcome.REPLIED,
            detail="HTTP/1.1 200 OK, 615 bytes",
            local=("192.168.3.201", 41290),
            remote=("192.168.3.202", 8080),
            replied_from=("172.17.0.1", 0),
            started_ns=1_700_000_000_000_000_001,
            elapsed_us=412,
            head="HTTP/1.1 200 OK\nserver: é",
            tls=TlsSession(
                server_name="demo",
                version="TLSv1.3",
                cipher="TLS_AES_256_GCM_SHA384",
                certificates=(b"\x30\x00", b"\xff"),
                whole=False,
                verified=20,
                verified_why="unable to get local issuer certificate",
            ),
            through=(1400, 1401),
        ),
        size=1400,
        fail=True,
        timeout_s=2.5,
        tag="00112233aabbccdd",
        timing_ms={"probe": 12.5, "capture": 45.0},
    )


def packets(points: int) -> Packets:
    caplen = np.array([len(frame) for frame in FRAMES], np.int64)
    count = len(FRAMES)
    return Packets(
        data=b"".join(FRAMES),
        offset=np.cumsum(caplen) - caplen,
        caplen=caplen,
        origlen=caplen + np.array([0, 0, 0, 0, 0, 100]),
        time_ns=1_700_000_000_123_456_789 + np.arange(count, dtype=np.int64) * 1001,
        point=(np.arange(count) % points).astype(np.int32),
        frame=np.arange(count, dtype=np.int64) + 5,  # probe, limits and two hosts' state stand before them
    )


@pytest.fixture(scope="session")
def small() -> Evidence:
    """Everything that evidence can hold, once."""
    addr = CommandOutput(argv=("ip", "-j", "addr"), stdout='[{"ifname": "eth0"}]\n' * 20)
    nft = CommandOutput(argv=("nft", "list"), rc=None, error="nft: not found")
    return Evidence(
        probe=probe(),
        points=(
            CapturePoint(name="server1/eth0", host="server1", interface="eth0", received=7, dropped=0),
            CapturePoint(
                name="server2/demo/eth0",
                host="server2",
                container="demo",
                interface="eth0",
                capture_filter="tcp port 80 or arp",
                snaplen=1514,
            ),
            CapturePoint(name="server2/any", host="server2", interface="any", linktype=276, dropped=3),
        ),
        packets=packets(3),
        before=(
            HostState(host="server1", outputs={"addr": addr, "nft": nft}),
            HostState(host="server2", outputs={"addr": addr}),
        ),
        after=(
            HostState(host="server1", outputs={"addr": addr, "nft": CommandOutput(argv=("nft", "list"), stdout="{}")}),
            HostState(host="server3", outputs={"addr": addr}),
        ),
        limits=(Limit(kind=LimitKind.STATE, subject="server1: nft", why="not found: install nftables"),),
    )


def assert_same(left: Evidence, right: Evidence) -> None:
    for name in ("probe", "points", "before", "after", "limits"):
        assert getattr(left, name) == getattr(right, name), name
    for name in ("caplen", "origlen", "time_ns", "point", "frame"):
        one, other = getattr(left.packets, name), getattr(right.packets, name)
        assert one.dtype == other.dtype, name
        assert one.tolist() == other.tolist(), name
    assert [left.packets.raw(n) for n in range(len(left.packets))] == [
        right.packets.raw(n) for n in range(len(right.packets))
    ]


@pytest.fixture(scope="session")
def same() -> Callable[[Evidence, Evidence], None]:
    """Assert that two evidences say the same."""
    return assert_same


@pytest.fixture(scope="session")
def sound() -> Callable[[Evidence], None]:
    """Assert that evidence keeps the promises of its model, whatever the bytes it came from."""

    def check(evidence: Evidence) -> None:
        rows = evidence.packets
        assert (rows.offset >= 0).all()
        assert (rows.caplen >= 0).all()
        assert (rows.offset + rows.caplen <= len(rows.data)).all()
        assert ((rows.point >= 0) & (rows.point < len(evidence.points))).all()
        assert (np.diff(rows.frame) > 0).all()
        assert len({point.name for point in evidence.points}) == len(evidence.points)

    return check


@pytest.fixture(scope="session")
def block() -> Block:
    """Make one pcapng block."""

    def make(kind: int, body: bytes, order: str = "<") -> bytes:
        body += b"\0" * (-len(body) % 4)
        length = struct.pack(order + "I", len(body) + 12)
        return struct.pack(order + "I", kind) + length + body + length

    return make
