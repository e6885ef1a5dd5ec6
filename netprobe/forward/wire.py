"""Who gets a frame: from an interface to the namespace that it enters next, by the driver that the interface belongs to.

Who has the next hop's address on a link is told by the inventory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.forward.drivers import DRIVERS, driver_of
from netprobe.forward.frame import Arrival, Onto
from netprobe.forward.model import Stopped, UnknownHere
from netprobe.forward.uplink import onto_the_wire
from netprobe.state.lookup import container_interface, network_for

if TYPE_CHECKING:
    from netprobe.forward.frame import Frame
    from netprobe.state.engine.model import Container, EndpointSettings, Network
    from netprobe.state.model import Host


def carry(frame: Frame) -> tuple[Arrival, Stopped | UnknownHere | None]:
    """Carry a frame to the next namespace; its taps are the points that it passes.

    Returns:
        Where it comes in, and what ended the way before that (None: it is there, or beyond the inventory).
    """
    try:
        arrival = _by_driver(frame)
        return (onto_the_wire(frame, arrival) if isinstance(arrival, Onto) else arrival), None
    except (Stopped, UnknownHere) as end:
        return Arrival(into=None), end


def _by_driver(frame: Frame) -> Arrival | Onto:
    here = frame.host.namespace(frame.place.container)
    if here.links is None and here.asked("addr") and (frame.place.container is None or _several(frame)):
        frame.unknown(f"the interfaces of {frame.place} are not known")
    link = here.link(frame.device)
    frame.must_be_up(frame.place, link)
    if frame.place.container is None:
        if link is not None and link.is_bridge and frame.host.networks is None and frame.host.asked("networks"):
            frame.unknown(f"whose bridge {link.name} of {frame.host.name} is, is not known")
        driver = next((each for each in DRIVERS if link is not None and each.owns(frame.host, link)), None)
        return driver.deliver(frame, link) if driver and link else Onto(device=frame.device, child=False)
    container = frame.host.container(frame.place.container)
    chosen = _endpoint_of(frame.host, container, frame.device) if container else None
    if link is not None or chosen is not None:
        frame.passes(frame.place, frame.device)
    if container is None or chosen is None:
        if not frame.resolves:
            return Arrival(into=None)
        raise UnknownHere(f"{frame.place}: the network of {frame.device} is not known")
    endpoint, network = chosen
    return driver_of(network).leave(frame, container, endpoint, network)


def _several(frame: Frame) -> bool:
    """Whether a container has more than one network: which of them an interface is of, its links alone tell."""
    container = frame.host.container(frame.place.container or "")
    return container is None or len(container.networks) > 1


def _endpoint_of(host: Host, container: Container, device: str) -> tuple[EndpointSettings, Network] | None:
    for endpoint in container.networks.values():
        network = network_for(host, endpoint)
        if network is not None and container_interface(host, container, endpoint) == device:
            return endpoint, network
    return None
