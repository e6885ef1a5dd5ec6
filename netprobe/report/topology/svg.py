"""A topology as SVG: text that can be selected, colours by class and variable, no ids, no scripts, nothing from elsewhere.

The same topology and journey give the same text. Sizes are those of its viewBox; a page scales it, or lets it scroll.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from netprobe.model.report import Verdict
from netprobe.report.language import _
from netprobe.report.topology.picture import Shape, compose
from netprobe.report.topology.shortened import shown
from netprobe.report.topology.style import Palette, style
from netprobe.topology.collapse import collapsed

if TYPE_CHECKING:
    from netprobe.report.topology.canvas import Spot
    from netprobe.report.topology.picture import Picture
    from netprobe.report.topology.way import DrawnWay, Line
    from netprobe.topology.model import Topology
    from netprobe.topology.overlay import Overlay

_ARROW = 26.0  # a stretch that is longer gets an arrowhead
_NAMED = 12


def svg(
    topology: Topology,
    journey: Overlay | None = None,
    palette: Palette = Palette.AUTO,
    shape: Shape = Shape.WIDE,
    *,
    whole: bool = False,
) -> str:
    """Return a topology as an SVG element, with a journey drawn through it.

    Args:
        topology: what there is.
        journey: its points are numbered, its way is drawn, and where it ended is marked; None: the topology alone.
        palette: colours. ``PAGE`` leaves the style sheet out: the page has it once, for several pictures.
        shape: wide, or 360 px for a phone.
        whole: leave nothing out of large hosts.
    """
    points = journey.points if journey is not None else frozenset[str]()
    picture = compose(topology if whole else collapsed(topology, points), journey, shape)
    root = _root(topology, journey, picture, shape)
    if palette is not Palette.PAGE:
        ET.SubElement(root, "style").text = style(palette)
    _draw(root, picture, journey)
    return ET.tostring(root, encoding="unicode") + "\n"


def _root(topology: Topology, journey: Overlay | None, picture: Picture, shape: Shape) -> ET.Element:
    size = {
        "viewBox": f"0 0 {_n(picture.width)} {_n(picture.height)}",
        "width": _n(picture.width),
        "height": _n(picture.height),
    }
    root = ET.Element(
        "svg",
        {"xmlns": "http://www.w3.org/2000/svg", "class": f"np-topology np-{shape.value}", "role": "img", **size},
    )
    ET.SubElement(root, "title").text = _title(topology, journey)
    ET.SubElement(root, "desc").text = _described(topology, journey)
    return root


def _title(topology: Topology, journey: Overlay | None) -> str:
    if journey is None:
        names = [shown(each.name or "captures", 40) for each in topology.hosts]
        return f"Network topology of {', '.join(names[:_NAMED])}{' …' if len(names) > _NAMED else ''}"
    end = f": {shown(journey.words, 60)}" if journey.words else ""
    asked = _("{target} from {source}").format(target=shown(journey.target, 60), source=shown(journey.source, 60))
    return f"{_('{}: ').format(asked)}{_(journey.verdict.value)}{end}"


def _described(topology: Topology, journey: Overlay | None) -> str:
    if journey is None:
        return "; ".join(
            f"{shown(each.name or 'captures', 40)}: {len(each.namespaces)} container namespaces, {len(each.own.interfaces)} interfaces"
            for each in topology.hosts[:_NAMED]
        )
    seen = "would pass" if not journey.sent else "passed"
    way = ", ".join(shown(each.point, 60) for each in journey.request[: 2 * _NAMED])
    lost = f"; it was not seen at {shown(journey.missing, 60)}" if journey.missing else ""
    return f"The {'answer' if journey.ended_on_reply else 'packet'} {seen} {way or 'no capture point'}{lost}."


def _draw(root: ET.Element, picture: Picture, journey: Overlay | None) -> None:
    canvas = picture.canvas
    for edge in canvas.edges:
        _line(root, edge.corners, edge.kind)
    boxes = ET.Element("g")
    hosts = [box for box in canvas.boxes if box.kind.startswith("host")]
    for box in [*hosts, *(each for each in canvas.boxes if not each.kind.startswith("host"))]:
        element = ET.SubElement(
            boxes,
            "rect",
            {"class": box.kind, "x": _n(box.x), "y": _n(box.y), "width": _n(box.width), "height": _n(box.height)},
        )
        if box.title:
            ET.SubElement(element, "title").text = box.title
    # Hosts lie beneath the lines, all else above them.
    for element in [*boxes][: len(hosts)]:
        root.insert(len(root) - len(canvas.edges), element)
    root.extend([*boxes][len(hosts) :])
    if picture.way is not None and journey is not None:
        _way(root, picture.way, journey)
    for text in canvas.texts:
        anchor = {"text-anchor": text.anchor} if text.anchor != "start" else {}
        element = ET.SubElement(root, "text", {"class": text.kind, "x": _n(text.x), "y": _n(text.y), **anchor})
        element.text = text.text
    if picture.way is not None and journey is not None:
        _marks(root, picture, picture.way, journey)


def _way(root: ET.Element, way: DrawnWay, journey: Overlay) -> None:
    predicted = "" if journey.sent else " predicted"
    for each in way.reply if set(map(_unordered, way.reply)) != set(map(_unordered, way.request)) else ():
        _line(root, tuple(each), "back")
    for each in way.through:
        _line(root, each, "through")
    for each in way.request:
        _line(root, each, f"way{predicted}")
        _arrow(root, each)
    if len(way.lost) > 1:
        _line(root, way.lost, "lost")


def _unordered(line: Line) -> frozenset[Spot]:
    return frozenset((line[0], line[-1]))


def _arrow(root: ET.Element, line: Line) -> None:
    """An arrowhead in the middle of a line's longest stretch."""
    one, other = max(pairwise(line), key=lambda each: abs(each[0].x - each[1].x) + abs(each[0].y - each[1].y))
    length = ((other.x - one.x) ** 2 + (other.y - one.y) ** 2) ** 0.5
    if length < _ARROW:
        return
    x, y = (one.x + other.x) / 2, (one.y + other.y) / 2
    dx, dy = (other.x - one.x) / length, (other.y - one.y) / length
    tip = (x + 6 * dx, y + 6 * dy)
    sides = [(x - 4 * dx - 5 * s * dy, y - 4 * dy + 5 * s * dx) for s in (1, -1)]
    ET.SubElement(root, "polygon", {"class": "head", "points": " ".join(f"{_n(a)},{_n(b)}" for a, b in (tip, *sides))})


