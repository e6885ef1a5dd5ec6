"""What a network driver is to a packet: what a new one has to answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from netprobe.evidence.model import Place
from netprobe.forward.model import UnknownHere
from netprobe.state.lookup import container_interface

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netprobe.forward.frame import Arrival, Bearer, Frame, Onto
    from netprobe.state.engine.model import Container, EndpointSettings, Network
    from netprobe.state.links import Link
    from netprobe.state.model import Host


class Driver:
    """One network driver. A driver that is not known here keeps these answers.

    Attributes:
        name: as the engine calls it (``docker network inspect``: Driver).
        flat: its containers stand on their parent's own segment: no bridge and no NAT of the host.
        own_mac: each of its containers has a link address of its own there.
        alone: its containers have nothing but lo.
        publishes: ``-p`` works for its networks (unless they are internal); None unknown.
    """

    name: ClassVar[str] = ""
    flat: ClassVar[bool] = False
    own_mac: ClassVar[bool] = False
    alone: ClassVar[bool] = False
    publishes: ClassVar[bool | None] = None

    def leave(self, frame: Frame, container: Container, endpoint: EndpointSettings, network: Network) -> Arrival | Onto:
        """Carry a frame out of a container's interface in such a network, whose point is passed already.

        Raises:
            Stopped: an obstacle on the link.
            UnknownHere: the state does not tell.
        """
        raise UnknownHere(f"{frame.place}: what a network of driver {network.driver} does is not known")

    def owns(self, host: Host, link: Link) -> bool:
        """Whether an interface of the host's own leads to this driver's containers."""
        return False

    def deliver(self, frame: Frame, link: Link) -> Arrival | Onto:
        """Carry a frame out of such an interface of the host (:meth:`owns`). Raises as :meth:`leave`."""
        raise UnknownHere(f"{frame.place}: where {link.name} leads is not known")

    def bearers(self, frame: Frame, host: Host) -> Iterator[Bearer]:
        """Whoever of this driver's containers on a host has the frame's address on a wire."""
        return iter(())

    def hides(self, frame: Frame, device: str) -> bool:
        """Whether the address is that of a container that the host does not reach by this interface, though it is on its segment."""
        return False

    def taps(
        self, host: Host, container: Container, endpoint: EndpointSettings, network: Network
    ) -> Iterator[tuple[Place, str]]:
        """The points that a packet passes on its way into a container, from its host's side: (namespace, interface)."""
        yield (
            Place(host=host.name, container=host.owner_of(container.name)),
            container_interface(host, container, endpoint),
        )

    def parents(self, network: Network) -> tuple[str, ...]:
        """The interfaces of the host that such a network's frames leave by."""
        return ()
