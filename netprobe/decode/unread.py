"""What a capture holds and this decoder does not read: link types, and what carries packets inside of packets. Said, so that nobody takes it for absent."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from netprobe.decode.chunk import Bytes
from netprobe.decode.ethertypes import ETH_MPLS
from netprobe.decode.link import readable
from netprobe.decode.linktypes import linktype_name
from netprobe.decode.table import Anomaly, Kind
from netprobe.decode.tunnels import GENEVE_PORT, VXLAN_PORT
from netprobe.evidence.model import Limit, LimitKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from netprobe.decode.table import PacketTable
    from netprobe.evidence.model import CapturePoint

_PROTOCOLS = {
    4: "IPv4 in IP (protocol 4)",
    41: "IPv6 in IP (protocol 41)",
    47: "GRE (IP protocol 47)",
    50: "ESP (IP protocol 50)",
    97: "Ethernet in IP (protocol 97)",
    115: "L2TP (IP protocol 115)",
    137: "MPLS in IP (protocol 137)",
}
_ETHERTYPES = {
    **dict.fromkeys(ETH_MPLS, "MPLS without IP behind its labels"),
    0x88E5: "MACsec (EtherType 0x88e5)",
    0x88E7: "provider backbone bridging (EtherType 0x88e7)",
    0x894F: "NSH (EtherType 0x894f)",
}
_IN_UDP = {f"VXLAN (UDP port {VXLAN_PORT})": VXLAN_PORT, f"GENEVE (UDP port {GENEVE_PORT})": GENEVE_PORT}
_TUNNELS = tuple(dict.fromkeys([*_IN_UDP, *_PROTOCOLS.values(), *_ETHERTYPES.values()]))


def unread(table: PacketTable, points: Sequence[CapturePoint]) -> tuple[Limit, ...]:
    """One limit for each point and each thing that is not read there: of a link type (:attr:`LimitKind.PART`), of a tunnel (:attr:`LimitKind.POINT`)."""
    counts = UnreadCounts()
    counts.take(table)
    return counts.limits(points)


def later_fragments(table: PacketTable) -> int:
    """How many packets are later fragments, which have no ports."""
    return int(((table.kind == Kind.IP_OTHER) & (table.frag_off > 0)).sum())


class UnreadCounts:
    """What is not read, counted over any number of tables.

    Attributes:
        fragments: as of :func:`later_fragments`.
    """

    def __init__(self) -> None:
        self.fragments = 0
        self._links: Counter[int] = Counter()
        self._inside: dict[str, Counter[int]] = {}

    def take(self, table: PacketTable) -> None:
        """Count the packets of one more table."""
        self.fragments += later_fragments(table)
        self._links += _counts(table, (table.anomaly & Anomaly.UNKNOWN_LINKTYPE) != 0)
        for what, rows in _tunnels(table):
            if rows.any():
                self._inside[what] = self._inside.get(what, Counter()) + _counts(table, rows)

    def limits(self, points: Sequence[CapturePoint]) -> tuple[Limit, ...]:
        """As :func:`unread` has them."""
        limits = []
        for number, count in _known(self._links, points):
            why = f"its {_packets(count)} of link type {linktype_name(points[number].linktype)}, which is not read"
            limits.append(Limit(kind=LimitKind.PART, subject=points[number].name, why=why))
        for what in (name for name in _TUNNELS if name in self._inside):
            for number, count in _known(self._inside[what], points):
                why = f"{_packets(count)} {what}: what that carries is not read"
                limits.append(Limit(kind=LimitKind.POINT, subject=points[number].name, why=why))
        return tuple(limits)


def unreadable(points: Sequence[CapturePoint]) -> tuple[Limit, ...]:
    """One limit for each point whose link type is not read, however many packets it has (:attr:`LimitKind.PART`)."""
    return tuple(
        Limit(
            kind=LimitKind.PART,
            subject=point.name,
            why=f"its packets are of link type {linktype_name(point.linktype)}, which is not read",
        )
        for point in points
        if not readable(point.linktype)
    )


def _packets(count: int) -> str:
    return "1 packet is" if count == 1 else f"{count} packets are"


def _counts(table: PacketTable, rows: NDArray[np.bool_]) -> Counter[int]:
    """The points that have such rows, and how many."""
    if not rows.any():
        return Counter()
    number = table.packets.point[rows]
    found = np.bincount(number[number >= 0])
    return Counter({int(each): int(found[each]) for each in np.flatnonzero(found)})


def _known(counts: Counter[int], points: Sequence[CapturePoint]) -> list[tuple[int, int]]:
    return [(number, count) for number, count in sorted(counts.items()) if number < len(points)]


def _tunnels(table: PacketTable) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """What each tunnel is called, and its packets."""
    udp = table.kind == Kind.UDP
    for name, port in _IN_UDP.items():
        rows = udp & (table.dport == port)
        if rows.any():
            rows[rows] = _headed(table, np.flatnonzero(rows), port)
            yield name, rows
    other = table.kind == Kind.IP_OTHER
    if other.any():
        yield from ((name, other & (table.ip_proto == number)) for number, name in _PROTOCOLS.items())
    odd = table.kind == Kind.OTHER
    if odd.any():
        yield from ((name, odd & (table.ethertype == number)) for number, name in _ETHERTYPES.items())


def tunnel_of(table: PacketTable, row: int) -> str:
    """Return ``VXLAN`` or ``GENEVE`` where a datagram is one by its port and header, else ``""``."""
    name = {VXLAN_PORT: "VXLAN", GENEVE_PORT: "GENEVE"}.get(int(table.dport[row]), "")
    if not name or table.kind[row] != Kind.UDP:
        return ""
    return name if _headed(table, np.array([row]), int(table.dport[row]))[0] else ""


def _headed(table: PacketTable, rows: NDArray[np.intp], port: int) -> NDArray[np.bool_]:
    """Whether these datagrams begin with the tunnel's header; where it was not kept the port alone tells."""
    good = np.ones(len(rows), np.bool_)
    kept = np.flatnonzero(table.payload_cap[rows] >= 8)
    at, data = table.payload_off[rows[kept]], Bytes(table.packets.data)
    if port == VXLAN_PORT:
        good[kept] = data.u8(at) & 0x08 != 0  # the flag that says that there is a network identifier
    else:
        good[kept] = (data.u8(at) >> 6 == 0) & (data.u16(at + 2) >= 0x0600)  # version 0, and what it carries
    return good