def _marks(root: ET.Element, picture: Picture, way: DrawnWay, journey: Overlay) -> None:
    for (x, y), words in way.numbers:
        width = 16 if len(words) == 1 else 10 + 6 * len(words)
        left = x + 8 - width
        place = {"x": _n(left), "y": _n(y - 8), "width": _n(width), "height": "16"}
        ET.SubElement(root, "rect", {"class": "number", **place})
        text = {"class": "on", "x": _n(left + width / 2), "y": _n(y + 3.5), "text-anchor": "middle"}
        ET.SubElement(root, "text", text).text = words
    if way.end is not None:
        words = f"answer: {journey.words}" if journey.ended_on_reply else journey.words
        _ended(root, picture, way.end, shown(words, 44), sure=journey.verdict is Verdict.FAILS)


def _ended(root: ET.Element, picture: Picture, at: Spot, words: str, *, sure: bool) -> None:
    x, y = at
    ET.SubElement(root, "circle", {"class": "end" if sure else "end unsure", "cx": _n(x), "cy": _n(y), "r": "9"})
    for sign in (1, -1) if sure else ():
        _line(root, ((x - 3.5, y - 3.5 * sign), (x + 3.5, y + 3.5 * sign)), "cross")
    if not sure:
        ET.SubElement(root, "text", {"class": "on", "x": _n(x), "y": _n(y + 3.5), "text-anchor": "middle"}).text = "?"
    width = len(words) * 7.0 + 12
    left = x + 13 if x + 13 + width <= picture.width - 4 else max(4.0, x - 13 - width)
    place = {"x": _n(left), "y": _n(y - 9), "width": _n(width), "height": "18"}
    ET.SubElement(root, "rect", {"class": "said", **place})
    ET.SubElement(root, "text", {"class": "why", "x": _n(left + 6), "y": _n(y + 4)}).text = words


def _line(root: ET.Element, corners: tuple[tuple[float, float], ...], kind: str) -> None:
    ET.SubElement(root, "polyline", {"class": kind, "points": " ".join(f"{_n(x)},{_n(y)}" for x, y in corners)})


def _n(value: float) -> str:
    """A number as SVG has it: a tenth of a pixel is enough."""
    return f"{value:.1f}".rstrip("0").rstrip(".")
