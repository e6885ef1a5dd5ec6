"""The kernel's trace of the probe's packets as a table: rule by rule, under the hops; and its own reasons for what it dropped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.model.hop import Direction
from netprobe.report.document import Block, Divider, Entries, Entry, Row, Span, Style, Table, line
from netprobe.report.language import N_, _

if TYPE_CHECKING:
    from netprobe.model.report import Report
    from netprobe.model.trace import KernelDrop, TraceStep, TraceWalk

_DROPS = 8
_HEAD = (N_("traced"), N_("verdict"), N_("rule"))


def trace_table(report: Report) -> tuple[Block, ...]:
    """Return the walks, each under the packet that went so; nothing where nothing was traced."""
    rows: list[Row | Divider] = []
    for walk in report.trace or ():
        rows.append(Divider(content=line(Span(heading(walk), Style.FAINT))))
        rows.extend(_row(step) for step in walk.steps)
        if not walk.steps:
            rows.append(Row(cells=((line(f"  {_('no rule was met')}"),), (line(),), (line(),))))
    return (Table(head=_HEAD, rows=tuple(rows)),) if rows else ()


def drops_block(report: Report) -> tuple[Block, ...]:
    """Return the kernel's drop reasons, a line each; nothing where there are none."""
    drops = report.drops or ()
    lines = [line(*_said(drop)) for drop in drops[:_DROPS]]
    if len(drops) > _DROPS:
        lines.append(line(_("and {} more").format(len(drops) - _DROPS)))
    return (Entries(entries=(Entry(label=N_("dropped"), lines=tuple(lines)),)),) if lines else ()


def drop_words(drop: KernelDrop) -> str:
    """Return one drop as a sentence."""
    return "".join(each if isinstance(each, str) else each.text for each in _said(drop))


def _said(drop: KernelDrop) -> tuple[str | Span, ...]:
    """One drop: ``server2: NETFILTER_DROP in nft_do_chain, eth0: 192.168.3.201:41290 → 172.17.0.2:80 SYN, 3 times``."""
    answer = "the answer " if drop.direction is Direction.REPLY else ""
    packet = f"{answer}{drop.src} → {drop.dst} {drop.info}".rstrip()
    where = f" in {drop.at}" + (f", {drop.interface}" if drop.interface else "")
    return f"{drop.place}: ", Span(drop.reason, Style.BAD), f"{where}: {packet}{drop.times}"


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
            (line(f"  {step.rule}"),),
            (line(Span(step.verdict, style)),),
            (line(Span("" if step.rule.policy else step.rule.text, Style.FAINT)),),
        )
    )
