"""The case of a question that nobody asked: the state of its hosts, and no packet's story."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.causes.case import Case
from netprobe.decode.decoder import decode
from netprobe.paths.classify import Way
from netprobe.paths.story import Observation, Symptom

if TYPE_CHECKING:
    from netprobe.evidence.model import Evidence
    from netprobe.verdict.prediction import Unsent


def case_of(evidence: Evidence, unsent: Unsent) -> Case:
    """Return what causes may look at."""
    return Case(
        probe=unsent.probe,
        points=(),
        table=decode(evidence.packets, evidence.points),
        journey=None,
        hops=(),
        story=Observation(symptom=Symptom.NO_PACKETS),
        way=Way(),
        intent=unsent.intent,
        world=unsent.world,
        prediction=unsent.prediction,
    )
