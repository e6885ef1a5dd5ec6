"""What a picture is made of, before anything is written: boxes, texts, and lines between nodes. Units are CSS pixels."""

from __future__ import annotations

from dataclasses import field
from typing import NamedTuple, TypeAlias

from netprobe.values import dataclass

NodeId: TypeAlias = tuple[str, ...]
"""``("point", NAME)``, ``("stack", HOST)``, ``("net", HOST, NETWORK)``, ``("proxy", HOST, LISTENS)``, ``("wire", NUMBER)``, ``("peer", ADDRESS)``."""


class Spot(NamedTuple):
    """One place."""

    x: float
    y: float


class Box(NamedTuple):
    """A rectangle of some class of the style sheet. ``title``: what is shown on pointing at it."""

    x: float
    y: float
    width: float
    height: float
    kind: str = ""
    title: str = ""

    @property
    def right(self) -> float:
        """Its right edge."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """Its lower edge."""
        return self.y + self.height

    @property
    def middle(self) -> Spot:
        """Its centre."""
        return Spot(self.x + self.width / 2, self.y + self.height / 2)


class Text(NamedTuple):
    """One line of text. ``anchor``: ``start``, ``middle`` or ``end``."""

    x: float
    y: float
    text: str
    kind: str = ""
    anchor: str = "start"


class Edge(NamedTuple):
    """A line between two nodes, by its corners."""

    one: NodeId
    other: NodeId
    corners: tuple[Spot, ...]
    kind: str = "link"


@dataclass(slots=True)
class Canvas:
    """A picture as it grows. ``nodes``: where each node is."""

    boxes: list[Box] = field(default_factory=list)
    texts: list[Text] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)
    nodes: dict[NodeId, Box] = field(default_factory=dict)

    def box(self, box: Box, node: NodeId | None = None) -> Box:
        """Draw a box, which may be a node."""
        self.boxes.append(box)
        if node is not None:
            self.nodes[node] = box
        return box

    def text(self, x: float, y: float, text: str, kind: str = "", anchor: str = "start") -> None:
        """Write a line."""
        if text:
            self.texts.append(Text(x, y, text, kind, anchor))

    def edge(self, one: NodeId, other: NodeId, *corners: tuple[float, float], kind: str = "link") -> None:
        """Draw a line between nodes."""
        self.edges.append(Edge(one, other, tuple(Spot(*each) for each in corners), kind))
