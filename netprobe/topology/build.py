"""From hosts' state and capture points to the topology."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from netprobe.evidence.model import LimitKind
from netprobe.forward.drivers import driver_of
from netprobe.model.endpoint import Endpoint
from netprobe.model.point import PointName
from netprobe.state.build import build_host
from netprobe.topology.captured import with_points
from netprobe.topology.inside import namespaces
from netprobe.topology.interfaces import Interfaces
from netprobe.topology.model import Attachment, ContainerNode, HostNode, NamespaceNode, NetworkNode, ProxyNode, Topology
from netprobe.topology.wires import wires

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from netprobe.evidence.model import Evidence, Limit
    from netprobe.state.engine.model import Container, EndpointSettings, Network
    from netprobe.state.model import Host

_OF_HOSTS = frozenset({LimitKind.HOST, LimitKind.ENGINE, LimitKind.STATE})


def of_evidence(evidence: Evidence) -> Topology:
    """Return the topology that evidence tells: its hosts' state before the probe, and the points that were sniffed."""
    hosts = {state.host: build_host(state) for state in evidence.before}
    return build(
        hosts, [PointName(each.host, each.container, each.interface) for each in evidence.points], evidence.limits
    )


def build(hosts: Mapping[str, Host], points: Iterable[PointName] = (), limits: Iterable[Limit] = ()) -> Topology:
    """Return the topology.

    Args:
        hosts: their state, by name.
        points: where packets were captured: what state does not tell of is there all the same.
        limits: what could not be learnt. A host that could not be reached is there, as unknown.
    """
    said = [each for each in limits if each.kind in _OF_HOSTS]
    nodes = {name: _host(host) for name, host in hosts.items()}
    for limit in said:
        name = limit.subject.partition(": ")[0]
        if limit.kind is LimitKind.HOST and name not in nodes:
            nodes[name] = _nothing_known(name)
    nodes = with_points(nodes, points)
    for limit in said:
        name, _, what = limit.subject.partition(": ")
        if name in nodes:
            nodes[name] = _with_unknown(nodes[name], f"{what}: {limit.why}" if what else limit.why)
    rest = (f"{each.subject}: {each.why}" for each in said if each.subject.partition(": ")[0] not in nodes)
    return Topology(hosts=tuple(nodes.values()), wires=wires(hosts), unknown=tuple(rest))


def _nothing_known(name: str) -> HostNode:
    return HostNode(name=name, known=False, own=NamespaceNode(owner=None, known=False))


def _with_unknown(node: HostNode, why: str) -> HostNode:
    return replace(node, unknown=(*node.unknown, why))


def _host(host: Host) -> HostNode:
    interfaces = Interfaces(host)
    containers, networks, proxies = host.containers, host.networks, host.proxies
    known = host.own.links is not None or containers is not None
    if not known:
        return _nothing_known(host.name)
    return HostNode(
        name=host.name,
        engine=host.engine_version or "",
        own=NamespaceNode(
            owner=None,
            containers=tuple(
                each.name for each in containers or () if each.running and host.owner_of(each.name) is None
            ),
            interfaces=interfaces.own(),
            known=host.own.links is not None,
        ),
        namespaces=namespaces(host, interfaces),
        containers=None if containers is None else tuple(_container(host, each) for each in containers),
        networks=None if networks is None else tuple(_network(host, each) for each in networks),
        proxies=None if proxies is None else _proxies(host),
        unknown=() if host.own.links is not None else ("its interfaces are not known",),
    )


def _container(host: Host, container: Container) -> ContainerNode:
    attached = container.networks.items() if not container.netns_of and not container.host_network else ()
    return ContainerNode(
        name=container.name,
        image=container.image,
        state=container.state.value,
        running=container.running,
        namespace=host.owner_of(container.name),
        attachments=tuple(_attachment(name, endpoint) for name, endpoint in attached),
        published=tuple(dict.fromkeys(str(each) for each in container.published)),
        service=str(container.compose) if container.compose else "",
    )


def _attachment(name: str, endpoint: EndpointSettings) -> Attachment:
    found = (endpoint.prefix, endpoint.address6)
    return Attachment(network=name, addresses=tuple(filter(None, found)), mac=endpoint.mac)


def _network(host: Host, network: Network) -> NetworkNode:
    attached = sum(network.name in each.networks for each in host.containers or () if each.running)
    return NetworkNode(
        name=network.name,
        driver=network.driver,
        subnets=network.subnets,
        gateways=network.gateways,
        bridge=network.bridge,
        parents=driver_of(network).parents(network),
        internal=network.internal,
        containers=attached,
    )


def _proxies(host: Host) -> tuple[ProxyNode, ...]:
    whose = {address: each.name for each in host.containers or () if each.running for address in each.addresses}
    return tuple(
        ProxyNode(
            pid=each.pid,
            proto=each.proto,
            listens=Endpoint(each.host_ip, each.host_port),
            dials=Endpoint(each.container_ip, each.container_port),
            container=whose.get(each.container_ip, ""),
        )
        for each in host.proxies or ()
    )
