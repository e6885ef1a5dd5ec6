"""Packet table -> flows per capture point.

Theory: a flow's key is (point, VLAN, protocol, unordered pair of endpoints). All keys are made at once as one
structured array and grouped by one sort, so that the cost is that of the sort, not of Python objects. Where one VLAN holds what one end sent and
another what the other sent, the two are one flow (asymmetric or private VLANs, RFC 5517; a tag that was kept in one direction alone). What one point
holds twice is one packet (``copies.py``), and a TCP 5-tuple that is used again begins a new flow (``lives.py``).
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from netprobe.decode.table import SYN, SYN_ACK, Kind
from netprobe.flows.copies import copies
from netprobe.flows.lives import lives
from netprobe.flows.model import Flow, PackedEndpoint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from netprobe.decode.table import PacketTable

    _Quoted = tuple[int, Kind, frozenset[PackedEndpoint]]  # point, kind, both ends

ECHO_REQUEST = {4: 8, 6: 128}
ECHO_TYPES = (0, 8, 128, 129)
DNS_PORT = 53
_KIND_OF = {1: Kind.ICMP, 6: Kind.TCP, 17: Kind.UDP, 58: Kind.ICMP}  # by IP protocol number
ANSWER_NS = 64_000_000_000  # between the end of what one end said and what the other began to say
_WAYS = 2

_KEY = np.dtype(
    [
        ("point", "i4"), ("vlan", "i4"), ("kind", "u1"), ("version", "i1"),
        ("a_hi", "u8"), ("a_lo", "u8"), ("a_port", "i4"), ("b_hi", "u8"), ("b_lo", "u8"), ("b_port", "i4"),
    ]
)  # fmt: skip


def build(table: PacketTable) -> tuple[Flow, ...]:
    """Group a packet table into flows.

    Args:
        table: any packet table; rows that are not TCP, UDP or ICMP echo are left out (fragments without ports too).

    Returns:
        Flows in order of their first packet; ICMP errors are attached to the flow that they quote.
    """
    rows = _rows(table)
    if not len(rows):
        return ()
    keys, backward = _keys(table, rows)
    inverse = _both_ways(keys, _group(keys), backward, table.packets.time_ns[rows])
    once = ~copies(table, rows, inverse)
    rows, inverse = rows[once], inverse[once]
    order = np.lexsort((rows, table.packets.time_ns[rows], inverse))
    bounds = np.flatnonzero(np.diff(inverse[order], prepend=-1, append=inverse.max() + 1))
    flows = [
        flow
        for start, stop in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True)
        for flow in _flows_of(table, rows[order[start:stop]])
    ]
    flows.sort(key=lambda flow: _first_time(table, flow))
    numbered = [replace(flow, number=number) for number, flow in enumerate(flows)]
    return _with_errors(table, numbered)


def _rows(table: PacketTable) -> NDArray[np.int64]:
    """Rows that can belong to a flow."""
    kind = table.kind
    echo = (kind == Kind.ICMP) & np.isin(table.icmp_type, ECHO_TYPES)
    ported = (kind == Kind.TCP) | (kind == Kind.UDP)
    return np.flatnonzero((echo | ported) & (table.sport >= 0)).astype(np.int64)


def _keys(table: PacketTable, rows: NDArray[np.int64]) -> tuple[NDArray[np.void], NDArray[np.bool_]]:
    """One canonical key a row, the smaller endpoint first, and whether the larger one sent it."""
    src = (table.src_hi[rows], table.src_lo[rows], table.sport[rows])
    dst = (table.dst_hi[rows], table.dst_lo[rows], table.dport[rows])
    swap = _less(dst, src)
    keys = np.zeros(len(rows), _KEY)
    keys["point"], keys["vlan"] = table.packets.point[rows], table.vlan[rows]
    keys["kind"], keys["version"] = table.kind[rows], table.ip_version[rows]
    for index, name in enumerate(("hi", "lo", "port")):
        keys[f"a_{name}"] = np.where(swap, dst[index], src[index])
        keys[f"b_{name}"] = np.where(swap, src[index], dst[index])
    return keys, swap


def _less(one: tuple[NDArray[Any], ...], other: tuple[NDArray[Any], ...]) -> NDArray[np.bool_]:
    """Lexicographic ``one < other`` over equally long columns."""
    less = np.zeros(len(one[0]), np.bool_)
    for left, right in zip(reversed(one), reversed(other), strict=True):
        less = (left < right) | ((left == right) & less)
    return less


def _group(keys: NDArray[np.void]) -> NDArray[np.int64]:
    """The group number of each key."""
    order = np.lexsort([keys[name] for name in _KEY.names or ()])
    sorted_keys = keys[order]
    new = np.ones(len(keys), np.bool_)
    new[1:] = sorted_keys[1:] != sorted_keys[:-1]
    inverse = np.empty(len(keys), np.int64)
    inverse[order] = np.cumsum(new) - 1
    return inverse


def _both_ways(
    keys: NDArray[np.void], group: NDArray[np.int64], backward: NDArray[np.bool_], time_ns: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The group numbers, one number for two VLANs that hold one direction each of what is else one key, at one time."""
    if (keys["vlan"] == keys["vlan"][0]).all():
        return group
    order = np.lexsort((time_ns, group))
    begins = np.flatnonzero(np.diff(group[order], prepend=-1))
    back, count = np.add.reduceat(backward[order].astype(np.int64), begins), np.diff(begins, append=len(order))
    first, last = time_ns[order[begins]], time_ns[order[np.append(begins[1:], len(order)) - 1]]
    bare = keys[order[begins]]
    bare["vlan"] = 0
    of_bare = _group(bare)
    number = np.arange(len(begins))
    pairs = np.argsort(of_bare, kind="stable")
    one, other = pairs[:-1], pairs[1:]
    alone = np.bincount(of_bare)[of_bare[one]] == _WAYS
    ways = (of_bare[one] == of_bare[other]) & alone & (back[one] % count[one] == 0) & (back[other] % count[other] == 0)
    ways &= (back[one] == 0) != (back[other] == 0)
    ways &= np.maximum(first[one], first[other]) - np.minimum(last[one], last[other]) <= ANSWER_NS
    number[np.maximum(one, other)[ways]] = np.minimum(one, other)[ways]
    return number[group]


