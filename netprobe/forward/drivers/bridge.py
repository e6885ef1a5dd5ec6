"""bridge: a veth pair to each container, and a bridge that is the host's own interface, too.

Source: moby libnetwork/drivers/bridge; net/bridge/br_forward.c, br_input.c (a bridge's own tap sees what is switched between its
ports only in promiscuous mode).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.evidence.model import Place
from netprobe.forward.drivers.base import Driver
from netprobe.forward.frame import Arrival, endpoints, mac_of
from netprobe.forward.model import Barrier, UnknownHere
from netprobe.state.address import same
from netprobe.state.lookup import container_interface, docker_bridges, has_address, host_veth

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netprobe.forward.frame import Frame
    from netprobe.state.engine.model import Container, EndpointSettings, Network
    from netprobe.state.links import Link
    from netprobe.state.model import Host


class Bridge(Driver):
    """Docker's bridge networks, the default one and those that users make."""

    name = "bridge"
    publishes = True

    def leave(self, frame: Frame, container: Container, endpoint: EndpointSettings, network: Network) -> Arrival:
        """By the veth to the bridge; there up into the host, or to another port."""
        host = frame.host
        veth = host_veth(host, container, endpoint)
        bridge = (veth.master if veth else "") or network.bridge
        if veth is not None:
            frame.passes(frame.own, veth.name)
        link = host.own.link(bridge)
        if not bridge or link is None:
            frame.unknown(f"{frame.place}: the bridge behind {frame.device} is not known")
        if veth is not None and not veth.master:
            frame.meets(Barrier.LINK_DOWN, frame.own, veth.name, f"{veth.name} is no port of {bridge}")
        frame.must_be_up(frame.own, link)
        up = has_address(host.own, frame.address) or not bridge
        if bridge:
            frame.passes(frame.own, bridge, observable=up or bool(link and link.promisc))
        return Arrival(into=frame.own, in_if=bridge) if up else self._to_port(frame, bridge, switched=True)

    def owns(self, host: Host, link: Link) -> bool:
        """A bridge of Docker's."""
        return link.name in docker_bridges(host)

    def deliver(self, frame: Frame, link: Link) -> Arrival:
        """From the host by its own port of the bridge."""
        frame.passes(frame.own, link.name)
        frame.must_be_up(frame.own, link)
        return self._to_port(frame, link.name, switched=False)

    @staticmethod
    def _to_port(frame: Frame, bridge: str, *, switched: bool) -> Arrival:
        """From a bridge to the port behind which the address is."""
        host = frame.host
        for container, endpoint, network in endpoints(host):
            if network.bridge != bridge or not any(same(each, frame.address) for each in endpoint.all_addresses):
                continue
            place = Place(host=host.name, container=host.owner_of(container.name))
            veth = host_veth(host, container, endpoint)
            if veth is not None:
                frame.passes(frame.own, veth.name)
            interface = container_interface(host, container, endpoint)
            frame.passes(place, interface)  # a MAC that no port has is flooded: it comes here too
            frame.must_be_taken(mac_of(host, container, endpoint))
            return Arrival(into=place, in_if=interface, bridge=bridge if switched else "")
        if host.containers is None:
            raise UnknownHere(f"the containers of {host.name} are not known")
        frame.meets(Barrier.NO_NEIGHBOUR, frame.own, bridge, f"nobody on {bridge} has {frame.address}")
        return Arrival(
            into=frame.own if switched else None, in_if=bridge
        )  # passed: as if the gateway's address were the host's

    def taps(
        self, host: Host, container: Container, endpoint: EndpointSettings, network: Network
    ) -> Iterator[tuple[Place, str]]:
        """The bridge, the host's end of the veth pair, the container's."""
        veth = host_veth(host, container, endpoint)
        for name in filter(None, ((veth.master if veth else "") or network.bridge, veth.name if veth else "")):
            yield Place(host=host.name), name
        yield from super().taps(host, container, endpoint, network)
