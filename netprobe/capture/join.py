"""Joining what the sniffers wrote, one pcap stream a point, into evidence."""

from __future__ import annotations

import base64
import binascii
from dataclasses import field
from typing import TYPE_CHECKING

import numpy as np

from netprobe.capture.plan import SNAPLEN
from netprobe.evidence.model import CapturePoint, Limit, LimitKind
from netprobe.evidence.packets import Packets
from netprobe.evidence.pcap import pcap_order, read_pcap
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from netprobe.capture.plan import Point
    from netprobe.evidence.capture import Capture
    from netprobe.hosts.session import Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Captured:
    """What was captured, as parts of the evidence."""

    points: tuple[CapturePoint, ...] = ()
    packets: Packets = field(default_factory=Packets.none)
    limits: tuple[Limit, ...] = ()


def join(points: Sequence[Point], reports: Mapping[str, Answer], failed: Mapping[str, str]) -> Captured:
    """Join the points' pcap streams; a point without one is left out, and said in a limit."""
    kept: list[tuple[CapturePoint, bytes, Capture]] = []
    limits = [_limit(name, why) for name, why in failed.items()]
    for point in points:
        report = reports.get(point.name)
        if report is None:
            continue
        data = _decoded(report.get("pcap"))
        order = pcap_order(data)
        if order is None:
            limits.append(_limit(point.name, str(report.get("error") or "the sniffer wrote nothing")))
            continue
        capture = read_pcap(data, order)
        kept.append((_capture_point(point, report, capture), data, capture))
        if report.get("error"):
            why = f"sniffed in part: {report['error']}"
            limits.append(Limit(kind=LimitKind.PART, subject=point.name, why=why))
        if report.get("dropped"):
            limits.append(
                _limit(point.name, f"the kernel dropped {report['dropped']} packets: absence proves nothing here")
            )
    return Captured(points=tuple(point for point, _, _ in kept), packets=_packets(kept), limits=tuple(limits))


def _decoded(parts: object) -> bytes:
    texts = parts if isinstance(parts, list) else [parts]
    try:
        return b"".join(base64.b64decode(text) for text in texts if isinstance(text, str))
    except binascii.Error:
        return b""


def _capture_point(point: Point, report: Answer, capture: Capture) -> CapturePoint:
    return CapturePoint(
        name=point.name,
        host=point.place.host,
        container=point.place.container,
        interface=point.interface,
        linktype=capture.interfaces[0].linktype if capture.interfaces else 1,
        capture_filter=point.capture_filter,
        snaplen=SNAPLEN,
        received=report.get("received"),
        dropped=report.get("dropped"),
    )


def _packets(kept: Sequence[tuple[CapturePoint, bytes, Capture]]) -> Packets:
    if not kept:
        return Packets.none()
    starts = np.cumsum([0, *(len(data) for _, data, _ in kept)])
    rows = [capture.rows for _, _, capture in kept]
    count = sum(len(row.offset) for row in rows)
    return Packets(
        data=b"".join(data for _, data, _ in kept),
        offset=np.concatenate([row.offset + start for row, start in zip(rows, starts[:-1], strict=True)]),
        caplen=np.concatenate([row.caplen for row in rows]),
        origlen=np.concatenate([row.origlen for row in rows]),
        time_ns=np.concatenate([row.time_ns for row in rows]),
        point=np.concatenate([np.full(len(row.offset), number, np.int32) for number, row in enumerate(rows)]),
        frame=np.arange(1, count + 1, dtype=np.int64),
    )


def _limit(point: str, why: str) -> Limit:
    return Limit(kind=LimitKind.POINT, subject=point, why=why)
