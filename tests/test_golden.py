"""The reports as people read them: one a family of causes, a healthy run, a prediction. `python tools/golden.py` writes them anew."""

from __future__ import annotations

import pytest
from golden import GOLDEN, OBSERVED, PREDICTED, ROOT, texts

from netprobe.causes.catalogue import CAUSES
from netprobe.evidence.stream.whole import read
from netprobe.pipeline import analyze

NOW = texts()


@pytest.mark.parametrize("name", sorted(NOW))
def test_a_report_reads_as_it_did(name: str) -> None:
    assert NOW[name] == (GOLDEN / f"{name}.txt").read_text()


def test_no_golden_report_is_left_over() -> None:
    assert {file.stem for file in GOLDEN.iterdir()} == set(NOW) == {*OBSERVED, *PREDICTED}


def test_every_family_of_causes_has_one() -> None:
    families = {type(cause).__module__.split(".")[2] for cause in CAUSES}
    shown = set()
    for capture in OBSERVED.values():
        cause = analyze(read((ROOT / "captures" / f"{capture}.pcapng").read_bytes())).cause
        shown |= {
            type(each).__module__.split(".")[2] for each in CAUSES if cause is not None and each.code == cause.code
        }
    assert shown == families - {"prediction"}  # a note of no family
