"""A host's other interfaces, at the lower edge of its box: hardware and uplinks, with what stands on them (VLANs, macvlan shims) above each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.model.point import point_name
from netprobe.report.topology.canvas import Box
from netprobe.report.topology.members import draw_interface, gap_columns, rail_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from netprobe.report.topology.canvas import Canvas, NodeId
    from netprobe.report.topology.frame import Sheet
    from netprobe.topology.model import InterfaceNode

NARROWEST = 118.0
HEIGHT = 42.0
GAP = 16.0
STEP = 8.0

Over = list[tuple["NodeId", Box]]


class Nics:
    """Draws them in columns."""

    def __init__(self, canvas: Canvas, frame: Sheet, stack: Box | None) -> None:
        self._canvas = canvas
        self._frame = frame
        self._stack = stack

    def draw(self, y: float, lane: int, over: Mapping[str, Over]) -> float:
        """Draw all, join them to the stack and to the bars that are theirs, and return where they end."""
        groups = list(self._frame.bands.links().values())
        if not groups:
            return y
        rail = y
        lanes = sum(len(over.get(each.name, ())) for group in groups for each in group)
        y += 4.0 * min(lanes, 6)
        columns, width = gap_columns(self._frame.inner, NARROWEST, max(2, len(groups)), GAP)
        if len(groups) > columns:
            groups.sort(key=self._is_wired)
        for start in range(0, len(groups), columns):
            row = groups[start : start + columns]
            deepest = max(len(each) for each in row)
            for number, group in enumerate(row):
                x = self._frame.left + number * (width + GAP)
                self._column(group, x, y + (deepest - len(group)) * (HEIGHT + STEP), width)
            y += deepest * (HEIGHT + STEP) + 2
        for group in groups:
            lane, rail = self._lanes(group, lane, rail, over)
        return y - STEP

    def _is_wired(self, group: Sequence[InterfaceNode]) -> bool:
        """Those that wires lead to stand in the last row."""
        return self._frame.host.point(group[0], self._frame.host.own) in self._frame.wired

    def _column(self, group: Sequence[InterfaceNode], x: float, y: float, width: float) -> None:
        """What stands on an interface, then that itself."""
        base, *others = group
        boxes = {}
        for each in [*others, base]:
            node = ("point", self._frame.host.point(each, self._frame.host.own))
            boxes[each.name] = draw_interface(self._canvas, each, Box(x, y, width, HEIGHT), node, full=True)
            y += HEIGHT + STEP
        for each in group:
            if each.parent in boxes:
                self._stands_on(each, boxes[each.name], boxes[each.parent])
            if each is base or each.addresses:
                self._to_stack(
                    each, boxes[each.name], highest=boxes[each.name] == min(boxes.values(), key=lambda b: b.y)
                )

    def _stands_on(self, interface: InterfaceNode, box: Box, parent: Box) -> None:
        host = self._frame.host
        one, other = (
            ("point", host.point(interface, host.own)),
            ("point", point_name(host.name, interface.parent)),
        )
        if parent.y - box.bottom <= STEP + 1:
            x = box.right - 14
            self._canvas.edge(one, other, (x, box.bottom), (x, parent.y))
            return
        x = box.right + 3
        middle = box.middle.y
        self._canvas.edge(one, other, (box.right, middle), (x, middle), (x, parent.y + 8), (parent.right, parent.y + 8))

    def _to_stack(self, interface: InterfaceNode, box: Box, *, highest: bool) -> None:
        if self._stack is None:
            return
        host = self._frame.host
        node, stack = ("point", host.point(interface, host.own)), ("stack", host.name)
        above = self._free_above(box)
        if highest and above:
            x = min(max(box.x + 16, self._stack.x + 4), self._stack.right - 4)
            self._canvas.edge(node, stack, (x, box.y), (x, self._stack.bottom))
            return
        x = box.x - 4
        middle = box.middle.y
        inside = max(x, self._stack.x + 2)
        top = self._stack.bottom
        corners = ((box.x, middle), (x, middle), (x, top + 6), (inside, top + 6), (inside, top))
        self._canvas.edge(node, stack, *corners)

    def _free_above(self, box: Box) -> bool:
        """Whether nothing stands between an interface and the stack: it is in the first row."""
        assert self._stack is not None  # noqa: S101 - asked for its sake
        over = (
            each
            for node, each in self._canvas.nodes.items()
            if node[0] == "point" and each.x == box.x and self._stack.bottom <= each.y < box.y
        )
        return next(over, None) is None

    def _lanes(
        self, group: Sequence[InterfaceNode], lane: int, rail: float, over: Mapping[str, Over]
    ) -> tuple[int, float]:
        """Join interfaces to the bars that they bear, or whose ports they are, by the lanes on the right."""
        host = self._frame.host
        for each in group:
            node = ("point", host.point(each, host.own))
            box = self._canvas.nodes[node]
            for number, (bar_node, bar) in enumerate(over.get(each.name, ())):
                x = self._frame.lane(lane)
                lane += 1
                rail += 4 if rail + 4 < box.y else 0
                start = ((bar.right, rail_of(bar)), (x, rail_of(bar)), (x, rail))
                down = box.right - 12 - 6 * number
                self._canvas.edge(bar_node, node, *start, *self._down(box, down, rail))
        return lane, rail

    def _down(self, box: Box, x: float, rail: float) -> tuple[tuple[float, float], ...]:
        """From the rail above all rows to an interface, past what stands above it."""
        above = [
            each
            for node, each in self._canvas.nodes.items()
            if node[0] == "point" and each.x == box.x and rail - 2 <= each.y < box.y
        ]
        if not above:
            return (x, rail), (x, box.y)
        side = box.right + 6
        return (side, rail), (side, box.middle.y), (box.right, box.middle.y)
