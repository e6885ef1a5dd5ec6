"""Hosts in rows, the wires that join them beneath each row, and whoever is outside; then the journey's way through all that."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from netprobe.report.language import _
from netprobe.report.topology.canvas import Box, Canvas
from netprobe.report.topology.hostbox import draw_host
from netprobe.report.topology.peers import Peer, joined_peers, peers_of
from netprobe.report.topology.shortened import shown
from netprobe.report.topology.way import DrawnWay, way_of
from netprobe.values import dataclass

if TYPE_CHECKING:
    from netprobe.report.topology.canvas import NodeId
    from netprobe.topology.model import HostNode, Topology, Wire
    from netprobe.topology.overlay import Overlay

MARGIN = 10.0
APART = 22.0
TRUNK = 7.0
BUS = 26.0
NARROW = 360.0
HOST = 350.0
LARGE_HOST = 500.0
LARGE = 4
MOST_IN_A_ROW = 3


class Shape(StrEnum):
    """Hosts beside each other, or one under the other in 360 px: a phone's, and half a page's, width."""

    WIDE = "wide"
    NARROW = "narrow"


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture laid out; ``way`` None without a journey."""

    canvas: Canvas
    width: float
    height: float
    way: DrawnWay | None


def compose(topology: Topology, journey: Overlay | None, form: Shape) -> Picture:
    """Lay a topology out, with a journey or without."""
    peers = peers_of(topology, journey) if journey is not None else ()
    drawn = _Drawn(joined_peers(topology, peers), journey, form)
    y = drawn.rows(_heading(drawn, journey))
    y = drawn.peers(peers, y)
    way = way_of(drawn.canvas, journey, topology, peers) if journey is not None else None
    return Picture(canvas=drawn.canvas, width=drawn.width, height=y + MARGIN, way=way)


def _heading(drawn: _Drawn, journey: Overlay | None) -> float:
    if journey is None:
        return MARGIN
    cells = int((drawn.width - 2 * MARGIN) / 7.6)
    verdict = _(journey.verdict.value)
    verdict = verdict if journey.sent else _("{} (predicted)").format(verdict)
    asked = _("{target} from {source}").format(target=shown(journey.target), source=shown(journey.source))
    asked = _("{}: ").format(shown(asked, cells - len(verdict) - 2))
    drawn.canvas.text(MARGIN, MARGIN + 14, f"{asked}{verdict}", f"h {journey.verdict.value}")
    if not journey.code:
        return MARGIN + 26
    at = f" on {journey.host}" if journey.host else ""
    words = f"{journey.code}: {journey.component}{at}" if journey.component else f"{journey.code}{at}"
    drawn.canvas.text(MARGIN, MARGIN + 31, shown(words, int((drawn.width - 2 * MARGIN) / 6)), "s")
    return MARGIN + 42


