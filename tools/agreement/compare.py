"""One file read by both: which columns differ in which frames, and how."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from agreement.expected import NOTHING, expected, not_read
from agreement.tshark import frames
from netprobe.decode.address import text as address_text
from netprobe.decode.decoder import decode
from netprobe.decode.table import TAG_UNKNOWN, Anomaly
from netprobe.errors import NetprobeError
from netprobe.evidence.files import load
from netprobe.evidence.model import LimitKind
from netprobe.evidence.reader import read

if TYPE_CHECKING:
    from pathlib import Path

    from agreement.expected import Value
    from agreement.tshark import Frame
    from netprobe.decode.table import PacketTable

COLUMNS = ("frame", *("time_ns", "caplen", "origlen", "point"), *NOTHING)
"""What is compared: ``frame`` is whether both found that frame at all."""

_ADDRESSES = ("src", "dst", "inner_src", "inner_dst", "nd_target")


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One value that differs.

    Attributes:
        column, frame: where.
        ours, theirs: netprobe's value and tshark's.
        protocols: the frame's layers as tshark has them.
        anomalies: what netprobe calls odd about the frame, or why it stopped reading the file.
        length: bytes of the frame on the wire. claimed: of the IP packet, by its header; -1 no IP.
    """

    column: str
    frame: int
    ours: Value
    theirs: Value
    protocols: tuple[str, ...] = ()
    anomalies: tuple[str, ...] = ()
    length: int = 0
    claimed: int = -1


@dataclass(slots=True, kw_only=True)
class Compared:
    """One file.

    Attributes:
        file: its name.
        frames: how many both read.
        columns: the columns that say something of at least one of its frames.
        differences: all of them.
        left_out: why frames were not compared, and how many.
        refused: why the file was not compared: one of the two reads nothing of it.
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
    if not theirs:
        out.refused = "tshark reads no frame of it"
        return out
    try:
        evidence = read(load(file), name=str(file))
    except NetprobeError as fault:
        out.refused = str(fault)
        _missing(out, set(theirs), theirs)
        return out
    table = decode(evidence.packets, evidence.points)
    ours = {int(number): row for row, number in enumerate(table.packets.frame.tolist())}
    stop = tuple(limit.why for limit in evidence.limits if limit.kind is LimitKind.FILE)
    _missing(out, theirs.keys() ^ ours.keys(), theirs, stop)
    for number in sorted(theirs.keys() & ours.keys()):
        _frame(out, table, ours[number], theirs[number])
    return out


def _missing(out: Compared, numbers: set[int], theirs: dict[int, Frame], stop: tuple[str, ...] = ()) -> None:
    out.columns.add("frame")
    for number in sorted(numbers):
        frame = theirs.get(number)
        if (
            frame is None or frame.text("frame.time_epoch") is not None
        ):  # pcapng's blocks for tools are frames to tshark
            out.differences.append(
                Difference(
                    column="frame",
                    frame=number,
                    ours=int(frame is None),
                    theirs=int(frame is not None),
                    protocols=frame.protocols if frame else (),
                    anomalies=stop,
                    length=(frame.number("frame.len") or 0) if frame else 0,
                )
            )


def _frame(out: Compared, table: PacketTable, row: int, frame: Frame) -> None:
    anomaly = Anomaly(int(table.anomaly[row]))
    why = "link type" if anomaly & Anomaly.UNKNOWN_LINKTYPE else not_read(frame)
    wanted = expected(frame)
    if why is not None:
        out.left_out[why] = out.left_out.get(why, 0) + 1
        wanted = {
            name: wanted[name] for name in ("time_ns", "point")
        }  # of some link types tshark counts no pseudo header
    out.frames += 1
    for column, theirs in wanted.items():
        if theirs is None:
            continue
        ours = _ours(table, row, column)
        if ours != NOTHING.get(column) or theirs != NOTHING.get(column):
            out.columns.add(column)
        if ours != theirs and not (column == "vlan" and ours == TAG_UNKNOWN):
            names = tuple(each.name or "" for each in anomaly)
            out.differences.append(
                Difference(
                    column=column,
                    frame=int(table.packets.frame[row]),
                    ours=ours,
                    theirs=theirs,
                    protocols=frame.protocols,
                    anomalies=names,
                    length=int(table.packets.origlen[row]),
                    claimed=int(table.ip_len[row]),
                )
            )


def _ours(table: PacketTable, row: int, column: str) -> Value:
    if column in _ADDRESSES:
        return _address(table, row, column)
    if column == "payload":
        return table.payload(row).hex()
    columns = table.packets if column in ("time_ns", "caplen", "origlen", "point") else table
    return int(getattr(columns, column)[row])


def _address(table: PacketTable, row: int, column: str) -> str:
    high, low = (int(getattr(table, f"{column}_{half}")[row]) for half in ("hi", "lo"))
    there = {"nd_target": table.nd_flags[row] >= 0, "inner_src": _quotes(table, row), "inner_dst": _quotes(table, row)}
    version = 6 if column == "nd_target" else int(table.ip_version[row])
    return address_text(version, high, low) if version and there.get(column, True) else ""


def _quotes(table: PacketTable, row: int) -> bool:
    ends = (table.inner_src_hi, table.inner_src_lo, table.inner_dst_hi, table.inner_dst_lo)
    return bool(table.inner_proto[row] >= 0 or any(each[row] for each in ends))
