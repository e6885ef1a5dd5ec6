"""The ladder laid out as a table: a column a capture point, a row a packet, and in each cell how the arrow passes it."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from netprobe.model.hop import Direction
from netprobe.model.ladder import Arrow
from netprobe.model.point import PointName
from netprobe.report.hops import change_words
from netprobe.report.language import _
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from netprobe.model.hop import Change, Hop
    from netprobe.model.ladder import Gap, Ladder, LadderColumn

_MACS = frozenset({"src_mac", "dst_mac"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """A column's head. ``relay``: it is no capture point but the program that joins two connections. ``changed``: which ends differ from the column before."""

    name: str
    within: str = ""
    beside: str = ""
    host: str = ""
    leg: int = 1
    relay: bool = False
    silent: str = ""
    client: str = ""
    server: str = ""
    changed: tuple[bool, bool] = (False, False)
    tag: str = ""
    point: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """How one arrow passes one column.

    Attributes:
        classes: for the style: ``l`` and ``r`` the line comes from the left and goes to the right (``dl``, ``dr``: to and from the relay, where nobody
            looked; ``xl``, ``xr``: it was lost there), ``head-l`` and ``head-r`` it ends here, ``stub-l`` and ``stub-r`` one point alone saw it, ``seen``, ``lost``.
        frame: 0 where it was not seen. since: the time since it was first seen, ``""`` there.
        notes: what had changed here. faint: changes of link addresses.
    """

    classes: str = ""
    frame: int = 0
    since: str = ""
    notes: tuple[str, ...] = ()
    faint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LadderRow:
    """One packet, or (``gap``) what was left out."""

    time: str = ""
    info: str = ""
    size: int = 0
    says: str = ""
    again: bool = False
    reply: bool = False
    leg: int = 1
    cells: tuple[Cell, ...] = ()
    gap: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LadderTable:
    """The whole table. ``hosts``: (name, columns side by side). ``answered``, ``lost``: whether any packet is an answer, or missed."""

    hosts: tuple[tuple[str, int], ...]
    heads: tuple[Head, ...]
    rows: tuple[LadderRow, ...]
    relay: str = ""
    answered: bool = False
    lost: bool = False


def ladder_table(ladder: Ladder, every: Sequence[Hop], beside: Mapping[str, str]) -> LadderTable:
    """Return the table of a ladder; the hops tell what changed where. ``beside``: what stands beside the name of a point or interface."""
    relay = next((index for index, each in enumerate(ladder.columns) if each.leg > 1), None) if ladder.relay else None
    heads = _heads(ladder.columns, beside)
    if relay is not None:
        heads.insert(relay, Head(name=ladder.relay, relay=True, host=heads[relay].host, leg=0))
    changes = {(hop.point, hop.packet.frame): hop for hop in every if hop.packet is not None and hop.changes}
    layout = _Layout(ladder, relay, changes)
    return LadderTable(
        hosts=tuple((name, len(list(group))) for name, group in groupby(each.host for each in heads)),
        heads=tuple(heads),
        rows=tuple(layout.row(each) for each in ladder.rungs),
        relay=ladder.relay,
        answered=any(isinstance(each, Arrow) and each.direction is Direction.REPLY for each in ladder.rungs),
        lost=any(isinstance(each, Arrow) and each.lost is not None for each in ladder.rungs),
    )


def _heads(columns: Sequence[LadderColumn], beside: Mapping[str, str]) -> list[Head]:
    out: list[Head] = []
    before: LadderColumn | None = None
    for column in columns:
        at = PointName.parse(column.point)
        client, server = (str(each) for each in column.ends) if column.ends else ("", "")
        known = before if before is not None and before.leg == column.leg else None
        ends = (str(each) for each in known.ends) if known is not None and known.ends is not None else (client, server)
        out.append(
            Head(
                name=at.interface,
                within=at.container or "",
                beside=beside.get(column.point, "") or beside.get(at.interface, ""),
                host=at.host,
                leg=column.leg,
                silent={True: "", False: _("never arrived"), None: _("not observable")}[column.seen],
                client=client,
                server=server,
                changed=tuple(bool(new) and new != old for new, old in zip((client, server), ends, strict=True)),  # type: ignore[arg-type]
                tag=column.tag,
                point=column.point,
            )
        )
        before = column if column.ends is not None else before
    return out