class _Drawn:
    """A canvas as its rows are drawn."""

    def __init__(self, topology: Topology, journey: Overlay | None, form: Shape) -> None:
        self.canvas = Canvas()
        self._topology = topology
        # With a journey there is room for where it ends, also where no point saw it.
        self._touched = journey.points | {""} if journey is not None else frozenset[str]()
        self._rows = _in_rows(topology.hosts, form)
        self._row_of = {host.name: number for number, row in enumerate(self._rows) for host in row}
        self._trunks = [n for n, wire in enumerate(topology.wires) if len(self._rows_of(wire)) > 1]
        self._left = MARGIN + TRUNK * len(self._trunks)
        self._wired = frozenset(each for wire in topology.wires for each in wire.points)
        self._narrow = form is Shape.NARROW
        widths = [sum(map(self._width, row)) + APART * (len(row) - 1) for row in self._rows]
        self.width = NARROW if self._narrow else self._left + max(widths, default=HOST) + MARGIN
        self._buses: dict[int, list[Box]] = {}

    def _rows_of(self, wire: Wire) -> frozenset[int]:
        hosts = {each.partition("/")[0] if "/" in each else "" for each in wire.points}
        return frozenset(self._row_of[each] for each in hosts if each in self._row_of)

    def _width(self, host: HostNode) -> float:
        if self._narrow:
            return NARROW - MARGIN - self._left
        return LARGE_HOST if len(host.namespaces) > LARGE or len(host.own.interfaces) > 3 * LARGE else HOST

    def rows(self, y: float) -> float:
        """Draw all hosts and wires, and return where they end."""
        for number, row in enumerate(self._rows):
            y = self._row(row, y)
            y = self._wires(number, y)
        self._join_buses()
        return y

    def _row(self, row: tuple[HostNode, ...], y: float) -> float:
        """Hosts of one row end on one line: they are laid out twice, as their heights are known only then."""
        heights = [draw_host(Canvas(), host, 0, 0, self._width(host), self._touched, self._wired) for host in row]
        deepest, x = max(heights), self._left
        for host, height in zip(row, heights, strict=True):
            draw_host(self.canvas, host, x, y + deepest - height, self._width(host), self._touched, self._wired)
            x += self._width(host) + APART
        return y + deepest

    def _wires(self, row: int, y: float) -> float:
        """Draw the wires that reach interfaces of this row, one line each."""
        y += 14
        found = [n for n, wire in enumerate(self._topology.wires) if row in self._rows_of(wire)]
        for number in found:
            self._wire(number, row, y)
            y += BUS
        return y - (6 if found else 12)

    def _wire(self, number: int, row: int, y: float) -> None:
        wire, node = self._topology.wires[number], ("wire", str(number))
        mine = [("point", each) for each in wire.points]
        boxes = [
            (each, self.canvas.nodes[each]) for each in mine if each in self.canvas.nodes and self._in_row(each, row)
        ]
        if not boxes:
            return
        xs = [box.middle.x for _, box in boxes]
        trunk = MARGIN + TRUNK * self._trunks.index(number) + 2 if number in self._trunks else None
        left = trunk if trunk is not None else min(xs) - 26
        right = max([*xs, left + 120]) + 26
        bus = self.canvas.box(Box(left, y, min(right, self.width - MARGIN) - left, 3, "wire", shown(wire.name)))
        self.canvas.nodes.setdefault(node, bus)
        for each, box in boxes:
            self.canvas.edge(each, node, *self._down(box, y + 1.5), kind="link wired")
        self.canvas.text(bus.x + 8, y + 14, shown(wire.name, int(bus.width / 6.2)), "a")
        self._buses.setdefault(number, []).append(bus)

    def _down(self, box: Box, y: float) -> tuple[tuple[float, float], ...]:
        """From an interface to its wire: beside what stands beneath it in its host."""
        x = box.middle.x
        if not any(
            e.y > box.bottom and e.x < x < e.right and e.bottom < y
            for n, e in self.canvas.nodes.items()
            if n[0] == "point"
        ):
            return (x, box.bottom), (x, y)
        return (box.right, box.bottom - 8), (box.right + 9, box.bottom - 8), (box.right + 9, y)

    def _in_row(self, node: NodeId, row: int) -> bool:
        host = node[1].partition("/")[0] if "/" in node[1] else ""
        return self._row_of.get(host) == row

    def _join_buses(self) -> None:
        """A wire of several rows is one: its lines are joined at their left ends."""
        for buses in self._buses.values():
            if len(buses) > 1:
                first, last = buses[0], buses[-1]
                self.canvas.box(Box(first.x, first.y, 3, last.bottom - first.y, "wire"))

    def peers(self, peers: tuple[Peer, ...], y: float) -> float:
        """Draw whoever is outside beneath all, on the wire that the packet left or came by."""
        if not peers:
            return y
        taken = self._left
        width = min(190.0, (self.width - self._left - MARGIN - 12 * (len(peers) - 1)) / len(peers))
        for number, peer in enumerate(peers):
            bus = self.canvas.nodes.get(("wire", str(peer.wire)))
            last = self.width - MARGIN - width - (len(peers) - 1 - number) * (width + 12)
            box = Box(
                min(max(taken, bus.x if bus is not None else 0), last), y + 4, width, 34, "peer", shown(peer.address)
            )
            self._peer(peer, box, bus)
            taken = box.right + 12
        return y + 40

    def _peer(self, peer: Peer, box: Box, bus: Box | None) -> None:
        node = ("peer", peer.address)
        self.canvas.box(box, node)
        self.canvas.text(box.x + 8, box.y + 14, shown(peer.address, int((box.width - 16) / 6.65)), "m")
        self.canvas.text(box.x + 8, box.y + 27, "no host of these", "s")
        if bus is None:
            return
        x = box.x + 20
        if x > bus.right:
            self.canvas.box(Box(bus.right - 2, bus.y, x - bus.right + 4, 3, "wire"))
        self.canvas.edge(node, ("wire", str(peer.wire)), (x, box.y), (x, bus.y + 1.5), kind="link wired")


def _in_rows(hosts: tuple[HostNode, ...], form: Shape) -> list[tuple[HostNode, ...]]:
    rows = -(-len(hosts) // MOST_IN_A_ROW) or 1  # as even as can be
    size = 1 if form is Shape.NARROW else max(1, -(-len(hosts) // rows))
    return [hosts[number : number + size] for number in range(0, len(hosts), size)]
