"""A comparison as JSON (``netprobe/diff/1``), whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from netprobe.model.hop import Direction

if TYPE_CHECKING:
    from netprobe.diff.model import BothAtPoint, Comparison, Difference, Parting
    from netprobe.model.report import Report
    from netprobe.report.diff.contract import DifferenceJson, DiffJson, DiffPointJson, DiffSideJson, PartingJson

DIFF_SCHEMA: Final = "netprobe/diff/1"


def to_json(comparison: Comparison, names: tuple[str, str]) -> DiffJson:
    """Return the whole as a JSON object, its keys always there and in this order. ``names``: the two files."""
    found = comparison.parting
    return {
        "schema": DIFF_SCHEMA,
        "target": comparison.good.target,
        "source": comparison.good.source,
        "outcome": comparison.outcome,
        "good": _side(names[0], comparison.good),
        "bad": _side(names[1], comparison.bad),
        "asked": list(comparison.asked),
        "parting": None if found is None else _parting(found),
        "points": [_point(each) for each in comparison.points],
        "decides": [_difference(each.difference, each.why) for each in comparison.decides],
        "also": [_difference(each.difference, each.why) for each in comparison.also],
        "unrelated": [_difference(each, None) for each in comparison.unrelated],
        "unknown": list(comparison.unknown),
    }


def _side(name: str, report: Report) -> DiffSideJson:
    return {
        "file": name,
        "verdict": report.verdict.value,
        "path": report.path.value,
        "cause": None if report.cause is None else report.cause.code,
        "why": report.why,
        "sent": report.sent,
    }


def _parting(found: Parting) -> PartingJson:
    return {
        "kind": found.kind,
        "common": found.common,
        "good_at": found.good_at,
        "bad_at": found.bad_at,
        "good": found.good,
        "bad": found.bad,
        "changed": list(found.changed),
    }


def _point(pair: BothAtPoint) -> DiffPointJson:
    return {
        "point": pair.point,
        "direction": Direction.REPLY if pair.reply else Direction.REQUEST,
        "leg": pair.leg,
        "good": pair.good,
        "bad": pair.bad,
        "good_packet": pair.good_packet or None,
        "bad_packet": pair.bad_packet or None,
        "parts": pair.parts,
    }


def _difference(difference: Difference, why: str | None) -> DifferenceJson:
    return {
        "host": difference.place.host,
        "container": difference.place.container,
        "kind": difference.kind,
        "subject": difference.subject,
        "good": difference.good,
        "bad": difference.bad,
        "moved": difference.moved,
        "why": why,
    }
