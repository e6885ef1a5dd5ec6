"""The host's own network stack: routing and netfilter, lo, docker-proxy at its listening ports, containers in the host's own namespace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.model.endpoint import Endpoint
from netprobe.report.language import _
from netprobe.report.topology.canvas import Box
from netprobe.report.topology.frame import LETTER, RAIL
from netprobe.report.topology.shortened import shown

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from netprobe.report.topology.canvas import Canvas, NodeId
    from netprobe.report.topology.frame import Sheet
    from netprobe.topology.model import HostNode, ProxyNode

MOST_PROXIES = 3
ROW = 18.0
TOP = 27.0
_ANY = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared, not bound


def wants_stack(host: HostNode, bars: Sequence[object], touched: Collection[str]) -> bool:
    """Whether there is anything to say of it: its state, a bridge, or its lo on the way."""
    return bool(host.known or bars or (any(each.loopback for each in host.own.interfaces) and touched))


def draw_stack(canvas: Canvas, frame: Sheet, y: float) -> Box:
    """Draw it, and return its box."""
    host = frame.host
    node = ("stack", host.name)
    rows = _rows(frame)
    guests = [each for each in host.own.containers if each]
    box = Box(
        frame.left, y, frame.inner, TOP + ROW * (len(rows) + bool(guests)) + (4 if rows or guests else 0), "stack"
    )
    canvas.box(box, node)
    canvas.text(box.x + 8, box.y + 13, _("host network stack"), "m")
    canvas.text(box.right - 8, box.y + 13, "routing, netfilter", "a faint", "end")
    at = box.y + TOP
    if guests:
        words = shown(f"containers in it: {', '.join(guests[:6])}", int((box.width - 16) / LETTER))
        canvas.text(box.x + 8, at + 12, words, "a")
        at += ROW
    for other, words, kind in rows:
        _row(canvas, box, node, other, words, kind, at)
        at += ROW
    return box


def _row(canvas: Canvas, box: Box, node: NodeId, other: NodeId | None, words: str, kind: str, y: float) -> None:
    cells = int((box.width - 32) / LETTER)
    if other is None:
        canvas.text(box.x + 22, y + 12, shown(words, cells), "a faint")
        return
    width = min(box.width - 26, len(shown(words, cells)) * LETTER + 12)
    chip = canvas.box(Box(box.x + 18, y, width, ROW - 3, kind, shown(words)), other)
    canvas.text(chip.x + 6, chip.y + 11, shown(words, cells), "a")
    middle = chip.middle.y
    x = box.x + 8
    canvas.edge(node, other, (x, box.y + RAIL), (x, middle), (chip.x, middle), kind="link thin")


def _rows(frame: Sheet) -> list[tuple[NodeId | None, str, str]]:
    """Node, words and style of each row: lo where it was sniffed, then the proxies, those of the journey first."""
    host, rows = frame.host, list[tuple["NodeId | None", str, str]]()
    for each in host.own.interfaces:
        if each.loopback:
            rows.append((("point", host.point(each, host.own)), f"lo {' '.join(each.addresses)}".strip(), "port"))
    proxies = grouped(host.proxies or ())
    rows += [
        (proxy_node(host.name, proxies[key][0]), words_of(proxies[key]), "proxy")
        for key in list(proxies)[:MOST_PROXIES]
    ]
    if len(proxies) > MOST_PROXIES:
        rows.append((None, f"+ {len(proxies) - MOST_PROXIES} more docker-proxy", ""))
    return rows


def grouped(proxies: Sequence[ProxyNode]) -> dict[tuple[str, int | None, str], list[ProxyNode]]:
    """Put together those that differ only in the address that they listen at: one for IPv4 and one for IPv6, as a rule."""
    found: dict[tuple[str, int | None, str], list[ProxyNode]] = {}
    for each in proxies:
        found.setdefault((each.proto, each.listens.port, str(each.dials)), []).append(each)
    return found


def proxy_node(host: str, proxy: ProxyNode) -> NodeId:
    """Return the node of a proxy and of those grouped with it."""
    return ("proxy", host, f"{proxy.proto} {proxy.listens.port} {proxy.dials}")


def words_of(group: Sequence[ProxyNode]) -> str:
    """Return what a proxy, or those grouped with it, is said to be."""
    first = group[0]
    any_address = {each.listens.address for each in group} <= _ANY
    listens = f":{first.listens.port}" if any_address else str(Endpoint(*first.listens))
    return f"docker-proxy {listens} → {first.dials}"
