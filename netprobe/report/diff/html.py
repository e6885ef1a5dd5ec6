"""A comparison as one page for browsers: what ``templates/diff.html.j2`` prints, prepared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from netprobe.diff.model import Sameness, SightKind
from netprobe.report.diff.text import MOST_ALSO, NONE_DECIDES, change_of, headline
from netprobe.report.html.template import rendered
from netprobe.report.text import verdict_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from netprobe.diff.model import BothAtPoint, Comparison, Difference, Weighed
    from netprobe.model.report import Report

_MOST: Final = 500  # differences that are listed: a page is to be sent
_TONE: Final = {Sameness.SAME: "works", Sameness.DIFFERS: "fails", Sameness.UNDETERMINED: "undetermined"}
_SIGHTS: Final = {
    SightKind.SEEN: "seen",
    SightKind.MISSING: "never arrived",
    SightKind.ABSENT: "did not pass here",
    SightKind.UNKNOWN: "not observed",
}


def page(comparison: Comparison, names: tuple[str, str]) -> str:
    """Return the page. ``names``: the two files."""
    found, words = comparison.parting, headline(comparison)
    report = comparison.good
    head = f"{report.target} from {report.source}"
    also = [_weighed(each) for each in comparison.also[:_MOST]]
    return rendered(
        "diff.html.j2",
        {
            "title": f"{head}: {words}",
            "head": head,
            "words": words,
            "tone": _TONE[comparison.outcome],
            "sides": [_side(names[0], comparison.good), _side(names[1], comparison.bad)],
            "asked": comparison.asked,
            "parting": found,
            "decides": [_weighed(each) for each in comparison.decides[:_MOST]],
            "none_decides": NONE_DECIDES,
            "also": also[:MOST_ALSO],
            "more_also": also[MOST_ALSO:],
            "points": list(_points(comparison.points)),
            "unrelated": [_difference(each, "") for each in comparison.unrelated[:_MOST]],
            "unknown": comparison.unknown[:_MOST],
        },
    )


def _side(name: str, report: Report) -> dict[str, str]:
    return {"name": name, "verdict": report.verdict.value, "words": verdict_words(report)}


def _weighed(weighed: Weighed) -> dict[str, object]:
    return _difference(weighed.difference, weighed.why)


def _difference(difference: Difference, why: str) -> dict[str, object]:
    change = change_of(difference)
    return {"where": change.where, "good": change.good, "bad": change.bad, "moved": change.moved, "why": why}


def _points(pairs: Iterable[BothAtPoint]) -> Iterator[dict[str, object]]:
    """One row a point; before the first of the answer a line says so."""
    replies = False
    for each in pairs:
        alike = None if SightKind.UNKNOWN in {each.good, each.bad} else each.good is each.bad and not each.parts
        yield {
            "point": each.point,
            "new": "and the answer, on its way back" if each.reply and not replies else "",
            "good": each.good_packet or _SIGHTS[each.good],
            "bad": each.bad_packet or _SIGHTS[each.bad],
            "alike": "\N{EN DASH}" if alike is None else "yes" if alike else "no",
            "tone": "unknown" if alike is None else "same" if alike else "differs",
            "parts": each.parts,
        }
        replies = replies or each.reply
