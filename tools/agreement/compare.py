"""One file read by both: which columns differ in which frames, and how."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from agreement.expected import NOTHING, expected
from agreement.left_out import left_out
from agreement.tshark import Frame, frames
from netprobe.decode.address import text as address_text
from netprobe.decode.decoder import decode
from netprobe.decode.table import TAG_UNKNOWN, Anomaly
from netprobe.errors import NetprobeError
from netprobe.evidence.files import load
from netprobe.evidence.model import LimitKind
from netprobe.evidence.stream.whole import read

if TYPE_CHECKING:
    from pathlib import Path

    from agreement.expected import Value
    from netprobe.decode.table import PacketTable

_CAPTURED = ("time_ns", "caplen", "origlen", "point")
_SHOWN = 256  # bytes of a frame that a reason may look at
COLUMNS = ("frame", *_CAPTURED, *NOTHING)
"""What is compared: ``frame`` is whether both found that frame at all."""

_ADDRESSES = ("src", "dst", "inner_src", "inner_dst", "nd_target")


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One value that differs.

    Attributes:
        column, frame: where.
        ours, theirs: netprobe's value and tshark's.
        said: all that tshark says of the frame.
        anomalies: what netprobe calls odd about the frame, or why it stopped reading the file.
        length: bytes of the frame on the wire. claimed: of the IP packet, by its header; -1 no IP.
        data: the frame's first bytes, as netprobe has them.
    """

    column: str
    frame: int
    ours: Value
    theirs: Value
    said: Frame = field(default_factory=lambda: Frame(()))
    anomalies: tuple[str, ...] = ()
    length: int = 0
    claimed: int = -1
    data: bytes = b""

    @property
    def protocols(self) -> tuple[str, ...]:
        """The frame's layers as tshark has them."""
        return self.said.protocols


@dataclass(slots=True, kw_only=True)
class Compared:
    """One file.

    Attributes:
        file: its name.
        frames: how many both read.
        columns: the columns that say something of at least one of its frames.
        differences: all of them.
        left_out: why frames were not compared, or not in all columns, and how many.
        refused: why the file was not compared: neither reads a packet of it.
    """

    file: Path
    frames: int = 0
    columns: set[str] = field(default_factory=set)
    differences: list[Difference] = field(default_factory=list)
    left_out: dict[str, int] = field(default_factory=dict)
    refused: str = ""


def compare(file: Path, cache: Path | None = None) -> Compared:
    """Hold one file's columns against tshark's fields."""
    out = Compared(file=file)
    theirs = frames(file, cache)
    try:
        evidence = read(load(file), name=str(file))
    except NetprobeError as fault:
        if not theirs:
            out.refused = "neither opens it"
        _missing(out, set(theirs), theirs, (f"netprobe refuses it: {str(fault).removeprefix(f'{file}: ')}",))
        return out
    table = decode(evidence.packets, evidence.points)
    ours = {int(number): row for row, number in enumerate(table.packets.frame.tolist())}
    if not theirs:
        out.refused = f"tshark opens it not, or finds no packet in it; netprobe reads {'some' if ours else 'none'}"
        return out
    stop = tuple(limit.why for limit in evidence.limits if limit.kind is LimitKind.FILE)
    _missing(out, theirs.keys() ^ ours.keys(), theirs, stop)
    for number in sorted(theirs.keys() & ours.keys()):
        row = ours[number]
        _frame(out, table, row, theirs[number], evidence.points[int(table.packets.point[row])].linktype)
    return out


def _missing(out: Compared, numbers: set[int], theirs: dict[int, Frame], stop: tuple[str, ...] = ()) -> None:
    out.columns.add("frame")
    for number in sorted(numbers):
        frame = theirs.get(number)
        if frame is not None and frame.text("frame.time_epoch") is None:
            _count(out, "a pcapng block for other tools, which is a frame to tshark")
            continue
        difference = Difference(
            column="frame",
            frame=number,
            ours=int(frame is None),
            theirs=int(frame is not None),
            anomalies=stop,
            length=(frame.number("frame.len") or 0) if frame else 0,
        )
        out.differences.append(difference if frame is None else replace(difference, said=frame))


def _count(out: Compared, why: str) -> None:
    out.left_out[why] = out.left_out.get(why, 0) + 1


def _frame(out: Compared, table: PacketTable, row: int, frame: Frame, linktype: int) -> None:
    anomaly = Anomaly(int(table.anomaly[row]))
    left = tuple(left_out(frame, linktype if anomaly & Anomaly.UNKNOWN_LINKTYPE else None))
    for each in left:
        _count(out, each.why)
    out.frames += 1
    for column, theirs in expected(frame).items():
        if theirs is None or any(column in each.columns for each in left):
            continue
        ours = _ours(table, row, column)
        if ours != NOTHING.get(column) or theirs != NOTHING.get(column):
            out.columns.add(column)
        if ours != theirs and not (column == "vlan" and ours == TAG_UNKNOWN):
            out.differences.append(_difference(table, row, frame, column, ours, theirs))


def _difference(table: PacketTable, row: int, frame: Frame, column: str, ours: Value, theirs: Value) -> Difference:
    start, kept = int(table.packets.offset[row]), int(table.packets.caplen[row])
    return Difference(
        column=column,
        frame=int(table.packets.frame[row]),
        ours=ours,
        theirs=theirs,
        said=frame,
        anomalies=tuple(each.name or "" for each in Anomaly(int(table.anomaly[row]))),
        length=int(table.packets.origlen[row]),
        claimed=int(table.ip_len[row]),
        data=table.packets.data[start : start + min(kept, _SHOWN)],
    )


def _ours(table: PacketTable, row: int, column: str) -> Value:
    if column in _ADDRESSES:
        return _address(table, row, column)
    if column == "payload":
        return table.payload(row).hex()
    columns = table.packets if column in _CAPTURED else table
    return int(getattr(columns, column)[row])


def _address(table: PacketTable, row: int, column: str) -> str:
    high, low = (int(getattr(table, f"{column}_{half}")[row]) for half in ("hi", "lo"))
    there = {"nd_target": table.nd_flags[row] >= 0, "inner_src": _quotes(table, row), "inner_dst": _quotes(table, row)}
    version = 6 if column == "nd_target" else int(table.ip_version[row])
    return address_text(version, high, low) if version and there.get(column, True) else ""


def _quotes(table: PacketTable, row: int) -> bool:
    ends = (table.inner_src_hi, table.inner_src_lo, table.inner_dst_hi, table.inner_dst_lo)
    return bool(table.inner_proto[row] >= 0 or any(each[row] for each in ends))
