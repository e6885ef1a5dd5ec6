"""ICMP errors, kept aside while flows are tracked: an error is about the flow whose packet it quotes, which may be found before or after it.

Equal errors of many (a host that is scanned refuses each packet) are folded by the second, so that they take no memory of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from netprobe.decode.table import Kind
from netprobe.flowtable.blocks import BLOCK, BLOCK_BITS, RowBlocks
from netprobe.flowtable.index import KeyIndex

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from netprobe.decode.chunk import Ints
    from netprobe.decode.table import PacketTable
    from netprobe.flowtable.blocks import TableRows
    from netprobe.flowtable.columns import FlowRows
    from netprobe.flowtable.index import Words

    ErrorRows = NDArray[np.void]

MOST = 1 << 16  # errors that are kept one by one
_SECOND = 1_000_000_000
_KIND_OF = {1: Kind.ICMP, 6: Kind.TCP, 17: Kind.UDP, 58: Kind.ICMP, 132: Kind.SCTP}  # by IP protocol number

ERROR = np.dtype(
    [
        ("point", "i4"), ("kind", "u1"), ("version", "i1"), ("hi", "u8", (2,)), ("lo", "u8", (2,)), ("port", "i4", (2,)),
        ("type", "i2"), ("code", "i2"), ("ns", "i8"), ("count", "i8"), ("place", "i8"),
    ]
)  # fmt: skip
"""Errors that are alike: whose packet they quote (its ends, the smaller one first), type and code, when the first of them came, how many they are,
and how many errors stand before the first one."""


def read(table: PacketTable, rows: Ints) -> ErrorRows:
    """The errors in some rows of a packet table; such as quote no packet of a flow are left out.

    Args:
        table: the packet table.
        rows: rows of it that are ``Kind.ICMP_ERROR``.
    """
    rows = rows[(table.inner_sport[rows] >= 0) & (table.inner_dport[rows] >= 0)]
    out = np.zeros(len(rows), ERROR)
    columns: dict[str, NDArray[Any]] = {
        "point": table.packets.point,
        "version": table.ip_version,
        "type": table.icmp_type,
        "code": table.icmp_code,
    }
    for name, column in columns.items():
        out[name] = column[rows]
    for number, kind in _KIND_OF.items():
        out["kind"][table.inner_proto[rows] == number] = kind
    ends = [
        (table.inner_src_hi[rows], table.inner_src_lo[rows], table.inner_sport[rows]),
        (table.inner_dst_hi[rows], table.inner_dst_lo[rows], table.inner_dport[rows]),
    ]
    (hi, lo, port), (other_hi, other_lo, other_port) = ends
    same_hi = hi == other_hi
    swap = (other_hi < hi) | (same_hi & ((other_lo < lo) | ((other_lo == lo) & (other_port < port))))
    for index, name in enumerate(("hi", "lo", "port")):
        out[name][:, 0] = np.where(swap, ends[1][index], ends[0][index])
        out[name][:, 1] = np.where(swap, ends[0][index], ends[1][index])
    out["ns"], out["count"] = table.packets.time_ns[rows], 1
    return out[out["kind"] > 0]


class QuotedErrors:
    """Errors in the order of the file."""

    def __init__(self) -> None:
        self._parts: list[ErrorRows] = []
        self._held = 0
        self._all = 0
        self.folded = False

    def add(self, errors: ErrorRows, *, folded: bool = False) -> None:
        """Keep the next ones, :data:`ERROR`; their ``place`` is set here. ``folded``: equal ones are one row already."""
        self.folded |= folded
        if not len(errors):
            return
        errors["place"] = self._all + np.arange(len(errors))
        self._all += len(errors)
        self._parts.append(errors)
        self._held += len(errors)
        if self._held > MOST:
            self._fold()

    def rows(self) -> ErrorRows:
        """All of them, the earliest first."""
        if self.folded and self._parts:
            self._fold()
        errors = np.concatenate(self._parts) if self._parts else np.zeros(0, ERROR)
        return errors[np.lexsort((errors["place"], errors["ns"]))]

    def _fold(self) -> None:
        errors = np.concatenate(self._parts)
        bucket = errors["ns"] // _SECOND
        order = np.lexsort((errors["place"], errors["ns"], bucket, *_fields(errors, "type", "code"), *_key(errors)))
        errors, bucket = errors[order], bucket[order]
        new = np.ones(len(errors), np.bool_)
        new[1:] = bucket[1:] != bucket[:-1]
        for column in (*_fields(errors, "type", "code"), *_key(errors)):
            new[1:] |= column[1:] != column[:-1]
        starts = np.flatnonzero(new)
        counts = np.add.reduceat(errors["count"], starts)
        kept = errors[starts]
        kept["count"] = counts
        self._parts, self._held, self.folded = [kept], len(kept), True


def _fields(rows: NDArray[np.void], *names: str) -> list[NDArray[np.int64]]:
    return [rows[name].astype(np.int64) for name in names]


def _key(rows: NDArray[np.void]) -> list[NDArray[np.int64]]:
    """What an error and its flow have in common."""
    ends = [rows[name][:, side].astype(np.int64) for name in ("hi", "lo", "port") for side in (0, 1)]
    return [*_fields(rows, "point", "kind", "version"), *ends]


def attach(flows: TableRows, errors: ErrorRows) -> None:
    """Note errors in the rows of the flows that they are about: of the flows of these ends (in each VLAN) the last that had begun then.

    Args:
        flows: tracked rows, of one key and begin in the order in which they were tracked.
        errors: :data:`ERROR`, the earliest first.
    """
    if not len(errors) or not len(flows):
        return
    index = KeyIndex()
    wanted = index.find(_words(errors))
    known = index.count
    mine = index.look_up(_words(flows))
    some = np.flatnonzero(mine >= 0)
    order = some[np.lexsort((flows["first_ns"][some], flows["tunnel"][some], flows["vlan"][some], mine[some]))]
    begins, ends = _bounds(flows, order, mine)
    first = np.searchsorted(mine[order][begins], np.arange(known), side="left")
    past = np.searchsorted(mine[order][begins], np.arange(known), side="right")
    run = (past - first)[wanted.number]
    error = np.repeat(np.arange(len(errors)), run)
    group = np.repeat(first[wanted.number], run) + _counting(run)
    row = _at_that_time(flows["first_ns"][order], begins[group], ends[group], errors["ns"][error], order)
    if not isinstance(flows, RowBlocks):
        _note(flows, errors, error, row)
        return
    for block in np.unique(row >> BLOCK_BITS).tolist():
        mine = row >> BLOCK_BITS == block
        held = flows[block << BLOCK_BITS : (block << BLOCK_BITS) + BLOCK]
        _note(held, errors, error[mine], row[mine] & (BLOCK - 1))
        flows.replace(block, held)


def _words(rows: TableRows | ErrorRows) -> Words:
    """The smaller end first, whoever is the client."""
    hi, lo, port = rows["hi"], rows["lo"], rows["port"].astype(np.int64)
    same = hi[:, 1] == hi[:, 0]
    swap = hi[:, 1] < hi[:, 0]
    swap |= same & ((lo[:, 1] < lo[:, 0]) | ((lo[:, 1] == lo[:, 0]) & (port[:, 1] < port[:, 0])))
    ends = [(column[:, 0], column[:, 1]) for column in (hi, lo, port)]
    (hi_one, hi_two), (lo_one, lo_two), (one, two) = ((np.where(swap, b, a), np.where(swap, a, b)) for a, b in ends)
    meta = rows["point"].astype(np.int64) << 32 | rows["kind"].astype(np.int64) << 8 | rows["version"]
    ports = one << 16 | two
    return np.stack([hi_one, lo_one, hi_two, lo_two, ports.view(np.uint64), meta.view(np.uint64)])


def _bounds(flows: TableRows, order: Ints, mine: Ints) -> tuple[Ints, Ints]:
    """Where each group of flows with one key, VLAN and tunnel begins and ends in an order."""
    new = np.zeros(len(order), np.bool_)
    new[:1] = True
    for column in (mine, flows["vlan"], flows["tunnel"]):
        new[1:] |= column[order][1:] != column[order][:-1]
    begins = np.flatnonzero(new)
    return begins, np.append(begins[1:], len(order))


def _counting(run: Ints) -> Ints:
    """0, 1, 2, … of each run."""
    return np.arange(int(run.sum())) - np.repeat(np.cumsum(run) - run, run)


def _at_that_time(begun: Ints, first: Ints, past: Ints, time: Ints, order: Ints) -> Ints:
    """The row of the last flow of each group that had begun at a time, or of its first one."""
    low, high = first.copy(), past.copy()
    while (low < high).any():
        on = low < high
        middle = (low + high) // 2
        later = begun[np.minimum(middle, len(begun) - 1)] > time
        high = np.where(on & later, middle, high)
        low = np.where(on & ~later, middle + 1, low)
    return order[np.maximum(low - 1, first)]


def _note(flows: FlowRows, errors: ErrorRows, error: Ints, row: Ints) -> None:
    np.add.at(flows["errors"], row, errors["count"][error].astype(np.int32))
    last_to_first = np.arange(len(row))[::-1]
    rows, which = row[last_to_first], error[last_to_first]
    flows["error_type"][rows], flows["error_code"][rows] = errors["type"][which], errors["code"][which]
    flows["error_ns"][rows] = errors["ns"][which]
