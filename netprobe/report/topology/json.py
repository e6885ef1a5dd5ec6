"""A topology as JSON (``netprobe/topology/1``), whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from netprobe.report.topology.contract import (
        LinkJson,
        NamespaceJson,
        NetworkJson,
        TopologyContainerJson,
        TopologyHostJson,
        TopologyJson,
    )
    from netprobe.topology.model import ContainerNode, HostNode, InterfaceNode, NamespaceNode, NetworkNode, Topology

TOPOLOGY_SCHEMA: Final = "netprobe/topology/1"


def to_json(topology: Topology) -> TopologyJson:
    """Return the whole as a JSON object, its keys always there and in this order."""
    return {
        "schema": TOPOLOGY_SCHEMA,
        "hosts": [_host(each) for each in topology.hosts],
        "wires": [{"name": each.name, "points": list(each.points), "basis": each.basis} for each in topology.wires],
        "unknown": list(topology.unknown),
    }


def _host(host: HostNode) -> TopologyHostJson:
    return {
        "name": host.name,
        "known": host.known,
        "engine": host.engine or None,
        "unknown": list(host.unknown),
        "own": _namespace(host, host.own),
        "namespaces": [_namespace(host, each) for each in host.namespaces],
        "containers": None if host.containers is None else [container_json(each) for each in host.containers],
        "networks": None if host.networks is None else [network_json(each) for each in host.networks],
        "proxies": None
        if host.proxies is None
        else [
            {
                "pid": each.pid,
                "proto": each.proto,
                "listens": str(each.listens),
                "dials": str(each.dials),
                "container": each.container or None,
            }
            for each in host.proxies
        ],
    }


def _namespace(host: HostNode, namespace: NamespaceNode) -> NamespaceJson:
    return {
        "owner": namespace.owner,
        "containers": list(namespace.containers),
        "known": namespace.known,
        "interfaces": [_interface(each, host.point(each, namespace)) for each in namespace.interfaces],
    }


def _interface(interface: InterfaceNode, point: str) -> LinkJson:
    return {
        "name": interface.name,
        "point": point,
        "kind": interface.kind or None,
        "mode": interface.mode or None,
        "mac": interface.mac or None,
        "mtu": interface.mtu or None,
        "state": interface.state or None,
        "addresses": list(interface.addresses),
        "vlan": interface.vlan,
        "master": interface.master or None,
        "parent": interface.parent or None,
        "peer": interface.peer or None,
        "network": interface.network or None,
        "known_by": interface.known_by,
    }


def container_json(container: ContainerNode) -> TopologyContainerJson:
    """Return one container."""
    return {
        "name": container.name,
        "image": container.image or None,
        "state": container.state,
        "running": container.running,
        "namespace": container.namespace,
        "networks": [
            {"network": each.network, "addresses": list(each.addresses), "mac": each.mac or None}
            for each in container.attachments
        ],
        "published": list(container.published),
        "service": container.service or None,
    }


def network_json(network: NetworkNode) -> NetworkJson:
    """Return one network."""
    return {
        "name": network.name,
        "driver": network.driver,
        "internal": network.internal,
        "subnets": list(network.subnets),
        "gateways": list(network.gateways),
        "bridge": network.bridge or None,
        "parents": list(network.parents),
        "containers": network.containers,
    }
