"""macvlan: containers on the segment of an interface of the host, their parent, each with a link address of its own.

Source: drivers/net/macvlan.c: macvlan_queue_xmit hands over inside the host what is for a sibling in bridge mode (the parent's taps
see it first); nothing passes between the parent itself and what stands on it; moby libnetwork/drivers/macvlan.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.evidence.model import Place
from netprobe.forward.drivers.base import Driver
from netprobe.forward.frame import Arrival, Bearer, Onto, below, mac_of
from netprobe.forward.model import Barrier, UnknownHere
from netprobe.state.lookup import container_interface, has_address

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netprobe.forward.frame import Frame
    from netprobe.state.engine.model import Container, EndpointSettings, Network
    from netprobe.state.links import Link
    from netprobe.state.model import Host

_APART = frozenset({"private", "vepa"})  # modes in which siblings do not reach each other


class Macvlan(Driver):
    """Docker's macvlan networks, and a host's own macvlan interface beside them (a shim)."""

    name = "macvlan"
    flat = True
    own_mac = True
    publishes = False

    def leave(self, frame: Frame, container: Container, endpoint: EndpointSettings, network: Network) -> Arrival | Onto:
        """To the host's shim or another container of the same parent inside the host, else onto the wire by the parent."""
        host = frame.host
        if not network.parent:
            raise UnknownHere(f"network {network.name} has no parent interface that is known")
        mine = host.namespace(frame.place.container).link(frame.device)
        if mine is not None and not mine.carrier:
            text = f"{frame.device} has no carrier: {network.parent} is down"
            frame.meets(Barrier.LINK_DOWN, frame.own, network.parent, text)
        if has_address(host.own, frame.address):
            inside = self._to_host(frame, network)
            if inside is not None:
                return inside
        return self._beside(frame, network.parent, network)

    def _to_host(self, frame: Frame, network: Network) -> Arrival | None:
        """To the host's shim on the same parent; never by the parent's own address."""
        link = frame.host.own.link_with(frame.address)
        if link is not None and link.kind == self.name and link.peer_name == network.parent:
            frame.passes(frame.own, network.parent)
            frame.passes(frame.own, link.name)
            return Arrival(into=frame.own, in_if=link.name)
        if link is not None and link.name == network.parent:
            frame.passes(frame.own, network.parent)
            text = f"a macvlan container does not reach its own host by {network.parent}"
            frame.meets(Barrier.OWN_PARENT, frame.own, network.parent, text)
            return Arrival(into=frame.own, in_if=link.name)
        return None

    def _beside(self, frame: Frame, parent: str, mine: Network | None) -> Arrival | Onto:
        """To a container on the same parent inside the host, else onto the wire; ``mine`` None: from the host's shim."""
        found = [each for each in frame.with_address(frame.host) if each[2].parent == parent][:1]
        inside = frame.mode.choose([bool(found)], lambda: (False,), "")  # on the wire another may have the address, too
        return self._to_sibling(frame, found[0], mine) if inside else Onto(device=parent)

    @staticmethod
    def _to_sibling(
        frame: Frame, sibling: tuple[Container, EndpointSettings, Network], mine: Network | None
    ) -> Arrival:
        host, (container, endpoint, theirs) = frame.host, sibling
        modes = {mine.mode, theirs.mode} & _APART if mine is not None else set()
        if modes:
            frame.meets(Barrier.MODE, frame.own, theirs.parent, f"macvlan_mode={min(modes)}")
        place = Place(host=host.name, container=host.owner_of(container.name))
        interface = container_interface(host, container, endpoint)
        frame.passes(frame.own, theirs.parent)  # its taps see it first (macvlan_queue_xmit)
        frame.passes(place, interface)
        return Arrival(into=place, in_if=interface)

    def owns(self, host: Host, link: Link) -> bool:
        """A shim of the host's own."""
        return link.kind == self.name and bool(link.peer_name)

    def deliver(self, frame: Frame, link: Link) -> Arrival | Onto:
        """Out of the shim: to its parent's containers, else onto the wire by the parent."""
        frame.passes(frame.own, link.name)
        return self._beside(frame, link.peer_name, None)

    def bearers(self, frame: Frame, host: Host) -> Iterator[Bearer]:
        """Its containers stand on the wire behind their parent."""
        for container, endpoint, network in frame.with_address(host):
            if network.driver == self.name and network.parent:
                yield Bearer(
                    host=host,
                    place=Place(host=host.name, container=host.owner_of(container.name)),
                    interface=container_interface(host, container, endpoint),
                    parent=network.parent,
                    mac=mac_of(host, container, endpoint),
                )

    def hides(self, frame: Frame, device: str) -> bool:
        """A host does not reach what stands on its own parent."""
        found = frame.with_address(frame.host)
        return any(network.driver == self.name and network.parent == device for _, _, network in found)

    def parents(self, network: Network) -> tuple[str, ...]:
        """``-o parent=``."""
        return (network.parent,) if network.parent else ()

    def taps(
        self, host: Host, container: Container, endpoint: EndpointSettings, network: Network
    ) -> Iterator[tuple[Place, str]]:
        """The parent (and what that stands on), the container's interface."""
        for parent in self.parents(network):
            for name in reversed(below(host, parent)):
                yield Place(host=host.name), name
        yield from super().taps(host, container, endpoint, network)
