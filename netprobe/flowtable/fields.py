"""The columns that flows are shown with: name, unit, meaning, and how each comes from a flow table.

One list, :data:`FIELDS`, for ``--where``, ``--sort``, CSV, JSON, Parquet, Arrow and :func:`netprobe.read_flows`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from netprobe.decode.table import Anomaly, Kind
from netprobe.decode.tunnels import tunnel_name
from netprobe.evidence.timestamps import MAX_SECONDS
from netprobe.flowtable.columns import HISTORY, ConnState
from netprobe.flowtable.series import Addresses, Codes, Numbers, Seconds, ShortTexts, Times, Truths
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from netprobe.flowtable.series import Series
    from netprobe.flowtable.table import FlowTable

CLIENT, SERVER = 0, 1
LAST_NS = MAX_SECONDS * 1_000_000_000  # where later times are held: when that was, and how long it took, is not known
YEAR_NS = 366 * 86_400 * 1_000_000_000
STATES = tuple(state.name for state in ConnState if state is not ConnState.NONE)
_PROTO = {Kind.TCP: "tcp", Kind.UDP: "udp", Kind.ICMP: "icmp", Kind.SCTP: "sctp"}


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowField:
    """One column.

    Attributes:
        name: as it is written in ``--where``.
        kind: the class of its series.
        says: what it is, with its unit, in a few words.
        of: makes it.
        always: whether every flow has it.
    """

    name: str
    kind: type[Series]
    says: str
    of: Callable[[FlowTable], Series]
    always: bool = False


def _plain(name: str) -> Callable[[FlowTable], Numbers]:
    return lambda table: Numbers(values=table.rows[name].astype(np.int64))


def _side(name: str, side: int) -> Callable[[FlowTable], Numbers]:
    return lambda table: Numbers(values=table.rows[name][:, side].astype(np.int64))


def _sum(name: str) -> Callable[[FlowTable], Numbers]:
    return lambda table: Numbers(values=table.rows[name].sum(axis=1, dtype=np.int64))


def _address(side: int) -> Callable[[FlowTable], Addresses]:
    def of(table: FlowTable) -> Addresses:
        rows = table.rows
        return Addresses(version=rows["version"], hi=rows["hi"][:, side], lo=rows["lo"][:, side])

    return of


def _port(side: int) -> Callable[[FlowTable], Numbers]:
    """The port; an ICMP echo has none, though its row keeps the identifier there."""

    def of(table: FlowTable) -> Numbers:
        return Numbers(
            values=np.where(table.rows["kind"] == Kind.ICMP, -1, table.rows["port"][:, side]).astype(np.int64)
        )

    return of


def _between(end: str, begin: str) -> Callable[[FlowTable], Seconds]:
    def of(table: FlowTable) -> Seconds:
        return Seconds(ns=since(table.rows[end], table.rows[begin]))

    return of


def since(end: NDArray[np.int64], begin: NDArray[np.int64]) -> NDArray[np.int64]:
    """The ns between two times, one a row; -1 where one of them is not known, or they are the wrong way round."""
    absent = (end < 0) | (begin < 0) | (end < begin) | (end >= LAST_NS) | _timeless(begin, end)
    return np.where(absent, -1, end - begin)


def _timeless(begin: NDArray[np.int64], end: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Where the beginning has no time: 0, as packets without one have (pcapng, Simple Packet Block), and no later one near it, as in made captures."""
    return np.asarray((begin == 0) & ((end == 0) | (end > YEAR_NS)))


def first_of(table: FlowTable) -> Times:
    """When each row begins; absent where that is not known."""
    first, last = table.rows["first_ns"], table.rows["last_ns"]
    return Times(ns=np.where((first >= LAST_NS) | _timeless(first, last), -1, first))


def _number(table: FlowTable) -> Numbers:
    return Numbers(values=np.arange(1, len(table) + 1, dtype=np.int64) if table.number is None else table.number + 1)


def _connection(table: FlowTable) -> Numbers:
    if table.connection is None:
        return _no_numbers(table)
    return Numbers(values=table.connection + 1)


def _verdict(name: str) -> Callable[[FlowTable], Codes]:
    """One of what is said of the row's connection."""

    def of(table: FlowTable) -> Codes:
        if table.verdicts is None or table.connection is None:
            return _no_codes(table)
        series: Codes = getattr(table.verdicts, name)
        return Codes(codes=series.codes[table.connection].astype(np.int64), names=series.names)

    return of


