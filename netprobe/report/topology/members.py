"""The containers of one band: boxes in rows, each with its interfaces at its lower edge, and the host's end of each pair on the bar."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.model.point import point_name
from netprobe.report.topology.canvas import Box
from netprobe.report.topology.frame import FLAT_RAIL, LETTER, NAME_LETTER, Guest
from netprobe.report.topology.shortened import shown
from netprobe.topology.model import KnownBy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netprobe.report.topology.bands import Band, Joint
    from netprobe.report.topology.canvas import Canvas, NodeId
    from netprobe.report.topology.frame import Sheet
    from netprobe.topology.model import ContainerNode, InterfaceNode, NamespaceNode

NARROWEST = 132.0
GAP = 12.0
CHIP = 30.0
PORT = 16.0
LINK = 12.0
MOST_PUBLISHED = 3
MOST_NAMES = 6


def gap_columns(inner: float, narrowest: float, count: int, gap: float = GAP) -> tuple[int, float]:
    """Return how many columns fit, at most ``count``, and how wide each is."""
    columns = max(1, min(count, int((inner + gap) / (narrowest + gap))))
    return columns, (inner - gap * (columns - 1)) / columns


class Members:
    """Draws one band's namespaces."""

    def __init__(self, canvas: Canvas, frame: Sheet, band: Band) -> None:
        self._canvas = canvas
        self._frame = frame
        self._band = band
        self._containers = {each.name: each for each in frame.host.containers or ()}
        self._joins: list[tuple[NodeId, float, float, float]] = []
        """node that is joined to the bar, its x, its lower edge, and the y of its row's bus (0: the bar itself)."""
        self._guest_top = 0.0

    def draw(self, y: float) -> float:
        """Draw all rows, and return where the bar may begin."""
        members = self._band.members
        columns, width = gap_columns(self._frame.inner, NARROWEST, max(2, len(members)))
        rows = [members[number : number + columns] for number in range(0, len(members), columns)]
        for number, row in enumerate(rows):
            y = self._row(row, y, width, last=number == len(rows) - 1)
        return y

    def _row(self, row: list[NamespaceNode], y: float, width: float, *, last: bool) -> float:
        height = max(self._height(each) for each in row)
        joined, ported = False, False
        for number, namespace in enumerate(row):
            box = Box(self._frame.left + number * (width + GAP), y, width, height, "ns", _all_names(namespace))
            own = self._namespace(namespace, box)
            joined = joined or own is not None
            ported = ported or (own is not None and bool(own.port))
        bottom = y + height + (LINK if joined else 0) + (PORT if ported else 0)
        self._ports(row, bottom, bus=0 if last else bottom + 3)
        return bottom if last else bottom + 14

    def _height(self, namespace: NamespaceNode) -> float:
        return sum(each[1] for each in self._lines(namespace)) + CHIP * self._chips(namespace) + 14

    def _chips(self, namespace: NamespaceNode) -> float:
        number = len(namespace.interfaces)
        return number + (number - 1) * 4 / CHIP if number else 0.3

    def _lines(self, namespace: NamespaceNode) -> Iterator[tuple[str, float, str]]:
        """Its lines: text, height, style."""
        names = namespace.containers or (namespace.owner or "",)
        for name in names[:MOST_NAMES]:
            yield name, 15, "n"
            container = self._containers.get(name)
            if container is not None:
                yield from _about(container)
        if len(names) > MOST_NAMES:
            yield f"+ {len(names) - MOST_NAMES} more", 13, "s"

    def _namespace(self, namespace: NamespaceNode, box: Box) -> Joint | None:
        """Draw a box; return the joint by which it stands on this bar."""
        canvas = self._canvas
        canvas.box(box)
        cells, y = int((box.width - 16) / LETTER), box.y + 4
        for text, height, kind in self._lines(namespace):
            y += height
            canvas.text(box.x + 8, y, shown(text, cells if kind != "n" else int((box.width - 16) / NAME_LETTER)), kind)
        own: Joint | None = None
        joints = sorted(self._frame.bands.joints(namespace), key=lambda each: each.bar == self._band.bar)
        at = box.bottom - 5 - (CHIP + 4) * len(joints) + 4
        for joint in joints:
            self._chip(namespace, joint.interface, Box(box.x + 6, at, box.width - 12, CHIP), box)
            at += CHIP + 4
            if joint.bar is not None and joint.bar == self._band.bar:
                own = joint
        return own

    def _chip(self, namespace: NamespaceNode, interface: InterfaceNode, at: Box, box: Box) -> Box:
        node = ("point", self._frame.host.point(interface, namespace))
        self._frame.boxes[node] = box
        return draw_interface(self._canvas, interface, at, node)

    def _ports(self, row: list[NamespaceNode], bottom: float, *, bus: float) -> None:
        for namespace in row:
            for joint in self._frame.bands.joints(namespace):
                if joint.bar is None or joint.bar != self._band.bar:
                    continue
                node: NodeId = ("point", self._frame.host.point(joint.interface, namespace))
                chip = self._canvas.nodes[node]
                x = chip.middle.x
                if joint.port:
                    node = self._port(node, chip, joint.port, x, bottom)
                    self._joins.append((node, x, bottom, bus))
                else:
                    self._joins.append((node, x, chip.bottom, bus))

    def _port(self, inner: NodeId, chip: Box, port: str, x: float, bottom: float) -> NodeId:
        """The host's end of the pair, on the bar."""
        width = chip.width - 24
        box = Box(x - width / 2, bottom - PORT, width, PORT, "port", shown(port))
        node = ("point", point_name(self._frame.host.name, port))
        self._canvas.box(box, node)
        self._canvas.text(x, box.y + 11.5, shown(port, int((width - 8) / LETTER)), "a", "middle")
        self._canvas.edge(inner, node, (x, chip.bottom), (x, box.y))
        return node

    def join(self, bar: Box) -> None:
        """Join the rows to the bar: the last directly, the others by a bus each, along the bar's left end."""
        node = self._band.bar
        assert node is not None  # noqa: S101 - there is a bar
        buses = [bus for _, _, _, bus in self._joins if bus]
        if buses:
            top = min(buses)
            self._canvas.box(Box(bar.x, top - 1.5, 3, bar.y - top + 3, "bus"))
        for bus in dict.fromkeys(buses):
            end = max(x for _, x, _, each in self._joins if each == bus)
            self._canvas.box(Box(bar.x, bus - 1.5, end - bar.x + 1.5, 3, "bus"))
        for other, x, bottom, bus in self._joins:
            corners = (
                ((x, bottom), (x, bus), (bar.x + 1.5, bus), (bar.x + 1.5, bar.y)) if bus else ((x, bottom), (x, bar.y))
            )
            if bottom < (bus or bar.y):
                self._canvas.edge(other, node, *corners)
            else:
                self._canvas.edge(other, node, *corners[-2:])

    def guests_row(self, y: float, lane: int) -> tuple[int, float]:
        """Leave room for the ports of containers that stand in another band, and return the lane as it was, and where the bar begins."""
        ports = [joint for _, joint in self._band.guests if joint.port]
        columns = max(1, int(self._frame.inner / 96))
        rows = -(-len(ports) // columns)
        self._guest_top = y + (8 if ports else 0)
        return lane, y + (8 + PORT * rows if ports else 0)

    def join_guests(self, bar: Box, lane: int) -> int:
        """Join those that stand in another band by lanes of their own on the right, and return the next free one."""
        node = self._band.bar
        assert node is not None  # noqa: S101 - there is a bar
        columns, seat = max(1, int(self._frame.inner / 96)), 0
        for namespace, joint in self._band.guests:
            inner = ("point", self._frame.host.point(joint.interface, namespace))
            x = self._frame.lane(lane)
            lane += 1
            ends: tuple[tuple[float, float], ...] = ((x, rail_of(bar)), (bar.right, rail_of(bar)))
            outer = node
            if joint.port:
                column, row = seat % columns, seat // columns
                seat += 1
                box = Box(
                    bar.right - 88 - column * 96, self._guest_top + row * PORT, 84, PORT, "port", shown(joint.port)
                )
                outer = ("point", point_name(self._frame.host.name, joint.port))
                self._canvas.box(box, outer)
                self._canvas.text(box.middle.x, box.y + 11.5, shown(joint.port, 12), "a", "middle")
                self._canvas.edge(outer, node, (box.middle.x, box.bottom), (box.middle.x, bar.y))
                ends = ((x, box.y - 3), (box.middle.x, box.y - 3), (box.middle.x, box.y))
            self._frame.pending.append(Guest(inner, outer, x, ends))
        return lane


def rail_of(bar: Box) -> float:
    """Where lines run along a bar and meet its ends: between or beneath its texts."""
    return bar.y + FLAT_RAIL if bar.kind.endswith("flat") else bar.middle.y


def draw_guests(canvas: Canvas, frame: Sheet) -> None:
    """Join what stands in another band than its bar, once all bands are drawn: under the container's own row, then along the lane."""
    for number, (inner, outer, x, ends) in enumerate(frame.pending):
        chip, box = canvas.nodes.get(inner), frame.boxes.get(inner)
        if chip is None or box is None:
            continue
        beside, below = box.right + GAP / 2, box.bottom + 3 + 2 * (number % 4)
        start = ((chip.right, chip.middle.y), (beside, chip.middle.y), (beside, below), (x, below))
        canvas.edge(inner, outer, *start, *ends)


def draw_interface(canvas: Canvas, interface: InterfaceNode, at: Box, node: NodeId, *, full: bool = False) -> Box:
    """Draw an interface: its name and state, its addresses; with ``full`` its link address, too."""
    kind = "chip" if interface.known_by is KnownBy.STATE else "chip guess"
    kind = "chip down" if interface.up is False else kind
    canvas.box(at._replace(kind=kind, title=_title(interface)), node)
    cells = int((at.width - 12) / LETTER)
    state = interface.state if interface.state not in {"", "up"} else ""
    said = state or ("" if not interface.kind or interface.kind == "veth" else interface.kind)
    said = f"vlan {interface.vlan}" if interface.vlan is not None and not state else said
    name = shown(interface.name, max(5, cells - len(said) - 5))
    canvas.text(at.x + 6, at.y + 12, name, "m")
    canvas.text(at.right - 11, at.y + 12, said, "a warn" if state else "a", "end")
    addresses = interface.addresses or (("no address",) if interface.known_by is KnownBy.STATE else ())
    canvas.text(at.x + 6, at.y + 24, _addresses(addresses, cells), "a")
    if full:
        more = f" · mtu {interface.mtu}" if interface.mtu not in {0, 1500, 65536} else ""
        canvas.text(at.x + 6, at.y + 36, shown(interface.mac + more, cells), "a faint")
    return at


def _addresses(addresses: tuple[str, ...], cells: int) -> str:
    """The first, and how many more there are."""
    if not addresses:
        return ""
    more = f" +{len(addresses) - 1}" if len(addresses) > 1 else ""
    return shown(addresses[0], cells - len(more)) + more


def _title(interface: InterfaceNode) -> str:
    parts = [shown(interface.name), *map(shown, interface.addresses)]
    parts += [f"MAC {shown(interface.mac)}"] if interface.mac else []
    parts += [f"MTU {interface.mtu}"] if interface.mtu else []
    return ", ".join([*parts, *filter(None, (interface.kind, interface.mode, interface.state))])


def _all_names(namespace: NamespaceNode) -> str:
    return ", ".join(shown(each) for each in namespace.containers[:20])


def _about(container: ContainerNode) -> Iterator[tuple[str, float, str]]:
    said = container.state if container.state not in {"running", "unknown"} else container.image
    if said:
        yield said, 12, "a warn" if container.state == "paused" else "a faint"
    published = list(dict.fromkeys(_short(each) for each in container.published))
    for each in published[:MOST_PUBLISHED]:
        yield each, 12, "a pub"
    if len(published) > MOST_PUBLISHED:
        yield f"+ {len(published) - MOST_PUBLISHED} more ports", 12, "a faint"


def _short(published: str) -> str:
    """``:80→80/tcp``: any address goes without saying."""
    return published.replace("0.0.0.0:", ":").replace("[::]:", ":").replace("->", "→")
