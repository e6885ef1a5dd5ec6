"""Captures as evidence, held as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.runs import runs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from netprobe.evidence.model import Evidence


def load(files: Sequence[str], points: Mapping[str, str]) -> list[tuple[str, Evidence]]:
    """What each run is called and holds."""
    found = [(run.name, run.whole()) for run in runs(files, points)]
    return [(name, evidence) for name, evidence in found if evidence is not None]
