"""What is said of each row of a flow table as a connection of its own: told before it is known which rows are one connection.

Who tracks a piece of a large capture tells it of its rows; whoever has all rows joins them, and judges only what other rows belong to
(:func:`netprobe.correlate.judge.judge`): most connections of a capture are seen at one point alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from netprobe.correlate.joined import Joined
    from netprobe.correlate.view import Ints, Mask


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldAlone:
    """What is said of n rows, each by itself, of packets alone.

    Attributes:
        path: uint8 (n,), index of :data:`~netprobe.correlate.ways.PATHS`.
        reason: uint8 (n,), :class:`~netprobe.correlate.reasons.Reason`.
        asked: bool (n,), whether the row saw the request.
        known: bool (n,), whether that is told of the row; the others say nothing.
    """

    path: NDArray[np.uint8]
    reason: NDArray[np.uint8]
    asked: Mask
    known: Mask

    def __len__(self) -> int:
        return len(self.known)

    def at(self, origin: Ints) -> ToldAlone:
        """Return the same of rows in another order: where each stood here, -1 for such as did not, or were changed."""
        place, known = np.maximum(origin, 0), origin >= 0
        if not len(self):
            return ToldAlone(path=place.astype(np.uint8), reason=place.astype(np.uint8), asked=known, known=known)
        return ToldAlone(
            path=self.path[place], reason=self.reason[place], asked=self.asked[place], known=self.known[place] & known
        )


def together(parts: Sequence[ToldAlone]) -> ToldAlone:
    """What is said of the rows of several pieces, one piece behind the other."""
    number, mark = np.zeros(0, np.uint8), np.zeros(0, np.bool_)
    return ToldAlone(
        path=np.concatenate([number, *(part.path for part in parts)]),
        reason=np.concatenate([number, *(part.reason for part in parts)]),
        asked=np.concatenate([mark, *(part.asked for part in parts)]),
        known=np.concatenate([mark, *(part.known for part in parts)]),
    )


def still_alone(joined: Joined, told: ToldAlone) -> Mask:
    """Which connections are one row that nothing belongs to and nothing was found of, and of which it was told what that comes to: bool (c,)."""
    first = joined.first_row
    out = (np.diff(joined.begin) == 1) & told.known[first] & ~joined.turned[first] & (joined.shift_ns[first] == 0)
    for other in (joined.inner_of, joined.outer_of, joined.stray_of):
        out &= other < 0
        out[other[other >= 0]] = False
    return np.asarray(out & ~joined.unclear & ~joined.may_go_on, np.bool_)
