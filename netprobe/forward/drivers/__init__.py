"""The network drivers, one file each: what leaves a container by one, what it delivers, and what it is to others. A new one is a line here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.forward.drivers.base import Driver
from netprobe.forward.drivers.bridge import Bridge
from netprobe.forward.drivers.ipvlan import Ipvlan
from netprobe.forward.drivers.macvlan import Macvlan
from netprobe.forward.drivers.none import Null

if TYPE_CHECKING:
    from netprobe.state.engine.model import Network

DRIVERS: tuple[Driver, ...] = (
    Bridge(),
    Macvlan(),
    Ipvlan(),
    Null(),
)
_BY_NAME = {each.name: each for each in DRIVERS}
_OTHER = Driver()


def driver_of(network: Network) -> Driver:
    """The driver of a network; for one that is not known here, one that knows nothing."""
    return _BY_NAME.get(network.driver, _OTHER)


__all__ = ["DRIVERS", "Driver", "driver_of"]
