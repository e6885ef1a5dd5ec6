"""The page of one report, or of several: what ``templates/report.html.j2`` prints, prepared. Nothing is worked out here that the report does not say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from netprobe.model.point import PointName
from netprobe.model.remedy import shell_line
from netprobe.report.beside import Names
from netprobe.report.clocks import shown as clock_words
from netprobe.report.hops import hop_table
from netprobe.report.html.compared import pairs
from netprobe.report.html.ladder import ladder_table
from netprobe.report.html.packets import packets
from netprobe.report.html.rules import walks
from netprobe.report.html.template import rendered
from netprobe.report.labels import SURE_WORDS
from netprobe.report.language import _
from netprobe.report.neighbours import said
from netprobe.report.text import asked_words, facts, on_host, same_words, verdict_words
from netprobe.report.topology.picture import Shape
from netprobe.report.topology.style import Palette
from netprobe.report.topology.svg import svg
from netprobe.report.trace import drop_words
from netprobe.topology.overlay import overlay

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from netprobe.model.details import Details
    from netprobe.model.remedy import Remedy
    from netprobe.model.report import Finding, Report
    from netprobe.topology.model import Topology

MOST_LINES = 40  # of a list that others may fill: ARP, drops, alternatives


def page(parts: Sequence[tuple[Report, Details]], names: Sequence[str] = ()) -> str:
    """Return the page.

    Args:
        parts: the reports, each with its details.
        names: what each is of; shown where there are several.
    """
    reports = [_report(f"r{number}", report, details) for number, (report, details) in enumerate(parts, 1)]
    several = len(reports) > 1
    for each, name in zip(reports, names, strict=False):
        each["of"] = name if several else ""
    title = (
        f"{reports[0]['head']}: {reports[0]['words']}"
        if not several
        else _("netprobe: {} reports").format(len(reports))
    )
    return rendered("report.html.j2", {"title": title, "reports": reports})


def _report(ident: str, report: Report, details: Details) -> dict[str, object]:
    names = Names(report.beside, one_host=_one_host(report))
    table = hop_table(report)
    return {
        "id": ident,
        "of": "",
        "head": asked_words(report),
        "verdict": report.verdict.value,
        "words": verdict_words(report),
        "why": names.prose(report.why),
        "sent": report.sent,
        "facts": [(label, names.prose(words)) for label, words in facts(report)],
        "cause": None if report.cause is None else _finding(report.cause, names, said=report.why),
        "after": None if report.after is None else [(each.code, each.summary) for each in report.after],
        "picture": None if details.topology is None else _picture(details.topology, report),
        "ladder": None if details.ladder is None else ladder_table(details.ladder, report.hops, report.beside),
        "hops": None if table is None else names.block(table),
        "by_state": walks(details.by_state, report),
        "by_kernel": walks(details.by_kernel, report),
        "drops": [drop_words(each) for each in (report.drops or ())[:MOST_LINES]],
        "compared": pairs(details.compared),
        "unknown_ahead": details.unknown,
        "packets": packets(details.packets),
        "frames": frozenset((each.point, each.frame) for each in details.packets),
        "left": details.left,
        "findings": [_finding(each, names) for each in report.findings],
        **_rests_on(report, names),
    }


def _picture(topology: Topology, report: Report) -> tuple[Markup, Markup]:
    """The hosts and the way through them, for a wide window and for a phone; the style shows one of the two."""
    way = overlay(report)
    drawn = (svg(topology, way, Palette.PAGE, shape) for shape in (Shape.WIDE, Shape.NARROW))
    wide, narrow = (Markup(each) for each in drawn)  # noqa: S704 - ElementTree has escaped every text in it
    return wide, narrow


def _rests_on(report: Report, names: Names) -> dict[str, object]:
    """What it all rests on, and what it might be instead."""
    exchanges = sorted(report.neighbours, key=lambda each: bool(each.answers))
    return {
        "alternatives": report.alternatives_why[:MOST_LINES],
        "more_alternatives": max(len(report.alternatives) - MOST_LINES, 0),
        "assumptions": [names.prose(each) for each in report.assumptions],
        "unknowns": [names.prose(each) for each in report.unknowns],
        "clocks": [clock_words(each) for each in report.clocks],
        "neighbours": [said(each) for each in exchanges[:MOST_LINES]],
        "timing": [(name, f"{spent:.0f} ms") for name, spent in report.timing_ms.items()],
    }


def _one_host(report: Report) -> bool:
    return bool(report.hops) and {PointName.parse(hop.point).host for hop in report.hops} == {"local"}


def _finding(finding: Finding, names: Names, said: str = "") -> dict[str, object]:
    """``said``: what stands above it: it is not said again."""
    where = (finding.where.component, finding.where.host and on_host(finding.where.host))
    return {
        "code": finding.code,
        "summary": "" if same_words(finding.summary, said) else names.prose(finding.summary),
        "where": ", ".join(part for part in where if part),
        "rule": finding.where.rule,
        "evidence": [names.prose(each) for each in finding.evidence],
        "steps": [_step(each) for each in finding.remedies],
        "sure": _(SURE_WORDS[finding.confidence]),
    }


def _step(remedy: Remedy) -> Mapping[str, object]:
    return {
        "host": remedy.host,
        "commands": [shell_line(each) for each in remedy.commands],
        "advice": remedy.advice,
    }
