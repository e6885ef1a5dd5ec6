"""The network as values: what there is on each host, and what joins it. Names are as the kernel and the engine have them, and untrusted."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from netprobe.model.point import point_name
from netprobe.values import dataclass

if TYPE_CHECKING:
    from netprobe.model.endpoint import Endpoint


class KnownBy(StrEnum):
    """Who told of an interface: what was read in its namespace, the engine alone, or nothing but a capture that was taken there."""

    STATE = "state"
    ENGINE = "engine"
    CAPTURE = "capture"


@dataclass(frozen=True, slots=True, kw_only=True)
class InterfaceNode:
    """One interface of a namespace.

    Attributes:
        name: its name in its namespace.
        kind: ``veth`` ``bridge`` ``macvlan`` ``ipvlan`` ``vlan`` …, ``""`` for hardware and lo, and where it is not known.
        mode: macvlan or ipvlan mode, ``""`` for others.
        mac: link address, ``""`` unknown.
        mtu: bytes, 0 unknown.
        up: it carries packets (IFF_UP and a carrier); None unknown. ``state``: ``up``, ``down``, ``no carrier``; ``""`` unknown.
        addresses: with prefix lengths: ``172.17.0.2/16``; link-local IPv6 ones are left out.
        vlan: the id of a VLAN interface; None for others.
        master: the bridge (bond, vrf) of its namespace that it is a port of, ``""`` none.
        parent: the interface that it stands on (macvlan, ipvlan, VLAN): of the host's own namespace; ``""`` none, or unknown.
        peer: the point name of the other end of its veth pair, ``""`` none, or unknown.
        network: the engine's network that it belongs to (a bridge's own, an attachment's), ``""`` none.
        known_by: who told of it.
    """

    name: str
    kind: str = ""
    mode: str = ""
    mac: str = ""
    mtu: int = 0
    up: bool | None = None
    state: str = ""
    addresses: tuple[str, ...] = ()
    vlan: int | None = None
    master: str = ""
    parent: str = ""
    peer: str = ""
    network: str = ""
    known_by: KnownBy = KnownBy.STATE

    @property
    def loopback(self) -> bool:
        """True for lo."""
        return self.name == "lo"


@dataclass(frozen=True, slots=True, kw_only=True)
class NamespaceNode:
    """One network namespace.

    Attributes:
        owner: the container that it belongs to; None for the host's own.
        containers: the names of the running containers in it: the owner, and those that share it.
        interfaces: what is in it; lo only where it was sniffed or has other addresses.
        known: its interfaces were read. Else they are what the engine tells, or captures.
    """

    owner: str | None
    containers: tuple[str, ...] = ()
    interfaces: tuple[InterfaceNode, ...] = ()
    known: bool = True

    def interface(self, name: str) -> InterfaceNode | None:
        """Return one by its name."""
        return next((each for each in self.interfaces if each.name == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A container's place in one network. ``addresses``: with prefix lengths where the engine tells them; none while it does not run."""

    network: str
    addresses: tuple[str, ...] = ()
    mac: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerNode:
    """One container.

    Attributes:
        name, image, state: as the engine has them (``running``, ``exited`` …).
        running: it has processes.
        namespace: the owner of the namespace that it is in, its own name for its own; None: the host's own.
        attachments: its networks, by name.
        published: ``0.0.0.0:80->80/tcp``; of one that does not run, what it asks for.
        service: ``project/service`` of Compose, ``""`` none.
    """

    name: str
    image: str = ""
    state: str = ""
    running: bool = True
    namespace: str | None
    attachments: tuple[Attachment, ...] = ()
    published: tuple[str, ...] = ()
    service: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkNode:
    """One network of the engine. ``bridge``: its bridge on the host; ``parents``: the interfaces that its containers stand on; empty for others."""

    name: str
    driver: str
    subnets: tuple[str, ...] = ()
    gateways: tuple[str, ...] = ()
    bridge: str = ""
    parents: tuple[str, ...] = ()
    internal: bool = False
    containers: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyNode:
    """One userland proxy process: where it listens, and what it dials. ``container``: whose address that is, ``""`` unknown."""

    pid: int
    proto: str
    listens: Endpoint
    dials: Endpoint
    container: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostNode:
    """One host.

    Attributes:
        name: of the inventory; ``""`` for captures that do not say where they were taken.
        known: any of its state is.
        engine: the version of its container engine; ``""`` none, or unknown.
        own: its own namespace.
        namespaces: those of its containers, each once.
        containers: all, running or not; None unknown.
        networks: all; None unknown.
        proxies: userland proxies; None unknown.
        unknown: what could not be learnt, each in one line.
        hidden, hidden_interfaces: how many containers, and interfaces beside theirs, were left out of the picture.
    """

    name: str
    known: bool = True
    engine: str = ""
    own: NamespaceNode
    namespaces: tuple[NamespaceNode, ...] = ()
    containers: tuple[ContainerNode, ...] | None = None
    networks: tuple[NetworkNode, ...] | None = None
    proxies: tuple[ProxyNode, ...] | None = None
    unknown: tuple[str, ...] = ()
    hidden: int = 0
    hidden_interfaces: int = 0

    def point(self, interface: InterfaceNode, namespace: NamespaceNode) -> str:
        """Return the capture point's name of an interface."""
        return point_name(self.name, interface.name, namespace.owner)


class Basis(StrEnum):
    """What says that interfaces stand on one segment."""

    NEIGHBOUR = "neighbour"  # one host's neighbour table has the other's link address there
    SUBNET = "subnet"  # they have addresses of one subnet
    NETWORK = "network"  # the engines' networks on them share a subnet


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """A link between hosts: interfaces that hear each other, as far as state tells. ``name``: its subnet, or its networks' name."""

    name: str
    points: tuple[str, ...]
    basis: Basis


@dataclass(frozen=True, slots=True, kw_only=True)
class Topology:
    """Everything. ``unknown``: what could not be learnt and is no one host's."""

    hosts: tuple[HostNode, ...] = ()
    wires: tuple[Wire, ...] = ()
    unknown: tuple[str, ...] = ()
