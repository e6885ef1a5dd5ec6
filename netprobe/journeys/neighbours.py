"""Who asked for whose link address, where that was seen, and who answered: ARP (RFC 826) and neighbour discovery (RFC 4861). Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from netprobe.decode.address import mac, text
from netprobe.decode.discovery import SOLICITATION
from netprobe.decode.table import Kind
from netprobe.model.neighbours import NeighbourExchange, NeighbourFrame
from netprobe.model.point import PointName
from netprobe.state.lookup import bearers_of_mac

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from netprobe.decode.table import PacketTable
    from netprobe.evidence.model import CapturePoint
    from netprobe.state.model import Host

_REQUEST, _REPLY = 1, 2  # ares_op$REQUEST, ares_op$REPLY
_NOBODY = 6, 0, 0  # the unspecified address: duplicate address detection (RFC 4862 section 5.4)
_EXCHANGES = 64  # shown at most: a scan asks for thousands


Side: TypeAlias = tuple[int, int, int]
"""An address as the columns hold it: version, high and low half."""


@dataclass(slots=True)
class _Rows:
    requests: list[int]
    answers: list[int]


def exchanges(
    table: PacketTable, points: Sequence[CapturePoint], asked: Collection[str] | None = None
) -> tuple[NeighbourExchange, ...]:
    """Group the packets of ARP and of neighbour discovery by who asks for whom.

    Args:
        table: the packet table.
        points: its capture points.
        asked: only what is asked about these addresses; None for all.

    Returns:
        In order of the first request. An announcement (an address asks for itself, or is advertised to all) is no exchange, nor is the question
        from ``::`` whether somebody has an address already, unless another says so. An answer without a request that was seen counts
        too: requests are then empty.
    """
    found: dict[tuple[Side, Side], _Rows] = {}
    here = np.flatnonzero(((table.kind == Kind.ARP) & (table.arp_op > 0)) | (table.nd_flags >= 0))
    for row in here[np.argsort(table.packets.time_ns[here], kind="stable")].tolist():
        read = (_of_arp if table.kind[row] == Kind.ARP else _of_discovery)(table, row)
        if read is None or (asked is not None and text(*read[1]) not in asked):
            continue
        asker, wanted, is_request = read
        rows = found.setdefault((asker, wanted), _Rows([], []))
        (rows.requests if is_request else rows.answers).append(row)
    first = int(table.packets.time_ns.min()) if len(table.packets) else 0
    every = [each for each in map(partial(_told, table), found.items()) if each is not None]
    return tuple(
        NeighbourExchange(
            asker=text(*asker),
            asked=text(*wanted),
            requests=tuple(_frame(table, points, row, first) for row in rows.requests),
            answers=tuple(_frame(table, points, row, first) for row in rows.answers),
        )
        for (asker, wanted), rows in every[:_EXCHANGES]
    )


def _of_arp(table: PacketTable, row: int) -> tuple[Side, Side, bool] | None:
    """Who asks for whom, and whether this is the question; None for an announcement and for other operations."""
    sender, target = (4, 0, int(table.src_lo[row])), (4, 0, int(table.dst_lo[row]))
    operation = int(table.arp_op[row])
    if sender == target or operation not in {_REQUEST, _REPLY}:
        return None
    return (sender, target, True) if operation == _REQUEST else (target, sender, False)


def _of_discovery(table: PacketTable, row: int) -> tuple[Side, Side, bool] | None:
    """The same of a solicitation or an advertisement; one to all nodes answers a question from ``::``, or is an announcement."""
    wanted = 6, int(table.nd_target_hi[row]), int(table.nd_target_lo[row])
    source = 6, int(table.src_hi[row]), int(table.src_lo[row])
    if int(table.icmp_type[row]) == SOLICITATION:
        return None if source == wanted else (source, wanted, True)
    to_all = int(table.dst_hi[row]) >> 56 == 0xFF
    return (_NOBODY if to_all else (6, int(table.dst_hi[row]), int(table.dst_lo[row]))), wanted, False


def _told(table: PacketTable, found: tuple[tuple[Side, Side], _Rows]) -> tuple[tuple[Side, Side], _Rows] | None:
    """Of a question from ``::`` only where another answers than who asked; all others as they are."""
    (asker, _), rows = found
    if asker != _NOBODY:
        return found
    asking = {int(table.eth_src[row]) for row in rows.requests}
    answers = [row for row in rows.answers if int(table.eth_src[row]) not in asking]
    return (found[0], _Rows(rows.requests, answers)) if rows.requests and answers else None


def with_names(found: Iterable[NeighbourExchange], hosts: Mapping[str, Host]) -> tuple[NeighbourExchange, ...]:
    """Say whose the hardware addresses are: by the state of the hosts that saw them, where it leaves one answer."""
    return tuple(replace(each, names=dict(_names(each, hosts))) for each in found)


def _names(exchange: NeighbourExchange, hosts: Mapping[str, Host]) -> Iterator[tuple[str, str]]:
    """A link address may be that of several containers: every engine's first has 02:42:ac:11:00:02. Then none is named."""
    for frames in (exchange.requests, exchange.answers):
        seen_at = dict.fromkeys(PointName.parse(each.point).host for each in frames)
        for address in dict.fromkeys(each.mac for each in frames):
            known = [hosts[name] for name in seen_at if name in hosts]
            places = [place for host in known for place in bearers_of_mac(host, address)]
            if len(places) == 1:
                yield address, str(places[0])


def _frame(table: PacketTable, points: Sequence[CapturePoint], row: int, first_ns: int) -> NeighbourFrame:
    vlan = int(table.vlan[row])
    said = int((table.arp_sha if table.kind[row] == Kind.ARP else table.nd_lla)[row])
    return NeighbourFrame(
        point=points[int(table.packets.point[row])].name,
        time_us=round((int(table.packets.time_ns[row]) - first_ns) / 1000, 3),
        mac=mac(said if said >= 0 else int(table.eth_src[row])),
        to_mac=mac(int(table.eth_dst[row])),
        vlan=None if vlan < 0 else vlan,
        frame=int(table.packets.frame[row]),
    )
