"""Small worlds for the tests of the live side's decisions: two Docker hosts, an outside host, made of parsed values."""

from __future__ import annotations

from itertools import count

from netprobe.state.engine.model import Container, ContainerState, EndpointSettings, Network, Published
from netprobe.state.links import Address, Link
from netprobe.state.model import Host
from netprobe.state.namespace import Namespace
from netprobe.state.routes import Route

IDS = count(1)
BRIDGE = Network(name="bridge", id="b" * 12, driver="bridge", bridge="docker0", subnets=("172.17.0.0/16",))
NET2 = Network(name="net2", id="c" * 12, driver="bridge", bridge="br-net2", subnets=("172.18.0.0/16",))


def link(name: str, ifindex: int, *prefixes: str, kind: str = "") -> Link:
    pairs = [prefix.split("/") for prefix in prefixes]
    addresses = tuple(
        Address(address=address, prefixlen=int(length), scope="host" if name == "lo" else "global")
        for address, length in pairs
    )
    return Link(name=name, ifindex=ifindex, addresses=addresses, kind=kind)


def connected(dev: str, dst: str, address: str) -> list[Route]:
    return [
        Route(dst=dst, dev=dev, src=address),
        Route(dst=f"{address}/32", dev=dev, src=address, table="local", kind="local"),
    ]


def published(port: int, container_port: int, host_ip: str = "0.0.0.0", proto: str = "tcp") -> Published:  # noqa: S104
    return Published(host_ip=host_ip, host_port=port, container_port=container_port, proto=proto)


def container(
    name: str,
    address: str = "",
    *ports: Published,
    network: Network = BRIDGE,
    state: ContainerState = ContainerState.RUNNING,
    mode: str = "default",
    netns_of: str = "",
) -> Container:
    gateway = f"{address.rpartition('.')[0]}.1" if address else ""
    endpoint = EndpointSettings(
        network=network.name, network_id=network.id, address=address, prefixlen=16, gateway=gateway
    )
    return Container(
        name=name,
        id=f"{next(IDS):064x}",
        pid=100 if state in (ContainerState.RUNNING, ContainerState.PAUSED) else 0,
        state=state,
        network_mode=mode,
        networks={} if netns_of or mode == "host" else {network.name: endpoint},
        published=ports,
        netns_of=netns_of,
    )


def inside(address: str) -> Namespace:
    gateway = f"{address.rpartition('.')[0]}.1"
    subnet = f"{'.'.join(address.split('.')[:2])}.0.0/16"
    return Namespace.known(
        links=(link("lo", 1, "127.0.0.1/8"), link("eth0", 2, f"{address}/16", kind="veth")),
        routes=(*connected("eth0", subnet, address), Route(dst="0.0.0.0/0", dev="eth0", via=gateway)),
        rules=None,
    )


def host(name: str, address: str, *containers: Container, routes: tuple[Route, ...] = (), docker: bool = True) -> Host:
    links = [link("lo", 1, "127.0.0.1/8"), link("eth0", 2, f"{address}/24")]
    own = [*connected("eth0", "192.168.3.0/24", address)]
    if docker:
        links += [
            link("docker0", 3, "172.17.0.1/16", kind="bridge"),
            link("br-net2", 4, "172.18.0.1/16", kind="bridge"),
        ]
        own += [
            *connected("docker0", "172.17.0.0/16", "172.17.0.1"),
            *connected("br-net2", "172.18.0.0/16", "172.18.0.1"),
        ]
    found = Host.known(
        name,
        containers=containers if docker else None,
        networks=(BRIDGE, NET2) if docker else None,
        namespaces={
            each.name: inside(endpoint.address)
            for each in containers
            for endpoint in each.networks.values()
            if endpoint.address
        },
        proxies=(),
        ruleset=None,
    )
    found.own = Namespace.known(links=tuple(links), routes=(*own, *routes), rules=None, fdb=None, resolv_conf=None)
    return found


def world(*hosts: Host) -> dict[str, Host]:
    return {each.name: each for each in hosts}
