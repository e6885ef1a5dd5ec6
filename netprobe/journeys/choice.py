"""What there is to choose from, in which order, and what a number or a time means: the one place of these rules.

Connections are found in two ways: with their packets at hand (:mod:`netprobe.journeys.select`), and by the columns of a flow table (:mod:`netprobe.selection.connections`).
Both say what each connection is, and ask here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netprobe.values import dataclass

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from netprobe.flows.expression import Moment

    Index = NDArray[np.int64]
    Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What tells which connections are listed: bool, one entry a connection, in order of time.

    Attributes:
        inner: a proxy opened it.
        answers: it is an answer that stands alone.
        silent: no answer came to it: what somebody may be looking for, whatever else there is.
        names: it is a name server's exchange.
    """

    inner: Mask
    answers: Mask
    silent: Mask
    names: Mask

    def listed(self) -> Index:
        """Return those to choose from where nothing was asked for: DNS only where there is nothing else or no answer came."""
        if len(self.names) < len(("one", "another")):
            return np.arange(len(self.names))
        silent = self.silent & ~self.answers
        chosen = silent | ~(self.inner | self.answers)
        others = chosen & ~self.names
        return np.flatnonzero(others | silent if others.any() else chosen)


def numbered(listed: Index, count: int) -> Index:
    """Return all connections, ``count`` of them, in the order of their numbers: what is listed, then the others."""
    rest = np.ones(count, np.bool_)
    rest[listed] = False
    return np.concatenate([listed, np.flatnonzero(rest)])


def at(moment: Moment, begun_ns: Index, last_ns: Index) -> Index:
    """Return which connections began at a time; else which were under way then.

    Args:
        moment: the time.
        begun_ns: int64, time of each one's first packet, in ns since the capture's first one.
        last_ns: the same of its last one.
    """
    late = begun_ns - moment.at_ns  # as exactly as it was written: rounded or cut off
    at_once = np.flatnonzero((-moment.unit_ns <= 2 * late) & (late < moment.unit_ns))
    under_way = np.flatnonzero((begun_ns <= moment.at_ns) & (moment.at_ns <= last_ns))
    return at_once if len(at_once) else under_way
