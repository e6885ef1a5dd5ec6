"""Claims judged by what was seen. Pure: reports and outputs in, rulings out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from netprobe_lab.tour.conditions import NotHere
from netprobe_lab.tour.model import Ruling

if TYPE_CHECKING:
    from netprobe_lab.tour.model import Claim, ClaimPart, Seen


@dataclass(frozen=True, slots=True, kw_only=True)
class PartRuling:
    """One part of a claim: whether it holds, None where that is not decided."""

    part: ClaimPart
    holds: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimRuling:
    """A claim judged."""

    claim: Claim
    ruling: Ruling
    parts: tuple[PartRuling, ...]


def judge(claim: Claim, seen: Seen) -> ClaimRuling:
    """Return how a claim is judged by what was seen.

    It holds where all its parts do, and does not where none does. What the lab cannot show (:class:`NotHere`) keeps it from holding as a whole; what should have
    been seen and was not determined leaves it open.
    """
    parts = tuple(PartRuling(part=each, holds=each.condition.holds(seen)) for each in claim.parts)
    return ClaimRuling(claim=claim, ruling=_together(parts), parts=parts)


def _together(parts: tuple[PartRuling, ...]) -> Ruling:
    if any(each.holds is None and not isinstance(each.part.condition, NotHere) for each in parts):
        return Ruling.OPEN
    found = {each.holds for each in parts}
    if found == {True}:
        return Ruling.HOLDS
    if True in found:
        return Ruling.PARTLY
    return Ruling.NOT if False in found else Ruling.OPEN
