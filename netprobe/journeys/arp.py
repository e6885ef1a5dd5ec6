"""Who asked for whose link address, where that was seen, and who answered (RFC 826). Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from netprobe.decode.address import mac, text
from netprobe.decode.table import Kind
from netprobe.model.point import PointName
from netprobe.model.report import ArpExchange, ArpFrame
from netprobe.state.lookup import bearers_of_mac

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from netprobe.decode.table import PacketTable
    from netprobe.evidence.model import CapturePoint
    from netprobe.state.model import Host

_REQUEST, _REPLY = 1, 2  # ares_op$REQUEST, ares_op$REPLY
_EXCHANGES = 64  # shown at most: a scan asks for thousands


@dataclass(slots=True)
class _Rows:
    requests: list[int]
    answers: list[int]


def exchanges(
    table: PacketTable, points: Sequence[CapturePoint], asked: Collection[str] | None = None
) -> tuple[ArpExchange, ...]:
    """Group the ARP packets by who asks for whom.

    Args:
        table: the packet table.
        points: its capture points.
        asked: only what is asked about these addresses; None for all.

    Returns:
        In order of the first request. An announcement (an address asks for itself) is no exchange. An answer without a request
        that was seen counts too: requests are then empty.
    """
    found: dict[tuple[int, int], _Rows] = {}
    rows_of_arp = np.flatnonzero((table.kind == Kind.ARP) & (table.arp_op > 0))
    for row in rows_of_arp[np.argsort(table.packets.time_ns[rows_of_arp], kind="stable")].tolist():
        sender, target = int(table.src_lo[row]), int(table.dst_lo[row])
        if sender == target:
            continue
        operation = int(table.arp_op[row])
        key = (sender, target) if operation == _REQUEST else (target, sender)
        if asked is not None and text(4, 0, key[1]) not in asked:
            continue
        rows = found.setdefault(key, _Rows([], []))
        if operation == _REQUEST:
            rows.requests.append(row)
        elif operation == _REPLY:
            rows.answers.append(row)
    first = int(table.packets.time_ns.min()) if len(table.packets) else 0
    every = list(found.items())
    return tuple(
        ArpExchange(
            asker=text(4, 0, asker),
            asked=text(4, 0, wanted),
            requests=tuple(_frame(table, points, row, first) for row in rows.requests),
            answers=tuple(_frame(table, points, row, first) for row in rows.answers),
        )
        for (asker, wanted), rows in every[:_EXCHANGES]
    )


def with_names(found: Iterable[ArpExchange], hosts: Mapping[str, Host]) -> tuple[ArpExchange, ...]:
    """Say whose the hardware addresses are: by the state of the hosts that saw them, where it leaves one answer."""
    return tuple(replace(each, names=dict(_names(each, hosts))) for each in found)


def _names(exchange: ArpExchange, hosts: Mapping[str, Host]) -> Iterator[tuple[str, str]]:
    """A link address may be that of several containers: every engine's first has 02:42:ac:11:00:02. Then none is named."""
    for frames in (exchange.requests, exchange.answers):
        seen_at = dict.fromkeys(PointName.parse(each.point).host for each in frames)
        for address in dict.fromkeys(each.mac for each in frames):
            known = [hosts[name] for name in seen_at if name in hosts]
            places = [place for host in known for place in bearers_of_mac(host, address)]
            if len(places) == 1:
                yield address, str(places[0])


def _frame(table: PacketTable, points: Sequence[CapturePoint], row: int, first_ns: int) -> ArpFrame:
    vlan = int(table.vlan[row])
    return ArpFrame(
        point=points[int(table.packets.point[row])].name,
        time_us=round((int(table.packets.time_ns[row]) - first_ns) / 1000, 3),
        mac=mac(int(table.arp_sha[row])),
        to_mac=mac(int(table.eth_dst[row])),
        vlan=None if vlan < 0 else vlan,
        frame=int(table.packets.frame[row]),
    )