class _Layout:
    """Where things stand: the relay's own column comes between those of the two legs."""

    def __init__(self, ladder: Ladder, relay: int | None, changed: Mapping[tuple[str, int], Hop]) -> None:
        self._columns = ladder.columns
        self._relay = relay
        self._changed = changed
        self._width = len(ladder.columns) + (relay is not None)

    def row(self, rung: Arrow | Gap) -> LadderRow:
        """Return one row."""
        if not isinstance(rung, Arrow):
            packets = _("{:,} packets").format(rung.packets) if rung.packets != 1 else _("1 packet")
            left = _("{packets} left out, from {begin} to {end}")
            return LadderRow(gap=left.format(packets=packets, begin=since(rung.from_us), end=since(rung.until_us)))
        return LadderRow(
            time=since(min(sight.time_us for sight in rung.sights)),
            info=rung.info,
            size=rung.size,
            says=rung.says,
            again=rung.again,
            reply=rung.direction is Direction.REPLY,
            leg=rung.leg,
            cells=self._cells(rung),
        )

    def _place(self, column: int) -> int:
        return column + (self._relay is not None and column >= self._relay)

    def _cells(self, arrow: Arrow) -> tuple[Cell, ...]:
        seen = {self._place(sight.column): sight for sight in arrow.sights}
        first, last = self._place(arrow.sights[0].column), self._place(arrow.sights[-1].column)
        begins, ends = self._from(arrow, first), self._to(arrow, last)
        start = min(sight.time_us for sight in arrow.sights)
        out = []
        for at in range(self._width):
            classes = _line(at, begins, first, last, ends, unseen="d" if arrow.lost is None else "x")
            if at == ends != begins:
                lost = arrow.lost is not None and at == self._place(arrow.lost)
                classes.append("lost" if lost else "head-r" if ends > begins else "head-l")
            elif at == begins == ends:
                classes += ["stub-l"] if arrow.direction is Direction.REPLY else ["stub-r"]
            sight = seen.get(at)
            if sight is None:
                out.append(Cell(classes=" ".join(classes)))
                continue
            notes, faint = self._notes(self._columns[sight.column].point, sight.frame)
            later = "" if sight.time_us == start else since(sight.time_us - start)
            out.append(
                Cell(classes=" ".join([*classes, "seen"]), frame=sight.frame, since=later, notes=notes, faint=faint)
            )
        return tuple(out)

    def _from(self, arrow: Arrow, first: int) -> int:
        """Where the arrow begins: at the relay, for what that sent."""
        forth = arrow.direction is Direction.REQUEST
        sent_by_relay = self._relay is not None and (arrow.leg > 1) is forth
        return self._relay if sent_by_relay and self._relay is not None else first

    def _to(self, arrow: Arrow, last: int) -> int:
        """Where it ends: where it was lost, or at the relay, for what comes to that."""
        if arrow.lost is not None:
            return self._place(arrow.lost)
        forth = arrow.direction is Direction.REQUEST
        if self._relay is None or (arrow.leg > 1) is forth:
            return last
        own = [self._place(index) for index, each in enumerate(self._columns) if each.leg == arrow.leg and each.seen]
        return self._relay if last == (max(own) if forth else min(own)) else last

    def _notes(self, point: str, frame: int) -> tuple[tuple[str, ...], str]:
        hop = self._changed.get((point, frame))
        changes: Sequence[Change] = hop.changes if hop is not None else ()
        notes = tuple(change_words(each) for each in changes if each.field not in _MACS and each.field != "connection")
        return notes, _("link addresses") if any(each.field in _MACS for each in changes) else ""


def _line(at: int, begins: int, first: int, last: int, ends: int, unseen: str) -> list[str]:
    """Which halves of a cell the line crosses, and (``unseen`` before it) which of them nobody saw."""
    low, high = sorted((begins, ends))
    seen_low, seen_high = sorted((first, last))
    out = []
    if low < at <= high:
        out.append("l" if seen_low < at <= seen_high else f"{unseen}l")
    if low <= at < high:
        out.append("r" if seen_low <= at < seen_high else f"{unseen}r")
    return out


def since(micro: float) -> str:
    """``+20 µs``, ``+1.02 ms``, ``+3.067 s``: a time after another."""
    sign, size = ("-", -micro) if micro < 0 else ("+", micro)
    if size >= 1e6:
        return f"{sign}{size / 1e6:.3f} s"
    return f"{sign}{size / 1e3:.2f} ms" if size >= 1e3 else f"{sign}{size:.0f} µs"
