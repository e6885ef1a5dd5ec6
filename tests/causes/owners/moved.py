"""Recorded drops whose rule is moved into a chain of another program."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.pipeline import analyze
from tests.causes.altered import recorded
from tests.causes.proof.test_drops import with_rules

if TYPE_CHECKING:
    from netprobe.evidence.model import Evidence
    from netprobe.model.report import Finding

DROP = r"^(\[\d+:\d+\]) -A INPUT (.*-j DROP)$"


def dropped_in(chain: str, match: str = r"\2") -> Finding:
    """What is said when the dropped SYN of ``input-drop`` meets its rule in a chain of another program."""
    evidence = with_rules(recorded("input-drop"), (r"^(:INPUT ACCEPT)", rf":{chain} - [0:0]\n\1"), before=True)
    moved = (DROP, rf"\1 -A INPUT -j {chain}\n\1 -A {chain} {match}")
    return cause_of(with_rules(evidence, moved, before=True))


def cause_of(evidence: Evidence) -> Finding:
    found = analyze(evidence).cause
    assert found is not None
    assert found.code == "input-drop"
    return found
