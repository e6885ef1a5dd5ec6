"""The tour as one page for browsers: what ``templates/tour.html.j2`` prints, prepared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from netprobe.model.report import Verdict
from netprobe.report.hops import hop_table
from netprobe.report.html.ladder import ladder_table
from netprobe.report.html.template import rendered
from netprobe.report.language import _
from netprobe.report.neighbours import said
from netprobe.report.text import verdict_words
from netprobe_lab.experiments.truth import COLUMNS
from netprobe_lab.tour.conditions import NotHere
from netprobe_lab.tour.frames import deciding
from netprobe_lab.tour.model import LookAt, Ruling, TourQuestion
from netprobe_lab.tour.published import COLUMN_WORDS, ROW_WORDS, TABLE_ROWS, question_name
from netprobe_lab.tour.show import RULING_WORDS, cell, command_line, frame_words, lesson_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from netprobe.model.report import Report
    from netprobe_lab.tour.carry import Stop
    from netprobe_lab.tour.model import Action, Seen, TourStep
    from netprobe_lab.tour.rulings import ClaimRuling, PartRuling

# What colours a ruling: the page's classes of verdicts.
_TONES: Final = {
    Ruling.HOLDS: "works",
    Ruling.PARTLY: "undetermined",
    Ruling.NOT: "fails",
    Ruling.OPEN: "undetermined",
}
_SIGNS: Final = {True: "good", False: "bad", None: "unsure"}


def page(done: Sequence[Stop], rulings: Mapping[str, ClaimRuling], seen: Seen, version: str) -> str:
    """Return the page.

    Args:
        done: the steps, in order.
        rulings: of every claim, by its name.
        seen: all that was seen, with the details of the reports.
        version: of the Docker Engine.
    """
    parts: list[dict[str, object]] = []
    for stop in done:
        if stop.part is not None:
            parts.append({"title": _(stop.part.title), "steps": []})
        steps = parts[-1]["steps"]
        assert isinstance(steps, list)  # noqa: S101 - it was made above
        steps.append(_step(stop.step, rulings, seen))
    judged = [each.ruling for each in rulings.values()]
    counts = [(_(RULING_WORDS[each]), _TONES[each], judged.count(each)) for each in Ruling if each in judged]
    values = {
        "title": _("Docker networking, claim by claim"),
        "engine": version,
        "counts": counts,
        "parts": parts,
        "claims": [_claim(each, seen) for each in rulings.values()],
        "columns": [_(COLUMN_WORDS[column]) for column in COLUMNS],
        "truth": _truth(seen),
    }
    return rendered("tour.html.j2", values, package="netprobe_lab.tour")


def _step(step: TourStep, rulings: Mapping[str, ClaimRuling], seen: Seen) -> dict[str, object]:
    return {
        "id": step.name,
        "title": _(step.title),
        "note": _(step.note) if step.note else "",
        "tutorial": step.tutorial,
        "actions": [shown for action in step.actions if (shown := _action(action, seen))],
        "claims": [_claim(rulings[claim.name], seen) for claim in step.claims],
    }


def _action(action: Action, seen: Seen) -> dict[str, object] | None:
    command = command_line(action)
    if isinstance(action, TourQuestion):
        return _question(action, command, seen)
    printed = seen.outputs[action.name].expandtabs().splitlines() if isinstance(action, LookAt) else []
    return {"command": command, "printed": printed, "asked": ""} if command else None


def _question(question: TourQuestion, command: str, seen: Seen) -> dict[str, object]:
    report, details = seen.reports[question.name], seen.details.get(question.name)
    ladder = None if details is None else details.ladder
    return {
        "id": question.name,
        "asked": _(question.about),
        "stands_for": question.stands_for,
        "command": command,
        "verdict": report.verdict.value,
        "words": verdict_words(report),
        "why": report.why,
        "hops": hop_table(report),
        "ladder": None if ladder is None else ladder_table(ladder, report.hops, report.beside),
        "frames": frozenset(),
        "arp": [said(each) for each in report.neighbours if not each.answers],
    }


def _claim(ruled: ClaimRuling, seen: Seen) -> dict[str, object]:
    return {
        "name": ruled.claim.name,
        "text": _(ruled.claim.text),
        "ruling": _(RULING_WORDS[ruled.ruling]),
        "tone": _TONES[ruled.ruling],
        "parts": [_part(each, seen) for each in ruled.parts],
        "lesson": lesson_of(ruled),
    }


def _part(ruled: PartRuling, seen: Seen) -> dict[str, object]:
    condition = ruled.part.condition
    return {
        "sign": {True: "✓", False: "✗", None: "?"}[ruled.holds],
        "style": _SIGNS[ruled.holds],
        "says": {True: _("yes"), False: _("no"), None: _("not judged")}[ruled.holds],
        "about": _(ruled.part.about),
        "why": _(condition.why) if isinstance(condition, NotHere) else "",
        "because": [_because(name, seen.reports[name]) for name in condition.questions],
    }


def _because(name: str, report: Report) -> dict[str, object]:
    frame = deciding(report)
    return {"name": name, "words": verdict_words(report), "frame": "" if frame is None else frame_words(frame)}


def _truth(seen: Seen) -> list[tuple[str, list[tuple[str, str, str, str]]]]:
    """Return the rows: the way, and for each column the question, the style, what carried it, and the source that was seen."""
    found = []
    for row in TABLE_ROWS:
        cells = []
        for column in COLUMNS:
            name = question_name(row.name, column)
            report = seen.reports[name]
            words, *source = ["".join(span.text for span in each) for each in cell(report)]
            style = {Verdict.WORKS: "", Verdict.FAILS: "bad", Verdict.UNDETERMINED: "unsure"}[report.verdict]
            cells.append((name, style, words, "".join(source)))
        found.append((_(ROW_WORDS[row.name]), cells))
    return found