def _flows_of(table: PacketTable, rows: NDArray[np.int64]) -> Iterator[Flow]:
    """The flow, or for a reused TCP tuple the flows, of one key's rows (in time order)."""
    if table.kind[rows[0]] != Kind.TCP:
        yield _flow(table, rows)
        return
    starts = lives(table, rows)
    for start, stop in zip(starts, [*starts[1:], len(rows)], strict=True):
        yield _flow(table, rows[start:stop])


def _flow(table: PacketTable, rows: NDArray[np.int64]) -> Flow:
    first = int(rows[0])
    kind = Kind(int(table.kind[first]))
    client_row, client_is_src = _initiator(table, rows, kind)
    src, dst = source(table, client_row), destination(table, client_row)
    client, server = (src, dst) if client_is_src else (dst, src)
    from_client = (
        (table.src_hi[rows] == np.uint64(client.hi))
        & (table.src_lo[rows] == np.uint64(client.lo))
        & (table.sport[rows] == client.port)
    )
    if kind == Kind.ICMP:  # both "ports" are the identifier: an echo to oneself needs the type
        from_client &= np.isin(table.icmp_type[rows], list(ECHO_REQUEST.values()))
    forward, reverse = rows[from_client], rows[~from_client]
    isn = reply_isn = None
    if kind == Kind.TCP:
        isn = _isn(table, forward, SYN)
        reply_isn = _reply_isn(table, forward, reverse)
    return Flow(
        number=0,
        point=int(table.packets.point[first]),
        kind=kind,
        client=client,
        server=server,
        vlan=int(table.vlan[first]),
        forward=forward,
        reverse=reverse,
        isn=isn,
        reply_isn=reply_isn,
    )


def _initiator(table: PacketTable, rows: NDArray[np.int64], kind: Kind) -> tuple[int, bool]:
    """A row, and whether its sender is the client; in mid-stream a guess by the ports."""
    first = int(rows[0])
    if kind == Kind.TCP:
        flags = table.tcp_flags[rows] & SYN_ACK
        for wanted, is_src in ((SYN, True), (SYN_ACK, False)):
            found = np.flatnonzero(flags == wanted)
            if len(found):
                return int(rows[found[0]]), is_src
        return first, table.sport[first] >= table.dport[first]
    if kind == Kind.ICMP:
        return first, table.icmp_type[first] in ECHO_REQUEST.values()
    return first, not _is_answer(table, first)


