"""The measures of a host's box. Units are CSS pixels."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, NamedTuple

from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Collection

    from netprobe.report.topology.bands import HostBands
    from netprobe.report.topology.canvas import Box, NodeId
    from netprobe.topology.model import HostNode

PAD = 12.0
GUTTER = 14.0
LANE = 4.0
MOST_LANES = 8
BAR = 34.0
TITLE = 34.0
RAIL = 20.0  # of a network stack: how far below its upper edge the bridges meet it
FLAT_RAIL = 21.0  # the same of the bar of a network without a bridge
ROOM = 28.0  # above and beneath a network stack, where a journey may end
LETTER = 6.05  # of 10 px monospace
NAME_LETTER = 7.3  # of 12 px monospace
TITLE_LETTER = 9.8  # of 14 px bold sans serif: more than most


class Guest(NamedTuple):
    """An interface in a container's box that is joined to a bar further away: by the lane at ``x``, which ends at ``ends``."""

    inner: NodeId
    outer: NodeId
    x: float
    ends: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """Where a host's content stands: ``left`` and ``right`` of its bars and rows, lanes beyond both. ``touched``: a journey's points; ``wired``: those on wires.

    While it is drawn: ``boxes`` has the namespace's box of each interface in it, ``pending`` the joints that wait until all bands are drawn.
    """

    host: HostNode
    bands: HostBands
    box_x: float
    box_width: float
    left: float
    right: float
    lanes: int
    touched: Collection[str]
    wired: Collection[str]
    boxes: dict[NodeId, Box] = field(default_factory=dict)
    pending: list[Guest] = field(default_factory=list)

    @property
    def inner(self) -> float:
        """How wide rows are."""
        return self.right - self.left

    def lane(self, number: int) -> float:
        """Return where the vertical of a lane on the right is; beyond the last all share that."""
        return self.right + 8 + LANE * min(number, MOST_LANES - 1)
