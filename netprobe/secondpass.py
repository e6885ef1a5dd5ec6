"""A second look at the packets of captures, once their flow table is known: which flows some frames are of, and the packets of some flows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netprobe.decode.link import ETHERNET_LINK
from netprobe.decode.tunnels import tunnel_name
from netprobe.engine import engine_for, size_of
from netprobe.evidence.files import shown
from netprobe.flowtable.owners import PacketOwners
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from netprobe.decode.table import PacketTable
    from netprobe.flowtable.table import FlowTable

    Progress = Callable[[int, int | None], object]


RAW_IP = 101  # LINKTYPE_RAW


def _nothing(_line: str) -> None:
    """Say nothing: the first pass did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InnerPacket:
    """A packet that another one carries.

    Attributes:
        tunnel: what carries it, as the flow table calls it.
        linktype: Ethernet's, or that of bare IP.
        origlen: its bytes on the wire.
        raw: its kept bytes.
    """

    tunnel: str
    linktype: int
    origlen: int
    raw: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowPacket:
    """One packet of a flow; of a flow inside of a tunnel the one that carries it.

    Attributes:
        flow: the flow's row.
        frame: the number that Wireshark shows in its file.
        time_ns: Unix time in ns.
        origlen: bytes on the wire.
        raw: the kept bytes.
        file: the file that ``frame`` counts in, where the capture is several; else ``""``.
        inner: of a flow inside of a tunnel its own packet, None where nothing carries it.
    """

    flow: int
    frame: int
    time_ns: int
    origlen: int
    raw: bytes
    file: str = ""
    inner: InnerPacket | None = None


def rows_of_frames(
    table: FlowTable,
    files: Sequence[str],
    points: Mapping[str, str],
    frames: Mapping[str, NDArray[np.int64]],
    progress: Progress,
) -> NDArray[np.int64]:
    """Return the rows that have at least one of these frames, in ascending order.

    Args:
        table: the flows of these files.
        files: as they were given to :func:`netprobe.tabulate.tabulate`.
        points: the same.
        frames: file -> int64, frame numbers in ascending order.
        progress: called now and then with how many bytes were read, and of how many.

    Raises:
        EvidenceFault: a file can no longer be read.
    """
    owners = PacketOwners(table.rows, np.arange(len(table), dtype=np.int64))
    wanted = {shown(file): numbers for file, numbers in frames.items()}
    found = [np.zeros(0, np.int64)]
    engine = engine_for(size_of(files), _nothing)
    stream = engine.stream(files, points)
    for _, member, packets in stream.by_file():
        progress(stream.done, stream.size)
        rows = np.flatnonzero(np.isin(packets.frame, wanted[member.file.name]))
        if len(rows):
            found.append(np.unique(owners.of(engine.decode(packets.pick(rows), stream.points, tunnels=True))[1]))
    return np.unique(np.concatenate(found))


def packets_of(
    table: FlowTable,
    numbers: NDArray[np.int64],
    files: Sequence[str],
    points: Mapping[str, str],
    most: int,
    progress: Progress,
) -> list[FlowPacket]:
    """Return the first packets of some rows, in file order.

    Args:
        table: the flows of these files.
        numbers: int64, the rows.
        files: as they were given to :func:`netprobe.tabulate.tabulate`.
        points: the same.
        most: how many packets of each row.
        progress: called now and then with how many bytes were read, and of how many.

    Raises:
        EvidenceFault: a file can no longer be read.
    """
    owners = PacketOwners(table.rows, numbers)
    last, left = int(table.rows["last_ns"][numbers].max()), dict.fromkeys(numbers.tolist(), most)
    first = int(table.rows["first_ns"][numbers].min())
    found: list[FlowPacket] = []
    engine = engine_for(size_of(files), _nothing)
    stream = engine.stream(files, points)
    for each, member, packets in stream.by_file():
        file = member.file.name if len(each.members) > 1 else ""
        progress(stream.done, stream.size)
        rows = np.flatnonzero((packets.time_ns >= first) & (packets.time_ns <= last))
        decoded = engine.decode(packets.pick(rows), stream.points, tunnels=True)
        carrier = np.maximum.accumulate(np.where(decoded.tunnel < 0, np.arange(len(decoded)), 0))
        for row, flow in zip(*(each.tolist() for each in owners.of(decoded)), strict=True):
            if left[flow]:
                left[flow] -= 1
                found.append(_packet(decoded, int(carrier[row]), row, flow, file))
        if not any(left.values()):
            break
    return found


def _packet(decoded: PacketTable, carrier: int, row: int, flow: int, file: str) -> FlowPacket:
    packets = decoded.packets
    columns = (packets.frame, packets.time_ns, packets.origlen)
    frame, time_ns, origlen = (int(column[carrier]) for column in columns)
    inner = None
    if row != carrier:
        inner = InnerPacket(
            tunnel=tunnel_name(int(decoded.tunnel[row])),
            linktype=ETHERNET_LINK if decoded.eth_src[row] >= 0 else RAW_IP,
            origlen=int(packets.origlen[row]),
            raw=packets.raw(row),
        )
    raw = packets.raw(carrier)
    return FlowPacket(flow=flow, frame=frame, time_ns=time_ns, origlen=origlen, raw=raw, file=file, inner=inner)
