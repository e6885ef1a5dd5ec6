"""One host as a box: its bridges with their containers above, its network stack beneath them, its other interfaces at the lower edge.

Bridges meet the stack by the lane on the left. What bypasses the stack runs on the right: networks that stand on an interface (macvlan, ipvlan),
interfaces that are a bridge's ports, and containers' further networks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.model.point import point_name
from netprobe.report.topology.bands import HostBands
from netprobe.report.topology.canvas import Box
from netprobe.report.topology.frame import (
    BAR,
    GUTTER,
    LANE,
    LETTER,
    MOST_LANES,
    NAME_LETTER,
    PAD,
    RAIL,
    ROOM,
    TITLE,
    TITLE_LETTER,
    Sheet,
)
from netprobe.report.topology.members import Members, draw_guests
from netprobe.report.topology.nics import Nics
from netprobe.report.topology.shortened import shown
from netprobe.report.topology.stack import draw_stack, wants_stack

if TYPE_CHECKING:
    from collections.abc import Collection

    from netprobe.report.topology.bands import Band
    from netprobe.report.topology.canvas import Canvas, NodeId
    from netprobe.topology.model import HostNode


def draw_host(
    canvas: Canvas, host: HostNode, x: float, y: float, width: float, touched: Collection[str], wired: Collection[str]
) -> float:
    """Draw one host, and return where it ends."""
    bands = HostBands(host)
    lanes = sum(len(each.guests) + (each.bridge is None and each.bar is not None) for each in bands.bands)
    lanes += sum(each.master != "" for items in bands.links().values() for each in items)
    beyond = 8 + LANE * (min(lanes, MOST_LANES) + 1) if lanes else 0.0
    frame = Sheet(
        host=host,
        bands=bands,
        box_x=x,
        box_width=width,
        left=x + PAD + (GUTTER if bands.bands else 0),
        right=x + width - PAD - beyond,
        lanes=lanes,
        touched=touched,
        wired=wired,
    )
    at = len(canvas.boxes)
    bottom = _content(canvas, frame, _title(canvas, frame, y))
    canvas.boxes.insert(at, Box(x, y, width, bottom - y, "host" if host.known else "host unknown"))
    return bottom


def _title(canvas: Canvas, frame: Sheet, y: float) -> float:
    host = frame.host
    engine = f"engine {shown(host.engine, 18)}" if host.engine else ""
    room = frame.box_width - 2 * PAD - len(engine) * LETTER
    canvas.text(frame.box_x + PAD, y + 22, shown(host.name or "captures", int(room / TITLE_LETTER)), "h")
    canvas.text(frame.box_x + frame.box_width - PAD, y + 21, engine, "s", "end")
    y += TITLE
    if not host.known and host.name:
        canvas.text(frame.box_x + PAD, y + 8, "its state is not known", "s warn")
        y += 18
    for why in host.unknown[:3]:
        canvas.text(frame.box_x + PAD, y + 8, shown(why, int((frame.box_width - 2 * PAD) / 5.6)), "s warn")
        y += 16
    return y


def _content(canvas: Canvas, frame: Sheet, y: float) -> float:
    lane, bars = 0, list[tuple["NodeId", Box]]()
    for band in frame.bands.bands:
        y, lane, bar = _band(canvas, frame, band, y, lane)
        if bar is not None and band.bar is not None and band.bridge is not None:
            bars.append((band.bar, bar))
    draw_guests(canvas, frame)
    y = _hidden(canvas, frame, y)
    stack = None
    if wants_stack(frame.host, bars, frame.touched):
        stack = draw_stack(canvas, frame, y + (ROOM - 14 if frame.touched and bars else 0))
        y = stack.bottom + (ROOM if frame.touched else 12)
        _join_stack(canvas, frame, bars, stack)
    nics = Nics(canvas, frame, stack)
    y = nics.draw(y, lane, _over(frame, canvas))
    return y + PAD - 4


def _hidden(canvas: Canvas, frame: Sheet, y: float) -> float:
    host = frame.host
    words = [f"+ {host.hidden} more containers"] if host.hidden else []
    words += [f"+ {host.hidden_interfaces} more interfaces"] if host.hidden_interfaces > 0 else []
    resting = [shown(each.name, 16) for each in host.containers or () if not each.running]
    words += [f"not running: {', '.join(resting[:4])}" + (" …" if len(resting) > 4 else "")] if resting else []
    for each in words:
        canvas.text(frame.left, y + 8, shown(each, int(frame.inner / 5.6)), "s")
        y += 16
    return y + 4 if words else y


def _band(canvas: Canvas, frame: Sheet, band: Band, y: float, lane: int) -> tuple[float, int, Box | None]:
    """Draw the containers of a band, then its bar; and return where it ends, the next free lane, and the bar."""
    members = Members(canvas, frame, band)
    y = members.draw(y)
    if band.bar is None:
        return y + 10, lane, None
    lane, y = members.guests_row(y, lane)
    height = BAR if band.bridge is not None else 26.0
    bar = canvas.box(Box(frame.left, y, frame.inner, height, _kind(band), _title_of(band)), band.bar)
    _bar_words(canvas, frame, band, bar)
    members.join(bar)
    lane = members.join_guests(bar, lane)
    return bar.bottom + 14, lane, bar


def _kind(band: Band) -> str:
    if band.bridge is None:
        return "bar flat"
    return "bar" if band.bridge.up is not False else "bar down"


def _title_of(band: Band) -> str:
    parts = [shown(band.bridge.name)] if band.bridge is not None else []
    if band.network is not None:
        parts.append(f"network {shown(band.network.name)} ({shown(band.network.driver)})")
    parts += [f"MAC {shown(band.bridge.mac)}"] if band.bridge is not None and band.bridge.mac else []
    return ", ".join(parts)


def _bar_words(canvas: Canvas, frame: Sheet, band: Band, bar: Box) -> None:
    bridge, network = band.bridge, band.network
    cells = int((frame.inner - 16) / NAME_LETTER)
    if bridge is None:
        assert network is not None  # noqa: S101 - a bar is one or the other
        words = f"{shown(network.name, cells // 2)} · {shown(network.driver, 10)}"
        canvas.text(bar.x + 8, bar.y + 14, words, "m")
        subnet = shown(", ".join(network.subnets), max(6, int((frame.inner - 22) / LETTER) - len(words) - 4))
        canvas.text(bar.right - 12, bar.y + 14, subnet, "a", "end")
        return
    canvas.text(bar.x + 8, bar.y + 14, shown(bridge.name, cells * 3 // 5), "n")
    if network is not None and network.name != bridge.name:
        rest = int((frame.inner - 24) / LETTER) - len(shown(bridge.name, cells * 3 // 5)) - 2
        canvas.text(bar.right - 12, bar.y + 14, shown(network.name, max(6, rest)), "a", "end")
    said = ", ".join(bridge.addresses) or ("bridge" if bridge.kind == "bridge" else "")
    half = int((frame.inner - 16) / LETTER)
    state = bridge.state if bridge.state not in {"", "up"} else "internal" if network and network.internal else ""
    canvas.text(bar.x + 8, bar.y + 27, shown(said, half - len(state) - 2), "a")
    canvas.text(bar.right - 12, bar.y + 27, state, "a warn" if state != "internal" else "a", "end")


def _join_stack(canvas: Canvas, frame: Sheet, bars: list[tuple[NodeId, Box]], stack: Box) -> None:
    """Every bridge is an interface of the host: by the lane on the left."""
    x = frame.left - GUTTER / 2 - 2
    y = stack.y + RAIL
    for node, bar in bars:
        middle = bar.middle.y
        canvas.edge(node, ("stack", frame.host.name), (bar.x, middle), (x, middle), (x, y), (stack.x, y))


def _over(frame: Sheet, canvas: Canvas) -> dict[str, list[tuple[NodeId, Box]]]:
    """By interface of the host: the bars of the networks that stand on it, and the bridge that it is a port of."""
    found: dict[str, list[tuple[NodeId, Box]]] = {}
    for band in frame.bands.bands:
        if band.bar is None:
            continue
        bar = canvas.nodes[band.bar]
        for parent in band.network.parents if band.bridge is None and band.network is not None else ():
            found.setdefault(parent, []).append((band.bar, bar))
    for each in frame.host.own.interfaces:
        node = ("point", point_name(frame.host.name, each.master)) if each.master else None
        if node is not None and node in canvas.nodes and each.name not in frame.bands.ports:
            found.setdefault(each.name, []).append((node, canvas.nodes[node]))
    return found
