"""A small evidence, made with scapy: one HTTP request by DNAT, seen at two points."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import Ether

from netprobe.evidence.model import CapturePoint, Evidence
from netprobe.evidence.packets import Packets
from tests.report.examples import SYN_BRIDGE, SYN_IN, WORKS

if TYPE_CHECKING:
    from netprobe.model.report import Report

CLIENT, DIALLED, INNER = ("192.168.3.201", 41290), ("192.168.3.202", 80), ("172.17.0.2", 80)
REQUEST = b"GET /index.html HTTP/1.1\r\nHost: demo\r\n\r\n"
RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
POINTS = (
    CapturePoint(name="server2/eth0", host="server2", interface="eth0"),
    CapturePoint(name="server2/docker0", host="server2", interface="docker0"),
)


def segment(
    src: tuple[str, int], dst: tuple[str, int], flags: str, seq: int, ack: int, payload: bytes = b"", ttl: int = 64
) -> bytes:
    ether = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
    head = IP(src=src[0], dst=dst[0], ttl=ttl) / TCP(sport=src[1], dport=dst[1], flags=flags, seq=seq, ack=ack)
    return bytes(ether / head / payload)


def _both(forward: bool, flags: str, seq: int, ack: int, payload: bytes = b"") -> list[tuple[int, bytes]]:
    """One segment at both points, in the order in which it passes them."""
    if forward:
        return [
            (0, segment(CLIENT, DIALLED, flags, seq, ack, payload)),
            (1, segment(CLIENT, INNER, flags, seq, ack, payload, ttl=63)),
        ]
    return [
        (1, segment(INNER, CLIENT, flags, seq, ack, payload)),
        (0, segment(DIALLED, CLIENT, flags, seq, ack, payload, ttl=63)),
    ]


def evidence() -> Evidence:
    rows = [
        *_both(True, "S", 100, 0),
        *_both(False, "SA", 500, 101),
        *_both(True, "A", 101, 501),
        *_both(True, "PA", 101, 501, REQUEST),
        *_both(False, "PA", 501, 101 + len(REQUEST), RESPONSE),
    ]
    return Evidence(points=POINTS, packets=packets(rows))


def packets(rows: list[tuple[int, bytes]]) -> Packets:
    lengths = np.array([len(raw) for _, raw in rows], np.int64)
    return Packets(
        data=b"".join(raw for _, raw in rows),
        offset=np.cumsum(lengths) - lengths,
        caplen=lengths,
        origlen=lengths,
        time_ns=np.arange(len(rows), dtype=np.int64) * 20_000 + 1_700_000_000_000_000_000,
        point=np.array([point for point, _ in rows], np.int32),
        frame=np.arange(1, len(rows) + 1, dtype=np.int64),
    )


def report() -> Report:
    assert SYN_IN.packet is not None
    assert SYN_BRIDGE.packet is not None
    return replace(
        WORKS,
        hops=(
            replace(SYN_IN, packet=replace(SYN_IN.packet, frame=1)),
            replace(SYN_BRIDGE, packet=replace(SYN_BRIDGE.packet, frame=2)),
        ),
    )