def _no_codes(table: FlowTable) -> Codes:
    return Codes(codes=np.full(len(table.rows), -1, np.int64), names=())


def _no_numbers(table: FlowTable) -> Numbers:
    return Numbers(values=np.full(len(table.rows), -1, np.int64))


def _ended(table: FlowTable) -> Codes:
    if table.verdicts is None or table.connection is None:
        return _no_codes(table)
    return _points(table, table.verdicts.ended[table.connection])


def _reached(table: FlowTable) -> Addresses:
    if table.verdicts is None or table.connection is None:
        none = np.zeros(len(table.rows), np.uint64)
        return Addresses(version=none.astype(np.int8), hi=none, lo=none)
    made, of = table.verdicts.reached, table.connection
    return Addresses(version=made.version[of], hi=made.hi[of], lo=made.lo[of])


def _reached_port(table: FlowTable) -> Numbers:
    if table.verdicts is None or table.connection is None:
        return _no_numbers(table)
    return Numbers(values=table.verdicts.reached_port[table.connection])


def _outer(table: FlowTable) -> Numbers:
    if table.verdicts is None or table.connection is None:
        return _no_numbers(table)
    return Numbers(values=table.verdicts.outer.values[table.connection])


def _point(table: FlowTable) -> Codes:
    return _points(table, table.rows["point"])


def _points(table: FlowTable, index: NDArray[Any]) -> Codes:
    """Points by name; only those that are there, as one of a hundred thousand may be."""
    seen, code = np.unique(index, return_inverse=True)
    names = dict.fromkeys(table.points[point].name for point in seen.tolist() if point >= 0)
    place = {name: number for number, name in enumerate(names)}
    number = np.array([place[table.points[point].name] if point >= 0 else -1 for point in seen.tolist()], np.int64)
    return Codes(codes=number[code] if len(seen) else code, names=tuple(names))


def _proto(table: FlowTable) -> Codes:
    names = tuple(_PROTO.values())
    code = np.full(256, -1, np.int64)
    for number, kind in enumerate(_PROTO):
        code[kind] = number
    return Codes(codes=code[table.rows["kind"]], names=names)


def _state(table: FlowTable) -> Codes:
    return Codes(codes=table.rows["conn_state"].astype(np.int64) - 1, names=STATES)


def _history(table: FlowTable) -> ShortTexts:
    return ShortTexts(values=np.ascontiguousarray(table.rows["history"]).view(f"S{HISTORY}").ravel())


def _tunnel(table: FlowTable) -> Codes:
    numbers, codes = np.unique(table.rows["tunnel"], return_inverse=True)
    shift = int(len(numbers) > 0 and numbers[0] < 0)
    return Codes(codes=codes - shift, names=tuple(tunnel_name(int(each)) for each in numbers[shift:]))


def _anomaly(table: FlowTable) -> Codes:
    bits, codes = np.unique(table.rows["anomaly"], return_inverse=True)
    shift = int(len(bits) > 0 and bits[0] == 0)
    return Codes(codes=codes - shift, names=tuple(_anomalies(int(each)) for each in bits[shift:]))


def _anomalies(bits: int) -> str:
    return " ".join(str(each.name).lower().replace("_", "-") for each in Anomaly if each & bits)


def _guessed(table: FlowTable) -> Truths:
    return Truths(values=table.rows["guessed"] > 0)