def _is_answer(table: PacketTable, row: int) -> bool:
    """Whether a datagram answers one that was not captured. What goes to a group answers nobody."""
    if destination(table, row).for_many:
        return False
    return bool(
        (table.is_dns(row) and table.dns_qr[row] == 1)
        or (table.sport[row] == DNS_PORT and table.dport[row] != DNS_PORT)
    )


def _isn(table: PacketTable, rows: NDArray[np.int64], wanted: int) -> int | None:
    found = rows[(table.tcp_flags[rows] & SYN_ACK) == wanted]
    return int(table.seq[found[0]]) if len(found) else None


def _reply_isn(table: PacketTable, forward: NDArray[np.int64], reverse: NDArray[np.int64]) -> int | None:
    """The server's: of several SYN-ACKs that differ, that of the one which the client acknowledges."""
    found = reverse[(table.tcp_flags[reverse] & SYN_ACK) == SYN_ACK]
    numbers = list(dict.fromkeys(table.seq[found].tolist()))
    if len(numbers) > 1:
        acked = set(table.ack[forward].tolist())
        numbers = [each for each in numbers if (each + 1) % (1 << 32) in acked] or numbers
    return int(numbers[0]) if numbers else None


def source(table: PacketTable, row: int) -> PackedEndpoint:
    """The sender of one row."""
    return PackedEndpoint(
        int(table.ip_version[row]), int(table.src_hi[row]), int(table.src_lo[row]), int(table.sport[row])
    )


def destination(table: PacketTable, row: int) -> PackedEndpoint:
    """The receiver of one row."""
    return PackedEndpoint(
        int(table.ip_version[row]), int(table.dst_hi[row]), int(table.dst_lo[row]), int(table.dport[row])
    )


def first_row(flow: Flow, table: PacketTable) -> int:
    """The earliest row of a flow, either direction."""
    heads = [int(rows[0]) for rows in (flow.forward, flow.reverse) if len(rows)]
    return min(heads, key=lambda row: int(table.packets.time_ns[row]))


def _first_time(table: PacketTable, flow: Flow) -> int:
    return int(table.packets.time_ns[first_row(flow, table)])


def _with_errors(table: PacketTable, flows: list[Flow]) -> tuple[Flow, ...]:
    """Attach ICMP errors: the quoted packet's endpoints are those of the flow at the point that saw the error."""
    errors_at = np.flatnonzero(table.kind == Kind.ICMP_ERROR).astype(np.int64)
    rows = errors_at[~copies(table, errors_at, table.packets.point[errors_at].astype(np.int64))].tolist()
    if not rows:
        return tuple(flows)
    index: dict[_Quoted, dict[int, list[Flow]]] = {}
    for flow in flows:
        ends = frozenset((flow.client, flow.server))
        index.setdefault((flow.point, flow.kind, ends), {}).setdefault(flow.vlan, []).append(flow)
    errors: dict[int, list[int]] = {}
    for row in rows:
        for reused in index.get(_quoted(table, row), {}).values():
            errors.setdefault(_at_that_time(table, reused, row).number, []).append(row)
    return tuple(replace(flow, errors=tuple(errors[flow.number])) if flow.number in errors else flow for flow in flows)


def _quoted(table: PacketTable, row: int) -> _Quoted:
    """Whose packet an ICMP error quotes."""
    version = int(table.ip_version[row])
    ends = frozenset(
        PackedEndpoint(version, int(hi[row]), int(lo[row]), int(port[row]))
        for hi, lo, port in (
            (table.inner_src_hi, table.inner_src_lo, table.inner_sport),
            (table.inner_dst_hi, table.inner_dst_lo, table.inner_dport),
        )
    )
    return int(table.packets.point[row]), _KIND_OF.get(int(table.inner_proto[row]), Kind.IP_OTHER), ends


def _at_that_time(table: PacketTable, reused: list[Flow], row: int) -> Flow:
    """Of the flows of one 5-tuple, in order of time, the one that an error is about: the last that had begun."""
    time = int(table.packets.time_ns[row])
    begun = bisect_right(reused, time, key=lambda flow: _first_time(table, flow))
    return reused[max(begun - 1, 0)]
