"""ARP and neighbour discovery in the report: who asked, who answered, on which side, tagged or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.report.document import Block, Entries, Entry, line

if TYPE_CHECKING:
    from collections.abc import Iterable

    from netprobe.model.neighbours import NeighbourExchange, NeighbourFrame
    from netprobe.model.report import Report

_LINES = 8


def neighbour_blocks(report: Report) -> tuple[Block, ...]:
    """Return the exchanges of the way by protocol, a line each, those that nobody answered first; nothing where every address was known already."""
    shown = [(name, [each for each in report.neighbours if each.protocol == name]) for name in ("ARP", "NDP")]
    entries = tuple(_entry(name, found) for name, found in shown if found)
    return (Entries(entries=entries),) if entries else ()


def _entry(name: str, found: list[NeighbourExchange]) -> Entry:
    ordered = sorted(found, key=lambda exchange: bool(exchange.answers))
    lines = [line(said(exchange)) for exchange in ordered[:_LINES]]
    if len(ordered) > _LINES:
        lines.append(line(f"and {len(ordered) - _LINES} more"))
    return Entry(label=name, lines=tuple(lines))


def said(exchange: NeighbourExchange) -> str:
    """Return one exchange as a sentence: ``172.21.0.11 (c11@server1) asks for 172.21.0.12: 02:… (c12@server2) answers, seen at …``."""
    name = f" ({exchange.asker_name})" if exchange.asker_name else ""
    head = f"{exchange.asker}{name} asks for {exchange.asked}"
    if exchange.asker == "::":
        head = f"somebody{name} asks whether {exchange.asked} is taken"
    if not exchange.answers:
        often = f" {exchange.times} times" if exchange.times > 1 else ""
        return f"{head}{often}, seen at {where(exchange.requests)}: nobody answers"
    bearers = " and ".join(_bearer(exchange, mac) for mac in exchange.bearers)
    verb = "answers" if len(exchange.bearers) == 1 else "answer"
    asked = f" (asked at {where(exchange.requests)})" if _elsewhere(exchange) and exchange.requests else ""
    return f"{head}{asked}: {bearers} {verb}, seen at {where(exchange.answers)}"


def _bearer(exchange: NeighbourExchange, mac: str) -> str:
    return f"{mac} ({exchange.names[mac]})" if mac in exchange.names else mac


def _elsewhere(exchange: NeighbourExchange) -> bool:
    """Whether the question was seen where the answer was not."""
    return not {each.point for each in exchange.requests} <= {each.point for each in exchange.answers}


def where(frames: Iterable[NeighbourFrame]) -> str:
    """Return the points, each once, in order of time, with the tag that was on the wire: ``server1/eth1 (VLAN 1)``."""
    found: dict[str, str] = {}
    for each in frames:
        found.setdefault(each.point, "" if each.vlan is None else f" (VLAN {each.vlan})")
    return ", ".join(point + tag for point, tag in found.items())
