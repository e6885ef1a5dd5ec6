"""Connection tracking, as a walk needs it: what was translated on the way there is undone on the way back (nf_nat_core.c)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from netprobe.model.report import Direction

if TYPE_CHECKING:
    from netprobe.evidence.model import Place
    from netprobe.forward.model import Flying


@dataclass(slots=True)
class Conntrack:
    """The connections of one walk, in every namespace: the packet as it came in (or was sent), and as it left."""

    entries: dict[Place, list[tuple[Flying, Flying]]] = field(default_factory=dict)

    def track(self, place: Place, came: Flying, left: Flying) -> None:
        """Remember a request."""
        if came.direction is Direction.REQUEST:
            self.entries.setdefault(place, []).append((came, left))

    def restored(self, place: Place, packet: Flying) -> Flying | None:
        """An answer with its translations undone; None for a request, or where nothing was translated."""
        if packet.direction is Direction.REQUEST:
            return None
        for came, left in self.entries.get(place, ()):
            if left.back().endpoints == packet.endpoints and came.endpoints != left.endpoints:
                back = came.back()
                return replace(packet, src=back.src, sport=back.sport, dst=back.dst, dport=back.dport)
        return None
