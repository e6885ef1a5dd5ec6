"""A reason for a difference between netprobe and tshark, of whatever is compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

D = TypeVar("D")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason(Generic[D]):
    """Why both differ where neither is to be changed.

    Attributes:
        why: a sentence.
        fits: whether a difference is of that kind.
    """

    why: str
    fits: Callable[[D], bool]
