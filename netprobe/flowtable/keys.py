"""Which packets belong to flows, to which, and who of the two ends sent them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from netprobe.decode.table import Kind
from netprobe.flowtable.index import WORDS
from netprobe.values import dataclass

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from netprobe.decode.chunk import Ints, Mask
    from netprobe.decode.table import PacketTable
    from netprobe.flowtable.blocks import TableRows
    from netprobe.flowtable.columns import FlowRows
    from netprobe.flowtable.index import Words

ECHO_REQUESTS, ECHO_TYPES = (8, 128), (0, 8, 128, 129)
FROM = -2  # the smallest value of a VLAN or tunnel column: TAG_UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyedPackets:
    """Packets that count: those of flows, and ICMP errors.

    Attributes:
        rows: int64 (n,), rows of the packet table, in file order.
        words: uint64 (6, n), the key of each: both halves of both addresses, the smaller end first; tunnel and ports; point, VLAN, kind and
            version. ICMP errors have one key a point.
        side: int64 (n,), 0 where the smaller end sent it (by address, then port), 1 where the larger one did. An echo to oneself: 1 the reply.
        error: bool (n,), ICMP errors.
    """

    rows: Ints
    words: Words
    side: Ints
    error: Mask


def taken(table: PacketTable) -> KeyedPackets:
    """Choose the packets of flows and the ICMP errors, and make their keys."""
    kind = table.kind
    error = kind == Kind.ICMP_ERROR
    flow = (kind == Kind.TCP) | (kind == Kind.UDP) | (kind == Kind.SCTP)
    messages = np.flatnonzero(kind == Kind.ICMP)
    flow[messages[np.isin(table.icmp_type[messages], ECHO_TYPES)]] = True
    rows = np.flatnonzero((flow & (table.sport >= 0)) | error)
    error = error[rows]
    words, side = _keys(table, rows)
    errors = np.flatnonzero(error)
    if len(errors):
        words[:, errors] = error_words(table.packets.point[rows[errors]])
        side[errors] = 0
    return KeyedPackets(rows=rows, words=words, side=side, error=error)


def _keys(table: PacketTable, rows: Ints) -> tuple[Words, Ints]:
    whole = len(rows) == len(table)
    source_port, target_port = (
        _of(column, rows, whole=whole).astype(np.int64) for column in (table.sport, table.dport)
    )
    source, target = (_of(column, rows, whole=whole) for column in (table.src_lo, table.dst_lo))
    less, equal = target < source, target == source
    swap = less | (equal & (target_port < source_port))
    words = np.zeros((WORDS, len(rows)), np.uint64)
    six = np.flatnonzero(_of(table.ip_version, rows, whole=whole) == 6)
    if len(six):
        high, other = table.src_hi[rows[six]], table.dst_hi[rows[six]]
        swap[six] = np.where(high == other, swap[six], other < high)
        words[0, six], words[2, six] = np.where(swap[six], (other, high), (high, other))
    words[1], words[3] = np.where(swap, target, source), np.where(swap, source, target)
    one, two = np.where(swap, target_port, source_port), np.where(swap, source_port, target_port)
    tunnel = _of(table.tunnel, rows, whole=whole).astype(np.int64)
    words[4] = ((tunnel + 1) << 32 | (one & 0xFFFF) << 16 | (two & 0xFFFF)).view(np.uint64)
    point, vlan = _of(table.packets.point, rows, whole=whole), _of(table.vlan, rows, whole=whole)
    kind, version = _of(table.kind, rows, whole=whole), _of(table.ip_version, rows, whole=whole)
    words[5] = _meta(point, vlan.astype(np.int64), kind.astype(np.int64), version.astype(np.int64))
    side = swap.astype(np.int64)
    echoes = np.flatnonzero(kind == Kind.ICMP)
    oneself = echoes[(words[1, echoes] == words[3, echoes]) & (words[0, echoes] == words[2, echoes])]
    side[oneself] = ~np.isin(table.icmp_type[rows[oneself]], ECHO_REQUESTS)
    return words, side


def _of(column: NDArray[Any], rows: Ints, *, whole: bool) -> NDArray[Any]:
    return column if whole else column[rows]


def _meta(point: NDArray[np.int32], vlan: Any, kind: Any, version: Any) -> NDArray[np.uint64]:
    packed: NDArray[np.int64] = point.astype(np.int64) << 32 | (vlan - FROM) << 16 | kind << 8 | version
    return packed.view(np.uint64)


def error_words(point: NDArray[np.int32]) -> Words:
    """The keys of some points' ICMP errors."""
    words = np.zeros((WORDS, len(point)), np.uint64)
    words[-1] = _meta(point, 0, int(Kind.ICMP_ERROR), 0)
    return words


def unpack(words: Words, rows: FlowRows) -> None:
    """Write keys into rows of the flow table."""
    for side in (0, 1):
        rows["hi"][:, side], rows["lo"][:, side] = words[2 * side], words[2 * side + 1]
    ports, meta = words[4].view(np.int64), words[5].view(np.int64)
    rows["port"][:, 0], rows["port"][:, 1] = ports >> 16 & 0xFFFF, ports & 0xFFFF
    rows["tunnel"] = (ports >> 32) - 1
    rows["point"], rows["vlan"] = meta >> 32, (meta >> 16 & 0xFFFF) + FROM
    rows["kind"], rows["version"] = meta >> 8 & 0xFF, meta & 0xFF


def pack(rows: TableRows) -> Words:
    """The keys of rows of the flow table, uint64 (6, n): what :func:`unpack` reads, whichever end is the client."""
    hi, lo, port = rows["hi"], rows["lo"], rows["port"].astype(np.int64)
    high = np.where(rows["version"][:, None] == 6, hi, np.uint64(0))
    swap = high[:, 1] < high[:, 0]
    same = high[:, 1] == high[:, 0]
    swap |= same & ((lo[:, 1] < lo[:, 0]) | ((lo[:, 1] == lo[:, 0]) & (port[:, 1] < port[:, 0])))
    one, two = swap.astype(np.int64), 1 - swap.astype(np.int64)
    at = np.arange(len(rows))
    ports = (rows["tunnel"].astype(np.int64) + 1) << 32 | port[at, one] << 16 | port[at, two]
    meta = _meta(
        rows["point"], rows["vlan"].astype(np.int64), rows["kind"].astype(np.int64), rows["version"].astype(np.int64)
    )
    return np.stack([high[at, one], lo[at, one], high[at, two], lo[at, two], ports.view(np.uint64), meta])