FIELDS: tuple[FlowField, ...] = (
    FlowField(name="flow", kind=Numbers, says="its number in the whole table, from 1, in order of first packets", of=_number, always=True),
    FlowField(name="connection", kind=Numbers, says="the connection that it is one sight of, from 1; none where points were not joined", of=_connection),
    FlowField(name="outer", kind=Numbers, says="of what a proxy opened: the connection that it opened this for", of=_outer),
    FlowField(name="point", kind=Codes, says="the capture point that saw it", of=_point, always=True),
    FlowField(name="vlan", kind=Numbers, says="outermost VLAN id; none untagged, or not told", of=_plain("vlan")),
    FlowField(name="tunnel", kind=Codes, says="what carries it: vxlan, geneve or gre and its network's number, ip for IP in IP; none where nothing does", of=_tunnel),
    FlowField(name="proto", kind=Codes, says="tcp, udp, icmp (echo) or sctp", of=_proto, always=True),
    FlowField(name="client", kind=Addresses, says="address of who began", of=_address(CLIENT), always=True),
    FlowField(name="client_port", kind=Numbers, says="its port; none for ICMP", of=_port(CLIENT)),
    FlowField(name="server", kind=Addresses, says="address of who was asked, as seen at this point", of=_address(SERVER), always=True),
    FlowField(name="server_port", kind=Numbers, says="its port; none for ICMP", of=_port(SERVER)),
    FlowField(name="path", kind=Codes, says="how the connection went: the path codes of explain; none where no point shows one, undetermined where several would fit", of=_verdict("path")),
    FlowField(name="verdict", kind=Codes, says="works, fails or undetermined, as replay says of packets alone", of=_verdict("verdict")),
    FlowField(name="why", kind=Codes, says="what decides that, a code such as no-answer or refused, or leaves its path open; else none where it works", of=_verdict("why")),
    FlowField(name="ended", kind=Codes, says="the last point that the request reached", of=_ended),
    FlowField(name="reached", kind=Addresses, says="the server's address there, behind DNAT or a proxy", of=_reached),
    FlowField(name="reached_port", kind=Numbers, says="and its port", of=_reached_port),
    FlowField(name="guessed", kind=Truths, says="who is the client is a guess: the capture does not hold the beginning", of=_guessed, always=True),
    FlowField(name="state", kind=Codes, says="TCP: Zeek's conn_state", of=_state),
    FlowField(name="history", kind=ShortTexts, says="TCP, UDP: what happened, in the letters of Zeek's history", of=_history),
    FlowField(name="first", kind=Times, says="time of the first packet; none where the capture has no times, before 1970 and from 2255-03-14 on", of=first_of),
    FlowField(name="duration", kind=Seconds, says="from the first packet to the last, in s", of=_between("last_ns", "first_ns")),
    FlowField(name="rtt", kind=Seconds, says="TCP: from the SYN to the client's ACK of the SYN-ACK, in s", of=_between("ack_ns", "syn_ns")),
    FlowField(name="server_rtt", kind=Seconds, says="TCP: from the SYN to the SYN-ACK, in s", of=_between("syn_ack_ns", "syn_ns")),
    FlowField(name="packets", kind=Numbers, says="packets of both sides", of=_sum("packets"), always=True),
    FlowField(name="bytes", kind=Numbers, says="bytes of both sides on the wire, link headers included", of=_sum("bytes"), always=True),
    *(
        FlowField(name=f"{who}_{name}", kind=Numbers, says=f"{says} the {who} sent", of=_side(column, side), always=True)
        for name, column, says in (
            ("packets", "packets", "packets that"),
            ("bytes", "bytes", "bytes on the wire that"),
            ("payload", "payload", "bytes behind the TCP, UDP or ICMP header that"),
            ("retransmits", "retransmits", "TCP segments again that"),
            ("out_of_order", "out_of_order", "TCP segments in another order that"),
            ("zero_windows", "zero_windows", "segments with a window of 0 that"),
            ("resets", "resets", "RSTs that"),
        )
        for side, who in enumerate(("client", "server"))
    ),
    FlowField(name="copies", kind=Numbers, says="packets that the capture holds once more, in no other count", of=_sum("copies"), always=True),
    FlowField(name="icmp_errors", kind=Numbers, says="ICMP errors that quote a packet of it", of=_plain("errors"), always=True),
    FlowField(name="icmp_type", kind=Numbers, says="type of the first of them", of=_plain("error_type")),
    FlowField(name="icmp_code", kind=Numbers, says="code of the first of them", of=_plain("error_code")),
    FlowField(name="dns_rcode", kind=Numbers, says="response code of its best DNS answer (UDP)", of=_plain("dns_rcode")),
    FlowField(name="dns_answers", kind=Numbers, says="answers in that", of=_plain("dns_answers")),
    FlowField(name="anomaly", kind=Codes, says="names of what was odd about its packets", of=_anomaly),
    FlowField(name="frame", kind=Numbers, says="frame number of its first packet in its file", of=_plain("first_frame"), always=True),
)  # fmt: skip
"""In the order in which they are printed."""

NAMES = tuple(field.name for field in FIELDS)
BY_NAME = {field.name: field for field in FIELDS}
