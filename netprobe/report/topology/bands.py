"""What stands together on a host: the containers of each bridge, and of each network that stands on an interface."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from netprobe.report.topology.canvas import NodeId
    from netprobe.topology.model import HostNode, InterfaceNode, NamespaceNode, NetworkNode


@dataclass(frozen=True, slots=True, kw_only=True)
class Joint:
    """How an interface of a container is joined to its host: to which bar, by which port of the host (veth), ``""`` none."""

    interface: InterfaceNode
    bar: NodeId | None
    port: str = ""


@dataclass(slots=True, kw_only=True)
class Band:
    """One bar and the namespaces above it; ``bar`` None: those of which nothing tells where they are joined.

    ``bridge``: the bar is that interface. ``network``: the engine's, where there is one. ``guests``: joints of namespaces that stand in another band.
    """

    bar: NodeId | None
    bridge: InterfaceNode | None = None
    network: NetworkNode | None = None
    members: list[NamespaceNode] = field(default_factory=list)
    guests: list[tuple[NamespaceNode, Joint]] = field(default_factory=list)


class HostBands:
    """The bands of one host, and what is in none: its other interfaces."""

    def __init__(self, host: HostNode) -> None:
        self.host = host
        self._own = {each.name: each for each in host.own.interfaces}
        self._networks = {each.name: each for each in host.networks or ()}
        self.bands = self._bands()
        self.ports = self._ports()

    def joints(self, namespace: NamespaceNode) -> tuple[Joint, ...]:
        """Return those of a namespace, in its interfaces' order."""
        return tuple(self._joint(each) for each in namespace.interfaces)

    def _joint(self, interface: InterfaceNode) -> Joint:
        port = self._own.get(interface.peer.rpartition("/")[2]) if interface.peer else None
        if port is not None:
            bar = ("point", self._point(port.master)) if port.master in self._own else None
            return Joint(interface=interface, bar=bar, port=port.name)
        network = self._networks.get(interface.network)
        if network is not None and network.bridge in self._own:
            return Joint(interface=interface, bar=("point", self._point(network.bridge)))
        if network is not None and network.parents:
            return Joint(interface=interface, bar=("net", self.host.name, network.name))
        return Joint(interface=interface, bar=None)

    def _point(self, interface: str) -> str:
        return self.host.point(self._own[interface], self.host.own)

    def _bands(self) -> list[Band]:
        found = self._bars()
        alone = Band(bar=None)
        for namespace in self.host.namespaces:
            joints = self.joints(namespace)
            first = next((each.bar for each in joints if each.bar in found), None)
            (found[first] if first is not None else alone).members.append(namespace)
            for joint in joints:
                if joint.bar is not None and joint.bar != first and joint.bar in found:
                    found[joint.bar].guests.append((namespace, joint))
        return [*([alone] if alone.members else []), *found.values()]

    def _bars(self) -> dict[NodeId, Band]:
        by_bridge = {each.bridge: each for each in self._networks.values() if each.bridge}
        found: dict[NodeId, Band] = {}
        for each in self._own.values():
            if each.kind == "bridge" or each.name in by_bridge:
                bar = ("point", self._point(each.name))
                found[bar] = Band(bar=bar, bridge=each, network=by_bridge.get(each.name))
        for network in self._networks.values():
            if network.parents and any(parent in self._own for parent in network.parents):
                flat = ("net", self.host.name, network.name)
                found[flat] = Band(bar=flat, network=network)
        return found

    def _ports(self) -> frozenset[str]:
        """The host's ends of the containers' pairs."""
        return frozenset(
            joint.port for namespace in self.host.namespaces for joint in self.joints(namespace) if joint.port
        )

    def links(self) -> Mapping[str, tuple[InterfaceNode, ...]]:
        """Return the host's other interfaces: each that stands on nothing with what stands on it, lo left out."""
        bars = {each.bridge.name for each in self.bands if each.bridge is not None}
        rest = [e for e in self._own.values() if not e.loopback and e.name not in bars and e.name not in self.ports]
        names = {each.name for each in rest}
        base = {each.name: [each] for each in rest if each.parent not in names}
        for each in rest:
            if each.parent in names:
                base.setdefault(self._root(each, names), []).append(each)
        return {name: tuple(items) for name, items in base.items()}

    def _root(self, interface: InterfaceNode, names: set[str]) -> str:
        seen = {interface.name}
        while interface.parent in names and interface.parent not in seen:
            interface = self._own[interface.parent]
            seen.add(interface.name)
        return interface.name
