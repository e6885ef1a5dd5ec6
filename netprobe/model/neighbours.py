"""Who asked for whom on a link (ARP, neighbour discovery), and who answered."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class NeighbourFrame:
    """One packet of ARP or neighbour discovery at one point: the link address that it tells, whom the frame is for, its VLAN tag (None: untagged)."""

    point: str
    time_us: float
    mac: str
    to_mac: str
    vlan: int | None
    frame: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NeighbourExchange:
    """Who asked for whom, every sighting of the requests and of the answers (none: nobody answered where anybody looked).

    ``asker`` is ``::`` for who asks whether somebody has the address already. ``names``: whose the hardware addresses are, where host state tells: ``c12@server2``, ``router``.
    """

    asker: str
    asked: str
    requests: tuple[NeighbourFrame, ...] = ()
    answers: tuple[NeighbourFrame, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)

    @property
    def protocol(self) -> str:
        """``ARP``, ``NDP``."""
        return "NDP" if ":" in self.asked else "ARP"

    @property
    def bearers(self) -> tuple[str, ...]:
        """The hardware addresses that answered."""
        return tuple(dict.fromkeys(each.mac for each in self.answers))

    @property
    def asker_name(self) -> str | None:
        """Whose the address is that asked; None unknown."""
        return next((self.names[each.mac] for each in self.requests if each.mac in self.names), None)

    @property
    def times(self) -> int:
        """How often it was asked: what the point saw that saw it most often."""
        points = [each.point for each in self.requests]
        return max((points.count(each) for each in set(points)), default=0)
