"""The tour as text: each step as it is done, and the tables at its end."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Final

from netprobe.model.report import Verdict
from netprobe.report.document import Block, Document, Entries, Entry, Line, Paragraph, Row, Span, Style, Table, line
from netprobe.report.labels import VERDICT_STYLE
from netprobe.report.language import N_, _
from netprobe.report.neighbours import said
from netprobe.report.text import verdict_words
from netprobe_lab.compare import source_seen
from netprobe_lab.experiments.model import DeleteDnat, Inside, KillProxy, Run, WaitPort
from netprobe_lab.experiments.truth import COLUMNS
from netprobe_lab.tour.conditions import NotHere
from netprobe_lab.tour.frames import deciding, frame_lines
from netprobe_lab.tour.model import LookAt, Ruling, TourQuestion
from netprobe_lab.tour.published import COLUMN_WORDS, ROW_WORDS, TABLE_ROWS, question_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from netprobe.model.report import Report
    from netprobe_lab.tour.carry import Stop
    from netprobe_lab.tour.frames import FrameLine
    from netprobe_lab.tour.model import Action, Seen, TourStep
    from netprobe_lab.tour.rulings import ClaimRuling, PartRuling

RULING_WORDS: Final = {
    Ruling.HOLDS: N_("holds"),
    Ruling.PARTLY: N_("holds partly"),
    Ruling.NOT: N_("does not hold"),
    Ruling.OPEN: N_("not judged"),
}
_STYLES: Final = {
    Ruling.HOLDS: Style.GOOD,
    Ruling.PARTLY: Style.UNSURE,
    Ruling.NOT: Style.BAD,
    Ruling.OPEN: Style.UNSURE,
}
_SIGNS: Final = {True: ("✓", Style.GOOD), False: ("✗", Style.BAD), None: ("?", Style.UNSURE)}


def step_document(stop: Stop, rulings: Sequence[ClaimRuling], seen: Seen) -> Document:
    """Return one step: what the tutorial does, what was done here, what was seen, and how its claims are judged."""
    step = stop.step
    blocks: list[Block] = [Paragraph(content=line(Span(_(step.title), Style.STRONG)))]
    if step.note:
        blocks.append(Paragraph(content=line(Span(_(step.note), Style.FAINT)), indent=2))
    entries = [*_commands(step), *_done(step, seen)]
    sections: list[tuple[Block, ...]] = []
    if stop.part is not None:
        sections.append((Paragraph(content=line(Span(f"═══ {_(stop.part.title)} ═══", Style.STRONG))),))
    sections.append((*blocks, Entries(entries=tuple(entries))))
    sections += [(Entries(entries=tuple(_claim(each, seen))),) for each in rulings]
    return Document(sections=tuple(sections))


def _commands(step: TourStep) -> list[Entry]:
    if not step.tutorial:
        return []
    return [Entry(label=_("tutorial"), lines=tuple(line(each) for each in step.tutorial), whole=True)]


def _done(step: TourStep, seen: Seen) -> Iterator[Entry]:
    label = _("here")
    for action in step.actions:
        lines = tuple(_action(action, seen))
        if lines:
            yield Entry(label=label, lines=lines, whole=True)
            label = ""


def _action(action: Action, seen: Seen) -> Iterator[Line]:
    if isinstance(action, TourQuestion):
        yield from _question(action, seen.reports[action.name])
    elif command := command_line(action):
        yield line(Span(command, Style.COMMAND))
        if isinstance(action, LookAt):
            yield from (line(f"  {each}") for each in seen.outputs[action.name].expandtabs().splitlines())


def command_line(action: Action) -> str:
    """Return what was carried out, as it would be typed; nothing for what only waits."""
    match action:
        case Run():
            return f"{action.host}# {' '.join(action.command.split())}"
        case LookAt() | Inside():
            pid = f"$(docker inspect -f '{{{{.State.Pid}}}}' {action.container})"
            inside = f"nsenter --net -t {pid} " if action.container else ""
            return f"{action.host}# {inside}{action.command}"
        case KillProxy():
            return f"{action.host}# kill -KILL $(pgrep -f 'docker-proxy .*-host-port {action.port} ')"
        case DeleteDnat():
            return f"{action.host}# iptables -t nat -D DOCKER … -p {action.protocol} --dport {action.port} -j DNAT …"
        case TourQuestion():
            proto = ("--proto", action.proto) if action.proto else ()
            return shlex.join(("netprobe", "explain", action.target, "--from", action.source, *proto))
        case WaitPort():
            return ""
    raise TypeError(type(action))


def _question(question: TourQuestion, report: Report) -> Iterator[Line]:
    stands = f" ({question.stands_for})" if question.stands_for else ""
    yield line(f"{_(question.about)}{stands}: ", Span(verdict_words(report), VERDICT_STYLE[report.verdict]))
    for each in frame_lines(report, whole=question.whole):
        tag = f" VLAN {each.tag}" if each.tag else ""
        changes = (Span(f"   {each.changes}", Style.CHANGE),) if each.changes else ()
        yield line(Span(f"  #{each.frame:<3} ", Style.FAINT), f"{each.point}{tag}: {each.packet}", *changes)
    if report.verdict is not Verdict.WORKS:
        yield from (line(Span(f"  {said(each)}", Style.FAINT)) for each in report.neighbours if not each.answers)
        yield line(Span(f"  {report.why}", Style.FAINT))


def _claim(ruled: ClaimRuling, seen: Seen) -> Iterator[Entry]:
    yield Entry(label=_("claim"), lines=(line(Span(_(ruled.claim.text), Style.STRONG)),))
    yield Entry(
        label="", lines=tuple(each for part in ruled.parts for each in (part_line(part), *_because(part, seen)))
    )
    lines = [line(Span(_(RULING_WORDS[ruled.ruling]), _STYLES[ruled.ruling]))]
    if lesson := lesson_of(ruled):
        lines.append(line(lesson))
    yield Entry(label=_("judged"), lines=tuple(lines))


def part_line(ruled: PartRuling) -> Line:
    """Return one part of a claim with its sign."""
    sign, style = _SIGNS[ruled.holds]
    condition = ruled.part.condition
    why = f" ({_(condition.why)})" if isinstance(condition, NotHere) else ""
    return line(Span(sign, style), f" {_(ruled.part.about)}{why}")


def _because(ruled: PartRuling, seen: Seen) -> Iterator[Line]:
    """What each question came to that a part rests on, and the packet that says most of it."""
    for name in ruled.part.condition.questions:
        report = seen.reports[name]
        frame = deciding(report)
        shown = "" if frame is None else f": {frame_words(frame)}"
        yield line(Span(f"    {name}: {verdict_words(report)}{shown}", Style.FAINT))


def frame_words(frame: FrameLine) -> str:
    """Return one packet in a line: ``#7 server2/docker0: 172.17.0.1:47336 → 172.17.0.2:80 SYN, a new connection by docker-proxy``."""
    tag = f" VLAN {frame.tag}" if frame.tag else ""
    changes = f", {frame.changes}" if frame.changes else ""
    return f"#{frame.frame} {frame.point}{tag}: {frame.packet}{changes}"


