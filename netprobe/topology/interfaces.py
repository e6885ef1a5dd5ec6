"""A host's interfaces, and which end of a veth pair is whose: looked up by index, as a host may have thousands."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from netprobe.forward.drivers import driver_of
from netprobe.forward.frame import below
from netprobe.model.point import point_name
from netprobe.state.address import is_link_local
from netprobe.state.lookup import network_for
from netprobe.topology.model import InterfaceNode, KnownBy

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from netprobe.state.engine.model import Container, EndpointSettings
    from netprobe.state.links import Link
    from netprobe.state.model import Host
    from netprobe.state.namespace import Namespace

_LOOPBACK = frozenset({"127.0.0.1/8", "::1/128"})


class Interfaces:
    """The interfaces of one host, its own and its containers'."""

    def __init__(self, host: Host) -> None:
        self._host = host

    @cached_property
    def _links(self) -> tuple[Link, ...]:
        return self._host.own.links or ()

    @cached_property
    def _by_index(self) -> Mapping[int, Link]:
        return {each.ifindex: each for each in self._links}

    @cached_property
    def _by_peer(self) -> Mapping[int, tuple[Link, ...]]:
        """A veth's peer's number -> the veths of the host that say so: numbers are those of other namespaces, and may be equal."""
        found: dict[int, tuple[Link, ...]] = {}
        for each in self._links:
            if each.kind == "veth" and each.peer_index is not None and not each.peer_name:
                found[each.peer_index] = (*found.get(each.peer_index, ()), each)
        return found

    @cached_property
    def _ports_of_mac(self) -> Mapping[str, frozenset[str]]:
        found: dict[str, set[str]] = {}
        veths = {each.name for each in self._links if each.kind == "veth" and each.master}
        for entry in self._host.own.fdb or ():
            if entry.port in veths:
                found.setdefault(entry.mac, set()).add(entry.port)
        return {mac: frozenset(ports) for mac, ports in found.items()}

    @cached_property
    def _network_of_bridge(self) -> Mapping[str, str]:
        return {each.bridge: each.name for each in self._host.networks or () if each.bridge}

    @cached_property
    def _parents(self) -> frozenset[str]:
        """The interfaces that networks stand on."""
        return frozenset(parent for each in self._host.networks or () for parent in driver_of(each).parents(each))

    def own(self) -> tuple[InterfaceNode, ...]:
        """Return the host's own, as ``ip link`` lists them."""
        return tuple(self._own(link) for link in self._links if not _only_loopback(link))

    def _own(self, link: Link) -> InterfaceNode:
        node = node_of(link, network=self._network_of_bridge.get(link.name, ""))
        if link.kind not in {"", "veth"} and link.peer_name:
            return with_(node, parent=link.peer_name)
        if link.name in self._parents:  # eth1.1 by its name, whatever its kind
            node = with_(node, parent=next(iter(below(self._host, link.name)[1:]), ""))
        if link.kind == "veth" and link.peer_name:
            return with_(node, peer=point_name(self._host.name, link.peer_name))
        behind = self._behind.get(link.name)
        return node if behind is None else with_(node, peer=behind)

    @cached_property
    def _behind(self) -> Mapping[str, str]:
        """A veth of the host -> the point at its other end, in a container's namespace."""
        found: dict[str, str] = {}
        for container in self._host.containers or ():
            if container.running and not container.netns_of and not container.host_network:
                for interface in self.inside(container):
                    if interface.peer:
                        veth = interface.peer.rpartition("/")[2]
                        found[veth] = point_name(self._host.name, interface.name, container.name)
        return found

    def inside(self, container: Container) -> tuple[InterfaceNode, ...]:
        """Return those of a container's own namespace: as they were read there, else as the engine tells."""
        namespace = self._host.namespaces.get(container.name)
        if namespace is not None and namespace.links is not None:
            return tuple(self._read(container, namespace))
        return tuple(self._told(container))

    def _read(self, container: Container, namespace: Namespace) -> Iterator[InterfaceNode]:
        for link in namespace.links or ():
            if _only_loopback(link):
                continue
            endpoint = _endpoint(container, link)
            node = node_of(link, network=endpoint.network if endpoint is not None else "")
            if link.kind not in {"", "veth"} and link.peer_index is not None:
                parent = self._by_index.get(link.peer_index)
                node = with_(node, parent=parent.name if parent is not None else self._parent(endpoint))
            elif link.kind == "veth":
                pair = self._pair(link)
                node = with_(node, peer=point_name(self._host.name, pair.name) if pair is not None else "")
            yield node

    def _told(self, container: Container) -> Iterator[InterfaceNode]:
        attached = [each for each in container.networks.values() if each.all_addresses or each.mac]
        for number, endpoint in enumerate(sorted(attached, key=lambda each: each.network)):
            ports = self._ports_of_mac.get(endpoint.mac, frozenset()) if endpoint.mac else frozenset()
            veth = next(iter(ports)) if len(ports) == 1 else ""
            yield InterfaceNode(
                name=f"eth{number}",
                mac=endpoint.mac,
                addresses=tuple(filter(None, (endpoint.prefix, endpoint.address6))),
                peer=point_name(self._host.name, veth) if veth else "",
                parent=self._parent(endpoint),
                network=endpoint.network,
                known_by=KnownBy.ENGINE,
            )

    def _pair(self, inner: Link) -> Link | None:
        """Both ends name each other's number; a host's own uplink may be a veth of equal numbers, so a bridge's port is preferred."""
        pairs = [each for each in self._by_peer.get(inner.ifindex, ()) if each.ifindex == inner.peer_index]
        return next((each for each in pairs if each.master), pairs[0] if pairs else None)

    def _parent(self, endpoint: EndpointSettings | None) -> str:
        network = network_for(self._host, endpoint) if endpoint is not None else None
        return network.parent if network is not None else ""


def _endpoint(container: Container, link: Link) -> EndpointSettings | None:
    mine = {each.address for each in link.addresses}
    found = [each for each in container.networks.values() if mine.intersection(each.all_addresses)]
    return found[0] if found else next((e for e in container.networks.values() if e.mac and e.mac == link.mac), None)


def with_(node: InterfaceNode, **values: str) -> InterfaceNode:
    """Return an interface with other values."""
    return replace(node, **values)  # type: ignore[arg-type]


def node_of(link: Link, *, network: str = "") -> InterfaceNode:
    """Return a link without what it is joined to."""
    return InterfaceNode(
        name=link.name,
        kind=link.kind,
        mode=link.mode,
        mac="" if link.loopback else link.mac,
        mtu=link.mtu,
        up=link.up and link.carrier,
        state="down" if not link.up else "up" if link.carrier else "no carrier",
        addresses=tuple(each.prefix for each in link.addresses if not is_link_local(each.address)),
        vlan=link.vlan_id,
        master=link.master,
        network=network,
    )


def _only_loopback(link: Link) -> bool:
    """Whether it is lo with nothing that every lo does not have; one that is down is worth a look."""
    return link.loopback and link.up and _LOOPBACK.issuperset(each.prefix for each in link.addresses)
