"""What a replay joins and pairs in a capture, beside what is joined of its rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from netprobe.correlate.join import join
from netprobe.decode.decoder import decode
from netprobe.flows.build import build
from netprobe.journeys.clocks import on_one_clock
from netprobe.journeys.join import connections
from netprobe.journeys.proxy import inner_of
from netprobe.journeys.select import forwarded_query, is_dns
from netprobe.journeys.stray import Strays
from netprobe.journeys.untimed import timed
from tests.correlate.made import rows_of

if TYPE_CHECKING:
    from netprobe.correlate.joined import Joined
    from netprobe.decode.table import PacketTable
    from netprobe.evidence.model import Evidence
    from netprobe.journeys.model import Connection

    Rows = frozenset[int]


class Told(NamedTuple):
    """Connections as the rows that they are of: which there are, of which another is the inner one, or the answer from another address; unclear ones."""

    connections: set[Rows]
    inner: dict[Rows, Rows]
    stray: dict[Rows, Rows]
    unclear: set[Rows]


def by_replay(case: Evidence) -> tuple[PacketTable, Told]:
    """The table, each point's times on its own clock, and what a replay makes of it."""
    decoded = timed(decode(case.packets, case.points))
    table, _ = on_one_clock(decoded, case.points)
    found = connections(build(table), table)
    told = Told({_rows(each) for each in found}, {}, {}, set())
    strays = Strays(found, table)
    for each in found:
        answer = strays.reply_to(each)
        if is_dns(each, table):
            pairs = [asked_on for asked_on in [forwarded_query(each, found, table)] if asked_on]
            answer = None if pairs else answer
        else:
            pairs = [pair.inner for pair in inner_of(each, found, table)]
        if len(pairs) == 1:
            told.inner[_rows(each)] = _rows(pairs[0])
        elif pairs:
            told.unclear.add(_rows(each))
        if answer:
            told.stray[_rows(each)] = _rows(answer)
    return decoded, told


def _rows(connection: Connection) -> Rows:
    return frozenset(flow.number for flow in connection.flows)


def by_rows(joined: Joined) -> Told:
    """The same of joined rows."""
    members = [
        frozenset(joined.order[start:stop].tolist())
        for start, stop in zip(joined.begin[:-1], joined.begin[1:], strict=True)
    ]
    inner, stray = (
        {members[one]: members[other] for one, other in enumerate(column.tolist()) if other >= 0}
        for column in (joined.inner_of, joined.stray_of)
    )
    unclear = {members[number] for number in joined.unclear.nonzero()[0].tolist()}
    return Told(set(members), inner, stray, unclear)


def both(case: Evidence) -> tuple[Told, Told]:
    """What a replay tells of a capture, and what its rows do."""
    table, replayed = by_replay(case)
    return replayed, by_rows(join(rows_of(table, build(table)), case.points))
