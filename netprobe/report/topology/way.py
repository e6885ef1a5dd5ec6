"""The way of a journey through the picture: along its lines from capture point to capture point, and where it ended."""

from __future__ import annotations

from collections import deque
from itertools import pairwise
from typing import TYPE_CHECKING

from netprobe.model.point import PointName
from netprobe.report.topology.canvas import Spot
from netprobe.report.topology.frame import ROOM
from netprobe.report.topology.members import rail_of
from netprobe.report.topology.stack import proxy_node
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from netprobe.report.topology.canvas import Box, Canvas, Edge, NodeId
    from netprobe.report.topology.peers import Peer
    from netprobe.topology.model import Topology
    from netprobe.topology.overlay import Overlay, Passed

Line = tuple[Spot, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnWay:
    """What is drawn of a journey.

    Attributes:
        request, reply: lines from point to point, in order.
        lost: from the last point that saw it towards the first that did not; empty where it came through.
        through: the request's way inside the points that it passed.
        numbers: where each point's numbers stand, and what they are (``1``; ``2, 7`` where it passed twice).
        end: where it ended, None where it came through.
    """

    request: tuple[Line, ...]
    reply: tuple[Line, ...]
    lost: Line = ()
    through: tuple[Line, ...] = ()
    numbers: tuple[tuple[Spot, str], ...] = ()
    end: Spot | None = None


def way_of(canvas: Canvas, journey: Overlay, topology: Topology, peers: Sequence[Peer]) -> DrawnWay:
    """Return the way of a journey."""
    graph = _Graph(canvas)
    forth = _nodes(journey.request, topology, canvas)
    back = _nodes(journey.reply, topology, canvas)
    request = [("peer", each.address) for each in peers if each.asks] + forth
    request += [("peer", each.address) for each in peers if not each.asks]
    lost, end = _end(graph, journey, forth, back, topology)
    lines = [graph.line(*each) for each in pairwise(request)]
    return DrawnWay(
        request=tuple(filter(None, lines)),
        through=tuple(_through(lines, request[1:-1], canvas)),
        reply=tuple(filter(None, (graph.line(*each) for each in pairwise(back)))),
        lost=lost,
        numbers=_numbers(canvas, forth),
        end=end,
    )


def _through(lines: Sequence[Line], nodes: Sequence[NodeId], canvas: Canvas) -> Iterator[Line]:
    for (one, other), node in zip(pairwise(lines), nodes, strict=True):
        if one and other and one[-1] != other[0]:
            yield (one[-1], *_inside(one[-1], other[0], canvas.nodes[node]), other[0])


def _nodes(passed: Iterable[Passed], topology: Topology, canvas: Canvas) -> list[NodeId]:
    """The nodes of the points, with docker-proxy between the two connections that it joins."""
    found: list[NodeId] = []
    before: Passed | None = None
    for each in passed:
        if before is not None and before.leg != each.leg:
            outer, inner = (before, each) if before.leg < each.leg else (each, before)
            proxy = _proxy(outer, inner, topology)
            found += [proxy] if proxy in canvas.nodes else []
        node = ("point", each.point)
        found += [node] if node in canvas.nodes and (not found or found[-1] != node) else []
        before = each
    return found


def _proxy(outer: Passed, inner: Passed, topology: Topology) -> NodeId | None:
    """The docker-proxy of the host that dials what the inner connection goes to."""
    ends = {each for each in (inner.src, inner.dst) if each is not None}
    host = PointName.parse(inner.point).host
    for node in topology.hosts:
        if node.name == host:
            found = [each for each in node.proxies or () if each.dials in ends]
            listens = [e for e in found if {e.listens.port} & {x.port for x in (outer.src, outer.dst) if x is not None}]
            return proxy_node(host, (listens or found)[0]) if found else None
    return None


def _numbers(canvas: Canvas, nodes: Sequence[NodeId]) -> tuple[tuple[Spot, str], ...]:
    at: dict[NodeId, list[int]] = {}
    for number, node in enumerate((each for each in nodes if each[0] == "point"), 1):
        at.setdefault(node, []).append(number)
    return tuple((_corner(canvas.nodes[node]), ", ".join(map(str, numbers))) for node, numbers in at.items())


def _corner(box: Box) -> Spot:
    """Where a number stands: at the upper right corner, beside a box that is small."""
    return Spot(box.right + (7 if box.width < 60 else 0), box.y + 6)


def _end(
    graph: _Graph, journey: Overlay, forth: Sequence[NodeId], back: Sequence[NodeId], topology: Topology
) -> tuple[Line, Spot | None]:
    """Where it ended: at the network stack, where that lies between the last point that saw it and the first that did not, else half way."""
    if not journey.words:
        return (), None
    nodes = back if journey.ended_on_reply and back else forth
    missing = graph.canvas.nodes.get(("point", journey.missing or ""))
    if not nodes:
        return (), _never_left(graph.canvas, journey, topology)
    box = graph.canvas.nodes[nodes[-1]]
    if journey.missing is None or missing is None:
        return (), Spot(box.right, box.middle.y)
    edges = graph.path(nodes[-1], ("point", journey.missing))
    for number, (node, _) in enumerate(edges or ()):
        if node[0] == "stack":
            return _before(graph.drawn(edges[: number + 1] if edges else []), graph.canvas.nodes[node])
    line = graph.line(nodes[-1], ("point", journey.missing))
    return _half(line)


def _never_left(canvas: Canvas, journey: Overlay, topology: Topology) -> Spot | None:
    """Where nothing was seen at all it ended with who asks: at a host's network stack, or a container's interface; None where that is not found."""
    name, _, on = journey.source.partition("@")
    stack = canvas.nodes.get(("stack", name))
    if stack is not None and not on:
        return Spot(stack.x + 60, stack.bottom + ROOM / 2 - 3)
    found = [
        ("point", host.point(interface, each))
        for host in topology.hosts
        for each in host.namespaces
        for interface in each.interfaces
        if on in {"", host.name} and name in each.containers
    ]
    boxes = [canvas.nodes[each] for each in found if each in canvas.nodes]
    return Spot(boxes[0].right - 14, boxes[0].bottom) if boxes else None


def _before(line: Line, stack: Box) -> tuple[Line, Spot]:
    """A line into the stack, cut off where there is room for a mark: beneath it, or above it in the lane of the bridges."""
    last = line[-1]
    if last.y >= stack.bottom:
        end = Spot(last.x, stack.bottom + ROOM / 2)
        return (*line[:-1], end), end
    end = Spot(line[-2].x, stack.y - ROOM / 2)
    return (*line[:-2], end), end


def _half(line: Line) -> tuple[Line, Spot | None]:
    if len(line) < 2:
        return (), line[0] if line else None
    whole = sum(_length(one, other) for one, other in pairwise(line))
    so_far, taken = 0.0, [line[0]]
    for one, other in pairwise(line):
        length = _length(one, other)
        if so_far + length >= whole / 2 and length:
            part = (whole / 2 - so_far) / length
            end = Spot(one.x + (other.x - one.x) * part, one.y + (other.y - one.y) * part)
            return (*taken, end), end
        so_far += length
        taken.append(other)
    return line, line[-1]


def _length(one: Spot, other: Spot) -> float:
    return abs(one.x - other.x) + abs(one.y - other.y)


class _Graph:
    """The lines of a picture as a graph."""

    def __init__(self, canvas: Canvas) -> None:
        self.canvas = canvas
        self._from: dict[NodeId, list[tuple[NodeId, Edge]]] = {}
        for each in canvas.edges:
            self._from.setdefault(each.one, []).append((each.other, each))
            self._from.setdefault(each.other, []).append((each.one, each))

    def path(self, start: NodeId, goal: NodeId) -> list[tuple[NodeId, Edge]] | None:
        """Return the way with the fewest lines: each node that it comes to, by which line; None where nothing leads there."""
        came: dict[NodeId, tuple[NodeId, Edge] | None] = {start: None}
        waiting = deque([start])
        while waiting and goal not in came:
            node = waiting.popleft()
            for other, edge in self._from.get(node, ()):
                if other not in came:
                    came[other] = (node, edge)
                    waiting.append(other)
        if goal not in came:
            return None
        steps: list[tuple[NodeId, Edge]] = []
        while (step := came[goal]) is not None:
            steps.append((goal, step[1]))
            goal = step[0]
        return steps[::-1]

    def line(self, start: NodeId, goal: NodeId) -> Line:
        """Return the corners from one node to another; straight across where no lines lead there."""
        steps = self.path(start, goal)
        if steps is None:
            return _straight(self.canvas.nodes[start], self.canvas.nodes[goal])
        return self.drawn(steps)

    def drawn(self, steps: Sequence[tuple[NodeId, Edge]]) -> Line:
        """Return the corners of steps one after the other, with a corner inside each node where two do not meet."""
        corners: list[Spot] = []
        for number, (node, edge) in enumerate(steps):
            mine = edge.corners if edge.other == node else edge.corners[::-1]
            if corners:
                corners += _inside(corners[-1], mine[0], self.canvas.nodes[steps[number - 1][0]])
            corners += mine
        return tuple(corners)


def _inside(one: Spot, other: Spot, box: Box) -> list[Spot]:
    """The corners between two places at the edge of a node: along its middle line."""
    if box.kind == "wire" and one.y != other.y:  # by the trunk that joins its rows
        return [Spot(box.x + 1.5, one.y), Spot(box.x + 1.5, other.y)]
    if one.x == other.x or one.y == other.y:
        return []
    upright_in = one.y in {box.y, box.bottom}
    upright_out = other.y in {box.y, box.bottom}
    if upright_in and upright_out:
        middle = rail_of(box)
        return [Spot(one.x, middle), Spot(other.x, middle)]
    return [Spot(one.x, other.y)] if upright_in else [Spot(other.x, one.y)]


def _straight(one: Box, other: Box) -> Line:
    return (one.middle, other.middle)
