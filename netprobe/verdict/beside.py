"""What people call a point that an engine or the kernel has named: the Docker network of a bridge, the container behind a veth."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netprobe.model.point import PointName
from netprobe.state.lookup import host_veth

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from netprobe.model.hop import Hop
    from netprobe.state.model import Host


def names_beside(hosts: Mapping[str, Host], hops: Iterable[Hop], others: Iterable[str] = ()) -> dict[str, str]:
    """Return point -> its name, and interface -> its name where no two hosts have one of that name: ``"br-819197bc4fad": "shop_front"``."""
    points = [PointName.parse(each) for each in dict.fromkeys((*(hop.point for hop in hops), *others))]
    found: dict[str, str] = {}
    for name, host in hosts.items():
        mine = {each.interface for each in points if each.host == name and each.container is None}
        for interface, called in _interfaces(host, mine).items():
            found[str(PointName(name, None, interface))] = called
    bare = [PointName.parse(each).interface for each in found]
    once = {point: name for point, name in found.items() if bare.count(PointName.parse(point).interface) == 1}
    return found | {PointName.parse(point).interface: name for point, name in once.items()}


def _interfaces(host: Host, wanted: set[str]) -> dict[str, str]:
    """Interface -> name, of a host's bridges and of its containers' veths; docker0 is known by its name."""
    networks = {each.bridge: each.name for each in host.networks or () if not each.default_bridge and each.bridge}
    found = {bridge: name for bridge, name in networks.items() if bridge in wanted and bridge != name}
    others = wanted - networks.keys()
    for container in host.containers or ():
        if others <= found.keys():
            break
        for endpoint in container.networks.values() if container.running else ():
            veth = host_veth(host, container, endpoint)
            if veth is not None and veth.name in others:
                found[veth.name] = f"{container.name}'s veth"
    return found
