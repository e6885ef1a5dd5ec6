"""The engine's own commands: a running container that joins a bridge network or goes on, and a network made again with another gateway."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import TYPE_CHECKING

from netprobe.state.address import covers, prefix
from netprobe.state.effects.texts import NEW_LINK, NotModelled, Texts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from netprobe.model.remedy import Argv
    from netprobe.state.engine.model import Container, Network
    from netprobe.state.model import Host

_TRIED = 512  # addresses of a subnet, from its last downwards, until one is free
_INNER = "eth-new"  # the container's end of a veth pair that the engine makes
_MAC = "02:42:ff:ff:ff:fe"
_UP = ["BROADCAST", "MULTICAST", "UP", "LOWER_UP"]


def docker(texts: Texts, place: str, command: Argv) -> None:
    """``docker network connect NETWORK CONTAINER`` of a running container, a network made again, and ``docker unpause CONTAINER``."""
    if command[1] == "unpause":
        _unpaused(texts, command[2])
        return
    if command[1:3] == ("network", "create"):
        _made_again(texts, command)
        return
    if command[1:3] != ("network", "connect") or len(command) != 5 or place:
        raise NotModelled(" ".join(command[:3]))
    network, container = texts.host.network(command[3]), texts.host.container(command[4])
    if network is None or container is None or not network.bridge or not container.running or container.requested:
        raise NotModelled(command[3])
    _join(texts, network, container)


def _unpaused(texts: Texts, name: str) -> None:
    containers = texts.items("containers")
    for each in containers:
        if each["Name"] == f"/{name}":
            each["State"] |= {"Paused": False, "Status": "running"}
    texts.put_items("containers", containers)


def _made_again(texts: Texts, command: Argv) -> None:
    """A network that gets another gateway, and is as it was otherwise: its containers' default routes lead there."""
    network = texts.host.network(command[-1])
    if network is None or len(network.gateways) != 1 or len(network.subnets) != 1:
        raise NotModelled(command[-1])
    words = list(zip(command[3:-1:2], command[4:-1:2], strict=True))
    asked = {tuple(value.split("=", 1)) for name, value in words if name == "-o"}
    named = {name: value for name, value in words if name != "-o"}
    same = {"-d": network.driver, "--subnet": network.subnets[0], "--gateway": named["--gateway"]}
    if asked != set(network.options.items()) or named != same:
        raise NotModelled(command[-1])
    old, new = network.gateways[0], named["--gateway"]
    for container in texts.host.containers or ():
        key = f"ns/{container.name}/route"
        if network.name not in container.networks or not container.running:
            continue
        for each in (routes := texts.items(key)):
            if each["dst"] == "default" and each.get("gateway") == old:
                each["gateway"] = new
        texts.put_items(key, routes)


def _join(texts: Texts, network: Network, container: Container) -> None:
    """A veth pair between the bridge and the container's namespace, an address that is free, and a route to the subnet."""
    subnet = prefix(network.subnets[0]) if len(network.subnets) == 1 else None
    if not isinstance(subnet, IPv4Network):
        raise NotModelled(network.name)
    gateway = _gateway(texts.host, network)
    address = _free(texts.host, network, subnet, gateway)
    ends = texts.items("containers")
    for each in ends:
        if each["Name"] == f"/{container.name}":
            each["NetworkSettings"]["Networks"][network.name] = {
                "NetworkID": network.id, "IPAddress": address, "IPPrefixLen": subnet.prefixlen, "Gateway": gateway,
                "MacAddress": _MAC,
            }  # fmt: skip
    texts.put_items("containers", ends)
    namespace = f"ns/{container.name}/"
    _veth(texts, namespace, network.bridge, address, subnet.prefixlen)
    _routes_of(texts, namespace, container, network, {"subnet": str(subnet), "address": address, "device": _INNER})


def _free(host: Host, network: Network, subnet: IPv4Network, gateway: str) -> str:
    """An address of the subnet that no container has, from its end."""
    taken = {address for each in host.containers or () for address in each.addresses} | {gateway}
    last = (str(subnet[-2 - number]) for number in range(min(_TRIED, subnet.num_addresses - 2)))
    address = next((each for each in last if each not in taken), None)
    if address is None:
        raise NotModelled(network.name)
    return address


def _veth(texts: Texts, namespace: str, bridge: str, address: str, prefix_length: int) -> None:
    """Both ends of the pair, as ``ip -j addr`` lists them, up; with a port the bridge has its carrier."""
    link = {"flags": _UP, "mtu": 1500, "operstate": "UP", "link_type": "ether", "linkinfo": {"info_kind": "veth"}}
    own = {"family": "inet", "local": address, "prefixlen": prefix_length, "scope": "global"}
    near = {
        **link, "ifindex": NEW_LINK, "link_index": NEW_LINK + 1, "ifname": _INNER, "address": _MAC, "addr_info": [own],
    }  # fmt: skip
    beyond = {
        **link, "ifindex": NEW_LINK + 1, "link_index": NEW_LINK, "ifname": "veth-new", "master": bridge,
        "address": "02:42:ff:ff:ff:ff", "addr_info": [],
    }  # fmt: skip
    texts.put_items(f"{namespace}addr", [*texts.items(f"{namespace}addr"), near])
    links = texts.items("addr")
    for each in links:
        if each["ifname"] == bridge:
            each["flags"] = sorted({*each["flags"], "UP", "LOWER_UP"} - {"NO-CARRIER"})
            each["operstate"] = "UP"
    texts.put_items("addr", [*links, beyond])


def _gateway(host: Host, network: Network) -> str:
    """The bridge's own address: an old engine does not say which it chose."""
    link = host.own.link(network.bridge)
    own = (each.address for each in (link.addresses if link else ()) if covers(network.subnets[0], each.address))
    found = next(iter(network.gateways), "") or next(own, "")
    if not found:
        raise NotModelled(network.name)
    return found


def _routes_of(texts: Texts, namespace: str, container: Container, network: Network, new: Mapping[str, str]) -> None:
    """The routes of the new interface; the default one as well, where all networks until now were internal."""
    routes = texts.items(f"{namespace}route")
    known = [texts.host.network(name) for name in container.networks]
    default = [each for each in routes if each["dst"] == "default"]
    if all(each is not None and each.internal for each in known):
        routes = [each for each in routes if each not in default]
        gateway = _gateway(texts.host, network)
        routes.insert(0, {"dst": "default", "gateway": gateway, "dev": new["device"], "flags": []})
    local = {"type": "local", "dst": new["address"], "dev": new["device"], "table": "local", "scope": "host"}
    linked = {
        "dst": new["subnet"],
        "dev": new["device"],
        "protocol": "kernel",
        "scope": "link",
        "prefsrc": new["address"],
    }
    texts.put_items(f"{namespace}route", [*routes, {**linked, "flags": []}, {**local, "prefsrc": new["address"]}])
