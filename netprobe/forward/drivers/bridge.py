"""bridge: a veth pair to each container, and a bridge that is the host's own interface, too.

Source: moby libnetwork/drivers/bridge; net/bridge/br_forward.c, br_input.c (a bridge's own tap sees what is switched between its
ports only in promiscuous mode).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from netprobe.evidence.model import Place
from netprobe.forward.drivers.base import Driver
from netprobe.forward.frame import Arrival, mac_of, with_address
from netprobe.forward.model import Barrier, UnknownHere
from netprobe.state.lookup import container_interface, docker_bridges, has_address, host_veth, network_for

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
        frame.must_be_up(frame.own, veth)
        frame.must_be_up(frame.own, link)  # of a bridge that is down no port forwards
        _must_pass(frame, veth, None)
        up = has_address(host.own, frame.address) or not bridge
        found = None if up else self._port(host, bridge, frame.address)
        if up and link is not None and has_address(host.own, frame.address):
            ports = (each.mac for each in host.own.links or () if each.master == bridge)
            frame.must_be_taken(link.mac, frozenset(ports))
        if bridge:
            frame.passes(frame.own, bridge, observable=found is None or bool(link and link.promisc))
        if up:
            return Arrival(into=frame.own, in_if=bridge, port=veth.name if veth else "")
        if found is None:
            self._nobody(frame, bridge)
            return Arrival(into=frame.own, in_if=bridge)  # passed, as if the address were the host's
        return replace(self._to_port(frame, *found, near=veth), bridge=bridge)

    def owns(self, host: Host, link: Link) -> bool:
        """A bridge of Docker's."""
        return link.name in docker_bridges(host)

    def deliver(self, frame: Frame, link: Link) -> Arrival:
        """From the host by its own port of the bridge."""
        frame.passes(frame.own, link.name)
        frame.must_be_up(frame.own, link)
        found = self._port(frame.host, link.name, frame.address)
        if found is None:
            self._nobody(frame, link.name)
            raise UnknownHere(f"nobody on {link.name} has {frame.address}")
        return self._to_port(frame, *found)

    @staticmethod
    def _port(host: Host, bridge: str, address: str) -> tuple[Container, EndpointSettings] | None:
        """Who has the address behind a port of the bridge."""
        for container, endpoint, network in with_address(host, address):
            if network.bridge == bridge:
                return container, endpoint
        return None

    @staticmethod
    def _nobody(frame: Frame, bridge: str) -> None:
        if frame.host.containers is None or frame.host.networks is None:
            raise UnknownHere(f"the containers of {frame.host.name} are not known")
        others = [
            each.name
            for each in frame.host.own.links or ()
            if each.master == bridge and each.kind != "veth" and each.up
        ]
        if others:
            frame.unknown(f"{others[0]} is a port of {bridge}, too: who is behind it is not known")
        frame.meets(Barrier.NO_NEIGHBOUR, frame.own, bridge, f"nobody on {bridge} has {frame.address}")

    @staticmethod
    def _to_port(frame: Frame, container: Container, endpoint: EndpointSettings, near: Link | None = None) -> Arrival:
        """From the bridge (or from its port ``near``) into a container."""
        host = frame.host
        place = Place(host=host.name, container=host.owner_of(container.name))
        veth = host_veth(host, container, endpoint)
        if veth is not None:
            frame.passes(frame.own, veth.name)
        interface = container_interface(host, container, endpoint)
        frame.passes(place, interface)  # a MAC that no port has is flooded: it comes here too
        inner = host.namespace(place.container)
        if inner.links is None and inner.asked("addr") and _has_idle_port(host):
            frame.unknown(f"whether {interface} of {container.name} is up is not known")
        frame.must_be_up(place, inner.link(interface))
        frame.must_be_up(frame.own, veth)
        _must_pass(frame, near, veth)
        twin = _twin(host, container, endpoint)
        if twin is not None:
            mac, other = twin
            frame.unknown(
                f"{container.name} and {other} have the same MAC address {mac} on one bridge, which sends to the one that sent last"
            )
        if ":" not in frame.address and inner.links is not None and not has_address(inner, frame.address):
            text = f"{interface} of {container.name} has lost its address {frame.address}"
            frame.meets(Barrier.NO_NEIGHBOUR, place, interface, text)
        frame.must_be_taken(mac_of(host, container, endpoint))
        return Arrival(into=place, in_if=interface)

    def taps(
        self, host: Host, container: Container, endpoint: EndpointSettings, network: Network
    ) -> Iterator[tuple[Place, str]]:
        """The bridge, the host's end of the veth pair, the container's."""
        veth = host_veth(host, container, endpoint)
        for name in filter(None, ((veth.master if veth else "") or network.bridge, veth.name if veth else "")):
            yield Place(host=host.name), name
        yield from super().taps(host, container, endpoint, network)


def _twin(host: Host, container: Container, endpoint: EndpointSettings) -> tuple[str, str] | None:
    """The container's MAC and who else has it on the same bridge; None for nobody. A bridge learns it anew with each frame (net/bridge/br_fdb.c)."""
    mac, here = mac_of(host, container, endpoint), network_for(host, endpoint)
    for other in (host.containers or ()) if mac and here is not None else ():
        for each in other.networks.values() if other.running and other.name != container.name else ():
            if network_for(host, each) == here and mac_of(host, other, each) == mac:
                return mac, other.name
    return None


def _must_pass(frame: Frame, near: Link | None, far: Link | None) -> None:
    """Pass a bridge from one of its ports to another (None: the bridge's own side), which both have to let it (net/bridge/br_forward.c, should_deliver)."""
    for port in (near, far):
        if port is not None and port.master and port.port_state not in {"", "forwarding"}:
            text = f"{port.name} is a port of {port.master} in state {port.port_state}"
            frame.meets(Barrier.BRIDGE_PORT, frame.own, port.name, text)
    if near is not None and far is not None and near.isolated and far.isolated:
        text = f"{near.name} and {far.name} are isolated ports of {near.master}"
        frame.meets(Barrier.BRIDGE_PORT, frame.own, far.name, text)


def _has_idle_port(host: Host) -> bool:
    """Whether some veth of the host has no carrier: its other end is down."""
    return any(link.kind == "veth" and link.master and not link.carrier for link in host.own.links or ())