def lesson_of(ruled: ClaimRuling) -> str:
    """Return what to learn from it: written for the ruling that is known, so that it is said with that one alone."""
    known = {ruled.claim.declared, *ruled.claim.otherwise.values()} == {ruled.ruling}
    return _(ruled.claim.lesson) if known else ""


def ending(rulings: Sequence[ClaimRuling], seen: Seen) -> Document:
    """Return the table of claims and the truth table."""
    return Document(sections=(
        (Paragraph(content=line(Span(f"═══ {_('All claims')} ═══", Style.STRONG))), _claims_table(rulings)),
        (Paragraph(content=line(Span(f"═══ {_('Who reaches a published port how (-p 80:80)')} ═══", Style.STRONG))), _truth(seen)),
    ))  # fmt: skip


def _claims_table(rulings: Sequence[ClaimRuling]) -> Table:
    rows = tuple(
        Row(
            cells=(
                (line(_(each.claim.text)),),
                (line(Span(_(RULING_WORDS[each.ruling]), _STYLES[each.ruling])),),
                tuple(part_line(part) for part in each.parts),
            )
        )
        for each in rulings
    )
    return Table(head=(_("claim"), _("judged"), _("because")), rows=rows)


def _truth(seen: Seen) -> Table:
    head = (_("from → to"), *(_(COLUMN_WORDS[column]) for column in COLUMNS))
    rows = tuple(
        Row(
            cells=(
                (line(_(ROW_WORDS[row.name])),),
                *(cell(seen.reports[question_name(row.name, column)]) for column in COLUMNS),
            )
        )
        for row in TABLE_ROWS
    )
    return Table(head=head, rows=rows)


def cell(report: Report) -> tuple[Line, ...]:
    """Return what a cell of the truth table says: the path and the source that the target saw, or why not."""
    if report.verdict is not Verdict.WORKS:
        words = report.cause.code if report.cause is not None else _(report.verdict.value)
        return (line(Span(words, VERDICT_STYLE[report.verdict])),)
    source = source_seen(report)
    return (line(report.path.value), *((line(Span(_("source {}").format(source), Style.FAINT)),) if source else ()))
