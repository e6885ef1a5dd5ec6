"""A topology as a text tree: each host, what its interfaces bear, and the wires between hosts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.report.topology.bands import HostBands
from netprobe.report.topology.shortened import shown
from netprobe.report.topology.stack import grouped, words_of
from netprobe.topology.collapse import collapsed
from netprobe.topology.model import Basis, KnownBy
from netprobe.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netprobe.report.topology.bands import Band
    from netprobe.topology.model import (
        ContainerNode,
        HostNode,
        InterfaceNode,
        NamespaceNode,
        NetworkNode,
        Topology,
        Wire,
    )

MOST_SUBNETS = 4
MOST_ADDRESSES = 6
_BASIS = {
    Basis.NEIGHBOUR: "by their neighbour tables",
    Basis.SUBNET: "by their subnet",
    Basis.NETWORK: "by the engines' networks on them",
}


@dataclass(frozen=True, slots=True)
class Branch:
    """One line, and what stands under it."""

    text: str
    under: tuple[Branch, ...] = ()


def tree(topology: Topology, *, whole: bool = False) -> str:
    """Return the tree, a host after the other. ``whole``: leave nothing out of large hosts."""
    topology = topology if whole else collapsed(topology)
    trunks = [_host(each) for each in topology.hosts]
    if topology.wires:
        trunks.append(Branch("wires between hosts", tuple(map(_wire, topology.wires))))
    trunks += [Branch(f"not known: {shown(each)}") for each in topology.unknown]
    return "\n".join(line for trunk in trunks for line in (trunk.text, *_lines(trunk.under, ""))) + "\n"


def _lines(branches: tuple[Branch, ...], margin: str) -> Iterator[str]:
    for number, each in enumerate(branches):
        last = number == len(branches) - 1
        yield f"{margin}{'└─' if last else '├─'} {each.text}"
        yield from _lines(each.under, f"{margin}{'   ' if last else '│  '}")


def _host(host: HostNode) -> Branch:
    name = shown(host.name or "captures")
    if not host.known and host.name:
        name += "  (its state is not known)"
    return Branch(f"{name}  engine {shown(host.engine)}" if host.engine else name, tuple(_parts(host)))


def _parts(host: HostNode) -> Iterator[Branch]:
    for why in host.unknown:
        yield Branch(f"not known: {shown(why)}")
    found = _Host(host)
    yield from found.interfaces()
    yield from found.others()
    for group in grouped(host.proxies or ()).values():
        yield Branch(words_of(group) + f"  {group[0].proto}")
    if host.own.containers:
        yield Branch("in the host's own namespace", tuple(found.container(each) for each in host.own.containers))
    resting = tuple(_container(each) for each in host.containers or () if not each.running)
    if resting:
        yield Branch("not running", resting)
    if host.hidden:
        yield Branch(f"+ {host.hidden} more containers (--all shows them)")
    if host.hidden_interfaces > 0:
        yield Branch(f"+ {host.hidden_interfaces} more interfaces (--all shows them)")


class _Host:
    """One host's branches."""

    def __init__(self, host: HostNode) -> None:
        self._host = host
        self._bands = HostBands(host)
        self._containers = {each.name: each for each in host.containers or ()}

    def interfaces(self) -> Iterator[Branch]:
        """The host's own: uplinks with the networks that stand on them, then bridges with their ports."""
        flat: dict[str, list[Band]] = {}
        for band in self._bands.bands:
            if band.bridge is None and band.network is not None:
                for parent in band.network.parents:
                    flat.setdefault(parent, []).append(band)
        for group in self._bands.links().values():
            yield self._link(group[0], group, flat)
        for each in self._host.own.interfaces:
            if each.loopback and (each.known_by is KnownBy.STATE or not self._host.known):
                yield Branch(_interface(each))
        for band in self._bands.bands:
            if band.bridge is not None:
                yield Branch(_interface(band.bridge, band.network), tuple(self._members(band)))

    def _link(self, interface: InterfaceNode, group: tuple[InterfaceNode, ...], flat: dict[str, list[Band]]) -> Branch:
        above = [self._link(each, group, flat) for each in group if each.parent == interface.name and each != group[0]]
        above += [Branch(_network(band.network), tuple(self._members(band))) for band in flat.get(interface.name, ())]
        return Branch(_interface(interface), tuple(above))

    def _members(self, band: Band) -> Iterator[Branch]:
        for each in band.members:
            yield self.namespace(each)
        for namespace, joint in band.guests:
            name = shown((namespace.containers or (namespace.owner or "",))[0])
            by = f"  by {shown(joint.port)}" if joint.port else ""
            yield Branch(f"{name} (above): {_interface(joint.interface)}{by}")
        bar = band.bridge.name if band.bridge is not None else None
        for port in self._host.own.interfaces:
            if bar is not None and port.master == bar and port.name not in self._bands.ports:
                yield Branch(f"port {_interface(port)}")

    def namespace(self, namespace: NamespaceNode) -> Branch:
        """A namespace with the containers in it, and its interfaces."""
        names = namespace.containers or (namespace.owner or "",)
        first, *others = (self.container(each).text for each in names)
        text = " + ".join((first, *others)) + (" (one network namespace)" if others else "")
        return Branch(text, tuple(self._inside(each) for each in namespace.interfaces if self._is_shown(each)))

    def _is_shown(self, interface: InterfaceNode) -> bool:
        return not interface.loopback or interface.known_by is KnownBy.STATE or not self._host.known

    def _inside(self, interface: InterfaceNode) -> Branch:
        port = f"  by {shown(interface.peer.rpartition('/')[2])}" if interface.peer else ""
        return Branch(_interface(interface) + port)

    def container(self, name: str) -> Branch:
        """A container by its name."""
        found = self._containers.get(name)
        return _container(found) if found is not None else Branch(shown(name))

    def others(self) -> Iterator[Branch]:
        """Containers of which nothing tells where they are joined."""
        for band in self._bands.bands:
            if band.bar is None:
                yield from map(self.namespace, band.members)


