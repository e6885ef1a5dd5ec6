"""The tutorial: its chapters, in order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from netprobe.report.language import N_
from netprobe_lab.tour.containers import CONTAINERS
from netprobe_lab.tour.macvlan import MACVLAN
from netprobe_lab.tour.model import TourPart
from netprobe_lab.tour.published import PUBLISHED
from netprobe_lab.tour.summary import SUMMARY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netprobe_lab.tour.model import Claim, TourStep

TUTORIAL: Final = (
    CONTAINERS,
    TourPart(title=N_("2. The outside reaching a container"), steps=(*PUBLISHED, SUMMARY)),
    MACVLAN,
)


def steps() -> Iterator[TourStep]:
    """Return all steps, in order."""
    return (step for part in TUTORIAL for step in part.steps)


def claims() -> Iterator[Claim]:
    """Return all claims, in order."""
    return (claim for step in steps() for claim in step.claims)
