"""A frame on a link: the points that it passes, who gets it, and what both ends must be like for that.

Between two namespaces there is no netfilter and no routing: a veth pair, a bridge's ports, the wire between two hosts, a
macvlan parent's segment. The drivers (:mod:`netprobe.forward.drivers`) know their own part of that way.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from netprobe.evidence.model import Place
from netprobe.forward.model import Barrier, Obstacle, UnknownHere
from netprobe.model.point import point_name
from netprobe.state.address import same
from netprobe.state.lookup import container_link, network_for
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from netprobe.forward.modes import Mode
    from netprobe.model.hop import Direction
    from netprobe.state.engine.model import Container, EndpointSettings, Network
    from netprobe.state.links import Link
    from netprobe.state.model import Host


@dataclass(frozen=True, slots=True, kw_only=True)
class Tap:
    """One capture point that a packet passes.

    Attributes:
        point: ``HOST/IF`` or ``HOST/CONTAINER/IF``, as in :class:`netprobe.evidence.model.CapturePoint`.
        place: the namespace. interface: its name there.
        observable: False for a bridge's own tap where the packet is switched between two of its ports.
        vlan: the tag that the frame carries there.
    """

    point: str
    place: Place
    interface: str
    observable: bool = True
    vlan: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """Where a frame comes in.

    Attributes:
        into: the namespace that it enters; None: somebody who is not of the inventory.
        in_if: the interface by which it enters.
        bridge: the bridge, where it was switched between two ports of it (bridge netfilter may look).
        port: the port of a bridge by which it came up from that into the host.
    """

    into: Place | None
    in_if: str = ""
    bridge: str = ""
    port: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Onto:
    """The frame goes onto the wire by this interface of its host; ``child``: as that of an interface on top of it (macvlan)."""

    device: str
    child: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Bearer:
    """Who has an address on a wire: by ``interface`` in ``place``, behind ``parent`` of ``host``; ``mac`` ``""`` unknown."""

    host: Host
    place: Place
    interface: str
    parent: str
    mac: str


@dataclass(slots=True, kw_only=True)
class Frame:
    """A frame on its way: out of ``device`` in ``place``, for whoever has ``address`` (the next hop's) on that link.

    ``mode``: how it goes on where something stops it. ``taps``: the points that it passed so far, in order.
    """

    hosts: Mapping[str, Host]
    place: Place
    device: str
    address: str
    direction: Direction
    mode: Mode
    taps: list[Tap] = field(default_factory=list)

    @property
    def host(self) -> Host:
        """The host whose interface it is."""
        return self.hosts[self.place.host]

    @property
    def own(self) -> Place:
        """That host's own namespace."""
        return Place(host=self.place.host)

    @property
    def resolves(self) -> bool:
        """Whether who has the address on that link is asked for there (ARP, neighbour discovery): not on a tunnel."""
        link = self.host.namespace(self.place.container).link(self.device)
        return link is None or link.arp or link.loopback

    def meets(self, barrier: Barrier, place: Place, label: str, text: str) -> None:
        """Meet an obstacle, and pass it only in a mode that does. Raises Stopped."""
        self.mode.meet(Obstacle(barrier=barrier, place=place, label=label, text=text, direction=self.direction))

    def unknown(self, why: str) -> None:
        """Come to what the state does not tell. Raises UnknownHere, but in a mode that passes it."""
        self.mode.unknown(UnknownHere(why))

    def passes(self, place: Place, interface: str, *, observable: bool = True, vlan: int | None = None) -> None:
        """Pass a point."""
        name = point_name(place.host, interface, place.container)
        self.taps.append(Tap(point=name, place=place, interface=interface, observable=observable, vlan=vlan))

    def must_be_up(self, place: Place, link: Link | None, *, carrier: bool = False) -> None:
        """Pass a link only if it is up (and has a carrier)."""
        if link is not None and not link.up:
            self.meets(Barrier.LINK_DOWN, place, link.name, f"{link.name} is down")
        elif link is not None and carrier and not link.carrier:
            self.meets(Barrier.LINK_DOWN, place, link.name, f"{link.name} has no carrier")

    def must_be_taken(self, mac: str, others: frozenset[str] = frozenset()) -> None:
        """The sender's neighbour entry must name this MAC, or another of the same host (weak host model: it answers ARP on all its interfaces)."""
        here = self.host.namespace(self.place.container)
        if here.neighbours is None and here.asked("neigh"):
            self.unknown(f"the neighbour entries of {self.place} are not known")
        for each in here.neighbours or ():
            named = each.dev == self.device and same(each.address, self.address)
            used = named and not {"FAILED", "INCOMPLETE"} & {each.state}
            if used and mac and each.mac and each.mac != mac and each.mac not in others:
                text = f"{each.address} lladdr {each.mac} {each.state}, and it has {mac}"
                self.meets(Barrier.WRONG_NEIGHBOUR, self.place, f"neighbour {each.address}", text)

    def with_address(self, host: Host) -> Iterator[tuple[Container, EndpointSettings, Network]]:
        """Every running container of a host that has the address, with its endpoint and network."""
        return with_address(host, self.address)


def with_address(host: Host, address: str) -> Iterator[tuple[Container, EndpointSettings, Network]]:
    """Every running container of a host that has an address, with its endpoint and network."""
    for container in host.containers or ():
        for endpoint in container.networks.values() if container.running else ():
            found = any(same(each, address) for each in endpoint.all_addresses)
            network = network_for(host, endpoint) if found else None
            if network is not None:
                yield container, endpoint, network


def mac_of(host: Host, container: Container, endpoint: EndpointSettings) -> str:
    """The link address of a container in a network: its interface's, else the engine's word."""
    inner = container_link(host, container, endpoint)
    return (inner.mac if inner else "") or endpoint.mac


def below(host: Host, device: str) -> tuple[str, ...]:
    """An interface and what its frames leave by: ``eth1.1``, ``eth1``."""
    link = host.own.link(device)
    parent = link.peer_name if link is not None and link.kind == "vlan" else device.rpartition(".")[0]
    return (device, parent) if parent and host.own.link(parent) is not None else (device,)
