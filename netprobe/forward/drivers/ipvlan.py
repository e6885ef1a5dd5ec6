"""ipvlan: as macvlan, but all containers share the parent's link address.

Source: drivers/net/ipvlan/ipvlan_core.c; moby libnetwork/drivers/ipvlan. Modes l3 and l3s (the parent routes) are taken for l2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.forward.drivers.macvlan import Macvlan

if TYPE_CHECKING:
    from netprobe.forward.frame import Frame


class Ipvlan(Macvlan):
    """Docker's ipvlan networks."""

    name = "ipvlan"
    own_mac = False

    def hides(self, frame: Frame, device: str) -> bool:
        """Not told: in some modes the host reaches them."""
        return False
