"""Why the two differ where neither is to be changed. Every kind of difference that stays has its line here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from agreement.compare import Difference

UNKNOWN = "NO REASON KNOWN"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One reason.

    Attributes:
        why: a sentence.
        fits: whether a difference is of that kind.
    """

    why: str
    fits: Callable[[Difference], bool]


REASONS: tuple[Reason, ...] = ()


def reason_of(difference: Difference) -> str:
    """Return the first reason that fits, or that none is known."""
    return next((reason.why for reason in REASONS if reason.fits(difference)), UNKNOWN)
