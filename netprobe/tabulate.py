"""``tabulate(files) -> FlowTable``: captures of any size to a flow table, chunk by chunk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netprobe.decode.decoder import decode
from netprobe.decode.table import SYN, SYN_ACK, Kind
from netprobe.flows.build import build
from netprobe.flowtable.columns import absent
from netprobe.flowtable.table import FlowTable
from netprobe.interface import load

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from netprobe.decode.table import PacketTable
    from netprobe.evidence.model import CapturePoint, Limit
    from netprobe.flows.model import Flow
    from netprobe.flowtable.columns import FlowRows

    Progress = Callable[[int, int | None], object]

_ACK = 0x10


def _quiet(_done: int, _size: int | None) -> None:
    """Tell nobody."""


def tabulate(files: Sequence[str], points: Mapping[str, str], progress: Progress = _quiet) -> FlowTable:
    """Return the flows of all files, in order of their first packets.

    Args:
        files: captures and evidence files; ``-`` is standard input.
        points: path -> the point's name, where one was given.
        progress: called now and then with how many bytes were read, and of how many (None: a pipe).

    Raises:
        UsageFault: no file, or one twice.
        EvidenceFault: a file cannot be read, or is no capture.
    """
    found: list[CapturePoint] = []
    limits: list[Limit] = []
    parts: list[FlowRows] = [absent(0)]
    for _, evidence in load(files, points):
        table = decode(evidence.packets, evidence.points)
        rows = _rows(table, build(table))
        rows["point"] += len(found)
        parts.append(rows)
        found += evidence.points
        limits += evidence.limits
        progress(len(evidence.packets.data), None)
    rows = np.concatenate(parts)
    order = np.argsort(rows["first_ns"], kind="stable")
    return FlowTable(rows=rows[order], points=tuple(found), limits=tuple(limits))


def _rows(table: PacketTable, flows: Sequence[Flow]) -> FlowRows:
    rows = absent(len(flows))
    for row, flow in zip(rows, flows, strict=True):
        _fill(row, table, flow)
    return rows


def _fill(row: np.void, table: PacketTable, flow: Flow) -> None:
    every = np.concatenate([flow.forward, flow.reverse])
    times = table.packets.time_ns
    row["point"], row["vlan"], row["kind"], row["version"], row["client"] = (
        flow.point,
        flow.vlan,
        flow.kind,
        flow.client.version,
        0,
    )
    row["first_ns"], row["last_ns"] = times[every].min(), times[every].max()
    row["first_frame"] = table.packets.frame[every[times[every].argmin()]]
    for side, (end, part) in enumerate(((flow.client, flow.forward), (flow.server, flow.reverse))):
        row["hi"][side], row["lo"][side], row["port"][side] = end.hi, end.lo, end.port
        row["packets"][side], row["bytes"][side] = len(part), table.packets.origlen[part].sum()
        row["payload"][side] = table.payload_len[part].sum()
    row["errors"] = len(flow.errors)
    if flow.kind == Kind.TCP:
        _handshake(row, table, flow)


def _handshake(row: np.void, table: PacketTable, flow: Flow) -> None:
    times, flags = table.packets.time_ns, table.tcp_flags
    syns = flow.forward[(flags[flow.forward] & SYN_ACK) == SYN]
    answers = flow.reverse[(flags[flow.reverse] & SYN_ACK) == SYN_ACK]
    row["guessed"] = not len(syns) and not len(answers)
    if not (len(syns) and len(answers)):
        return
    row["syn_ns"], row["syn_ack_ns"] = times[syns[-1]], times[answers[0]]
    acks = flow.forward[((flags[flow.forward] & (SYN | _ACK)) == _ACK) & (times[flow.forward] >= times[answers[0]])]
    row["ack_ns"] = times[acks[0]] if len(acks) else -1
