"""The catalogue: every cause has a capture that fires it, a near miss that stays silent, a healthy twin, and words for people."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from netprobe.causes.base import Cause
from netprobe.causes.catalogue import CAUSES
from netprobe.forward.model import Barrier
from netprobe_lab.experiments import EXPERIMENTS
from tests.mutilation import expected

PACKAGE = Path(__file__).parents[2] / "netprobe"
HEADINGS = ("What it is:", "Why it happens:", "Evidence:", "Remedy:", "Source:")
CODES = [cause.code for cause in CAUSES]


def said(name: str) -> tuple[str, frozenset[str]]:
    """The verdict of a capture and every code that its report names: tests/test_replay.py holds its replay to that."""
    report = expected(name)
    return report["verdict"], frozenset([*report["findings"], *([report["cause"]["code"]] if report["cause"] else [])])


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


def test_no_file_names_a_cause_by_its_code() -> None:
    """A cause's class carries all that is known of it: others ask the class."""
    barriers = {barrier.value for barrier in Barrier}
    named = {str(file.relative_to(PACKAGE)): _codes_in(file) - barriers for file in PACKAGE.rglob("*.py")}
    assert len(named) > 300
    assert {file: codes for file, codes in named.items() if codes} == {}


def _codes_in(file: Path) -> set[str]:
    tree = ast.parse(file.read_text())
    own = {
        id(node.value)
        for cls in ast.walk(tree)
        if isinstance(cls, ast.ClassDef)
        for node in cls.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "code"
    }
    constants = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in own)
    return {each for each in constants if isinstance(each, str) and each in CODES}


@pytest.mark.parametrize("barrier", sorted({barrier for cause in CAUSES for barrier in cause.barriers}))
def test_a_barrier_is_explained_once(barrier: Barrier) -> None:
    """By one cause; by several only where each looks closer than at its kind."""
    causes = [type(cause) for cause in CAUSES if barrier in cause.barriers]
    assert len(causes) == 1 or all(each.explains_obstacle is not Cause.explains_obstacle for each in causes)


def test_less_specific_causes_come_later() -> None:
    order = [type(cause) for cause in CAUSES]
    for cause in CAUSES:
        assert all(order.index(other) > order.index(type(cause)) for other in cause.instead_of), cause.code
