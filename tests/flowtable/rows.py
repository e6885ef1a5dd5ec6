"""Flow tables made up, for tests of what is done with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netprobe.decode.table import Kind
from netprobe.evidence.model import CapturePoint
from netprobe.flowtable.columns import absent
from netprobe.flowtable.table import FlowTable

if TYPE_CHECKING:
    from numpy.typing import NDArray

BEGUN_NS = 1_700_000_000_123_456_789
POINTS = tuple(CapturePoint(name=name, interface=name) for name in ("server2/eth0", "server2/docker0", "eth0"))


def several(count: int, *, seed: int = 1, points: tuple[CapturePoint, ...] = POINTS) -> FlowTable:
    """Flows of all kinds with anything in their columns, some of it absent."""
    rng = np.random.default_rng(seed)
    rows = absent(count)
    rows["point"] = rng.integers(0, len(points), count)
    rows["kind"] = rng.choice([Kind.TCP, Kind.UDP, Kind.ICMP], count)
    rows["version"] = rng.choice([4, 6], count)
    rows["client"], rows["guessed"] = 0, rng.integers(0, 2, count)
    rows["lo"] = rng.integers(1, 9, (count, 2)) + np.uint64(0x0A000000)
    rows["hi"] = np.where(rows["version"] == 6, 0xFD000000_00000000, 0)[:, None]
    rows["port"] = rng.choice([0, 53, 80, 443, 9999, 10000, 65535], (count, 2))
    rows["vlan"] = rng.choice([-1, 1, 4094], count)
    rows["first_ns"] = BEGUN_NS + np.sort(rng.integers(0, 10**12, count))
    rows["last_ns"] = rows["first_ns"] + rng.choice([0, 1, 999_999_999, 12_345_678_901], count)
    for name in ("packets", "bytes", "payload", "retransmits", "zero_windows", "resets", "copies"):
        rows[name] = rng.integers(0, 10 ** rng.integers(1, 8), (count, 2))
    handshake = rows["kind"] == Kind.TCP
    rows["syn_ns"][handshake] = rows["first_ns"][handshake]
    rows["ack_ns"][handshake] = rows["first_ns"][handshake] + 412_345
    histories = np.array([b"ShAd", b"Sr"], "S4").view(np.uint8).reshape(2, 4)
    rows["history"][:, :4] = histories[rng.integers(0, 2, count)] * handshake[:, None]
    rows["errors"], rows["error_type"] = rng.integers(0, 2, count), rng.choice([-1, 3], count)
    rows["anomaly"] = rng.choice([0, 2, 6], count)
    rows["first_frame"] = np.arange(1, count + 1) * 3
    return FlowTable(rows=rows, points=points, connection=np.arange(count, dtype=np.int64) // 2)


def every(table: FlowTable) -> NDArray[np.int64]:
    return np.arange(len(table), dtype=np.int64)
