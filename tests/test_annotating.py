from __future__ import annotations

import os
from pathlib import Path

import pytest

from netprobe.annotating import annotated
from netprobe.evidence.stream.whole import read
from netprobe.pipeline import analyze, analyze_in_detail
from netprobe.report.json import to_json

CAPTURES = sorted((Path(__file__).parents[1] / "captures").glob("*.pcapng"))
EVERY = 1 if "NETPROBE_ALL" in os.environ else 31


@pytest.mark.parametrize("file", CAPTURES[::EVERY], ids=lambda file: file.stem)
def test_evidence_with_its_story_is_explained_alike(file: Path) -> None:
    data = file.read_bytes()
    evidence = read(data, name=file.name)
    report, details = analyze_in_detail(evidence)
    made = annotated(data, evidence, report, details)
    again = read(made, name=file.name)
    assert again.limits == evidence.limits
    assert (again.packets.frame == evidence.packets.frame).all()
    assert to_json(analyze(again)) == to_json(report)
    assert annotated(made, again, report, details) == made