def _interface(interface: InterfaceNode, network: NetworkNode | None = None) -> str:
    parts = [shown(interface.name)]
    known = interface.known_by is KnownBy.STATE
    parts += [shown(each) for each in interface.addresses[:MOST_ADDRESSES]]
    parts += [f"+{len(interface.addresses) - MOST_ADDRESSES}"] if len(interface.addresses) > MOST_ADDRESSES else []
    parts += ["no address"] if known and not interface.addresses and not interface.master else []
    parts += [shown(interface.mac)] if interface.mac else []
    kind = " ".join(filter(None, (interface.kind, interface.mode))) if interface.kind != "veth" else ""
    parts += [shown(kind)] if kind else []
    parts += [f"vlan {interface.vlan}"] if interface.vlan is not None else []
    parts += [f"mtu {interface.mtu}"] if interface.mtu not in {0, 1500, 65536} else []
    parts += [interface.state] if interface.state not in {"", "up"} else []
    parts += ["captured"] if interface.known_by is KnownBy.CAPTURE else []
    return "  ".join(parts + ([_network(network)] if network is not None else []))


def _network(network: NetworkNode | None) -> str:
    if network is None:
        return ""
    subnets = ", ".join(map(shown, network.subnets[:MOST_SUBNETS]))
    internal = ", internal" if network.internal else ""
    return f"network {shown(network.name)} ({shown(network.driver)}{internal}) {subnets}".rstrip()


def _container(container: ContainerNode) -> Branch:
    parts = [shown(container.name)]
    parts += [shown(container.image)] if container.image else []
    parts += [container.state] if container.state not in {"running", "unknown"} else []
    parts += [shown(each) for each in container.published]
    return Branch("  ".join(parts))


def _wire(wire: Wire) -> Branch:
    points = " — ".join(map(shown, wire.points))
    return Branch(f"{shown(wire.name)}: {points}  ({_BASIS[wire.basis]})")
