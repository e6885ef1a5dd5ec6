"""The catalogue: every cause has a capture that fires it, a near miss that stays silent, a healthy twin, and words for people."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from netprobe.causes.catalogue import CAUSES
from netprobe.evidence.reader import read
from netprobe.pipeline import analyze
from netprobe_lab.experiments import EXPERIMENTS

CAPTURES = Path(__file__).parents[2] / "captures"
HEADINGS = ("What it is:", "Why it happens:", "Evidence:", "Remedy:", "Source:")
CODES = [cause.code for cause in CAUSES]


@cache
def said(name: str) -> tuple[str, frozenset[str]]:
    """The verdict of a capture and every code that its report names."""
    report = analyze(read((CAPTURES / f"{name}.pcapng").read_bytes()))
    codes = {finding.code for finding in report.findings} | ({report.cause.code} if report.cause else set())
    return report.verdict.value, frozenset(codes)


def test_codes_are_unique() -> None:
    assert len(CODES) == len(set(CODES))


@pytest.mark.parametrize("cause", CAUSES, ids=CODES)
def test_words(cause: object) -> None:
    text = type(cause).__doc__ or ""
    assert [heading for heading in HEADINGS if heading not in text] == []


@pytest.mark.parametrize("code", CODES)
def test_fires(code: str) -> None:
    firing = [each.name for each in EXPERIMENTS if each.expected.cause == code or code in each.expected.findings]
    assert firing
    assert [name for name in firing if code not in said(name)[1]] == []


@pytest.mark.parametrize("code", CODES)
def test_near_misses_stay_silent(code: str) -> None:
    near = [each.name for each in EXPERIMENTS if code in each.near_miss]
    assert near
    assert [name for name in near if code in said(name)[1]] == []


def test_healthy_twins_find_nothing() -> None:
    healthy = [each.name for each in EXPERIMENTS if each.expected.verdict == "works" and not each.expected.findings]
    assert len(healthy) > 30
    assert [name for name in healthy if said(name) != ("works", frozenset())] == []
