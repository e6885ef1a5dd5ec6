"""The kernel's trace of the probe's packets as a table: rule by rule, under the hops."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.report.document import Block, Divider, Row, Span, Style, Table, line
from netprobe.report.model import Direction

if TYPE_CHECKING:
    from netprobe.report.model import Report, TraceStep, TraceWalk

_HEAD = ("traced", "verdict", "rule")


def trace_table(report: Report) -> tuple[Block, ...]:
    """Return the walks, each under the packet that went so; nothing where nothing was traced."""
    rows: list[Row | Divider] = []
    for walk in report.trace or ():
        rows.append(Divider(content=line(Span(heading(walk), Style.FAINT))))
        rows.extend(_row(step) for step in walk.steps)
        if not walk.steps:
            rows.append(Row(cells=((line("  no rule was met"),), (line(),), (line(),))))
    return (Table(head=_HEAD, rows=tuple(rows)),) if rows else ()


def heading(walk: TraceWalk) -> str:
    """Return whose walk it is: ``server2: 192.168.3.201:41290 → 192.168.3.202:80 SYN (frame 12)``."""
    answer = "the answer " if walk.direction is Direction.REPLY else ""
    frame = f" (frame {walk.frame})" if walk.frame else ""
    times = f", {walk.count} packets" if walk.count > 1 else ""
    return f"{walk.host}: {answer}{walk.src} → {walk.dst} {walk.info}".rstrip() + frame + times


def _row(step: TraceStep) -> Row:
    style = Style.BAD if step.verdict == "drop" else Style.NORMAL
    return Row(
        cells=(
            (line(f"  {step.label}"),),
            (line(Span(step.verdict, style)),),
            (line(Span(step.rule or "", Style.FAINT)),),
        )
    )
